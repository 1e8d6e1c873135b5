/** What an operator is told once and not again for a while, by name. */

import { keepNewest } from './keep-newest.ts'

/** How long a misconfigured target is complained of only once. */
export const COMPLAINT_MS = 1_800_000

export class Complaints {
  readonly #untilMs = new Map<string, number>()
  readonly #sizeMax: number

  constructor(sizeMax: number) {
    this.#sizeMax = sizeMax
  }

  /** Whether it is news, which it is not again for `COMPLAINT_MS`. */
  isNews(name: string, nowMs: number): boolean {
    if ((this.#untilMs.get(name) ?? Number.NEGATIVE_INFINITY) > nowMs) return false
    keepNewest(this.#untilMs, { name, value: nowMs + COMPLAINT_MS, sizeMax: this.#sizeMax })
    return true
  }
}
