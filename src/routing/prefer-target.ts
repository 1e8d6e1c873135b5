/** Puts one target before the others: it knows something that they would have to be told. */

import { type Plan, targetNodes } from './plan.ts'

/** The same plan where the target is not in it, cannot be called now, or none is named. */
export function preferTarget(plan: Plan, targetId: string | undefined): Plan {
  if (targetId === undefined) return plan
  const nodes = targetNodes(plan.root)
  const preferred = nodes.find((node) => node.target.id === targetId)
  if (preferred === undefined || preferred === nodes[0] || preferred.verdict.type !== 'available') return plan
  const children = [preferred, ...nodes.filter((node) => node !== preferred)]
  return { ...plan, root: { type: 'first', children } }
}
