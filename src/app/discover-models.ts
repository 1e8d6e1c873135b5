/**
 * Keeps the lists of models that providers serve, so that bare model names find them and clients can list them. Asked
 * for in the background: nobody waits for a list, and none is ever needed.
 */

import { toGatewayError } from '../errors/gateway-error.ts'
import type { Provider } from '../providers/provider.ts'
import { sleep } from '../std/clock.ts'
import type { FetchDeps } from '../upstream/fetch-json.ts'
import { listModels } from '../upstream/models.ts'
import type { ConfiguredProvider } from './config/config.ts'

/** How long a provider may take to list its models, ms. */
export const MODEL_LIST_MS = 10_000
/** A provider that could not be asked is asked again after this, then after twice that, ... */
export const ASK_AGAIN_MS = 30_000
/** ... and at least this often, ms. */
export const ASK_AGAIN_MAX_MS = 600_000

/** Models that providers listed, by `listKey`. */
export type ModelLists = ReadonlyMap<string, readonly string[]>

/** A provider at another address is another one. */
export function listKey({ id, baseUrl }: Provider): string {
  return `${id} ${baseUrl}`
}

export class ModelDiscovery {
  readonly #deps: FetchDeps
  readonly #onLearned: () => void
  #lists = new Map<string, readonly string[]>()
  #round = new AbortController()

  constructor(deps: FetchDeps, onLearned: () => void) {
    this.#deps = deps
    this.#onLearned = onLearned
  }

  get lists(): ModelLists {
    return this.#lists
  }

  /** From now on asks these and no others. A list that is known stays in force until there is a newer one. */
  follow(providers: readonly ConfiguredProvider[]): void {
    this.#round.abort()
    this.#round = new AbortController()
    const asked = providers.filter(({ models }) => models === undefined)
    const keys = new Set(asked.map(({ provider }) => listKey(provider)))
    this.#lists = new Map([...this.#lists].filter(([key]) => keys.has(key)))
    for (const one of asked) void this.#ask(one, this.#round.signal)
  }

  stop(): void {
    this.#round.abort()
  }

  /** Asks until there is an answer, or a refusal that will not change. Never rejects. */
  async #ask({ provider, credential }: ConfiguredProvider, signal: AbortSignal): Promise<void> {
    const source = { provider, ...(credential === undefined ? {} : { credential }) }
    for (let pauseMs = ASK_AGAIN_MS; ; pauseMs = Math.min(pauseMs * 2, ASK_AGAIN_MAX_MS)) {
      try {
        const list = await listModels(source, this.#deps, { timeoutMs: MODEL_LIST_MS, signal })
        if (!signal.aborted) this.#learn(listKey(provider), list)
        return
      } catch (error) {
        // A provider that cannot list its models can still serve them.
        if (signal.aborted || !toGatewayError(error).isClientRetryable) return
      }
      try {
        await sleep(this.#deps.clock, pauseMs, signal)
      } catch {
        return
      }
    }
  }

  #learn(key: string, list: readonly string[]): void {
    this.#lists.set(key, list)
    this.#onLearned()
  }
}
