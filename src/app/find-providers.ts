/** Finds providers nobody configured: keys in the environment, and model servers on this machine's usual ports. */

import { knownProviders } from '../providers/index.ts'
import type { Provider, ReadVariable } from '../providers/provider.ts'
import { defaultTimers } from '../providers/target.ts'
import { isJsonObject } from '../std/json.ts'
import { Secret } from '../std/secret.ts'
import type { ConfiguredProvider } from './config/config.ts'

/** How long the search for local servers may take in all, ms: it stands between `start` and listening. */
export const LOCAL_SEARCH_MS = 250
/** Models taken from one server's list. */
const MODELS_MAX = 500
/** Longest model name taken from a list, characters. */
const MODEL_NAME_LENGTH_MAX = 256

type Environment = Readonly<Record<string, string | undefined>>

/**
 * One GET, for a model list. Answers with the status and the parsed JSON body, or `undefined` where nothing answered in
 * time, the answer was larger than a list needs to be, or it was no JSON. Never rejects.
 */
export type Probe = (request: ProbeRequest) => Promise<ProbeAnswer | undefined>

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
  readonly body: unknown
}

/** Every known provider that has its key (and its address, where that is the customer's own) in the environment. */
export function findInEnvironment(env: Environment): readonly ConfiguredProvider[] {
  return [...knownProviders.values()].flatMap((known) => {
    if (known.isLocal || !isFirstForItsKey(known)) return []
    const provider = locate(known, env)
    const credential = credentialFromEnvironment(known, env)
    if (provider === undefined || credential === undefined) return []
    return [{ provider, credential, timers: defaultTimers(provider), origin: 'environment' as const }]
  })
}

/** The provider's key, where the environment holds one. */
export function credentialFromEnvironment(provider: Provider, env: Environment): Secret | undefined {
  for (const name of provider.environmentKeys) {
    const value = Object.hasOwn(env, name) ? env[name]?.trim() : undefined
    if (value !== undefined && /^[\x21-\x7e]+$/.test(value)) return new Secret(value)
  }
  const composed = provider.environmentCredential?.(variablesOf(env))
  return composed === undefined ? undefined : new Secret(composed)
}

function variablesOf(env: Environment): ReadVariable {
  return (name) => (Object.hasOwn(env, name) ? env[name]?.trim() || undefined : undefined)
}

/** The provider at the address the environment gives for it; `undefined` where it needs one and there is none. */
export function locate(provider: Provider, env: Environment): Provider | undefined {
  if (!provider.at) return provider
  for (const name of provider.environmentAddresses ?? []) {
    const address = Object.hasOwn(env, name) ? env[name]?.trim() : undefined
    if (address !== undefined && URL.canParse(address)) return provider.at(address)
  }
  const composed = provider.environmentAddress?.(variablesOf(env))
  return composed !== undefined && URL.canParse(composed) ? provider.at(composed) : undefined
}

/**
 * The model servers that answer on their usual loopback ports. A web server that happens to sit there is not mistaken
 * for one: only an answer that has the shape of a model list counts.
 */
export async function findLocalServers(
  probe: Probe,
  env: Environment,
  taken: readonly Provider[] = [],
): Promise<readonly ConfiguredProvider[]> {
  const candidates = [...knownProviders.values()].filter(
    (known) =>
      known.isLocal &&
      !known.at &&
      isFirstAtItsPort(known) &&
      !taken.some((other) => isSameServer(other, known)),
  )
  const found = await Promise.all(candidates.map((provider) => askLocalServer(probe, provider, env)))
  return found.filter((server) => server !== undefined)
}

async function askLocalServer(
  probe: Probe,
  provider: Provider,
  env: Environment,
): Promise<ConfiguredProvider | undefined> {
  const credential = credentialFromEnvironment(provider, env)
  const answer = await probe({
    provider,
    ...(credential && { credential }),
    path: provider.modelsPath ?? '/models',
    timeoutMs: LOCAL_SEARCH_MS,
  })
  const models = answer?.status === 200 ? readModelList(answer.body) : undefined
  if (models === undefined) return undefined
  return {
    provider,
    ...(credential && { credential }),
    timers: defaultTimers(provider),
    models,
    origin: 'local',
  }
}

/** The names in a model list of any provider; `undefined` where the body is something else. */
export function readModelList(body: unknown): readonly string[] | undefined {
  const list = Array.isArray(body) ? body : isJsonObject(body) ? body['data'] : undefined
  if (!Array.isArray(list)) return undefined
  const names = list.map(modelName)
  // An array of other things is not a list of models; an empty one is a server without a model.
  if (names.some((name) => name === undefined)) return undefined
  return names.filter((name) => name !== undefined).slice(0, MODELS_MAX)
}

function modelName(entry: unknown): string | undefined {
  if (!isJsonObject(entry) || typeof entry['id'] !== 'string') return undefined
  const name = entry['id'].replace(/^models\//, '')
  return name !== '' && name.length <= MODEL_NAME_LENGTH_MAX ? name : undefined
}

/** A second face of a provider shares its key and is used only where it is named. */
function isFirstForItsKey(provider: Provider): boolean {
  const first = [...knownProviders.values()].find((other) =>
    other.environmentKeys.some((name) => provider.environmentKeys.includes(name)),
  )
  return first?.id === provider.id
}

/** A second face of a local server (Ollama's own API) is used only where it is named. */
function isFirstAtItsPort(provider: Provider): boolean {
  const first = [...knownProviders.values()].find((other) => !other.at && isSameServer(other, provider))
  return first?.id === provider.id
}

export function isSameServer(left: Provider, right: Provider): boolean {
  return left.id === right.id || new URL(left.baseUrl).host === new URL(right.baseUrl).host
}
