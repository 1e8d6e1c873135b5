/** Which conditions of a route hold for one request: each is asked once, and none where the route has none. */

import type { Target } from '../providers/provider.ts'
import type { Condition } from './condition.ts'
import type { ConditionFacts } from './condition-facts.ts'
import type { UnmetCondition } from './plan.ts'
import { isConditional, type RouteNode, targetsOf } from './route.ts'

export interface JudgedConditions {
  /** Targets that no condition keeps out, as written, each once. */
  readonly targets: readonly Target[]
  /** Those that do not hold, as written. */
  readonly unmet: readonly UnmetCondition[]
  readonly holds: (condition: Condition) => boolean
}

type OnFault = (condition: Condition, reason: string) => void

/** Without facts no condition holds. */
export function judgeConditions(
  root: RouteNode,
  facts: (() => ConditionFacts) | undefined,
  onFault: OnFault,
): JudgedConditions {
  if (!isConditional(root)) return { targets: [...new Set(targetsOf(root))], unmet: [], holds: () => true }
  const verdicts = new Map<Condition, boolean>()
  const unmet: UnmetCondition[] = []
  const known = facts?.()

  const ask = (condition: Condition): boolean => {
    let fault: string | undefined
    const isMet =
      known !== undefined &&
      condition.holds(known, (reason) => {
        fault = reason
        onFault(condition, reason)
      })
    if (!isMet) unmet.push({ source: condition.source, ...(fault === undefined ? {} : { fault }) })
    verdicts.set(condition, isMet)
    return isMet
  }
  const holds = (condition: Condition) => verdicts.get(condition) ?? ask(condition)

  const meant = (node: RouteNode): readonly Target[] => {
    if (node.type === 'target') return [node.target]
    return node.when === undefined || holds(node.when) ? node.children.flatMap(meant) : []
  }
  return { targets: [...new Set(meant(root))], unmet, holds }
}
