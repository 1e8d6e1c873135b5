/** Where every target is ill, one is tried all the same: which. Pure. */

import type { CircuitBreaker } from './circuit-breaker.ts'

type Ill = Pick<CircuitBreaker, 'mayPanic' | 'openings' | 'openUntilMs'>

/**
 * The place of the one with the fewest openings since it was last well; of those with as many, of the one whose window is
 * over soonest, then the first. `undefined` stands for what must not be tried.
 */
export function leastBadOf(breakers: readonly (Ill | undefined)[], nowMs: number): number | undefined {
  let best: { readonly place: number; readonly breaker: Ill } | undefined
  for (const [place, breaker] of breakers.entries()) {
    if (breaker === undefined || !breaker.mayPanic(nowMs)) continue
    if (best === undefined || isLessBad(breaker, best.breaker)) best = { place, breaker }
  }
  return best?.place
}

function isLessBad(one: Ill, other: Ill): boolean {
  if (one.openings !== other.openings) return one.openings < other.openings
  return one.openUntilMs < other.openUntilMs
}
