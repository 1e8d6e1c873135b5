/** An error as an HTTP answer in the caller's dialect: with the request id, what was tried, and whether to try again. */

import type { GatewayError } from '../errors/gateway-error.ts'
import type { Dialect } from '../dialects/dialect.ts'
import { SUMMARY_LENGTH_MAX } from '../execution/decision-trace.ts'
import { type AnswerRules, answerWhole } from './answer.ts'
import type { ClientCall } from './client-call.ts'
import { headerText } from './header-text.ts'
import { RETRY_AFTER_MAX_MS } from './http-limits.ts'

const JSON_TYPE = 'application/json; charset=utf-8'

export function answerError(
  call: ClientCall,
  dialect: Dialect,
  error: GatewayError,
  rules: AnswerRules,
): void {
  answerWhole(
    call,
    {
      status: error.status,
      contentType: JSON_TYPE,
      body: errorBody(call.id, dialect, error),
      headers: errorHeaders(error),
    },
    rules,
  )
}

/** The error in the dialect's words; a dialect that fails at that must not hide the error. */
export function errorBody(requestId: string, dialect: Dialect, error: GatewayError): string {
  try {
    return dialect.writeError(error, { requestId, attempts: error.attempts })
  } catch {
    return JSON.stringify({
      error: { message: 'The gateway failed on this request.', type: 'internal', code: error.code },
    })
  }
}

/** `x-should-retry` on every error, and how long to wait where that is known. */
export function errorHeaders(error: GatewayError): readonly string[] {
  const headers = ['x-should-retry', String(error.isClientRetryable)]
  const { retryAfterMs, allow, explanation } = error.facts
  if (retryAfterMs !== undefined && retryAfterMs >= 0) {
    const waitMs = Math.min(Math.ceil(retryAfterMs), RETRY_AFTER_MAX_MS)
    headers.push('retry-after', String(Math.ceil(waitMs / 1_000)), 'retry-after-ms', String(waitMs))
  }
  if (error.attempts.length > 0) headers.push('x-holdfast-attempts', String(error.attempts.length))
  if (explanation !== undefined)
    headers.push('x-holdfast-explanation', headerText(explanation, SUMMARY_LENGTH_MAX))
  if (allow !== undefined) headers.push('allow', allow)
  // RFC 9110, 15.5.22: the answer names what it would rather speak.
  if (error.code === 'upgrade_required') headers.push('upgrade', 'HTTP/1.1', 'connection', 'close, upgrade')
  return headers
}
