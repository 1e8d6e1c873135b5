import { describe, expect, test } from 'vitest'
import { classifyRefusal, type Refusal } from './classify-refusal.ts'

const refuse = (status: number, message?: string, more: Partial<Refusal> = {}) =>
  classifyRefusal({ status, headers: {}, ...(message === undefined ? {} : { message }), ...more })

describe("one client's request says nothing against the credential of all", () => {
  test.each([
    ['Invalid API key.', undefined],
    ['The API key you provided has been disabled.', undefined],
    ['This key is disabled', undefined],
    ['API key is currently blocked: abc', undefined],
    ['Your API key was reported as leaked. Please use another API key.', 'PERMISSION_DENIED'],
    ['OAuth token has been revoked. Please obtain a new token.', 'permission_error'],
    ['OAuth authentication is currently not allowed for this organization.', 'permission_error'],
    ['Your account has been deactivated.', undefined],
    ['Sorry, your account 12345 has been temporarily suspended', undefined],
    ["Permission denied: Consumer 'api_key:AIzaSyA' has been suspended.", 'PERMISSION_DENIED'],
    ['no', 'account_deactivated'],
    ['Access denied for this key.', undefined],
    ['Your access was terminated due to a violation of our policies.', undefined],
    ['Your IP is not authorized to access this API.', undefined],
    ['Your IP address 10.0.0.1 is not allowed', undefined],
    ['Unauthorized IP.', undefined],
    ['Access denied due to Virtual Network/Firewall rules.', '403'],
    ['Public access is disabled. Please configure private endpoint.', '403'],
    ["Method doesn't allow unregistered callers. Please use API Key.", 'PERMISSION_DENIED'],
    ['The security token included in the request is expired', undefined],
    ['Signature expired: 20250521T075304Z is now earlier than 20250808T084415Z', undefined],
    ['This authentication method does not have sufficient permissions', undefined],
  ])('a 403 that names the key, the account or its network is one: %s (%s)', (message, code) => {
    expect(refuse(403, message, code === undefined ? {} : { code }).code).toBe('upstream_auth')
  })

  test.each([
    ['Request not allowed', 'forbidden'],
    ['No access to this resource.', 'permission_error'],
    ['Your API key does not have permission to use the specified resource.', 'permission_error'],
    ['The caller does not have permission', 'PERMISSION_DENIED'],
    ['Permission denied', 'permission_error'],
    ['This beta feature is not enabled for your organization.', 'permission_error'],
    ['Web search for your organization is disabled.', 'permission_error'],
    ['OAuth token does not meet scope requirement any_of(user:inference)', 'permission_error'],
    ['Authorization failed', undefined],
    ['no', 'unauthorized'],
    ['Access denied. Please check your network settings.', undefined],
    ['User: arn:aws:iam::123456789012:user/x is not authorized to perform: bedrock:InvokeModel', undefined],
    ['Country, region, or territory not supported', 'unsupported_country_region_territory'],
    ['Firebase ML API has not been used in project 000000000000 before or it is disabled.', undefined],
    ['CachedContent not found (or permission denied)', 'PERMISSION_DENIED'],
    [undefined, undefined],
  ])('any other 403 is a permission that lacks: %s (%s)', (message, code) => {
    const error = refuse(403, message, code === undefined ? {} : { code })
    expect(error.code).toBe('upstream_forbidden')
    expect(error.status).toBe(502)
  })

  test('so is a place from which nothing is served, whatever its status', () => {
    const gemini = refuse(400, 'User location is not supported for the API use.', {
      code: 'FAILED_PRECONDITION',
    })
    expect(gemini.code).toBe('upstream_forbidden')
  })

  test.each([
    ['You are not allowed to sample from this model', undefined],
    ["You don't have access to the model with the specified model ID.", undefined],
    ['No access to model: vendor/name', 'no_access'],
    ['Access to model denied. Please make sure you are eligible.', 'AccessDenied.Unpurchased'],
    ['Model access denied.', 'Model.AccessDenied'],
    ['Project `proj_abc12345` does not have access to model `name`', 'model_not_found'],
  ])('a 403 for a model is of that model: %s (%s)', (message, code) => {
    expect(refuse(403, message, code === undefined ? {} : { code }).code).toBe('upstream_model_not_found')
  })

  test.each([401, 400])('a status of %i is upstream_auth where the key is named', (status) => {
    expect(refuse(status, 'Incorrect API key provided: sk-fake.').code).toBe('upstream_auth')
    expect(refuse(status, 'This organization has been disabled.').code).toBe('upstream_auth')
  })

  test('a 401 is one where it does not speak of the model', () => {
    expect(refuse(401, 'User not found.').code).toBe('upstream_auth')
    expect(refuse(401).code).toBe('upstream_auth')
    const proxy = 'key not allowed to access model. This key can only access models=[a]. Tried to access b'
    expect(refuse(401, proxy, { type: 'auth_error', code: '401' }).code).toBe('upstream_model_not_found')
  })

  const day = 'You exceeded your current quota, please check your plan and billing details.'
  const none =
    '* Quota exceeded for metric: generativelanguage.googleapis.com/generate_content_free_tier_requests, limit: 0, model: gemini-3\nPlease retry in 25.4s.'
  test.each([
    [429, day, { detail: 'GenerateRequestsPerDayPerProjectPerModel-FreeTier' }],
    [429, day, { detail: 'GenerateContentInputTokensPerModelPerDay-FreeTier' }],
    [
      429,
      day,
      {
        detail:
          'GenerateRequestsPerMinutePerProjectPerModel-FreeTier GenerateRequestsPerDayPerProjectPerModel-FreeTier',
        retryAfterMs: 25_000,
      },
    ],
    [429, `${day}\n${none}`, { type: 'RESOURCE_EXHAUSTED' }],
    [
      403,
      'The free tier of the model has been exhausted. To continue on a paid basis, disable "use free tier only".',
      { code: 'AllocationQuota.FreeTierOnly' },
    ],
    [400, 'The free tier of the model has been exhausted.', {}],
    [429, 'Rate limit exceeded: free-models-per-day.', { code: '429' }],
    [
      402,
      'This request requires more credits, or fewer max_tokens. You requested up to 32000 tokens, but can only afford 0.',
      { code: '402' },
    ],
  ])('a quota of one model is of that model: %i %s %j', (status, message, more) => {
    const error = refuse(status, message, more)
    expect(error.code).toBe('model_quota_exhausted')
    expect(error.row.health).toBe('limited')
    expect(error.isClientRetryable).toBe(false)
    expect(error.facts.retryAfterMs).toBe(300_000)
  })

  test('a longer wait that the provider names is kept', () => {
    const headers = { 'retry-after': '7200' }
    const error = refuse(429, 'Rate limit exceeded: free-models-per-day.', { headers })
    expect(error.facts.retryAfterMs).toBe(7_200_000)
  })

  test.each([
    'This request requires more credits, or fewer max_tokens. You requested up to 512 tokens, but can only afford 200.',
    'Prompt tokens limit exceeded: 64128 > 6964. To increase, visit https://example.com and upgrade.',
  ])('a request larger than the credit left is of that request: %s', (message) => {
    for (const code of ['402', 'insufficient_credits']) {
      const error = refuse(402, message, { code })
      expect(error.code).toBe('request_over_limit')
      expect(error.row.health).toBe('none')
      expect(error.message).toBe(message)
    }
  })

  test('so is one longer than the context, with any status', () => {
    const message =
      'Input token count + `max_tokens` parameter must be less than the context length of the model being queried (4096).'
    expect(refuse(403, message).code).toBe('context_length_exceeded')
  })

  const echoed = [
    'invalid api key',
    'insufficient balance',
    'your account has been suspended',
    "x' no api key '",
  ]
  test.each(echoed)('nor do its own words, said back by the provider: %s', (words) => {
    const answers: readonly (readonly [number, string])[] = [
      [404, `The model \`${words}\` does not exist`],
      [404, `Model not found: ${words}`],
      [404, `Nothing is known of ${words}`],
      [400, `${words} is not a valid model ID`],
      [400, `Invalid value: '${words}'. Supported values are: 'system' and 'user'.`],
      [400, `${words}: Extra inputs are not permitted`],
      [400, `messages.0.role: Input should be 'user', input was ${words}`],
      [400, `Unrecognized request argument supplied: ${words}`],
      [422, `unknown variant \`${words}\``],
      [422, words],
    ]
    for (const [status, message] of answers) {
      expect([message, refuse(status, message).row.health]).not.toContainEqual(
        expect.stringMatching(/auth-dead|exhausted/),
      )
    }
    expect(refuse(403, `You may not use "${words.replaceAll("'", '')}".`).code).toBe('upstream_forbidden')
  })

  test('nor what a provider behind the provider says of its own credential', () => {
    const isHandedOn = true
    expect(refuse(401, 'Invalid API key', { isHandedOn }).code).toBe('upstream_forbidden')
    expect(refuse(429, 'x', { code: 'insufficient_quota', isHandedOn }).code).toBe('model_quota_exhausted')
    expect(refuse(429, 'x', { isHandedOn }).code).toBe('rate_limited')
  })
})
