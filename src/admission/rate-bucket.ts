/** One limit of so much a minute, as a bucket: full at the start, refilled all the time, never above a minute's worth. */

const MINUTE_MS = 60_000
/** Sums of fractions miss whole numbers by a little; so much of a unit is no reason to refuse. */
const TOLERANCE = 1e-6
/** The deepest a bucket goes below zero: what a provider reports wrongly must not shut a caller out for a day. */
export const DEBT_MINUTES_MAX = 60

export class RateBucket {
  #capacity = 0
  #perMs = 0
  #level = 0
  #levelAtMs: number

  constructor(perMinute: number, nowMs: number) {
    this.#levelAtMs = nowMs
    this.resize(perMinute, nowMs)
  }

  /** What fits in it: a minute's worth. */
  get capacity(): number {
    return this.#capacity
  }

  levelAt(nowMs: number): number {
    return Math.min(this.#capacity, this.#level + this.#perMs * (nowMs - this.#levelAtMs))
  }

  isFullAt(nowMs: number): boolean {
    return this.levelAt(nowMs) >= this.#capacity - TOLERANCE
  }

  /** How long until so much is there; 0 = it is, `Infinity` = more than it ever holds. */
  waitMs(amount: number, nowMs: number): number {
    if (amount > this.#capacity + TOLERANCE) return Infinity
    const missing = amount - this.levelAt(nowMs)
    return missing <= TOLERANCE ? 0 : (missing - TOLERANCE) / this.#perMs
  }

  /** How long until it is full. */
  fullInMs(nowMs: number): number {
    return this.#perMs === 0 ? 0 : Math.max(0, this.#capacity - this.levelAt(nowMs)) / this.#perMs
  }

  /** Takes so much, or gives it back where it is negative. It may go below zero, never above what fits. */
  take(amount: number, nowMs: number): void {
    const level = this.levelAt(nowMs) - amount
    this.#level = Math.min(this.#capacity, Math.max(level, -DEBT_MINUTES_MAX * this.#capacity))
    this.#levelAtMs = nowMs
  }

  /** Another limit from now on. What was taken stays taken. */
  resize(perMinute: number, nowMs: number): void {
    const taken = this.#capacity - this.levelAt(nowMs)
    this.#capacity = perMinute
    this.#perMs = perMinute / MINUTE_MS
    this.#level = perMinute - taken
    this.#levelAtMs = nowMs
  }
}
