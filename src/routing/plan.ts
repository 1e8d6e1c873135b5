/** The decision for one exchange, as a tree of values that can be printed. */

import type { Ability } from '../canonical/needs.ts'
import type { Target, TargetId } from '../providers/provider.ts'
import type { Verdict } from '../resilience/target-health.ts'
import type { BalanceStrategy, RoutePolicy } from './route.ts'

export type PlanNode =
  | {
      readonly type: 'target'
      readonly target: Target
      /** Its state when the plan was made: unavailable targets are the last resort. */
      readonly verdict: Verdict
    }
  /** Children in order: the next one is for what the one before it could not do. */
  | { readonly type: 'first'; readonly children: readonly PlanNode[] }
  | {
      readonly type: 'balanced'
      readonly strategy: BalanceStrategy
      /** In the order drawn. */
      readonly children: readonly PlanNode[]
      /** What each was drawn by, same order; what it means is the strategy's (routing/draw-order.ts). */
      readonly scores: readonly number[]
    }

export interface Plan extends RoutePolicy {
  /** The configured route; absent when a client addressed a model directly. */
  readonly routeName?: string
  readonly root: PlanNode
  /** Attempts in all, transparent reconnects not counted. */
  readonly attemptsMax: number
  /** Targets that are not tried, since their models lack what the request needs; absent where there are none. */
  readonly skipped?: readonly SkippedTarget[]
  /** Groups that are left out since their conditions do not hold; absent where there are none. */
  readonly unmet?: readonly UnmetCondition[]
}

export interface SkippedTarget {
  readonly targetId: TargetId
  readonly lacks: readonly (Ability | 'context-window' | 'file')[]
}

export interface UnmetCondition {
  /** The expression, as the operator wrote it. */
  readonly source: string
  /** Why it could not be evaluated, where it could not. */
  readonly fault?: string
}

export type TargetNode = Extract<PlanNode, { type: 'target' }>

/** The targets of a plan in the order they are tried: a state that keeps one from being called puts it behind the others. */
export function targetNodes(root: PlanNode): readonly TargetNode[] {
  const nodes = leaves(root)
  if (nodes.every(isAvailable)) return nodes
  return [
    ...nodes.filter(isAvailable),
    ...nodes
      .filter((node) => !isAvailable(node) && !isLasting(node))
      .sort((left, right) => untilMs(left) - untilMs(right)),
    ...nodes.filter(isLasting),
  ]
}

function leaves(node: PlanNode): readonly TargetNode[] {
  return node.type === 'target' ? [node] : node.children.flatMap(leaves)
}

function isAvailable({ verdict }: TargetNode): boolean {
  return verdict.type === 'available'
}

/** Of a spent quota and a refused credential nobody knows when they end. */
function isLasting({ verdict }: TargetNode): boolean {
  return verdict.type === 'exhausted' || verdict.type === 'auth-dead'
}

function untilMs({ verdict }: TargetNode): number {
  return verdict.type === 'available' ? 0 : verdict.untilMs
}
