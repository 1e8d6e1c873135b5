/**
 * Notices that a file was saved. Looks at it from time to time, which works on every file system and every way of
 * saving: in place, by a rename over it, or by moving the link that leads to it.
 */

import { type BigIntStats, statSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import type { Clock, Timer } from '../std/clock.ts'

/** How often the file is looked at, ms. */
export const LOOK_MS = 300
/** A file that changed is read when it has stayed the same for this long, so that half of it is seldom read, ms. */
export const SETTLE_MS = 150
/** A file that never stays the same is read all the same, after this many looks. */
const RESTLESS_LOOKS_MAX = 10

export interface WatchFileOptions {
  readonly clock: Clock
  readonly lookMs?: number
  readonly settleMs?: number
}

/** Remembers from its making on how the file is, so that no change between the first reading and `start` is missed. */
export class FileWatch {
  readonly #path: string
  readonly #clock: Clock
  readonly #lookMs: number
  readonly #settleMs: number
  #known: string
  #latest: string
  #restlessLooks = 0
  #timer: Timer | undefined
  #isStopped = false

  constructor(path: string, options: WatchFileOptions) {
    this.#path = path
    this.#clock = options.clock
    this.#lookMs = options.lookMs ?? LOOK_MS
    this.#settleMs = options.settleMs ?? SETTLE_MS
    this.#known = whatIsNow(path)
    this.#latest = this.#known
  }

  /** Calls `onChange` after each change: of the file, its replacement, its absence and its return included. */
  start(onChange: () => void): void {
    const look = async () => {
      const now = await whatIs(this.#path)
      if (this.#isStopped) return
      if (this.#hasChanged(now)) onChange()
      lookIn(this.#known === this.#latest ? this.#lookMs : this.#settleMs)
    }
    const lookIn = (delayMs: number) => {
      this.#timer = this.#clock.after(delayMs, () => void look())
    }
    lookIn(this.#lookMs)
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
  }

  #hasChanged(now: string): boolean {
    const isSettled = now === this.#latest
    this.#latest = now
    if (now === this.#known) {
      this.#restlessLooks = 0
      return false
    }
    this.#restlessLooks += 1
    if (!isSettled && this.#restlessLooks < RESTLESS_LOOKS_MAX) return false
    this.#known = now
    this.#restlessLooks = 0
    return true
  }
}

const ABSENT = 'absent'

function whatIsNow(path: string): string {
  try {
    return describe(statSync(path, { bigint: true }))
  } catch {
    return ABSENT
  }
}

async function whatIs(path: string): Promise<string> {
  try {
    return describe(await stat(path, { bigint: true }))
  } catch {
    return ABSENT
  }
}

function describe({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return [dev, ino, size, mtimeNs, ctimeNs].join(':')
}
