/** An error as OpenAI's APIs say it, with what this gateway adds: shared by all dialects of that family. */

import type { ErrorCode, ErrorKind } from '../errors/codes.ts'
import type { GatewayError } from '../errors/gateway-error.ts'
import type { JsonObject } from '../std/json.ts'
import type { ErrorContext } from './dialect.ts'
import { limitFacts } from './limit-facts.ts'
import { withoutAbsent } from './openai-chat/fields.ts'

/** The body of an HTTP error answer. */
export function writeError(error: GatewayError, context: ErrorContext): string {
  return JSON.stringify({ error: errorObject(error, context) })
}

/** What stands under `error`. */
export function errorObject(error: GatewayError, context: ErrorContext): JsonObject {
  return {
    message: error.message,
    type: typesByKind[error.row.kind],
    param: error.facts.param ?? null,
    code: openaiCodes[error.code] ?? error.code,
    holdfast: withoutAbsent({
      type: error.code,
      retryable: error.isClientRetryable,
      retry_after_ms: error.facts.retryAfterMs,
      fault: error.row.fault,
      next_step: error.nextStep,
      ...limitFacts(error.facts),
      request_id: context.requestId,
      attempts: context.attempts.map(({ target, status, code, durationMs }) =>
        withoutAbsent({ target, status, code, duration_ms: durationMs }),
      ),
      partial: context.isPartial,
    }),
  }
}

const typesByKind: Readonly<Record<ErrorKind, string>> = {
  'invalid-request': 'invalid_request_error',
  authentication: 'authentication_error',
  permission: 'permission_error',
  'not-found': 'not_found_error',
  'too-large': 'invalid_request_error',
  'rate-limit': 'rate_limit_error',
  quota: 'insufficient_quota',
  'content-policy': 'invalid_request_error',
  timeout: 'timeout_error',
  overloaded: 'overloaded_error',
  upstream: 'api_error',
  internal: 'server_error',
}

/** Codes that programs written for OpenAI compare with; every other is our own. */
const openaiCodes: Partial<Record<ErrorCode, string>> = {
  unauthenticated: 'invalid_api_key',
  upstream_model_not_found: 'model_not_found',
  rate_limited: 'rate_limit_exceeded',
  key_rate_limited: 'rate_limit_exceeded',
  model_quota_exhausted: 'insufficient_quota',
  request_over_limit: 'rate_limit_exceeded',
  content_policy: 'content_policy_violation',
}
