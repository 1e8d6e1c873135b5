import { describe, expect, test } from 'vitest'
import type { ErrorCode } from '../errors/codes.ts'
import { type ErrorFacts, GatewayError } from '../errors/gateway-error.ts'
import { type Decision, decideNext, type FailedAttempt, type Prospects } from './decide-next.ts'

const prospects: Prospects = {
  attemptsLeft: 3,
  retriesLeft: 2,
  deadlineLeftMs: 60_000,
  othersLeft: 1,
  backoffMs: 120,
  overloadPauseMs: 1_400,
}

function decide(
  code: ErrorCode,
  change: { facts?: ErrorFacts; failed?: Partial<FailedAttempt>; prospects?: Partial<Prospects> } = {},
): Decision {
  const error = new GatewayError(code, 'x', change.facts)
  return decideNext(
    { error, retriesOfTarget: 0, isFreeRetryUsed: false, ...change.failed },
    { ...prospects, ...change.prospects },
  )
}

const alone = { othersLeft: 0 }

describe('what follows a failure', () => {
  test('a connection that never stood is tried again for free, once, then elsewhere', () => {
    expect(decide('upstream_unreachable')).toEqual({ type: 'retry-free' })
    expect(decide('upstream_unreachable', { failed: { isFreeRetryUsed: true } })).toEqual({
      type: 'try-other',
    })
    expect(decide('upstream_unreachable', { failed: { isFreeRetryUsed: true }, prospects: alone })).toEqual({
      type: 'stop',
    })
  })

  test('a free retry is possible even when no attempts are left', () => {
    expect(decide('upstream_unreachable', { prospects: { attemptsLeft: 0 } })).toEqual({ type: 'retry-free' })
  })

  test('an error that is said to be final is, whatever its row says', () => {
    expect(decide('budget_exceeded')).toEqual({ type: 'try-other' })
    expect(decide('budget_exceeded', { facts: { isFinal: true } })).toEqual({ type: 'stop' })
  })

  test('a closed kept-alive connection is free too', () => {
    expect(decide('upstream_reset', { facts: { isTransparent: true } })).toEqual({ type: 'retry-free' })
  })

  test('a 5xx is tried once more at the same target, then elsewhere, then no more', () => {
    expect(decide('upstream_error')).toEqual({ type: 'retry-same', waitMs: 120 })
    expect(decide('upstream_error', { failed: { retriesOfTarget: 1 } })).toEqual({ type: 'try-other' })
    expect(decide('upstream_error', { failed: { retriesOfTarget: 1 }, prospects: alone })).toEqual({
      type: 'stop',
    })
  })

  test('a timeout never goes back to the same target', () => {
    expect(decide('upstream_timeout')).toEqual({ type: 'try-other' })
    expect(decide('upstream_timeout', { prospects: alone })).toEqual({ type: 'stop' })
  })

  test('an overloaded target is left first, and paused for when it is the only one', () => {
    expect(decide('upstream_overloaded')).toEqual({ type: 'try-other' })
    expect(decide('upstream_overloaded', { prospects: alone })).toEqual({ type: 'retry-same', waitMs: 1_400 })
  })

  test('a short Retry-After is waited out at the same target', () => {
    expect(decide('rate_limited', { facts: { retryAfterMs: 2_000 } })).toEqual({
      type: 'retry-same',
      waitMs: 2_120,
    })
  })

  test('a longer Retry-After sends the request elsewhere at once', () => {
    expect(decide('rate_limited', { facts: { retryAfterMs: 5_000 } })).toEqual({ type: 'try-other' })
  })

  test('with nowhere else to go a wait of ten seconds is kept, a longer one is told to the client', () => {
    expect(decide('rate_limited', { facts: { retryAfterMs: 9_000 }, prospects: alone })).toEqual({
      type: 'retry-same',
      waitMs: 9_120,
    })
    expect(decide('rate_limited', { facts: { retryAfterMs: 11_000 }, prospects: alone })).toEqual({
      type: 'stop',
    })
  })

  test('a 429 without a wait goes elsewhere, or backs off', () => {
    expect(decide('rate_limited')).toEqual({ type: 'try-other' })
    expect(decide('rate_limited', { prospects: alone })).toEqual({ type: 'retry-same', waitMs: 1_120 })
  })

  test('no wait outlives the deadline', () => {
    const late = { facts: { retryAfterMs: 2_000 }, prospects: { ...alone, deadlineLeftMs: 1_500 } }
    expect(decide('rate_limited', late)).toEqual({ type: 'stop' })
  })

  test.each<ErrorCode>(['content_policy', 'upstream_invalid_request', 'gateway_error', 'invalid_json'])(
    '%s stops at once',
    (code) => {
      expect(decide(code)).toEqual({ type: 'stop' })
    },
  )

  test.each<ErrorCode>(['insufficient_quota', 'upstream_auth', 'upstream_model_not_found'])(
    '%s is never retried where it came from',
    (code) => {
      expect(decide(code)).toEqual({ type: 'try-other' })
      expect(decide(code, { prospects: alone })).toEqual({ type: 'stop' })
    },
  )

  test('a provider that says x-should-retry: false is believed', () => {
    expect(decide('rate_limited', { facts: { isClientRetryable: false, retryAfterMs: 100 } })).toEqual({
      type: 'try-other',
    })
    expect(decide('upstream_error', { facts: { isClientRetryable: false }, prospects: alone })).toEqual({
      type: 'stop',
    })
  })

  test('a second try never costs an untried target its first', () => {
    expect(decide('upstream_error', { prospects: { attemptsLeft: 2, othersLeft: 2 } })).toEqual({
      type: 'try-other',
    })
    expect(decide('upstream_error', { prospects: { attemptsLeft: 3, othersLeft: 2 } })).toMatchObject({
      type: 'retry-same',
    })
  })

  test('without retries the next target is still tried', () => {
    expect(decide('upstream_error', { prospects: { retriesLeft: 0 } })).toEqual({ type: 'try-other' })
    expect(decide('upstream_error', { prospects: { retriesLeft: 0, ...alone } })).toEqual({ type: 'stop' })
  })

  test('nothing is tried without attempts or time', () => {
    expect(decide('upstream_error', { prospects: { attemptsLeft: 0 } })).toEqual({ type: 'stop' })
    expect(decide('upstream_error', { prospects: { deadlineLeftMs: 0 } })).toEqual({ type: 'stop' })
  })
})

describe('a request that makes something that stays', () => {
  const typeOf = (code: ErrorCode, facts: ErrorFacts = {}) =>
    decide(code, { facts, failed: { isOnce: true } }).type

  test.each([
    'upstream_reset',
    'upstream_timeout',
    'upstream_truncated',
    'upstream_gateway_timeout',
  ] as const)('is not made twice after %s: the provider may have done it', (code) => {
    expect(typeOf(code)).toBe('stop')
    expect(typeOf(code, { isTransparent: true })).toBe('stop')
  })

  test.each(['upstream_unreachable', 'rate_limited', 'upstream_error', 'upstream_overloaded'] as const)(
    'is tried again after %s: nothing was done',
    (code) => {
      expect(typeOf(code)).not.toBe('stop')
    },
  )
})
