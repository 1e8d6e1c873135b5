/** Which provider serves a bare model name: what is configured, what providers listed, and what their makers call their own. */

import type { Provider, ProviderId } from '../providers/provider.ts'

/** A provider that can be called, and the models it is known to serve. */
export interface ServedProvider {
  readonly provider: Provider
  readonly modelIds: readonly string[]
}

export interface ModelDirectory {
  /** The provider for a model name that names none, or `undefined` when no one claims it. */
  providerFor(modelId: string): ProviderId | undefined
  /** Providers that can be called, in order of configuration. */
  providerIds(): readonly ProviderId[]
  /** Every known model as `provider/model`, providers in order of configuration. */
  list(): readonly { readonly id: string; readonly provider: Provider }[]
}

export function createModelDirectory(served: readonly ServedProvider[]): ModelDirectory {
  const byModelId = new Map<string, ProviderId>()
  for (const { provider, modelIds } of served) {
    for (const modelId of modelIds) if (!byModelId.has(modelId)) byModelId.set(modelId, provider.id)
  }
  const byPrefix = served.flatMap(({ provider }) =>
    (provider.modelPrefixes ?? []).map((prefix) => ({ prefix, id: provider.id })),
  )
  const [only] = served
  return {
    providerFor(modelId) {
      return (
        byModelId.get(modelId) ??
        byPrefix.find(({ prefix }) => modelId.startsWith(prefix))?.id ??
        (served.length === 1 ? only?.provider.id : undefined)
      )
    },
    providerIds: () => served.map(({ provider }) => provider.id),
    list: () =>
      served.flatMap(({ provider, modelIds }) =>
        modelIds.map((modelId) => ({ id: `${provider.id}/${modelId}`, provider })),
      ),
  }
}
