/** The targets that exist under a configuration: made once for each model name, kept for as long as there is room. */

import type { Target } from '../providers/provider.ts'
import { createTarget } from '../providers/target.ts'
import type { ConfiguredProvider } from './config/config.ts'

/** Model names kept; they come from clients, so the table is bounded and simply begun anew when full. */
export const TARGETS_KEPT_MAX = 10_000

/** The targets for a model, one for each credential of its provider; none for a provider that is not configured. */
export type TargetTable = (providerId: string, modelId: string) => readonly Target[]

/** `onTarget` is told of each target when it is made, with the slots its provider is configured to have. */
export function createTargetTable(
  configured: readonly ConfiguredProvider[],
  onTarget?: (target: Target, slots: number | undefined) => void,
): TargetTable {
  const providers = new Map(configured.map((one) => [one.provider.id, one]))
  let known = new Map<string, readonly Target[]>()
  return (providerId, modelId) => {
    const id = `${providerId}/${modelId}`
    const made = known.get(id)
    if (made) return made
    const one = providers.get(providerId)
    if (one === undefined || modelId === '') return []
    if (known.size >= TARGETS_KEPT_MAX) known = new Map()
    const targets = targetsOf(one, modelId)
    for (const target of targets) onTarget?.(target, one.slots)
    known.set(id, targets)
    return targets
  }
}

function targetsOf(
  { provider, credential, pool, timers }: ConfiguredProvider,
  modelId: string,
): readonly Target[] {
  const credentials = pool ?? [credential]
  return credentials.map((one) => createTarget(provider, modelId, one, timers))
}
