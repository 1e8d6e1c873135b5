/** Key pools: one model at one provider by several credentials. Each is a target of its own, all of the same id. */

import type { Target } from '../providers/provider.ts'
import type { BalanceStrategy, RouteNode } from './route.ts'

/** The credentials of a pool balanced: the one that answers soonest, unless the group around it goes by another rule. */
export function poolNode(targets: readonly Target[], strategy: BalanceStrategy = 'latency'): RouteNode {
  const children = targets.map((target): RouteNode => ({ type: 'target', target }))
  const [only] = children
  return children.length === 1 && only !== undefined ? only : { type: 'balanced', strategy, children }
}

/** The first credential of each pool: files and batches are kept with it, and what is known of a model holds for all. */
export function firstOfEachPool(targets: readonly Target[]): readonly Target[] {
  const seen = new Set<string>()
  return targets.filter(({ id }) => !seen.has(id) && seen.add(id))
}
