/** A log whose lines are needed for a while: a file of it is dropped some time after nothing in it is needed any more. */

import type { AppendLog } from './append-log.ts'
import type { Clock } from './clock.ts'

/** How long a file stays after the last of its lines is not needed any more: by this clock, and then until the log is appended to. */
export interface KeepFor {
  readonly ms: number
  readonly clock: Pick<Clock, 'nowMs'>
}

const AT_ONCE: KeepFor = { ms: 0, clock: { nowMs: () => 0 } }

export class NeededLog {
  readonly #log: AppendLog
  readonly #keepFor: KeepFor
  /** Lines of each file that are still needed. */
  readonly #needed = new Map<number, number>()
  /** Files that are not, and since when; the oldest first. */
  readonly #unneeded = new Map<number, number>()

  constructor(log: AppendLog, keepFor = AT_ONCE) {
    this.#log = log
    this.#keepFor = keepFor
  }

  /** Appends one text, which counts as so many lines that are needed; the number of its file, from 1. Throws Node's error. */
  append(text: string, needed: number): number {
    const before = this.#log.segment
    this.#log.append([text])
    const { segment } = this.#log
    // A file that nobody needs while it is written to is let go once the next one is begun.
    if (segment !== before && !this.#needed.has(before)) this.#letGo(before)
    if (needed > 0) this.#needed.set(segment, (this.#needed.get(segment) ?? 0) + needed)
    if (this.#unneeded.size > 0) this.#dropOld()
    return segment
  }

  /** So many lines of the file are not needed any more. */
  release(segment: number, count = 1): void {
    const left = (this.#needed.get(segment) ?? 0) - count
    if (left > 0) {
      this.#needed.set(segment, left)
      return
    }
    this.#needed.delete(segment)
    if (segment !== this.#log.segment) this.#letGo(segment)
  }

  /** The lines of all files that are there, also of those that are not needed. Throws Node's error. */
  read(): Iterable<string> {
    return this.#log.read()
  }

  whenTurnEnds(callback: () => void): void {
    this.#log.whenTurnEnds(callback)
  }

  close(): void {
    this.#log.close()
  }

  #letGo(segment: number): void {
    if (!this.#unneeded.has(segment)) this.#unneeded.set(segment, this.#keepFor.clock.nowMs())
    this.#dropOld()
  }

  #dropOld(): void {
    const nowMs = this.#keepFor.clock.nowMs()
    for (const [segment, sinceMs] of this.#unneeded) {
      if (nowMs - sinceMs < this.#keepFor.ms) return
      this.#unneeded.delete(segment)
      this.#log.drop(segment)
    }
  }
}
