import { describe, expect, test } from 'vitest'
import { GatewayError, toGatewayError } from './gateway-error.ts'

describe('a gateway error', () => {
  test('takes status and retryability from the table', () => {
    const error = new GatewayError('rate_limited', 'Too fast.')
    expect([error.status, error.isClientRetryable, error.row.kind]).toEqual([429, true, 'rate-limit'])
  })

  test('lets the provider’s own status and word count for more', () => {
    const error = new GatewayError('upstream_invalid_request', 'No.', {
      status: 422,
      isClientRetryable: true,
    })
    expect([error.status, error.isClientRetryable]).toEqual([422, true])
  })

  test('keeps its cause, and has none where none was given', () => {
    const cause = new Error('socket')
    expect(new GatewayError('upstream_reset', 'Reset.', {}, cause).cause).toBe(cause)
    expect('cause' in new GatewayError('upstream_reset', 'Reset.')).toBe(false)
  })

  test('is the same with what was tried before it', () => {
    const error = new GatewayError('upstream_reset', 'Reset.', { upstreamStatus: 500 }, 'cause')
    const attempts = [{ target: 'a/b', durationMs: 3 }]
    expect(error.withAttempts(attempts)).toMatchObject({
      code: 'upstream_reset',
      message: 'Reset.',
      facts: { upstreamStatus: 500 },
      cause: 'cause',
      attempts,
    })
    expect(error.attempts).toEqual([])
  })

  test('is the same with other facts, and keeps those that were not named', () => {
    const attempts = [{ target: 'a/b', durationMs: 3 }]
    const facts = { upstreamStatus: 500, retryAfterMs: 9 }
    const error = new GatewayError('upstream_reset', 'Reset.', facts, 'cause', attempts)
    expect(error.withFacts({ retryAfterMs: 1, isClientRetryable: false })).toMatchObject({
      code: 'upstream_reset',
      message: 'Reset.',
      facts: { upstreamStatus: 500, retryAfterMs: 1, isClientRetryable: false },
      cause: 'cause',
      attempts,
    })
    expect(error.facts).toEqual(facts)
  })
})

describe('whatever was thrown', () => {
  test('is itself where it is a gateway error', () => {
    const error = new GatewayError('overloaded', 'Full.')
    expect(toGatewayError(error)).toBe(error)
  })

  test.each([[new TypeError('secret path /x')], ['text'], [undefined], [null], [{ code: 'overloaded' }]])(
    'is our own defect where it is %s, and its text stays inside',
    (thrown) => {
      const error = toGatewayError(thrown)
      expect(error.code).toBe('gateway_error')
      expect(error.message).not.toContain('secret')
      expect(error.cause).toBe(thrown === undefined ? undefined : thrown)
    },
  )
})

test('an error that is remembered says the same, and holds nothing of where it came from', () => {
  const attempts = [{ target: 'a/m', durationMs: 1 }]
  const error = new GatewayError('rate_limited', 'Slower.', { retryAfterMs: 5 }, new Error('why'), attempts)
  const remembered = error.toRemember()
  expect(remembered).toMatchObject({ code: 'rate_limited', message: 'Slower.', facts: { retryAfterMs: 5 } })
  expect(remembered.cause).toBeUndefined()
  expect(remembered.attempts).toEqual([])
  expect(remembered.stack).toBe('GatewayError: Slower.')
})
