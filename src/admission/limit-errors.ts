/** Refusals by a limit, as errors: one sentence that says which limit, whose, how much is left of it and what to do. */

import { GatewayError, type LimitFacts } from '../errors/gateway-error.ts'
import type { LimitVerdict } from './caller-limits.ts'
import type { LimitRefusal } from './limit-terms.ts'

/** What a caller is asked to wait for whom there is no room among those that are followed. */
export const NO_ROOM_WAIT_MS = 1_000

export function limitError(verdict: Exclude<LimitVerdict, { type: 'granted' }>): GatewayError {
  if (verdict.type === 'no-room') {
    const message = 'The gateway counts for as many keys and projects as it may; this one has no room.'
    return new GatewayError('overloaded', message, { retryAfterMs: NO_ROOM_WAIT_MS })
  }
  const { type: _type, waitMs, ...limit } = verdict
  const facts = waitMs === undefined ? { isClientRetryable: false } : { retryAfterMs: waitMs }
  return new GatewayError('key_rate_limited', sayRefusal(verdict), { ...facts, limit })
}

function sayRefusal(refusal: LimitRefusal): string {
  const { of, limit, remaining, needed, waitMs } = refusal
  const [may, unit] = [`This ${of} may`, ` ${units[refusal.kind]}`]
  if (refusal.kind === 'concurrent-requests') {
    return limit === 0
      ? `${may} have no request under way: ask the operator for a higher limit.`
      : `${may} have ${limit} ${limit === 1 ? 'request' : 'requests'} under way at one time, and has: try again when one is over.`
  }
  if (waitMs === undefined) {
    // Of tokens only the text never fits: what else is estimated asks for no more than there may be.
    return refusal.kind === 'requests'
      ? `${may} use ${limit}${unit} a minute, and this request takes ${needed} at once: ask the operator for a higher limit.`
      : `${may} use ${limit}${unit} a minute, and the text of this request alone takes about ${needed}: send less text, or ask the operator for a higher limit.`
  }
  const left = remaining === 0 ? 'none is left' : `${remaining} of them are left`
  const takes = needed === 1 ? '' : `, and this request takes up to ${needed}`
  return `${may} use ${limit}${unit} a minute, ${left}${takes}: try again in ${sayWait(waitMs)}.`
}

const units: Readonly<Record<LimitFacts['kind'], string>> = {
  requests: 'requests',
  'input-tokens': 'input tokens',
  'output-tokens': 'output tokens',
  tokens: 'tokens',
  'concurrent-requests': 'requests',
}

/** Rounded up to a tenth of a second. */
function sayWait(waitMs: number): string {
  return `${Math.ceil(waitMs / 100) / 10} s`
}
