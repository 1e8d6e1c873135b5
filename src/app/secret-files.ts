/**
 * The files that a configuration takes secrets from: read, remembered and watched, so that a new secret counts soon after it
 * was written, and the last one stays where its file is taken away (fault 134).
 */

import { readFileSync } from 'node:fs'
import type { Clock } from '../std/clock.ts'
import { Secret } from '../std/secret.ts'
import { FileWatch } from './watch-file.ts'

/** How often each file is looked at, ms. */
export const SECRET_LOOK_MS = 1_000

interface KnownFile {
  readonly watch: FileWatch
  /** What it held when it was read last; absent where it never could be. */
  last?: Secret
}

export class SecretFiles {
  readonly #clock: Clock
  /** Bounded by what one configuration names, twice at most: that of before and the one that is read. */
  readonly #files = new Map<string, KnownFile>()
  readonly #started = new Set<string>()
  readonly #read = new Set<string>()
  readonly #gone = new Set<string>()
  #onChange: (() => void) | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Those that could not be read the last time, and whose last secrets are used instead. */
  get gone(): readonly string[] {
    return [...this.#gone]
  }

  /** What the file holds, or held when it could be read last. Throws where it never could. */
  read(path: string): string {
    this.#read.add(path)
    // Looked at before it is read, so that no change is missed.
    const known = this.#files.get(path) ?? { watch: new FileWatch(path, this.#lookRules) }
    this.#files.set(path, known)
    try {
      const text = readFileSync(path, 'utf8')
      known.last = new Secret(text)
      return text
    } catch (error) {
      if (known.last === undefined) throw error
      this.#gone.add(path)
      return known.last.reveal()
    }
  }

  /** Comes before a configuration is read. */
  begin(): void {
    this.#read.clear()
    this.#gone.clear()
  }

  /** Comes after one was read: files that it does not name any more are forgotten, if it was read to its end. */
  end(isWhole: boolean): void {
    if (isWhole) for (const path of this.#files.keys()) if (!this.#read.has(path)) this.#forget(path)
    this.#startNew()
  }

  /** Calls `onChange` after each change, the absence of a file and its return included. */
  watch(onChange: () => void): void {
    this.#onChange = onChange
    this.#startNew()
  }

  stop(): void {
    this.#onChange = undefined
    for (const { watch } of this.#files.values()) watch.stop()
  }

  get #lookRules() {
    return { clock: this.#clock, lookMs: SECRET_LOOK_MS }
  }

  #forget(path: string): void {
    this.#files.get(path)?.watch.stop()
    this.#files.delete(path)
    this.#started.delete(path)
  }

  #startNew(): void {
    if (this.#onChange === undefined) return
    for (const [path, { watch }] of this.#files) {
      if (this.#started.has(path)) continue
      this.#started.add(path)
      watch.start(() => this.#onChange?.())
    }
  }
}
