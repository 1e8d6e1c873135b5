/** The trees that routes come down to: made as simple as they can be, and asked what is in them. Pure. */

import type { Condition } from '../../routing/condition.ts'
import type { BalanceStrategy } from '../../routing/route.ts'
import type { ConfiguredNode } from './config.ts'

interface GroupParts {
  readonly children: readonly ConfiguredNode[]
  readonly balance?: BalanceStrategy | undefined
  readonly when?: Condition | undefined
}

/** The simplest tree that says the same: a list in a list is one list, and a group of one without a condition is that one. */
export function groupOf({ children, balance, when }: GroupParts): ConfiguredNode {
  const [only] = children
  if (when === undefined && only !== undefined && children.length === 1) return withoutWeight(only)
  const asked = when === undefined ? {} : { when }
  if (balance !== undefined) return { type: 'balanced', strategy: balance, children, ...asked }
  return { type: 'first', children: eachOnce(children.flatMap(unfolded)), ...asked }
}

function unfolded(node: ConfiguredNode): readonly ConfiguredNode[] {
  return node.type === 'first' && node.when === undefined ? node.children : [node]
}

function eachOnce(nodes: readonly ConfiguredNode[]): readonly ConfiguredNode[] {
  const seen = new Set<string>()
  return nodes.filter((node) => node.type !== 'target' || (!seen.has(node.target) && seen.add(node.target)))
}

/** A weight holds in the group that it was written for. */
function withoutWeight(node: ConfiguredNode): ConfiguredNode {
  const { weight: _, ...bare } = node
  return bare
}

/** Every target, once each, in the order written. */
export function targetsIn(node: ConfiguredNode): readonly string[] {
  return node.type === 'target' ? [node.target] : [...new Set(node.children.flatMap(targetsIn))]
}

/** Whether there is a target for every request, whatever conditions say; what is empty is at fault for something else. */
export function isAlwaysMeant(node: ConfiguredNode): boolean {
  if (node.type === 'target' || node.children.length === 0) return true
  return node.when === undefined && node.children.some(isAlwaysMeant)
}
