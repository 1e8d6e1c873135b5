/** What a breaker's rule is told from: failures in a row, and the calls and failures of the last thirty seconds. */

import type { CallCounts } from './opening-rule.ts'

/** How far back a share of failures is told from. */
export const WINDOW_MS = 30_000
/** Parts of the window that are forgotten one at a time. */
export const WINDOW_BUCKETS = 10
const BUCKET_MS = WINDOW_MS / WINDOW_BUCKETS

/** Noting a call allocates nothing. Times are monotonic, ms; one that goes back counts as the latest. */
export class RecentCalls {
  readonly #calls = new Float64Array(WINDOW_BUCKETS)
  readonly #failures = new Float64Array(WINDOW_BUCKETS)
  /** The number of the bucket that is being filled, counted from time 0. */
  #newest = 0
  #consecutiveFailures = 0

  get consecutiveFailures(): number {
    return this.#consecutiveFailures
  }

  noteSuccess(nowMs: number): void {
    this.#count(0, nowMs)
    this.#consecutiveFailures = 0
  }

  /** `weight`: 1, or less for a failure that says less. */
  noteFailure(weight: number, nowMs: number): void {
    this.#count(weight, nowMs)
    this.#consecutiveFailures += weight
  }

  counts(nowMs: number): CallCounts {
    this.#forget(nowMs)
    return {
      consecutiveFailures: this.#consecutiveFailures,
      calls: sum(this.#calls),
      failures: sum(this.#failures),
    }
  }

  clear(): void {
    this.#calls.fill(0)
    this.#failures.fill(0)
    this.#consecutiveFailures = 0
  }

  #count(weight: number, nowMs: number): void {
    this.#forget(nowMs)
    const at = this.#newest % WINDOW_BUCKETS
    this.#calls[at] = (this.#calls[at] ?? 0) + 1
    this.#failures[at] = (this.#failures[at] ?? 0) + weight
  }

  /** Empties the buckets that time has come round to. */
  #forget(nowMs: number): void {
    const current = Math.floor(nowMs / BUCKET_MS)
    const passed = Math.min(WINDOW_BUCKETS, current - this.#newest)
    if (passed <= 0) return
    for (let number = current - passed + 1; number <= current; number += 1) {
      this.#calls[number % WINDOW_BUCKETS] = 0
      this.#failures[number % WINDOW_BUCKETS] = 0
    }
    this.#newest = current
  }
}

function sum(buckets: Float64Array): number {
  let total = 0
  for (const bucket of buckets) total += bucket
  return total
}
