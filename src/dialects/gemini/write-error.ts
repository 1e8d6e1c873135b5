/** Says an error of ours as Google's APIs do: its SDK knows an error by its code and status, and shows the message. */

import type { ErrorKind } from '../../errors/codes.ts'
import type { BudgetFacts, GatewayError } from '../../errors/gateway-error.ts'
import type { JsonObject } from '../../std/json.ts'
import type { ErrorContext } from '../dialect.ts'
import { errorObject } from '../openai-error.ts'
import { frameOf } from './stream-frame.ts'

/** The words of google.rpc.Code. */
const statusWords: Readonly<Record<ErrorKind, string>> = {
  'invalid-request': 'INVALID_ARGUMENT',
  authentication: 'UNAUTHENTICATED',
  permission: 'PERMISSION_DENIED',
  'not-found': 'NOT_FOUND',
  'too-large': 'INVALID_ARGUMENT',
  'rate-limit': 'RESOURCE_EXHAUSTED',
  quota: 'RESOURCE_EXHAUSTED',
  'content-policy': 'INVALID_ARGUMENT',
  timeout: 'DEADLINE_EXCEEDED',
  overloaded: 'UNAVAILABLE',
  upstream: 'UNAVAILABLE',
  internal: 'INTERNAL',
}

export function writeError(error: GatewayError, context: ErrorContext): string {
  return JSON.stringify({
    error: {
      code: error.status,
      message: error.message,
      status: statusWords[error.row.kind],
      details: detailsOf(error),
      ...ownFacts(error, context),
    },
  })
}

/** Google's clients of the array form read elements: what has begun is closed, so that the whole is JSON. */
export function writeStreamError(error: GatewayError, context: ErrorContext): string {
  const text = writeError(error, context)
  return context.streamForm === 'json-array' ? `,\r\n${text}\n]` : frameOf().element(text)
}

/** What this gateway adds is the same in every dialect. */
function ownFacts(error: GatewayError, context: ErrorContext): JsonObject {
  const { holdfast, param } = errorObject(error, context)
  return { ...(param === null || param === undefined ? {} : { param }), holdfast }
}

function detailsOf(error: GatewayError): readonly JsonObject[] {
  const { retryAfterMs, budget } = error.facts
  return [
    {
      '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
      reason: error.code.toUpperCase(),
      domain: 'holdfast',
    },
    ...(retryAfterMs === undefined
      ? []
      : [
          {
            '@type': 'type.googleapis.com/google.rpc.RetryInfo',
            retryDelay: `${Math.ceil(retryAfterMs) / 1_000}s`,
          },
        ]),
    ...(budget === undefined ? [] : [quotaFailure(budget)]),
  ]
}

/** Google's words for a quota: its command line gives up at once on one that comes back with the day, by this name. */
function quotaFailure({ name, scopeKind, period }: BudgetFacts): JsonObject {
  const quotaId = `HoldfastBudget${quotaPeriods[period]}`
  return {
    '@type': 'type.googleapis.com/google.rpc.QuotaFailure',
    violations: [{ subject: scopeKind, description: name, quotaId }],
  }
}

const quotaPeriods: Readonly<Record<BudgetFacts['period'], string>> = {
  day: 'PerDay',
  week: 'PerWeek',
  month: 'PerMonth',
  total: 'InTotal',
}
