/** Errors, as Google's APIs say them and as this dialect understands them. */

import { describe, expect, test } from 'vitest'
import { GatewayError } from '../../errors/gateway-error.ts'
import { gemini } from './index.ts'

const context = { requestId: 'req_1', attempts: [] }
const refused = (status: number, body: unknown) =>
  gemini.readError({ status, headers: {}, body: Buffer.from(JSON.stringify(body)) })
const google = (code: number, status: string, message: string, details: readonly object[] = []) => ({
  error: { code, message, status, details },
})

describe('a refusal of Google', () => {
  test('observation 18: says in its body when to come back', () => {
    const details = [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '38.5s' }]
    const error = refused(429, google(429, 'RESOURCE_EXHAUSTED', 'Quota exceeded.', details))
    expect([error.row.kind, error.facts.retryAfterMs]).toEqual(['rate-limit', 38_500])
  })

  test('observation 23: of a wrong key comes as a bad request', () => {
    const details = [{ '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'API_KEY_INVALID' }]
    expect(refused(400, google(400, 'INVALID_ARGUMENT', 'API key not valid.', details)).code).toBe(
      'upstream_auth',
    )
  })

  test.each([
    [400, 'INVALID_ARGUMENT', 'Unknown name "x".', 'upstream_invalid_request'],
    [
      400,
      'INVALID_ARGUMENT',
      'The input token count (2000000) exceeds the maximum number of tokens allowed (1048576).',
      'context_length_exceeded',
    ],
    [403, 'PERMISSION_DENIED', 'Not allowed.', 'upstream_forbidden'],
    [404, 'NOT_FOUND', 'models/x is not found for API version v1beta.', 'upstream_model_not_found'],
    [500, 'INTERNAL', 'Internal error.', 'upstream_error'],
    [503, 'UNAVAILABLE', 'The model is overloaded.', 'upstream_overloaded'],
    [504, 'DEADLINE_EXCEEDED', 'Deadline exceeded.', 'upstream_gateway_timeout'],
  ])('with %s %s is understood', (status, word, message, code) => {
    const error = refused(status, google(status, word, message))
    expect(error.code).toBe(code)
    expect(error.message).toContain(message)
    // A stream wraps it in an array.
    expect(refused(status, [google(status, word, message)]).code).toBe(code)
  })
})

describe('an error of ours', () => {
  test("of a spent budget is a quota in Google's words, and names no wait that its clients would sit out", () => {
    const budget = {
      name: 'laptop',
      scopeKind: 'key',
      period: 'day',
      limitNanoUsd: 1,
      spentNanoUsd: 1,
    } as const
    const error = new GatewayError('budget_exceeded', 'Spent.', { budget: { ...budget, resetsInMs: 5_000 } })
    expect(JSON.parse(gemini.writeError(error, context))).toMatchObject({
      error: {
        code: 429,
        message: 'Spent.',
        status: 'RESOURCE_EXHAUSTED',
        details: [
          {
            '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
            reason: 'BUDGET_EXCEEDED',
            domain: 'holdfast',
          },
          {
            '@type': 'type.googleapis.com/google.rpc.QuotaFailure',
            violations: [{ subject: 'key', description: 'laptop', quotaId: 'HoldfastBudgetPerDay' }],
          },
        ],
      },
    })
  })

  test("has a code, a status and details that Google's clients know, and our own facts", () => {
    const error = new GatewayError('rate_limited', 'Slower.', { retryAfterMs: 1_500 })
    expect(JSON.parse(gemini.writeError(error, context))).toMatchObject({
      error: {
        code: 429,
        message: 'Slower.',
        status: 'RESOURCE_EXHAUSTED',
        details: [
          { '@type': 'type.googleapis.com/google.rpc.ErrorInfo', reason: 'RATE_LIMITED', domain: 'holdfast' },
          { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '1.5s' },
        ],
        holdfast: { type: 'rate_limited', retry_after_ms: 1_500, request_id: 'req_1' },
      },
    })
  })

  test.each([
    ['invalid_request', 'INVALID_ARGUMENT'],
    ['unauthenticated', 'UNAUTHENTICATED'],
    ['upstream_model_not_found', 'NOT_FOUND'],
    ['upstream_unavailable', 'UNAVAILABLE'],
    ['gateway_error', 'INTERNAL'],
  ] as const)('%s has the status %s', (code, status) => {
    const error = new GatewayError(code, 'x', { param: 'contents' })
    expect(JSON.parse(gemini.writeError(error, context))).toMatchObject({
      error: { code: error.status, status, param: 'contents' },
    })
  })

  test('inside a stream is an event, or the last element of the array', () => {
    const error = new GatewayError('upstream_unavailable', 'Gone.')
    expect(gemini.writeStreamError(error, context)).toMatch(/^data: \{"error":\{.*\}\}\r\n\r\n$/)
    const rest = gemini.writeStreamError(error, { ...context, streamForm: 'json-array' })
    expect(JSON.parse(`[{}${rest}`)).toMatchObject([{}, { error: { message: 'Gone.' } }])
  })
})
