/** An error inside a stream of this dialect: the response fails, by the id that the stream has had from its start. */

import type { ErrorCode } from '../../errors/codes.ts'
import type { GatewayError } from '../../errors/gateway-error.ts'
import type { JsonObject } from '../../std/json.ts'
import { encodeSse } from '../../wire/sse.ts'
import type { ErrorContext } from '../dialect.ts'
import { errorObject } from '../openai-error.ts'

/** Codes of a failed response that programs compare with; all others are `server_error`. */
const failureCodes: Partial<Record<ErrorCode, string>> = {
  rate_limited: 'rate_limit_exceeded',
  key_rate_limited: 'rate_limit_exceeded',
  request_over_limit: 'rate_limit_exceeded',
  insufficient_quota: 'insufficient_quota',
  model_quota_exhausted: 'insufficient_quota',
  budget_exceeded: 'insufficient_quota',
  context_length_exceeded: 'context_length_exceeded',
  content_policy: 'content_policy_violation',
  upstream_overloaded: 'server_is_overloaded',
  upstream_invalid_request: 'invalid_prompt',
}

export function failureCode(error: GatewayError): string {
  return failureCodes[error.code] ?? 'server_error'
}

/** The response, failed. */
export function failedResponse(response: JsonObject, error: GatewayError, context: ErrorContext): JsonObject {
  const { holdfast } = errorObject(error, context)
  const code = failureCode(error)
  return { ...response, status: 'failed', error: { code, message: error.message, holdfast } }
}

export function failedEvent(response: JsonObject, number: number): string {
  return encodeSse(
    JSON.stringify({ type: 'response.failed', response, sequence_number: number }),
    'response.failed',
  )
}
