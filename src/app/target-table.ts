/** The targets that exist under a configuration: made once for each model name, kept for as long as there is room. */

import type { Target } from '../providers/provider.ts'
import { createTarget } from '../providers/target.ts'
import type { ConfiguredProvider } from './config/config.ts'

/** Targets kept; model names come from clients, so the table is bounded and simply begun anew when full. */
export const TARGETS_KEPT_MAX = 10_000

export type TargetTable = (providerId: string, modelId: string) => Target | undefined

export function createTargetTable(configured: readonly ConfiguredProvider[]): TargetTable {
  const providers = new Map(configured.map((one) => [one.provider.id, one]))
  let targets = new Map<string, Target>()
  return (providerId, modelId) => {
    const id = `${providerId}/${modelId}`
    const known = targets.get(id)
    if (known) return known
    const one = providers.get(providerId)
    if (one === undefined || modelId === '') return undefined
    if (targets.size >= TARGETS_KEPT_MAX) targets = new Map()
    const target = createTarget(one.provider, modelId, one.credential, one.timers)
    targets.set(id, target)
    return target
  }
}
