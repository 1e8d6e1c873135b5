/** How much of one limit is being asked for, so that nodes divide it by what each of them could use. */

/** What was asked so long ago still counts for a third, ms. */
const MEMORY_MS = 15_000
const MINUTE_MS = 60_000
/** More than what was asked of late, so that a load that grows finds room. */
const HEADROOM = 1.25

export class Demand {
  #asked = 0
  #atMs = 0

  note(amount: number, nowMs: number): void {
    this.#asked = this.#askedAt(nowMs) + amount
    this.#atMs = nowMs
  }

  /** As a part of a limit of so much a minute, 0 to 1. */
  partOf(perMinute: number, nowMs: number): number {
    if (perMinute <= 0) return 0
    return Math.min(1, (HEADROOM * this.#askedAt(nowMs) * MINUTE_MS) / MEMORY_MS / perMinute)
  }

  #askedAt(nowMs: number): number {
    return this.#asked * Math.exp(-(nowMs - this.#atMs) / MEMORY_MS)
  }
}
