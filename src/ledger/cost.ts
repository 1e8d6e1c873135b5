/** What a request costs so far, and how sure that is: what its client and its log line are told. */

import type { CostBasis } from './entry.ts'
import type { NanoUsd } from './prices.ts'

export interface Cost {
  /** `undefined` where any of it is not known, or an attempt is not over. */
  readonly nanoUsd: NanoUsd | undefined
  /** Of the attempt that is known least surely. */
  readonly basis: CostBasis
}

// Sound: no dollars are a whole number of nano-dollars.
export const NO_COST: Cost = { nanoUsd: 0 as NanoUsd, basis: 'none' }

const SUREST_FIRST: readonly CostBasis[] = ['none', 'reported', 'counted', 'estimated']

export function lessSure(one: CostBasis, other: CostBasis): CostBasis {
  return SUREST_FIRST.indexOf(one) < SUREST_FIRST.indexOf(other) ? other : one
}
