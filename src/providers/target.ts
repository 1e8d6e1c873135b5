/** Joins provider, model and credential into the thing an attempt hits, and says which limits hold for it. */

import {
  CONNECT_MS,
  FIRST_TOKEN_HOSTED_MS,
  FIRST_TOKEN_LOCAL_MS,
  IDLE_HOSTED_MS,
  IDLE_LOCAL_MS,
} from '../resilience/timers.ts'
import type { Secret } from '../std/secret.ts'
import type { AttemptTimers, NativeContinuation, Provider, Target, TargetId } from './provider.ts'

/** A target; without `timers` the defaults of its provider hold. */
export function createTarget(
  provider: Provider,
  modelId: string,
  credential?: Secret,
  timers: AttemptTimers = defaultTimers(provider),
): Target {
  // A target id is by definition the provider's id and the model's name.
  const id = `${provider.id}/${modelId}` as TargetId
  return { id, provider, modelId, timers, ...(credential && { credential }) }
}

/** Who can read the state that a provider makes; in its own words where it shares it with others. */
export function stateOriginOf(provider: Provider): string {
  return provider.stateOrigin ?? provider.id
}

/** How this target goes on with an answer whose beginning it is given; `undefined`: it does not. */
export function nativeContinuationOf({ provider, modelId }: Target): NativeContinuation | undefined {
  const { continuation } = provider
  return typeof continuation === 'function' ? continuation(modelId) : continuation
}

/** A local server may be loading its model for minutes; a hosted one has no such excuse. */
export function defaultTimers({ isLocal }: Pick<Provider, 'isLocal'>): AttemptTimers {
  return {
    connectMs: CONNECT_MS,
    firstTokenMs: isLocal ? FIRST_TOKEN_LOCAL_MS : FIRST_TOKEN_HOSTED_MS,
    idleMs: isLocal ? IDLE_LOCAL_MS : IDLE_HOSTED_MS,
  }
}

/** What `provider/model` names. */
export interface Address {
  readonly providerId: string
  /** May hold further slashes. */
  readonly modelId: string
}

/** Reads `provider/model`; `undefined` where either half is missing. */
export function parseAddress(address: string): Address | undefined {
  const slash = address.indexOf('/')
  if (slash <= 0 || slash === address.length - 1) return undefined
  return { providerId: address.slice(0, slash), modelId: address.slice(slash + 1) }
}
