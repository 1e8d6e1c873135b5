/** An error as an HTTP answer in the caller's dialect: with the request id, what was tried, and whether to try again. */

import type { LimitStanding } from '../admission/limit-standing.ts'
import type { DialectId } from '../canonical/envelope.ts'
import type { Dialect } from '../dialects/dialect.ts'
import type { GatewayError } from '../errors/gateway-error.ts'
import { SUMMARY_LENGTH_MAX } from '../execution/decision-trace.ts'
import type { Cost } from '../ledger/cost.ts'
import { type AnswerRules, answerWhole } from './answer.ts'
import type { ClientCall } from './client-call.ts'
import { pushCostHeaders } from './cost-headers.ts'
import { headerText } from './header-text.ts'
import { RETRY_AFTER_MAX_MS } from './http-limits.ts'
import { pushLimitHeaders, pushSpentNotice } from './limit-headers.ts'

/** What is known of a request that was being served when it failed. */
export interface ServedFacts {
  readonly standing?: LimitStanding | undefined
  /** What its attempts cost. */
  readonly cost?: Cost | undefined
}

const JSON_TYPE = 'application/json; charset=utf-8'

export function answerError(
  call: ClientCall,
  dialect: Dialect,
  error: GatewayError,
  rules: AnswerRules,
  served: ServedFacts = {},
): void {
  answerWhole(
    call,
    {
      status: error.status,
      contentType: JSON_TYPE,
      body: errorBody(call.id, dialect, error),
      headers: errorHeaders(error, dialect.id, served),
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

/**
 * `x-should-retry` on every error, and how long to wait where that is known; what was tried, and what that cost; where the
 * client stands with its limits, in its dialect.
 */
export function errorHeaders(
  error: GatewayError,
  dialect?: DialectId,
  { standing, cost }: ServedFacts = {},
): readonly string[] {
  const headers = ['x-should-retry', String(error.isClientRetryable)]
  const { retryAfterMs, allow, explanation, budget } = error.facts
  if (budget !== undefined) {
    // The bound below is one for retries; who waits for a budget is told how long it is.
    if (budget.resetsInMs !== undefined) headers.push('retry-after', wholeSeconds(budget.resetsInMs))
    if (dialect === 'anthropic-messages') pushSpentNotice(headers, budget)
  } else if (retryAfterMs !== undefined && retryAfterMs >= 0) {
    const waitMs = Math.min(Math.ceil(retryAfterMs), RETRY_AFTER_MAX_MS)
    headers.push('retry-after', String(Math.ceil(waitMs / 1_000)), 'retry-after-ms', String(waitMs))
  }
  if (dialect !== undefined && standing !== undefined) pushLimitHeaders(headers, dialect, standing)
  if (error.attempts.length > 0) {
    headers.push('x-holdfast-attempts', String(error.attempts.length))
    if (cost !== undefined) pushCostHeaders(headers, cost)
  }
  if (explanation !== undefined)
    headers.push('x-holdfast-explanation', headerText(explanation, SUMMARY_LENGTH_MAX))
  if (allow !== undefined) headers.push('allow', allow)
  // RFC 9110, 15.5.22: the answer names what it would rather speak.
  if (error.code === 'upgrade_required') headers.push('upgrade', 'HTTP/1.1', 'connection', 'close, upgrade')
  return headers
}

/** Rounded up, and no less than one: who comes at once comes too early. */
function wholeSeconds(ms: number): string {
  return String(Math.max(1, Math.ceil(ms / 1_000)))
}
