/**
 * A moving average that believes bad news at once and good news slowly (Finagle's Peak EWMA): a target that turned slow
 * is avoided after one answer, and is looked at again once the memory has faded.
 */

/** How fast a peak fades, and how long a smoothing looks back (Finagle's default). */
export const PEAK_TAU_MS = 10_000
/**
 * How fast the usual level fades. With one memory of ten seconds, a gateway that is asked once in twenty would send
 * every second request to the slow one of two targets: the one not asked last always looks fast.
 */
export const USUAL_TAU_MS = 300_000
/** Weight of a new sample in the usual level. */
const USUAL_WEIGHT = 1 / 8

export class PeakAverage {
  #peak = 0
  #usual = 0
  #notedAtMs = Number.NEGATIVE_INFINITY

  get isEmpty(): boolean {
    return this.#notedAtMs === Number.NEGATIVE_INFINITY
  }

  note(value: number, nowMs: number): void {
    const known = this.at(nowMs)
    this.#usual = this.isEmpty ? value : this.#usual + (value - this.#usual) * USUAL_WEIGHT
    const weight = fade(nowMs - this.#notedAtMs, PEAK_TAU_MS)
    this.#peak = value >= known ? value : this.#peak * weight + value * (1 - weight)
    this.#notedAtMs = nowMs
  }

  /** What is above the usual level fades within seconds, the rest within minutes; 0 before the first sample. */
  at(nowMs: number): number {
    const silentMs = nowMs - this.#notedAtMs
    const base = Math.min(this.#peak, this.#usual)
    return base * fade(silentMs, USUAL_TAU_MS) + (this.#peak - base) * fade(silentMs, PEAK_TAU_MS)
  }
}

/** What is left of a memory after `elapsedMs`: 1 at once, 1/e after `tauMs`. */
export function fade(elapsedMs: number, tauMs: number): number {
  return elapsedMs <= 0 ? 1 : Math.exp(-elapsedMs / tauMs)
}
