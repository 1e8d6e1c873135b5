/**
 * One at a time: where nobody knows whether a target is well again, one real request finds out and the others wait for
 * what it finds.
 */

/** How long one request may be the only one that finds out; then the next may, so that one that is lost locks nobody out. */
export const PROBE_MS = 30_000

/** Times are monotonic, ms. A call is known by when it began: those that began before the probe cannot end it. */
export class Probe {
  #startedAtMs = Number.NEGATIVE_INFINITY
  #untilMs = Number.NEGATIVE_INFINITY

  isUnderWay(nowMs: number): boolean {
    return nowMs < this.#untilMs
  }

  begin(nowMs: number): void {
    this.#startedAtMs = nowMs
    this.#untilMs = nowMs + PROBE_MS
  }

  /** A call that began at `startedAtMs` ended, whatever it found. */
  end(startedAtMs: number): void {
    if (startedAtMs >= this.#startedAtMs) this.clear()
  }

  /** Whatever is under way no longer says anything. */
  clear(): void {
    this.#untilMs = Number.NEGATIVE_INFINITY
  }
}
