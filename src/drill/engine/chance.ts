/** Draws from a seeded source: shares, spreads and weighted choices. */

import type { Random } from '../../std/ids.ts'
import type { Spread } from './traffic.ts'

/** True in this share of the draws. */
export function befalls(random: Random, share: number): boolean {
  return share > 0 && random.next() < share
}

/** A whole number, `min` to `max` inclusive. */
export function wholeBetween(random: Random, min: number, max: number): number {
  return min + Math.floor(random.next() * (max - min + 1))
}

/** How many standard deviations of a normal distribution lie below its 95th percentile. */
const P95_DEVIATIONS = 1.6449

/** A draw from the log-normal distribution that the spread describes. */
export function drawFrom({ median, p95 }: Spread, random: Random): number {
  if (p95 <= median) return median
  const deviation = Math.log(p95 / median) / P95_DEVIATIONS
  return median * Math.exp(deviation * normal(random))
}

/** Box and Muller's transform. */
function normal(random: Random): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random.next()))
  return radius * Math.cos(2 * Math.PI * random.next())
}

/** An entry by its weight; `undefined` where there is none of any weight. */
export function chooseWeighted<Name extends string>(
  weights: readonly (readonly [Name, number])[],
  random: Random,
): Name | undefined {
  const total = weights.reduce((sum, [, weight]) => sum + weight, 0)
  let left = random.next() * total
  for (const [name, weight] of weights) {
    left -= weight
    if (left < 0) return name
  }
  return weights.at(-1)?.[0]
}
