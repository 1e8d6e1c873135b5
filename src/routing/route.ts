/** A public model name and how it is served. */

import type { CachePolicy } from '../cache/config-schema.ts'
import type { Target } from '../providers/provider.ts'
import { DEADLINE_MS, RETRIES } from '../resilience/timers.ts'
import type { Condition } from './condition.ts'

/** How one of several is chosen: what each goes by is said in routing/draw-order.ts. */
export type BalanceStrategy = 'weighted' | 'latency' | 'cheapest' | 'affinity'

/** How a stream is mended that dies after its first content was sent: not at all, never two texts glued, or at any price. */
export type RescuePolicy = 'off' | 'safe' | 'full'

/** A second attempt beside a slow first one. */
export interface HedgePolicy {
  /** The first one is waited for alone at least so long, ms. */
  readonly afterMsMin: number
  /** What hedging may cost, as a share of what the route spends. */
  readonly spendShare: number
}

export interface RoutePolicy {
  /** Limit over everything that is done for one request, ms. */
  readonly deadlineMs: number
  /** Second tries, over all targets; every target gets its first try whatever this says, within ATTEMPTS_MAX. */
  readonly retries: number
  /** Refuse rather than lose: a request that a target cannot fully express skips that target. */
  readonly isStrict: boolean
  /** Absent: no hedging. */
  readonly hedge?: HedgePolicy
  readonly rescue: RescuePolicy
  /** A refusal by a provider's content policy sends the request to the next target. */
  readonly fallsBackOnPolicy: boolean
  /** How its answers are given again; absent: not at all unless a request asks for it. */
  readonly cache?: CachePolicy
  /** Why what was done was done is kept for every request. */
  readonly isExplained: boolean
}

/** What holds for a model that is addressed directly. */
export const DIRECT_POLICY: RoutePolicy = {
  deadlineMs: DEADLINE_MS,
  retries: RETRIES,
  isStrict: false,
  rescue: 'safe',
  fallsBackOnPolicy: false,
  isExplained: false,
}

export interface Route extends RoutePolicy {
  readonly name: string
  readonly root: RouteNode
}

/** `weight`: its share in a group that draws by weight; absent: 1. Groups are never empty. */
export type RouteNode<Leaf = Target> =
  | { readonly type: 'target'; readonly target: Leaf; readonly weight?: number }
  /** Children best first. */
  | RouteGroup<'first', Leaf>
  | (RouteGroup<'balanced', Leaf> & { readonly strategy: BalanceStrategy })

interface RouteGroup<Type extends string, Leaf> {
  readonly type: Type
  readonly children: readonly RouteNode<Leaf>[]
  readonly weight?: number
  /** The group counts only for requests of which this holds. */
  readonly when?: Condition
}

/** A route that tries these in order. */
export function firstOf(targets: readonly Target[]): RouteNode {
  return { type: 'first', children: targets.map((target) => ({ type: 'target', target })) }
}

/** Every target of a tree, as written. */
export function targetsOf(node: RouteNode): readonly Target[] {
  return node.type === 'target' ? [node.target] : node.children.flatMap(targetsOf)
}

/** Whether any group of a tree asks for something. */
export function isConditional(node: RouteNode): boolean {
  return node.type !== 'target' && (node.when !== undefined || node.children.some(isConditional))
}
