/** From a route of the configuration to one that the planner takes: names become targets, key pools become groups. */

import { parseAddress } from '../providers/target.ts'
import { poolNode } from '../routing/pool.ts'
import type { BalanceStrategy, Route, RouteNode } from '../routing/route.ts'
import type { ConfiguredNode, ConfiguredRoute } from './config/config.ts'
import type { TargetTable } from './target-table.ts'

/** The configuration was checked: every target of a route names a configured provider. */
export function buildRoute(configured: ConfiguredRoute, table: TargetTable): Route {
  const { targets: _, root, ...route } = configured
  const [only, ...others] = build(root, table, undefined)
  if (only === undefined || others.length > 0) throw new Error('a route that was checked has a target')
  return { ...route, root: only }
}

/** One node, or none where its provider is not there. */
function build(
  node: ConfiguredNode,
  table: TargetTable,
  around: BalanceStrategy | undefined,
): readonly RouteNode[] {
  if (node.type === 'target') {
    const address = parseAddress(node.target)
    const targets = address === undefined ? [] : table(address.providerId, address.modelId)
    if (targets.length === 0) return []
    // Prompt caches belong to accounts: what keeps to one target keeps to one key.
    const pool = poolNode(targets, around === 'affinity' ? around : 'latency')
    return [node.weight === undefined ? pool : { ...pool, weight: node.weight }]
  }
  const strategy = node.type === 'balanced' ? node.strategy : undefined
  const children = node.children.flatMap((child) => build(child, table, strategy))
  return children.length === 0 ? [] : [{ ...node, children }]
}
