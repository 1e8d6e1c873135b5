import { describe, expect, test } from 'vitest'
import type { ErrorCode } from '../../errors/codes.ts'
import { openaiChat } from './index.ts'

const read = (status: number, body: unknown, headers: Record<string, string> = {}) =>
  openaiChat.readError({
    status,
    headers,
    body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
  })

describe('the shapes of errors', () => {
  test.each([
    [429, { error: { message: 'm', type: 'requests', code: 'rate_limit_exceeded' } }, 'rate_limited'],
    [429, { error: { code: 'RateLimitReached', message: 'm', details: 'm' } }, 'rate_limited'],
    [
      429,
      { message: 'm', type: 'too_many_requests_error', param: 'quota', code: 'request_quota_exceeded' },
      'rate_limited',
    ],
    [
      400,
      {
        object: 'error',
        message: 'Logprobs are not enabled',
        type: 'invalid_request_invalid_args',
        code: '3051',
      },
      'upstream_invalid_request',
    ],
    [401, { detail: 'Invalid API Key' }, 'upstream_auth'],
    [422, { detail: [{ loc: ['body', 'x'], msg: 'Field required' }] }, 'upstream_invalid_request'],
    [400, { code: 'invalid-argument', error: 'Incorrect API key provided.' }, 'upstream_auth'],
    [404, { error: 'Specified model not found: m' }, 'upstream_model_not_found'],
    [429, { error: { code: '1305', message: 'overloaded' } }, 'upstream_overloaded'],
    [
      400,
      {
        error: {
          code: 400,
          message: 'exceeds the available context size',
          type: 'exceed_context_size_error',
        },
      },
      'context_length_exceeded',
    ],
    [
      400,
      {
        error: { code: 'content_filter', message: 'm', innererror: { code: 'ResponsibleAIPolicyViolation' } },
      },
      'content_policy',
    ],
    [
      400,
      { error: { message: 'm', type: 'x', innererror: { code: 'ResponsibleAIPolicyViolation' } } },
      'upstream_invalid_request',
    ],
    [429, { Message: 'Rate exceeded' }, 'rate_limited'],
    [400, { __type: 'com.amazon#ThrottlingException', message: 'm' }, 'rate_limited'],
    [422, 'Failed to deserialize the JSON body into the target type', 'upstream_invalid_request'],
    [503, 'upstream connect error or disconnect/reset before headers', 'upstream_unavailable'],
    [413, 'Failed to buffer the request body: length limit exceeded', 'upstream_request_too_large'],
    [500, '', 'upstream_error'],
    [429, [{ error: { code: 429, message: 'm', status: 'RESOURCE_EXHAUSTED' } }], 'rate_limited'],
  ] satisfies [number, unknown, ErrorCode][])('%i %j is %s', (status, body, code) => {
    expect(read(status, body).code).toBe(code)
  })
})

test('the field at fault is named in the words of the provider', () => {
  const error = read(400, {
    error: {
      message: 'Unsupported parameter: stop',
      type: 'invalid_request_error',
      param: 'stop',
      code: 'unsupported_parameter',
    },
  })
  expect(error.facts).toMatchObject({
    param: 'stop',
    upstreamType: 'unsupported_parameter',
    upstreamStatus: 400,
  })
  expect(error.message).toBe('Unsupported parameter: stop')
})

test('what stands behind OpenRouter is told, and its user id is not', () => {
  const raw = JSON.stringify({
    error: { message: "Invalid 'max_output_tokens'", code: 'integer_below_min_value' },
  })
  const error = read(400, {
    error: { code: 400, message: 'Provider returned error', metadata: { raw, provider_name: 'X' } },
    user_id: 'user_secret',
  })
  expect(error.message).toBe("Invalid 'max_output_tokens'")
  expect(JSON.stringify(error.facts)).not.toContain('secret')
  const limited = read(429, {
    error: {
      code: 429,
      message: 'Provider returned error',
      metadata: { raw: 'm is temporarily rate-limited upstream' },
    },
  })
  expect(limited.code).toBe('rate_limited')
})

test('a refused key behind OpenRouter is not the key of the gateway', () => {
  const raw = JSON.stringify({ error: { message: 'Incorrect API key provided', code: 'invalid_api_key' } })
  const behind = { code: 401, message: 'Provider returned error', metadata: { raw, provider_name: 'X' } }
  expect(read(401, { error: behind }).code).toBe('upstream_forbidden')
  expect(read(401, { error: { code: 401, message: 'User not found.' } }).code).toBe('upstream_auth')
})

test('the quota of one model leaves the others', () => {
  const violations = [{ quotaId: 'GenerateRequestsPerDayPerProjectPerModel-FreeTier' }]
  const error = read(429, {
    error: {
      code: 429,
      message: 'You exceeded your current quota, please check your plan and billing details.',
      status: 'RESOURCE_EXHAUSTED',
      details: [{ violations }, { retryDelay: '34.4s' }],
    },
  })
  expect(error).toMatchObject({ code: 'model_quota_exhausted', facts: { retryAfterMs: 300_000 } })
})

describe('how long to wait', () => {
  test("Google's RetryInfo", () => {
    const error = read(429, {
      error: {
        code: 429,
        message: 'm',
        status: 'RESOURCE_EXHAUSTED',
        details: [{ '@type': 'x' }, { retryDelay: '34.4s' }],
      },
    })
    expect(error.facts.retryAfterMs).toBe(34_400)
  })

  test("OpenRouter's time of reset, against the answer's own clock", () => {
    const headers = { 'X-RateLimit-Remaining': '0', 'X-RateLimit-Reset': '1759845420000' }
    const body = { error: { code: 429, message: 'Rate limit exceeded', metadata: { headers } } }
    const date = new Date(1_759_845_400_000).toUTCString()
    expect(read(429, body, { date }).facts.retryAfterMs).toBe(20_000)
    expect(read(429, body).facts.retryAfterMs).toBeUndefined()
  })

  test('prose, where there is nothing better', () => {
    const body = { error: { message: 'Please try again in 1m2.5s. Need more?', code: 'rate_limit_exceeded' } }
    expect(read(429, body).facts.retryAfterMs).toBe(62_500)
    expect(read(429, body, { 'retry-after': '7' }).facts.retryAfterMs).toBe(7000)
  })
})

test('fault 37: only the first 64 KiB of a body are looked at', () => {
  const body = Buffer.alloc(50_000_000, 0x78)
  const started = performance.now()
  expect(openaiChat.readError({ status: 502, headers: {}, body }).code).toBe('upstream_error')
  expect(performance.now() - started).toBeLessThan(1000)
})
