import { expect, test } from 'vitest'
import { GatewayError } from '../errors/gateway-error.ts'
import { toldError } from './told-error.ts'

test.for([
  ['rate_limited', undefined, 1_000],
  ['rate_limited', 2_500, 2_500],
  ['rate_limited', 86_400_000, 60_000],
  ['upstream_overloaded', undefined, 1_000],
  ['upstream_unavailable', undefined, 1_000],
  ['upstream_error', undefined, undefined],
  ['upstream_error', 90_000, 60_000],
  ['insufficient_quota', undefined, undefined],
  ['context_length_exceeded', undefined, undefined],
] as const)('fault 20: of %s with a wait of %s ms the client is told %s', ([code, given, told]) => {
  const error = new GatewayError(code, 'No.', given === undefined ? {} : { retryAfterMs: given })
  expect(toldError(error).facts.retryAfterMs).toBe(told)
})

test('keeps what else is known', () => {
  const attempts = [{ target: 'a/b', durationMs: 1 }]
  const cause = new Error('cause')
  const facts = { retryAfterMs: 70_000, upstreamStatus: 429 }
  const told = toldError(new GatewayError('rate_limited', 'No.', facts, cause, attempts))
  expect(told).toMatchObject({ code: 'rate_limited', message: 'No.', cause, attempts })
  expect(told.facts.upstreamStatus).toBe(429)
})
