/** Calls and failures of the last thirty seconds, in ten buckets: what a failure rate is told from. */

export const WINDOW_MS = 30_000
const BUCKETS = 10
const BUCKET_MS = WINDOW_MS / BUCKETS

export class FailureWindow {
  readonly #calls = new Float64Array(BUCKETS)
  readonly #failures = new Float64Array(BUCKETS)
  /** The bucket that is being filled, counted from the beginning of time. */
  #current = Number.NEGATIVE_INFINITY

  /** `weight`: 0 for a success, 1 for a failure, between for what counts less. */
  add(weight: number, nowMs: number): void {
    this.#advance(nowMs)
    const at = this.#current % BUCKETS
    this.#calls[at] = (this.#calls[at] ?? 0) + 1
    this.#failures[at] = (this.#failures[at] ?? 0) + weight
  }

  totals(nowMs: number): { readonly calls: number; readonly failures: number } {
    this.#advance(nowMs)
    return { calls: sum(this.#calls), failures: sum(this.#failures) }
  }

  clear(): void {
    this.#calls.fill(0)
    this.#failures.fill(0)
  }

  #advance(nowMs: number): void {
    const bucket = Math.floor(nowMs / BUCKET_MS)
    if (bucket <= this.#current) return
    const passed = Math.min(BUCKETS, bucket - this.#current)
    for (let step = 0; step < passed; step += 1) {
      this.#calls[(bucket - step) % BUCKETS] = 0
      this.#failures[(bucket - step) % BUCKETS] = 0
    }
    this.#current = bucket
  }
}

function sum(buckets: Float64Array): number {
  let total = 0
  for (const bucket of buckets) total += bucket
  return total
}
