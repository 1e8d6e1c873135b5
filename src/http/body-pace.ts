/** Whether a body arrives at a pace worth waiting for: a client that sends next to nothing holds a place for it (fault 103). */

import type { HttpLimits } from './http-limits.ts'

export class BodyPace {
  readonly #limits: HttpLimits
  #windowBytes = 0
  /** Set by the first look: most bodies are whole before that. */
  #windowEndMs: number | undefined

  constructor(limits: HttpLimits) {
    this.#limits = limits
  }

  note(bytes: number): void {
    this.#windowBytes += bytes
  }

  /** At the end of each window: whether too little came in it. */
  isTooSlow(nowMs: number): boolean {
    const { bodyWindowBytesMin, bodyWindowMs } = this.#limits
    this.#windowEndMs ??= nowMs + bodyWindowMs
    if (nowMs < this.#windowEndMs) return false
    const isSlow = this.#windowBytes < bodyWindowBytesMin
    this.#windowBytes = 0
    this.#windowEndMs = nowMs + bodyWindowMs
    return isSlow
  }
}
