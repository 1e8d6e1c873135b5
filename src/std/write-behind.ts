/**
 * Brings what waits in memory to where it is kept: a moment after it came, so that one write takes many; and while it is
 * not taken again and again, ever later.
 */

import type { Clock, Timer } from './clock.ts'

export interface WriteBehindOptions {
  readonly clock: Clock
  /** How long what came waits for more, ms. */
  readonly gatherMs: number
  /** Until the first try after one that was not taken, and the longest between two, ms. */
  readonly retryMinMs: number
  readonly retryMaxMs: number
  readonly hasMore: () => boolean
  /** Writes some of what waits, or all; false where it is not taken now. Never rejects. */
  readonly write: () => Promise<boolean>
}

export class WriteBehind {
  readonly #options: WriteBehindOptions
  #timer: Timer | undefined
  #writing: Promise<void> | undefined
  /** In a row. */
  #failures = 0
  #isStopped = false

  constructor(options: WriteBehindOptions) {
    this.#options = options
  }

  /** Something came. */
  soon(): void {
    if (this.#timer === undefined && this.#writing === undefined) this.#later(this.#options.gatherMs)
  }

  /** Writes while anything waits, or `isWanted` says so; resolves when nothing does, or it is not taken. */
  async flush(isWanted: () => boolean = this.#options.hasMore): Promise<void> {
    do {
      await (this.#writing ?? this.#write())
    } while (isWanted() && this.#failures === 0)
  }

  /** Nothing is written from now on, but by `flush`. */
  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #later(delayMs: number): void {
    if (this.#isStopped) return
    if (delayMs === 0) return void this.#write()
    this.#timer = this.#options.clock.after(delayMs, () => {
      this.#timer = undefined
      void this.#write()
    })
  }

  #write(): Promise<void> {
    this.#writing ??= this.#writeOnce().finally(() => {
      this.#writing = undefined
      if (!this.#options.hasMore() || this.#timer !== undefined) return
      this.#later(this.#failures === 0 ? this.#options.gatherMs : this.#retryMs())
    })
    return this.#writing
  }

  async #writeOnce(): Promise<void> {
    const isTaken = await this.#options.write()
    this.#failures = isTaken ? 0 : this.#failures + 1
  }

  #retryMs(): number {
    const { retryMinMs, retryMaxMs } = this.#options
    return Math.min(retryMaxMs, retryMinMs * 2 ** Math.min(this.#failures - 1, 10))
  }
}
