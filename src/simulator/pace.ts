/** How fast the simulated model speaks. */

export interface Pace {
  /** Silence before the first token, ms. Default 0. */
  readonly firstTokenMs: number
  /** Silence before each further token, ms; may be a fraction. Default 0. */
  readonly perTokenMs: number
  /** Tokens sent in one event. Default 1. */
  readonly tokensPerChunk: number
}

/** As fast as the machine allows. */
export const NO_PACE: Pace = { firstTokenMs: 0, perTokenMs: 0, tokensPerChunk: 1 }
