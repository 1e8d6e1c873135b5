/** A log whose lines are needed for a while: a file of it is dropped when nothing in it is needed any more. */

import type { AppendLog } from './append-log.ts'

export class NeededLog {
  readonly #log: AppendLog
  /** Lines of each file that are still needed. */
  readonly #needed = new Map<number, number>()

  constructor(log: AppendLog) {
    this.#log = log
  }

  /** Appends one text, which counts as so many lines that are needed; the number of its file, from 1. Throws Node's error. */
  append(text: string, needed: number): number {
    const before = this.#log.segment
    this.#log.append([text])
    const { segment } = this.#log
    // A file that nobody needs while it is written to is let go when the next one is begun.
    if (segment !== before && !this.#needed.has(before)) this.#log.drop(before)
    if (needed > 0) this.#needed.set(segment, (this.#needed.get(segment) ?? 0) + needed)
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
    this.#log.drop(segment)
  }

  whenTurnEnds(callback: () => void): void {
    this.#log.whenTurnEnds(callback)
  }

  close(): void {
    this.#log.close()
  }
}
