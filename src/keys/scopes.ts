/** What a key is good for. Everything that it does not cover looks to its holder as if it did not exist (SEC-19). */

import type { Operation } from '../canonical/envelope.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import type { KeyHolder } from './key-index.ts'

export interface ScopedUse {
  /** The route that serves it; absent where a model is asked for by itself. */
  readonly route?: string
  /** As the client named it. */
  readonly modelId: string
  /** `provider/model`, where one is looked at. */
  readonly target?: string
  readonly operation: Operation
}

/**
 * Every list that the key has must have a place for it; a key without lists may do everything. A list of models covers
 * what the client named, or the target: where a route is asked for by its name and models are listed by theirs, ask again
 * with each target, and leave out those that are not covered.
 */
export function mayUse({ scopes }: KeyHolder, use: ScopedUse): boolean {
  if (scopes === undefined) return true
  const { operations, routes } = scopes
  if (operations !== undefined && !operations.includes(use.operation)) return false
  if (routes !== undefined && (use.route === undefined || !covers(routes, use.route))) return false
  return coversModel(scopes.models, use)
}

/** Whether the holder is told of a model, by a list or by a "did you mean": whatever may be done with it. */
export function mayKnow(
  { scopes }: KeyHolder,
  { route, modelId, target }: Omit<ScopedUse, 'operation'>,
): boolean {
  if (scopes === undefined) return true
  const { routes } = scopes
  if (routes !== undefined && (route === undefined || !covers(routes, route))) return false
  return coversModel(scopes.models, { modelId, ...(target !== undefined && { target }) })
}

/** Whether anything is closed to the holder, so that the rest must be looked at piece by piece. */
export function isScoped({ scopes }: KeyHolder): boolean {
  return (
    scopes !== undefined &&
    (scopes.routes !== undefined || scopes.models !== undefined || scopes.operations !== undefined)
  )
}

/** An operation is public knowledge; that the key may not ask for it is said as it is. */
export function refuseOperation({ scopes }: KeyHolder, operation: Operation): void {
  if (scopes?.operations === undefined || scopes.operations.includes(operation)) return
  throw new GatewayError('permission_denied', `The client key may not be used for ${operation}.`)
}

const MODEL_NAME_SHOWN_MAX = 100

/** The one answer for a model that is not there and for one that is not the holder's: no suggestions, which would tell. */
export function modelNotFound(modelId: string): GatewayError {
  const shown = modelId.length > MODEL_NAME_SHOWN_MAX ? `${modelId.slice(0, MODEL_NAME_SHOWN_MAX)}…` : modelId
  return new GatewayError('model_not_found', `No model "${shown}" is served for this client key.`, {
    param: 'model',
  })
}

function coversModel(
  models: readonly string[] | undefined,
  { modelId, target }: Pick<ScopedUse, 'modelId' | 'target'>,
): boolean {
  return models === undefined || covers(models, modelId) || (target !== undefined && covers(models, target))
}

function covers(names: readonly string[], asked: string): boolean {
  for (const name of names) {
    if (name.endsWith('*') ? startsLike(asked, name) : asked === name) return true
  }
  return false
}

/** `asked` begins with all of `name` but its star. */
function startsLike(asked: string, name: string): boolean {
  return asked.length >= name.length - 1 && asked.startsWith(name.slice(0, -1))
}
