/**
 * A budget as a share: over a rolling window the extra may be at most a share of the whole, plus a floor. Retries in
 * calls, retries in money and hedges in money are all budgets of this kind.
 */

/** Parts of the window that are forgotten one at a time. */
const BUCKETS = 10

export interface ShareOptions {
  /** Extra per whole, 0 to 1. */
  readonly share: number
  /** Extra that is always allowed in a window, in the unit of the amounts. */
  readonly floor: number
  readonly windowMs: number
}

/**
 * The extra is remembered for one bucket more than the whole. So the promise holds for real windows and not only for
 * those that begin with a bucket: in the `windowMs` before any moment at which extra was taken, and therefore summed
 * over any number of such windows, extra <= share * whole + floor.
 */
export class ShareWindow {
  readonly #share: number
  readonly #floor: number
  readonly #whole: RollingSum
  readonly #extra: RollingSum

  constructor(options: ShareOptions) {
    this.#share = options.share
    this.#floor = options.floor
    const bucketMs = options.windowMs / BUCKETS
    this.#whole = new RollingSum(bucketMs, BUCKETS)
    this.#extra = new RollingSum(bucketMs, BUCKETS + 1)
  }

  noteWhole(amount: number, nowMs: number): void {
    this.#whole.add(amount, nowMs)
  }

  noteExtra(amount: number, nowMs: number): void {
    this.#extra.add(amount, nowMs)
  }

  wholeAt(nowMs: number): number {
    return this.#whole.at(nowMs)
  }

  extraAt(nowMs: number): number {
    return this.#extra.at(nowMs)
  }

  /** How much more extra fits now; negative where the whole has shrunk under it. */
  leftAt(nowMs: number): number {
    return this.#share * this.wholeAt(nowMs) + this.#floor - this.extraAt(nowMs)
  }

  /** Nothing in it speaks of the present any more. */
  isIdleAt(nowMs: number): boolean {
    return this.wholeAt(nowMs) === 0 && this.extraAt(nowMs) === 0
  }
}

/** A sum over the newest buckets of time. Integers below 2^53 are kept exactly. */
class RollingSum {
  readonly #bucketMs: number
  readonly #amounts: Float64Array
  /** The number of the newest bucket, counted from time 0. */
  #newest = 0
  #sum = 0

  constructor(bucketMs: number, buckets: number) {
    this.#bucketMs = bucketMs
    this.#amounts = new Float64Array(buckets)
  }

  add(amount: number, nowMs: number): void {
    this.#forget(nowMs)
    const at = this.#newest % this.#amounts.length
    this.#amounts[at] = (this.#amounts[at] ?? 0) + amount
    this.#sum += amount
  }

  at(nowMs: number): number {
    if (this.#sum !== 0) this.#forget(nowMs)
    return this.#sum
  }

  /** Empties the buckets that time has come round to; time that stands still or goes back changes nothing. */
  #forget(nowMs: number): void {
    const current = Math.floor(nowMs / this.#bucketMs)
    if (current <= this.#newest) return
    const size = this.#amounts.length
    if (this.#sum !== 0 && current - this.#newest < size) {
      for (let number = this.#newest + 1; number <= current; number += 1) this.#empty(number % size)
    } else {
      this.#amounts.fill(0)
      this.#sum = 0
    }
    this.#newest = current
  }

  #empty(at: number): void {
    this.#sum -= this.#amounts[at] ?? 0
    this.#amounts[at] = 0
  }
}
