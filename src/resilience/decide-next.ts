/**
 * What to do after a failed attempt: the rule, apart from the act. Pure: the error's row in the table says what may be
 * tried, the numbers here say when.
 */

import type { ErrorCode } from '../errors/codes.ts'
import type { GatewayError } from '../errors/gateway-error.ts'
import { LIMITED_DEFAULT_MS } from './target-health.ts'

/** A Retry-After up to this is waited out at the same target: its prompt cache is warm. */
export const INLINE_WAIT_MAX_MS = 3_000
/** With no other target left, a wait up to this is still better than an error. */
export const LAST_RESORT_WAIT_MAX_MS = 10_000
/** The longest Retry-After shown to a client. */
export const RETRY_AFTER_SHOWN_MAX_MS = 60_000

export interface FailedAttempt {
  readonly error: GatewayError
  /** Tries of this target beyond its first, for this request; free ones not counted. */
  readonly retriesOfTarget: number
  /** The one free retry of this target is used up. */
  readonly isFreeRetryUsed: boolean
  /** The request makes something that stays (a file, a batch): it must not be made twice. */
  readonly isOnce?: boolean
  /** The route asks another target where one refuses the content. */
  readonly fallsBackOnPolicy?: boolean
}

export interface Prospects {
  /** Attempts that may still be made, at any target. */
  readonly attemptsLeft: number
  /** Second tries that may still be made, at any target. */
  readonly retriesLeft: number
  readonly deadlineLeftMs: number
  /** Targets not tried yet that could take the request, given where this error may go. */
  readonly othersLeft: number
  /** Drawn for this decision: a full-jitter backoff, ms. */
  readonly backoffMs: number
  /** Drawn for this decision: the pause that an overloaded target is owed, ms. */
  readonly overloadPauseMs: number
}

export type Decision =
  /** Nothing had left us: again at once, not counted as an attempt. */
  | { readonly type: 'retry-free' }
  | { readonly type: 'retry-same'; readonly waitMs: number }
  | { readonly type: 'try-other' }
  | { readonly type: 'stop' }

const stop: Decision = { type: 'stop' }
const tryOther: Decision = { type: 'try-other' }

/** The request had left us, and nobody said no: the provider may have done what was asked. */
export const mayHaveRun: ReadonlySet<string> = new Set<ErrorCode>([
  'upstream_reset',
  'upstream_timeout',
  'upstream_protocol',
  'upstream_truncated',
  'upstream_bad_response',
  'upstream_gateway_timeout',
  'empty_response',
  'response_too_large',
])

export function decideNext(failed: FailedAttempt, prospects: Prospects): Decision {
  const { row, facts } = failed.error
  if (facts.isFinal === true) return stop
  if (failed.isOnce === true && mayHaveRun.has(failed.error.code)) return stop
  if (facts.isTransparent === true || row.sameTarget === 'free-once') {
    if (!failed.isFreeRetryUsed && prospects.deadlineLeftMs > 0) return { type: 'retry-free' }
  }
  if (prospects.attemptsLeft <= 0 || prospects.deadlineLeftMs <= 0) return stop
  const mayGoElsewhere =
    row.otherTarget !== 'no' || (failed.fallsBackOnPolicy === true && failed.error.code === 'content_policy')
  const other = prospects.othersLeft > 0 && mayGoElsewhere ? tryOther : undefined
  const mayRetrySame =
    failed.retriesOfTarget === 0 &&
    facts.isClientRetryable !== false &&
    prospects.retriesLeft > 0 &&
    hasAttemptToSpare(prospects, other)
  switch (row.sameTarget) {
    case 'after-wait':
      return afterWait(failed, prospects, other, mayRetrySame)
    case 'once':
      if (!mayRetrySame) return other ?? stop
      return retrySame(Math.max(prospects.backoffMs, facts.retryAfterMs ?? 0), prospects, other)
    case 'once-after-pause':
      if (other) return other
      if (!mayRetrySame) return stop
      return retrySame(Math.max(prospects.overloadPauseMs, facts.retryAfterMs ?? 0), prospects, other)
    case 'free-once':
    case 'no':
      return other ?? stop
  }
}

/** A second try here must not cost a target that was never asked its first. */
function hasAttemptToSpare(prospects: Prospects, other: Decision | undefined): boolean {
  return other === undefined || prospects.attemptsLeft > prospects.othersLeft
}

/** Retry-After is a floor. Short: the same target once. Long: elsewhere at once, or the last resort, or the client. */
function afterWait(
  failed: FailedAttempt,
  prospects: Prospects,
  other: Decision | undefined,
  mayRetrySame: boolean,
): Decision {
  const { retryAfterMs } = failed.error.facts
  const windowMs = retryAfterMs ?? LIMITED_DEFAULT_MS
  // Chance on top: all who were told the same wait must not come back at once.
  const waitMs = windowMs + prospects.backoffMs
  const isInTime = waitMs < prospects.deadlineLeftMs
  if (retryAfterMs !== undefined && retryAfterMs <= INLINE_WAIT_MAX_MS && mayRetrySame && isInTime) {
    return { type: 'retry-same', waitMs }
  }
  if (other) return other
  if (windowMs > LAST_RESORT_WAIT_MAX_MS || !mayRetrySame || !isInTime) return stop
  return { type: 'retry-same', waitMs }
}

/** A wait that would outlive the deadline or the inline cap is not begun where something better exists. */
function retrySame(waitMs: number, prospects: Prospects, other: Decision | undefined): Decision {
  if (waitMs >= prospects.deadlineLeftMs) return other ?? stop
  if (waitMs > INLINE_WAIT_MAX_MS && other) return other
  if (waitMs > LAST_RESORT_WAIT_MAX_MS) return stop
  return { type: 'retry-same', waitMs }
}
