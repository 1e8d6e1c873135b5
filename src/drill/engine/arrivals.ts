/** When the stories of a world begin: drawn once, in order. */

import type { Random } from '../../std/ids.ts'
import type { Arrival, Traffic } from './traffic.ts'

/** Moments since the start of the run, ms, ascending. */
export function drawArrivals({ requests, arrival }: Traffic, random: Random): Float64Array {
  const moments = new Float64Array(requests)
  if (arrival.type === 'steady') {
    let atMs = 0
    for (let index = 0; index < requests; index += 1) {
      // The gaps of a Poisson process.
      atMs += (-Math.log(1 - random.next()) * 1_000) / arrival.perSecond
      moments[index] = atMs
    }
    return moments
  }
  for (let index = 0; index < requests; index += 1) moments[index] = momentOf(arrival, random)
  return moments.sort()
}

function momentOf({ lengthMs, weights }: Extract<Arrival, { type: 'course' }>, random: Random): number {
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  const stepMs = lengthMs / Math.max(1, weights.length)
  let left = random.next() * total
  for (const [step, weight] of weights.entries()) {
    if (left < weight) return (step + left / weight) * stepMs
    left -= weight
  }
  return lengthMs
}
