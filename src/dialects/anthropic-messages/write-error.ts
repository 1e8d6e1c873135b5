/** Says an error of ours in Anthropic's words: its clients act upon the type, and upon the message of a 400 or 413. */

import type { ErrorKind } from '../../errors/codes.ts'
import type { GatewayError } from '../../errors/gateway-error.ts'
import type { JsonObject } from '../../std/json.ts'
import { encodeSse } from '../../wire/sse.ts'
import type { AttemptSummary, ErrorContext } from '../dialect.ts'
import { limitFacts } from '../limit-facts.ts'
import { rejectedCapability, writeMessage } from './capability-words.ts'

const typesByKind: Readonly<Record<ErrorKind, string>> = {
  'invalid-request': 'invalid_request_error',
  authentication: 'authentication_error',
  permission: 'permission_error',
  'not-found': 'not_found_error',
  'too-large': 'request_too_large',
  'rate-limit': 'rate_limit_error',
  quota: 'billing_error',
  'content-policy': 'policy_blocked',
  timeout: 'timeout_error',
  overloaded: 'overloaded_error',
  upstream: 'api_error',
  internal: 'api_error',
}

export function writeError(error: GatewayError, context: ErrorContext): string {
  return JSON.stringify(errorBody(error, context))
}

/** No `message_stop` follows: the answer is not whole. */
export function writeStreamError(error: GatewayError, context: ErrorContext): string {
  return encodeSse(writeError(error, context), 'error')
}

function errorBody(error: GatewayError, context: ErrorContext): JsonObject {
  const { facts } = error
  return {
    type: 'error',
    error: {
      type: errorType(error),
      message: writeMessage(error),
      ...(facts.details === undefined ? {} : { details: facts.details }),
      ...(facts.param === undefined ? {} : { param: facts.param }),
      holdfast: ownFacts(error, context),
    },
    request_id: context.requestId,
  }
}

/** A status that was kept from the provider says more than the row's kind. */
function errorType(error: GatewayError): string {
  // Claude Code's gateway contract has a word of its own for it.
  if (error.code === 'not_supported') return 'not_supported'
  return error.facts.status === 404 ? typesByKind['not-found'] : typesByKind[error.row.kind]
}

function ownFacts(error: GatewayError, context: ErrorContext): JsonObject {
  const { retryAfterMs } = error.facts
  return {
    type: error.code,
    retryable: error.isClientRetryable,
    ...(retryAfterMs === undefined ? {} : { retry_after_ms: retryAfterMs }),
    fault: error.row.fault,
    ...(rejectedCapability(error) === undefined ? {} : { message: error.message }),
    next_step: error.nextStep,
    ...limitFacts(error.facts),
    request_id: context.requestId,
    attempts: context.attempts.map(attemptFacts),
    ...(context.isPartial ? { partial: true } : {}),
  }
}

function attemptFacts({ target, status, code, durationMs }: AttemptSummary): JsonObject {
  return {
    target,
    ...(status === undefined ? {} : { status }),
    ...(code === undefined ? {} : { code }),
    duration_ms: durationMs,
  }
}
