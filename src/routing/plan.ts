/** The decision for one exchange, as a tree of values that can be printed. */

import type { Ability } from '../canonical/needs.ts'
import type { Target, TargetId } from '../providers/provider.ts'
import type { Verdict } from '../resilience/target-health.ts'

export type PlanNode =
  | {
      readonly type: 'target'
      readonly target: Target
      /** Its rate state when the plan was made: unavailable targets are the last resort. */
      readonly verdict: Verdict
    }
  /** Children in order: the next one is for what the one before it could not do. */
  | { readonly type: 'first'; readonly children: readonly PlanNode[] }

export interface Plan {
  /** The configured route; absent when a client addressed a model directly. */
  readonly routeName?: string
  readonly root: PlanNode
  /** Limit over everything that is done for the request, ms. */
  readonly deadlineMs: number
  /** Attempts in all, transparent reconnects not counted. */
  readonly attemptsMax: number
  /** Second tries, over all targets. */
  readonly retries: number
  /** Refuse rather than lose. */
  readonly isStrict: boolean
  /** Targets that are not tried, since their models lack what the request needs; absent where there are none. */
  readonly skipped?: readonly SkippedTarget[]
}

export interface SkippedTarget {
  readonly targetId: TargetId
  readonly lacks: readonly (Ability | 'context-window' | 'file')[]
}

export type TargetNode = Extract<PlanNode, { type: 'target' }>

/** The targets of a plan in the order they are tried. */
export function targetNodes(node: PlanNode): readonly TargetNode[] {
  return node.type === 'target' ? [node] : node.children.flatMap(targetNodes)
}
