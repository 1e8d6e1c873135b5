/** Errors, read from a provider and said to a client. */

import { describe, expect, test } from 'vitest'
import { type ErrorCode, errorCodes } from '../../errors/codes.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import { readError } from './read-error.ts'
import { readStream } from './stream.test-support.ts'
import { writeError, writeStreamError } from './write-error.ts'

function read(status: number, body: unknown, headers: Record<string, string> = {}): GatewayError {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return readError({ status, headers, body: Buffer.from(text) })
}

function refusal(type: string, message: string, details?: unknown): unknown {
  return {
    type: 'error',
    error: { type, message, ...(details === undefined ? {} : { details }) },
    request_id: 'req_1',
  }
}

describe('reading', () => {
  const cases: readonly (readonly [number, unknown, ErrorCode])[] = [
    [400, refusal('invalid_request_error', 'temperature: range: 0..1'), 'upstream_invalid_request'],
    [
      400,
      refusal('invalid_request_error', 'prompt is too long: 9 tokens > 5 maximum'),
      'context_length_exceeded',
    ],
    [401, refusal('authentication_error', 'invalid x-api-key'), 'upstream_auth'],
    [402, refusal('billing_error', 'pay'), 'insufficient_quota'],
    [404, refusal('not_found_error', 'model: claude-none'), 'upstream_model_not_found'],
    [413, refusal('request_too_large', 'too large'), 'upstream_request_too_large'],
    [429, refusal('rate_limit_error', 'slow down'), 'rate_limited'],
    [500, refusal('api_error', 'Internal server error'), 'upstream_error'],
    [504, refusal('timeout_error', 'too late'), 'upstream_gateway_timeout'],
    [529, refusal('overloaded_error', 'Overloaded'), 'upstream_overloaded'],
    [520, '<html><title>520</title></html>', 'upstream_error'],
    [503, '', 'upstream_unavailable'],
  ]
  for (const [status, body, code] of cases) {
    test(`${status} ${JSON.stringify(body).slice(0, 60)} is ${code}`, () => {
      expect(read(status, body).code).toBe(code)
    })
  }

  test('knows a spend limit from a rate limit by its error code', () => {
    const spent = refusal('rate_limit_error', 'limit', { error_code: 'enforced_spend_limit_reached' })
    expect(read(429, spent).code).toBe('insufficient_quota')
  })

  test('keeps the wait and the advice of the headers', () => {
    const { facts } = read(429, refusal('rate_limit_error', 'x'), {
      'retry-after': '7',
      'x-should-retry': 'true',
    })
    expect(facts).toMatchObject({ retryAfterMs: 7000, isClientRetryable: true, upstreamStatus: 429 })
  })

  test('hands on the details that clients act upon, and no others', () => {
    const details = {
      error_code: 'thread_unsupported_request',
      unsupported: ['thread', 5, 'x'.repeat(200)],
      account: 'secret',
    }
    const error = read(400, refusal('invalid_request_error', 'no threads', details))
    expect(error.facts.details).toEqual({ error_code: 'thread_unsupported_request', unsupported: ['thread'] })
    const lost = read(404, refusal('not_found_error', 'Thread not found', { error_code: 'thread_not_found' }))
    expect([lost.status, lost.facts.details]).toEqual([404, { error_code: 'thread_not_found' }])
  })

  test('reads errors of other shapes', () => {
    expect(
      read(500, [{ error: { code: 429, status: 'RESOURCE_EXHAUSTED', message: 'slow' } }]).facts
        .upstreamMessage,
    ).toBe('slow')
    expect(read(422, { detail: 'bad field' }).facts.upstreamMessage).toBe('bad field')
    expect(read(400, { error: 'bad thing' }).facts.upstreamMessage).toBe('bad thing')
  })

  test('reads no more than its bound of a body', () => {
    expect(read(500, 'x'.repeat(1_000_000)).message.length).toBeLessThan(2000)
  })
})

describe('writing', () => {
  const context = {
    requestId: 'req_own',
    attempts: [{ target: 'a/b', status: 529, code: 'upstream_overloaded', durationMs: 12 }],
  }

  function body(error: GatewayError, more: object = {}) {
    return JSON.parse(writeError(error, { ...context, ...more })) as {
      error: Record<string, unknown>
      request_id: string
    }
  }

  const types: Partial<Record<ErrorCode, string>> = {
    invalid_request: 'invalid_request_error',
    unauthenticated: 'authentication_error',
    permission_denied: 'permission_error',
    model_not_found: 'not_found_error',
    body_too_large: 'request_too_large',
    rate_limited: 'rate_limit_error',
    insufficient_quota: 'billing_error',
    content_policy: 'policy_blocked',
    upstream_timeout: 'timeout_error',
    upstream_overloaded: 'overloaded_error',
    no_target_available: 'overloaded_error',
    upstream_error: 'api_error',
    upstream_auth: 'api_error',
    gateway_error: 'api_error',
    context_length_exceeded: 'invalid_request_error',
  }
  for (const [code, type] of Object.entries(types)) {
    test(`${code} is ${type}`, () => {
      // Object.entries widens the keys of a record of codes to string.
      expect(body(new GatewayError(code as ErrorCode, 'Message.')).error['type']).toBe(type)
    })
  }

  test('every code has a word', () => {
    for (const code of Object.keys(errorCodes)) {
      expect(body(new GatewayError(code as ErrorCode, 'Message.')).error['type']).toMatch(/^[a-z_]+$/)
    }
  })

  test('says what happened, whose fault it is and what to do', () => {
    const error = new GatewayError('upstream_overloaded', 'The provider is overloaded.', {
      retryAfterMs: 1500,
    })
    expect(body(error, { isPartial: true })).toEqual({
      type: 'error',
      error: {
        type: 'overloaded_error',
        message: 'The provider is overloaded.',
        holdfast: {
          type: 'upstream_overloaded',
          retryable: true,
          retry_after_ms: 1500,
          fault: 'provider',
          next_step: errorCodes.upstream_overloaded.nextStep,
          request_id: 'req_own',
          attempts: [{ target: 'a/b', status: 529, code: 'upstream_overloaded', duration_ms: 12 }],
          partial: true,
        },
      },
      request_id: 'req_own',
    })
  })

  test("relays the provider's own message of a 400, which clients match", () => {
    const message = 'This model does not support effort level.'
    expect(body(read(400, refusal('invalid_request_error', message))).error).toMatchObject({
      type: 'invalid_request_error',
      message,
    })
  })

  test('carries the details that clients act upon', () => {
    const details = { error_code: 'thread_not_found' }
    const error = new GatewayError('loss_refused', 'Send it all.', { status: 404, details, param: 'thread' })
    expect(body(error).error).toMatchObject({ type: 'not_found_error', details, param: 'thread' })
  })

  test('in a stream is an error event and no end', () => {
    const text = writeStreamError(
      new GatewayError('upstream_truncated', 'It broke off.\n\nevent: x'),
      context,
    )
    expect(text).toMatch(/^event: error\ndata: \{.*\}\n\n$/)
    expect(text).not.toContain('message_stop')
    expect(readStream(text).events[0]).toMatchObject({ type: 'error' })
  })
})
