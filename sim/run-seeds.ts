/** Plays a range of seeds and adds up what came of them. */

import { addCoverage, type Coverage } from './coverage.ts'
import type { Breach } from './invariants/invariant.ts'
import { play } from './play.ts'
import { drawScene } from './swarm.ts'

export interface SeedRange {
  readonly from: number
  /** Inclusive. */
  readonly to: number
}

export interface Tally {
  readonly seeds: number
  readonly requests: number
  readonly calls: number
  readonly coverage: Coverage
  readonly breaches: readonly SeedBreaches[]
}

export interface SeedBreaches {
  readonly seed: number
  readonly breaches: readonly Breach[]
}

export const NOTHING: Tally = { seeds: 0, requests: 0, calls: 0, coverage: {}, breaches: [] }

/** `isEnough`: looked at before each seed. */
export async function runSeeds(
  { from, to }: SeedRange,
  isEnough: (tally: Tally) => boolean = () => false,
): Promise<Tally> {
  let tally = NOTHING
  for (let seed = from; seed <= to && !isEnough(tally); seed += 1) {
    const { requests, calls, coverage, breaches } = await play(drawScene(seed))
    tally = addTally(tally, {
      seeds: 1,
      requests,
      calls,
      coverage,
      breaches: breaches.length === 0 ? [] : [{ seed, breaches }],
    })
  }
  return tally
}

export function addTally(one: Tally, other: Tally): Tally {
  return {
    seeds: one.seeds + other.seeds,
    requests: one.requests + other.requests,
    calls: one.calls + other.calls,
    coverage: addCoverage(one.coverage, other.coverage),
    breaches: [...one.breaches, ...other.breaches],
  }
}
