/** Tells time spent waiting for others from the gateway's own, also where several things are waited for at once. */

import type { Clock } from '../std/clock.ts'

export class Waiting {
  readonly #clock: Clock
  #open = 0
  #sinceMs = 0
  #totalMs = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** So far, ms. */
  get totalMs(): number {
    return this.#open === 0 ? this.#totalMs : this.#totalMs + this.#clock.nowMs() - this.#sinceMs
  }

  begin(): void {
    if (this.#open === 0) this.#sinceMs = this.#clock.nowMs()
    this.#open += 1
  }

  end(): void {
    this.#open -= 1
    if (this.#open === 0) this.#totalMs += this.#clock.nowMs() - this.#sinceMs
  }

  async for<Value>(waited: Promise<Value>): Promise<Value> {
    this.begin()
    try {
      return await waited
    } finally {
      this.end()
    }
  }
}
