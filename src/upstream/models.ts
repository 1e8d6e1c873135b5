/**
 * Which models a provider offers, read from its own list: OpenAI's and Anthropic's shapes, and their many cousins. And
 * a probe that finds out whether a server that would have such a list is there at all.
 */

import { GatewayError } from '../errors/gateway-error.ts'
import type { Provider } from '../providers/provider.ts'
import { arrayOf, isJsonObject, objectOf, stringOf } from '../std/json.ts'
import type { Secret } from '../std/secret.ts'
import { type FetchDeps, fetchJson } from './fetch-json.ts'

/** Bytes of one page of a list. */
export const MODEL_LIST_BYTES_MAX = 4_194_304
/** Models of one provider that are remembered. */
export const MODELS_MAX = 10_000
/** Pages of a list that are read (Anthropic's has 20 entries a page). */
export const MODEL_PAGES_MAX = 20
/** A longer name is none. */
const MODEL_ID_LENGTH_MAX = 256

export interface ModelListOptions {
  /** Limit over all pages, ms. */
  readonly timeoutMs: number
  readonly signal?: AbortSignal
}

/** The provider's model names, in its order, each once. Empty where the provider has no list; throws as an attempt does. */
export async function listModels(
  source: { readonly provider: Provider; readonly credential?: Secret },
  deps: FetchDeps,
  options: ModelListOptions,
): Promise<readonly string[]> {
  const { modelsPath } = source.provider
  const endsAtMs = deps.clock.nowMs() + options.timeoutMs
  const ids = new Set<string>()
  let path = modelsPath
  for (let page = 0; path !== undefined && page < MODEL_PAGES_MAX && ids.size < MODELS_MAX; page += 1) {
    const timeoutMs = Math.max(0, endsAtMs - deps.clock.nowMs())
    const { signal } = options
    const list = await fetchJson(deps, {
      ...source,
      path,
      timeoutMs,
      bytesMax: MODEL_LIST_BYTES_MAX,
      ...(signal && { signal }),
    })
    for (const id of modelIdsOf(list)) if (ids.size < MODELS_MAX) ids.add(id)
    path = nextPath(modelsPath ?? '', list)
  }
  return [...ids]
}

export interface ProbeRequest {
  readonly provider: Provider
  readonly credential?: Secret
  /** Below the base URL. */
  readonly path: string
  /** Over everything: connecting, headers and body. */
  readonly timeoutMs: number
}

export interface ProbeAnswer {
  readonly status: number
  /** The JSON document of a good answer. */
  readonly body: unknown
}

/**
 * Asks once whether a server is there: its answer, or `undefined` where nothing answered in time, or what came was no
 * JSON or too much of it. Never rejects.
 */
export async function probe(request: ProbeRequest, deps: FetchDeps): Promise<ProbeAnswer | undefined> {
  try {
    return { status: 200, body: await fetchJson(deps, { ...request, bytesMax: MODEL_LIST_BYTES_MAX }) }
  } catch (error) {
    const status = error instanceof GatewayError ? error.facts.upstreamStatus : undefined
    return status === undefined ? undefined : { status, body: undefined }
  }
}

/** `data[].id` (OpenAI, Anthropic), `models[].name` (Ollama, Gemini, Cohere), or a bare array (Together). */
export function modelIdsOf(list: unknown): readonly string[] {
  const object = objectOf(list)
  const entries = Array.isArray(list) ? list : [...arrayOf(object?.['data']), ...arrayOf(object?.['models'])]
  return entries.flatMap((entry: unknown) => {
    const id = modelIdOf(entry)
    return id === undefined ? [] : [id]
  })
}

function modelIdOf(entry: unknown): string | undefined {
  const id = isJsonObject(entry)
    ? (stringOf(entry['id']) ?? stringOf(entry['name']) ?? stringOf(entry['model']))
    : stringOf(entry)
  const bare = id?.startsWith('models/') ? id.slice('models/'.length) : id
  return bare !== undefined && bare.length <= MODEL_ID_LENGTH_MAX && /^[^\s\p{Cc}]+$/u.test(bare)
    ? bare
    : undefined
}

/** Anthropic's way of turning the page. */
function nextPath(modelsPath: string, list: unknown): string | undefined {
  const { has_more: hasMore, last_id: lastId } = objectOf(list) ?? {}
  if (hasMore !== true || typeof lastId !== 'string' || lastId === '') return undefined
  const separator = modelsPath.includes('?') ? '&' : '?'
  return `${modelsPath}${separator}after_id=${encodeURIComponent(lastId.slice(0, MODEL_ID_LENGTH_MAX))}`
}
