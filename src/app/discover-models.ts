/** Asks providers which models they serve, so that bare model names find them and clients can list them. */

import { type FetchDeps } from '../upstream/fetch-json.ts'
import { listModels } from '../upstream/models.ts'
import type { ModelLists } from './compose.ts'
import type { ConfiguredProvider } from './config/config.ts'

/** How long a provider may take to list its models, ms. */
export const MODEL_LIST_MS = 10_000

/** The lists of all providers that answered; those whose models are configured or known are not asked. Never rejects. */
export async function listModelsOf(
  providers: readonly ConfiguredProvider[],
  deps: FetchDeps,
): Promise<ModelLists> {
  const lists = await Promise.all(providers.map((one) => listOf(one, deps)))
  return new Map(lists.filter((list) => list !== undefined))
}

async function listOf(
  { provider, credential, models }: ConfiguredProvider,
  deps: FetchDeps,
): Promise<readonly [string, readonly string[]] | undefined> {
  if (models !== undefined) return undefined
  try {
    const source = { provider, ...(credential === undefined ? {} : { credential }) }
    return [provider.id, await listModels(source, deps, { timeoutMs: MODEL_LIST_MS })]
  } catch {
    // A provider that cannot list its models can still serve them.
    return undefined
  }
}
