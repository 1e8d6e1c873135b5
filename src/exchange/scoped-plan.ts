/** Keeps a plan to what the client's key may use: what it may not use looks to it as if it were not there (SEC-19). */

import type { Operation } from '../canonical/envelope.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import { isScoped, mayUse, modelNotFound, refuseOperation } from '../keys/scopes.ts'
import { type Plan, targetNodes } from '../routing/plan.ts'
import type { Caller } from './gateway.ts'

export interface ScopedAsk {
  readonly modelId: string
  readonly operation: Operation
}

/**
 * The plan that `planOf` makes, as far as the caller may use it. Throws `permission_denied` for an operation, and
 * `model_not_found` where nothing of the plan is left; what the planner itself says against the request names models
 * and routes, and is told only to a caller who may use what it asked for.
 */
export function planInScopes(planOf: () => Plan, caller: Caller, ask: ScopedAsk): Plan {
  if (!isScoped(caller)) return planOf()
  refuseOperation(caller, ask.operation)
  return keepToScopes(planned(planOf, caller, ask), caller, ask)
}

function planned(planOf: () => Plan, caller: Caller, { modelId, operation }: ScopedAsk): Plan {
  try {
    return planOf()
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error
    const isKnown = error.code !== 'model_not_found' && mayUse(caller, { modelId, operation, route: modelId })
    if (modelId === '' || isKnown) throw error
    throw modelNotFound(modelId)
  }
}

function keepToScopes(plan: Plan, caller: Caller, { modelId, operation }: ScopedAsk): Plan {
  const { routeName } = plan
  const use = { modelId, operation, ...(routeName === undefined ? {} : { route: routeName }) }
  if (mayUse(caller, use)) return plan
  const children = targetNodes(plan.root).filter(({ target }) =>
    mayUse(caller, { ...use, target: target.id }),
  )
  if (children.length === 0) throw modelId === '' ? notOfAnyModel(operation) : modelNotFound(modelId)
  return { ...plan, root: { type: 'first', children } }
}

function notOfAnyModel(operation: Operation): GatewayError {
  return new GatewayError(
    'permission_denied',
    `The client key is kept to certain models or routes, and ${operation} without a model are none of theirs.`,
  )
}
