/** The newest samples of a measurement, kept both in the order they came and sorted, so that a quantile is one look. */

/** Samples kept; the oldest makes room. */
export const SAMPLES_MAX = 64
/** Fewer than these say nothing of a distribution's tail. */
export const SAMPLES_MIN = 20
/** A sample older than this speaks of another day. */
export const SAMPLE_AGE_MAX_MS = 1_800_000

export class RecentSamples {
  readonly #values = new Float64Array(SAMPLES_MAX)
  readonly #notedAtMs = new Float64Array(SAMPLES_MAX)
  readonly #sorted = new Float64Array(SAMPLES_MAX)
  #oldest = 0
  #count = 0

  note(value: number, nowMs: number): void {
    if (this.#count === SAMPLES_MAX) this.#dropOldest()
    const at = (this.#oldest + this.#count) % SAMPLES_MAX
    this.#values[at] = value
    this.#notedAtMs[at] = nowMs
    const rank = this.#rank(value)
    this.#sorted.copyWithin(rank + 1, rank, this.#count)
    this.#sorted[rank] = value
    this.#count += 1
  }

  /** The nearest-rank quantile, `p` in (0, 1); undefined with fewer than `SAMPLES_MIN` samples that are not too old. */
  quantile(p: number, nowMs: number): number | undefined {
    while (this.#count > 0 && nowMs - (this.#notedAtMs[this.#oldest] ?? 0) > SAMPLE_AGE_MAX_MS)
      this.#dropOldest()
    if (this.#count < SAMPLES_MIN) return undefined
    const rank = Math.ceil(p * this.#count) - 1
    return this.#sorted[Math.min(Math.max(rank, 0), this.#count - 1)]
  }

  #dropOldest(): void {
    const rank = this.#rank(this.#values[this.#oldest] ?? 0)
    this.#sorted.copyWithin(rank, rank + 1, this.#count)
    this.#oldest = (this.#oldest + 1) % SAMPLES_MAX
    this.#count -= 1
  }

  /** How many samples are smaller: where the first of its equals stands, or would. */
  #rank(value: number): number {
    let low = 0
    let high = this.#count
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#sorted[middle] ?? 0) < value) low = middle + 1
      else high = middle
    }
    return low
  }
}
