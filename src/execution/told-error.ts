/** An error as a client is told it: with a wait wherever waiting helps, and never a longer one than our bound. */

import { GatewayError } from '../errors/gateway-error.ts'
import { OVERLOAD_PAUSE_MS } from '../resilience/backoff.ts'
import { RETRY_AFTER_SHOWN_MAX_MS } from '../resilience/decide-next.ts'
import { LIMITED_DEFAULT_MS, type Verdict } from '../resilience/target-health.ts'

/** A refusal remembered from an earlier request: what it said of that request is nobody else's business. */
export function stillRefused(
  verdict: Exclude<Verdict, { type: 'available' }>,
  waitMs: number | undefined,
): GatewayError {
  const { error } = verdict
  const { upstreamMessage: _words, param: _param, details: _details, ...facts } = error.facts
  const left = waitMs === undefined ? facts : { ...facts, retryAfterMs: Math.max(0, Math.ceil(waitMs)) }
  if (verdict.type === 'open') return new GatewayError('no_target_available', OPEN_WORDS, left)
  return new GatewayError(error.code, rememberedWords[verdict.type], left)
}

const OPEN_WORDS = 'The target failed again and again a moment ago; it is left in peace for a while.'

const rememberedWords = {
  limited: 'The provider asked us to slow down a moment ago.',
  exhausted: 'The credit or spend limit at the provider is used up.',
  'auth-dead': 'The provider refuses the credential of the gateway.',
}

/** No further try is wanted from anybody: the budgets of effort are spent. */
export function finalError(error: GatewayError): GatewayError {
  return error.withFacts({ isClientRetryable: false })
}

export function toldError(error: GatewayError): GatewayError {
  const retryAfterMs = shownWaitMs(error)
  if (retryAfterMs === undefined || retryAfterMs === error.facts.retryAfterMs) return error
  return error.withFacts({ retryAfterMs })
}

/** A provider may refuse without a word about when to come again; a client that is told nothing comes at once. */
function shownWaitMs({ row, facts, isClientRetryable }: GatewayError): number | undefined {
  if (facts.retryAfterMs !== undefined) return Math.min(facts.retryAfterMs, RETRY_AFTER_SHOWN_MAX_MS)
  if (!isClientRetryable) return undefined
  if (row.kind === 'rate-limit') return LIMITED_DEFAULT_MS
  return row.kind === 'overloaded' ? OVERLOAD_PAUSE_MS : undefined
}
