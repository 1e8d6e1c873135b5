/**
 * How one of several is chosen: each strategy brings the children of a group, known here only by their place, into an
 * order. Pure: chance is handed in. The first is tried first; the others are what is left if it fails.
 */

import type { Random } from '../std/ids.ts'

/** Places, the one to try first in front. */
export type Order = readonly number[]

/** May be drawn this much above the average load (Mirrokni, Thorup, Zadimoghaddam: bounded loads, 1 + epsilon). */
export const AFFINITY_LOAD_FACTOR = 1.25

/**
 * `weighted`: drawn without putting back, each with its weight's share of what is left (Efraimidis and Spirakis: the
 * smallest of exponential times, each as fast as its weight). Weight 0: only after all others.
 */
export function drawByWeight(weights: readonly number[], random: Random): Order {
  const times = weights.map((weight) => -Math.log(1 - random.next()) / weight)
  return sortedBy(times.map((time) => (Number.isNaN(time) ? Number.POSITIVE_INFINITY : time)))
}

/**
 * `latency`: the better of two drawn at random, then the better of two of the rest (power of two choices): no herd runs to
 * the one that looks best. `scores`: lower is better; the same: the one drawn first.
 */
export function drawBetterOfTwo(scores: readonly number[], random: Random): Order {
  const left = scores.map((_, place) => place)
  const order: number[] = []
  while (left.length > 1) {
    const one = below(left.length, random)
    const after = below(left.length - 1, random)
    const other = after < one ? after : after + 1
    const isOtherBetter = (scores[left[other] ?? 0] ?? 0) < (scores[left[one] ?? 0] ?? 0)
    order.push(...left.splice(isOtherBetter ? other : one, 1))
  }
  return [...order, ...left]
}

/** `cheapest`: by what the request would cost; what costs nobody knows how much goes last. The same: as written. */
export function orderByCost(costs: readonly (number | undefined)[]): Order {
  return sortedBy(costs.map((cost) => cost ?? Number.POSITIVE_INFINITY))
}

export interface AffinityChild {
  /** In (0, 1): what the request and the child hash to together. */
  readonly hash: number
  readonly weight: number
  /** Calls it has now. */
  readonly inFlight: number
  /** Whether it takes part in sharing the load. */
  readonly isAvailable: boolean
}

/**
 * `affinity`: what hashes alike goes to the same child as long as that has no more than its share of the calls in flight
 * (rendezvous hashing with bounded load). A child that comes or goes moves its own share and nothing else.
 */
export function orderByAffinity(children: readonly AffinityChild[]): Order {
  const order = sortedBy(children.map(({ hash, weight }) => rendezvous(hash, weight)))
  const available = children.filter(({ isAvailable }) => isAvailable)
  const weights = sum(available.map(({ weight }) => weight))
  const calls = sum(available.map(({ inFlight }) => inFlight)) + 1
  const hasRoom = (place: number) => {
    const child = children[place]
    if (child === undefined || !child.isAvailable || weights === 0) return true
    return child.inFlight < Math.ceil((AFFINITY_LOAD_FACTOR * calls * child.weight) / weights)
  }
  return [...order.filter(hasRoom), ...order.filter((place) => !hasRoom(place))]
}

/** Weighted rendezvous: the lower, the nearer; each child is nearest for its weight's share of all hashes. */
export function rendezvous(hash: number, weight: number): number {
  return -Math.log(hash) / weight
}

/** What is not known is taken to be as the middle of what is: a newcomer is tried, and is no magnet. All unknown: all alike. */
export function fillGaps(values: readonly (number | undefined)[]): readonly number[] {
  const known = values.filter((value) => value !== undefined).toSorted((a, b) => a - b)
  const half = known.length / 2
  const middle = ((known[Math.ceil(half) - 1] ?? 1) + (known[Math.floor(half)] ?? 1)) / 2
  return values.map((value) => value ?? middle)
}

/** Places by ascending value; the same value keeps its place. */
function sortedBy(values: readonly number[]): Order {
  return values.map((_, place) => place).sort((left, right) => compare(values[left] ?? 0, values[right] ?? 0))
}

/** Infinity is equal to itself here, where a difference would be no number. */
function compare(left: number, right: number): number {
  if (left === right) return 0
  return left < right ? -1 : 1
}

function below(count: number, random: Random): number {
  return Math.floor(random.next() * count)
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
