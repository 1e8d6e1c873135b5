/** Puts one target before the others: it knows something that they would have to be told. */

import { type Plan, type PlanNode, targetNodes } from './plan.ts'

/** The same plan where the target is not in it, cannot be called now, or none is named. All credentials of a pool are one. */
export function preferTarget(plan: Plan, targetId: string | undefined): Plan {
  if (targetId === undefined) return plan
  const nodes = targetNodes(plan.root)
  const preferred = nodes.filter((node) => node.target.id === targetId && node.verdict.type === 'available')
  if (preferred.length === 0 || preferred[0] === nodes[0]) return plan
  const rest = without(plan.root, new Set<PlanNode>(preferred))
  return { ...plan, root: { type: 'first', children: [...preferred, ...(rest === undefined ? [] : [rest])] } }
}

/** What is left of a tree; what was drawn stays as it was drawn. */
function without(node: PlanNode, taken: ReadonlySet<PlanNode>): PlanNode | undefined {
  if (taken.has(node)) return undefined
  if (node.type === 'target') return node
  const left = node.children.flatMap((child, place) => {
    const kept = without(child, taken)
    return kept === undefined ? [] : [{ kept, place }]
  })
  const children = left.map(({ kept }) => kept)
  if (children.length === 0) return undefined
  if (node.type === 'first') return { ...node, children }
  return {
    ...node,
    children,
    scores: left.map(({ place }) => node.scores[place] ?? Number.POSITIVE_INFINITY),
  }
}
