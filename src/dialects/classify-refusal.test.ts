import { describe, expect, test } from 'vitest'
import type { ErrorCode } from '../errors/codes.ts'
import { classifyRefusal, type Refusal } from './classify-refusal.ts'
import { sanitiseMessage } from './refusal-text.ts'

const refuse = (status: number, message?: string, more: Partial<Refusal> = {}) =>
  classifyRefusal({ status, headers: {}, ...(message === undefined ? {} : { message }), ...more })

describe('by status alone', () => {
  test.each([
    [302, 'upstream_redirect'],
    [304, 'upstream_bad_response'],
    [400, 'upstream_invalid_request'],
    [401, 'upstream_auth'],
    [402, 'insufficient_quota'],
    [403, 'upstream_forbidden'],
    [404, 'upstream_model_not_found'],
    [405, 'upstream_invalid_request'],
    [408, 'upstream_transient'],
    [409, 'upstream_transient'],
    [413, 'upstream_request_too_large'],
    [422, 'upstream_invalid_request'],
    [424, 'upstream_transient'],
    [425, 'upstream_transient'],
    [429, 'rate_limited'],
    [498, 'rate_limited'],
    [500, 'upstream_error'],
    [502, 'upstream_error'],
    [503, 'upstream_unavailable'],
    [504, 'upstream_gateway_timeout'],
    [520, 'upstream_error'],
    [524, 'upstream_gateway_timeout'],
    [529, 'upstream_overloaded'],
  ] satisfies [number, ErrorCode][])('%i is %s', (status, code) => {
    expect(refuse(status).code).toBe(code)
  })
})

describe("fault 27: context length in each vendor's wording", () => {
  test.each([
    [
      400,
      "This model's maximum context length is 8192 tokens. However, your messages resulted in 9001 tokens.",
    ],
    [400, 'Your input exceeds the context window of this model. Please adjust your input.'],
    [400, 'Input tokens exceed the configured limit of 272000 tokens.'],
    [400, 'prompt is too long: 250000 tokens > 200000 maximum'],
    [400, 'input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000'],
    [400, 'The input token count (1250074) exceeds the maximum number of tokens allowed (1048576).'],
    [400, 'The model returned the following errors: Input is too long for requested model.'],
    [
      400,
      'The model returned the following errors: Input Tokens Exceeded: Number of input tokens exceeds maximum length.',
    ],
    [
      400,
      'Prompt contains 65539 tokens and 0 draft tokens, too large for model with 32768 maximum context length',
    ],
    [400, 'Please reduce the length of the messages or completion.'],
    [400, 'The decoder prompt (length 5000) is longer than the maximum model length of 4096.'],
    [400, 'the request exceeds the available context size. try increasing the context size'],
    [500, 'Context size has been exceeded.'],
    [500, 'input is too large to process. increase the physical batch size'],
    [400, 'prompt too long; exceeded max context length by 1119046 tokens'],
    [400, "This endpoint's maximum context length is 200000 tokens."],
    [400, "This model's maximum prompt length is 131072 but the request contains 537812 tokens."],
    [422, 'Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4097. Given: 9000'],
    [400, 'The prompt is too long: 10000, model maximum context length: 8191'],
    [400, 'too many tokens: total number of tokens in the prompt cannot exceed 4081'],
    [413, 'Request body too large for gpt-4o model. Max size: 8000 tokens.'],
    [400, 'The total length of all messages is too long.'],
    [400, 'Range of input length should be [1, 30720]'],
    [400, 'Invalid request: Your request exceeded model token limit: 8192'],
    [400, 'Prompt exceeds max length'],
    [400, 'The number of tokens to keep from the initial prompt is greater than the context length'],
    [400, 'prompt token count of 140000 exceeds the limit of 128000'],
    [400, 'the number of input tokens 4000 cannot exceed the total tokens limit 2048'],
  ])('%i %s', (status, message) => {
    const error = refuse(status, message)
    expect(error.code).toBe('context_length_exceeded')
    expect(error.row.otherTarget).toBe('larger-context')
    expect(error.message).toBe(message)
  })

  test('its code alone suffices', () => {
    expect(refuse(400, 'no', { code: 'context_length_exceeded' }).code).toBe('context_length_exceeded')
    expect(refuse(413, 'no', { type: 'request_too_large' }).code).toBe('upstream_request_too_large')
  })
})

describe('fault 28: content policy', () => {
  test.each([
    [400, "The response was filtered due to the prompt triggering Azure OpenAI's content management policy."],
    [400, 'Your request was rejected as a result of our safety system.'],
    [400, 'Invalid prompt: your prompt was flagged as potentially violating our usage policy.'],
    [400, 'Output blocked by content filtering policy'],
    [400, 'Content Exists Risk'],
    [400, 'Input data may contain inappropriate content.'],
    [403, 'Content violates usage guidelines. Failed check: SAFETY_CHECK'],
    [403, 'openai/gpt requires moderation on OpenInference. Your input was flagged for "violence".'],
    [400, 'The request was rejected because it was considered high risk'],
  ])('%i %s', (status, message) => {
    expect(refuse(status, message).code).toBe('content_policy')
  })

  test('is told with the words of the provider and tried nowhere else', () => {
    const error = refuse(400, 'Blocked.', { code: 'content_filter' })
    expect(error.code).toBe('content_policy')
    expect(error.message).toBe('Blocked.')
    expect(error.row.otherTarget).toBe('no')
  })
})

describe('fault 23: no money left', () => {
  test.each([
    [
      429,
      'You exceeded your current quota, please check your plan and billing details.',
      'insufficient_quota',
    ],
    [400, 'Your credit balance is too low to access the Anthropic API.', 'invalid_request_error'],
    [
      400,
      'You have reached your specified API usage limits. You will regain access on 2026-01-01.',
      'invalid_request_error',
    ],
    [402, 'Insufficient Balance', 'unknown_error'],
    [400, 'Access denied, please make sure your account is in good standing.', 'Arrearage'],
    [429, 'x', 'credit_balance_exhausted'],
    [429, 'x', 'project_spend_limit_exceeded'],
    [429, 'x', 'exceeded_current_quota_error'],
    [
      403,
      'Your team has either used all available credits or reached its monthly spending limit.',
      undefined,
    ],
    [403, 'Key limit exceeded (total limit).', undefined],
    [402, 'You have exceeded your monthly included credits for Inference Providers.', undefined],
    [400, 'x', 'insufficient_quota'],
    [403, 'Sorry, your account balance is insufficient', '30001'],
    [403, 'The request failed because your account has an overdue balance.', 'AccountOverdueError'],
    [403, 'AI Gateway requires a valid credit card on file to service requests.', undefined],
  ])('%i %s (%s)', (status, message, code) => {
    const error = refuse(status, message, code === undefined ? {} : { code })
    expect(error.code).toBe('insufficient_quota')
    expect(error.isClientRetryable).toBe(false)
  })

  test('a spend limit of Anthropic stays one though its type is rate_limit_error', () => {
    const error = refuse(429, 'limit', { code: 'enforced_spend_limit_reached', type: 'rate_limit_error' })
    expect(error.code).toBe('insufficient_quota')
  })
})

describe('429 is several things', () => {
  test('a rate limit, with the wait of the header', () => {
    const error = refuse(429, 'Rate limit reached', {
      code: 'rate_limit_exceeded',
      headers: { 'retry-after': '20', 'retry-after-ms': '19500' },
    })
    expect(error.code).toBe('rate_limited')
    expect(error.facts.retryAfterMs).toBe(19_500)
  })

  test('a request larger than the whole limit', () => {
    const message =
      'Request too large for gpt-5-nano in organization org-ABCDEFGH on tokens per min (TPM): Limit 2000000, Requested 2500013. The input or output tokens must be reduced in order to run successfully.'
    const error = refuse(429, message, { code: 'rate_limit_exceeded', type: 'tokens' })
    expect(error.code).toBe('request_over_limit')
    expect(error.isClientRetryable).toBe(false)
    expect(error.message).not.toContain('org-ABCDEFGH')
  })

  test('the same at Groq, with 413', () => {
    const message =
      'Request too large for model `m` in organization `org_01abcdefgh` service tier `on_demand` on tokens per minute (TPM): Limit 6000, Requested 7000, please reduce your message size and try again.'
    expect(refuse(413, message, { code: 'rate_limit_exceeded', type: 'tokens' }).code).toBe(
      'request_over_limit',
    )
  })

  test('a rate limit whose numbers leave room stays one', () => {
    const message =
      'on tokens per minute (TPM): Limit 6000, Used 5848, Requested 759. Please try again in 6.07s.'
    const error = refuse(429, message, { code: 'rate_limit_exceeded' })
    expect(error.code).toBe('rate_limited')
    expect(error.facts.retryAfterMs).toBe(6070)
  })

  test('x-should-retry: false without a wait means this request will never be served here', () => {
    const error = refuse(429, 'would exceed the rate limit', {
      type: 'rate_limit_error',
      headers: { 'x-should-retry': 'false' },
    })
    expect(error.code).toBe('request_over_limit')
  })

  test("DashScope's temporary insufficient_quota is a rate limit", () => {
    for (const message of [
      'Requests rate limit exceeded, please try again later.',
      'Allocated quota exceeded, please increase your quota limit.',
      'Request rate increased too quickly. To ensure system stability, please adjust.',
    ]) {
      expect(refuse(429, message, { code: 'insufficient_quota' }).code).toBe('rate_limited')
    }
  })

  test("Gemini's per-minute quota is a rate limit, its per-day quota is not", () => {
    const quota = 'You exceeded your current quota, please check your plan and billing details.'
    const minute = refuse(429, quota, {
      code: '429',
      type: 'RESOURCE_EXHAUSTED',
      detail: 'GenerateRequestsPerMinutePerProjectPerModel-FreeTier',
      retryAfterMs: 34_400,
    })
    expect(minute.code).toBe('rate_limited')
    expect(minute.facts.retryAfterMs).toBe(34_400)
    const day = refuse(429, quota, {
      type: 'RESOURCE_EXHAUSTED',
      detail: 'GenerateRequestsPerDayPerProject-FreeTier',
    })
    expect(day.code).toBe('insufficient_quota')
  })

  test('an overloaded service, in the words of z.ai', () => {
    const error = refuse(429, 'The service may be temporarily overloaded, please try again later', {
      code: '1305',
    })
    expect(error.code).toBe('upstream_overloaded')
  })
})

describe('statuses that do not mean what they say', () => {
  test.each([
    [
      400,
      'Incorrect API key provided. You can obtain an API key from https://console.x.ai.',
      'invalid-argument',
      'upstream_auth',
    ],
    [400, 'API key not valid. Please pass a valid API key.', '400', 'upstream_auth'],
    [400, 'Model not found: grok-nonexistent', 'invalid-argument', 'upstream_model_not_found'],
    [
      400,
      'The model `x` has been decommissioned and is no longer supported.',
      'model_decommissioned',
      'upstream_model_not_found',
    ],
    [400, "The requested model 'gpt-x' does not exist.", 'model_not_found', 'upstream_model_not_found'],
    [400, 'vendor/gpt-x is not a valid model ID', '400', 'upstream_model_not_found'],
    [400, 'The provided model identifier is invalid.', undefined, 'upstream_model_not_found'],
    [
      400,
      'Invocation of model ID m with on-demand throughput isn’t supported.',
      undefined,
      'upstream_model_not_found',
    ],
    [403, 'You are not allowed to sample from this model', undefined, 'upstream_model_not_found'],
    [404, 'No endpoints found for a/b.', '404', 'upstream_model_not_found'],
    [
      404,
      'models/g is not found for API version v1beta, or is not supported for generateContent.',
      '404',
      'upstream_model_not_found',
    ],
    [404, 'No endpoints found that support tool use.', '404', 'upstream_invalid_request'],
    [404, 'tools is not supported in this model.', undefined, 'upstream_invalid_request'],
    [
      400,
      'Unsupported parameter: max_tokens is not supported with this model.',
      'unsupported_parameter',
      'upstream_invalid_request',
    ],
    [400, '`tool calling` is not supported with this model', undefined, 'upstream_invalid_request'],
    [503, 'The service is getting throttled.', 'ServiceUnavailableException', 'rate_limited'],
    [503, 'The model is overloaded. Please try again later.', 'UNAVAILABLE', 'upstream_overloaded'],
    [
      503,
      'The model is at capacity and currently cannot serve this request.',
      undefined,
      'upstream_overloaded',
    ],
    [503, 'upstream connect error or disconnect/reset before headers', undefined, 'upstream_unavailable'],
    [503, 'Loading model', '503', 'upstream_unavailable'],
    [
      400,
      'You exceeded your current quota, please check your plan. Please retry in 34.4s',
      '429',
      'rate_limited',
    ],
    [400, 'tool call validation failed', 'tool_use_failed', 'upstream_tool_use_failed'],
  ] satisfies [number, string, string | undefined, ErrorCode][])(
    '%i %s (%s) is %s',
    (status, message, code, expected) => {
      expect(refuse(status, message, code === undefined ? {} : { code }).code).toBe(expected)
    },
  )

  test("Bedrock's exception stands in a header, before a colon", () => {
    const headers = { 'x-amzn-errortype': 'ThrottlingException:http://internal.amazon.com/coral/' }
    expect(refuse(400, 'Rate exceeded', { headers }).code).toBe('rate_limited')
  })

  test('an unprocessable entity keeps its status', () => {
    expect(refuse(422, 'unknown field').status).toBe(422)
    expect(refuse(405, 'no').status).toBe(400)
  })
})

describe('fault 36: an error inside a 200', () => {
  test.each([
    [{ code: '429', message: 'slow' }, 'rate_limited'],
    [{ code: '502', message: 'bad' }, 'upstream_error'],
    [{ type: 'overloaded_error', message: 'Overloaded' }, 'upstream_overloaded'],
    [{ type: 'invalid_request_error', message: 'bad field' }, 'upstream_invalid_request'],
    [{ type: 'server_error', message: 'oops' }, 'upstream_error'],
    [{ type: 'api_error', message: 'oops' }, 'upstream_error'],
    [{ type: 'permission_error', message: 'no' }, 'upstream_forbidden'],
    [{ type: 'not_found_error', message: 'model: x' }, 'upstream_model_not_found'],
    [{ message: 'something strange' }, 'upstream_error'],
    [{}, 'upstream_bad_response'],
  ] satisfies [Partial<Refusal>, ErrorCode][])('%j is %s', (refusal, code) => {
    expect(classifyRefusal({ status: 200, headers: {}, ...refusal }).code).toBe(code)
  })
})

describe('what the client is told', () => {
  test('the provider may say that a retry is pointless, or worth it', () => {
    expect(refuse(500, 'x', { headers: { 'x-should-retry': 'false' } }).isClientRetryable).toBe(false)
    expect(refuse(529, 'x', { headers: { 'x-should-retry': 'true' } }).isClientRetryable).toBe(true)
    expect(refuse(401, 'x', { headers: { 'x-should-retry': 'true' } }).isClientRetryable).toBe(false)
  })

  test('never a part of a credential', () => {
    const error = refuse(401, 'Incorrect API key provided: sk-fake-1234567890. See https://example.com.')
    expect(error.message).not.toContain('sk-fake')
    expect(error.facts.upstreamMessage).not.toContain('sk-fake')
  })

  test('fault 33: never a page, and at most 200 characters of it', () => {
    const page = `<!DOCTYPE html><html><head><title>example.com | 502: Bad gateway</title></head><body>${'<p>text</p>'.repeat(500)}</body></html>`
    const error = refuse(502, page)
    expect(error.code).toBe('upstream_error')
    expect(error.message).toContain('502: Bad gateway')
    expect(error.message).not.toMatch(/[<>]/)
    expect(error.facts.upstreamMessage?.length).toBeLessThanOrEqual(200)
    expect(refuse(403, page).code).toBe('upstream_bad_response')
    expect(refuse(404, page).code).toBe('upstream_bad_response')
    expect(refuse(429, page).code).toBe('rate_limited')
  })

  test('at most a kibibyte, on one line, without control characters', () => {
    const error = refuse(400, `a\r\n\u0000b\u202Ec ${'x'.repeat(5000)}`)
    expect(error.message.startsWith('a b c xxx')).toBe(true)
    expect(error.message.length).toBe(1024)
  })

  test('no account ids', () => {
    const id = '01234567-89ab-cdef-0123-456789abcdef'
    expect(sanitiseMessage(`rate limit for your organization (${id}) of 3`)).toBe(
      'rate limit for your organization ([account]) of 3',
    )
    expect(sanitiseMessage(`per minute (org: ${id}, model: m)`)).toBe('per minute (org: [account], model: m)')
    expect(sanitiseMessage('Project `proj_abc12345` does not')).toBe('Project `[account]` does not')
    expect(sanitiseMessage("consumer 'project_number:348715329010'")).toBe(
      "consumer 'project_number:[account]'",
    )
    expect(sanitiseMessage(`see ${id}`)).toBe(`see ${id}`)
  })

  test('a comparison sign is not markup', () => {
    expect(refuse(400, 'Expected a value <= 2, but got 99.0 > 2').message).toBe(
      'Expected a value <= 2, but got 99.0 > 2',
    )
  })

  test('a message made to slow the search down is still quick', () => {
    const message = 'model models/tokens check your plan '.repeat(400_000)
    const started = performance.now()
    refuse(400, message)
    expect(performance.now() - started).toBeLessThan(1000)
  })
})
