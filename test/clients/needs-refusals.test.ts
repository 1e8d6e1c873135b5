/**
 * What clients need of refusals: statuses and headers that they act upon, the provider's own words, and nothing of the
 * provider's account. The numbers are those of docs/clients.md.
 */

import Anthropic from '@anthropic-ai/sdk'
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { anthropicClient, CLIENT_KEY, openStage, rejectionOf, type Stage } from '../support/clients.ts'
import { type AskedDialect, ASKED_DIALECTS, askRaw, readJson, saidText } from '../support/raw-asking.ts'
import { chatAnswer, chatStream, messagesAnswer, messagesStream } from '../support/told-answers.ts'
import { openToldStage, type ToldStage } from '../support/told-provider.ts'

const WRONG_KEY = 'wrong-key-0123456789abcdef'

let stage: Stage
beforeAll(async () => {
  const faults = ['rate-limit(after=0)', 'status-503', 'overloaded', 'content-policy']
  stage = await openStage({
    scenario: {
      faults: [
        ...faults.map((fault) => ({ fault, model: `${fault.split('(')[0] ?? ''}*` })),
        { fault: 'reset-before-head', model: 'resets*' },
        { fault: 'context-length', model: 'long*' },
        { fault: 'status(status=413)', model: 'heavy*' },
        ...ASKED_DIALECTS.map((dialect) => ({
          fault: 'rate-limit(after=0)',
          model: `limited-once-${dialect}`,
          first: 1,
        })),
      ],
    },
    config: {
      keys: [{ name: 'laptop', key: CLIENT_KEY }],
      routes: {
        down: { targets: ['chat/resets', 'messages/status-503'], retries: 0 },
        'beside-limited': { targets: ['chat/rate-limit', 'messages/mock'], retries: 0 },
      },
    },
  })
})
afterAll(() => stage[Symbol.asyncDispose]())

const key = { authorization: `Bearer ${CLIENT_KEY}` }
const ask = (dialect: AskedDialect, model: string, more: Readonly<Record<string, unknown>> = {}) =>
  askRaw(stage.url, { dialect, model, headers: key, ...more })

interface Told {
  readonly type?: string
  readonly code?: unknown
  readonly status?: string
  readonly message: string
}

// Sound: every dialect says its error as an object of this name.
const errorOf = async (response: Response) => (await readJson(response))['error'] as unknown as Told

describe.each(ASKED_DIALECTS)('need 1: in %s', (dialect) => {
  test('a missing or a wrong key is a 401 that no client tries again', async () => {
    for (const headers of [{}, { authorization: `Bearer ${WRONG_KEY}` }]) {
      const response = await askRaw(stage.url, { dialect, model: 'chat/mock', headers })
      expect(response.status).toBe(401)
      expect(response.headers.get('x-should-retry')).toBe('false')
    }
  })

  test.each(['content-policy', 'long', 'heavy'])('what no retry cures says so: %s', async (fault) => {
    const response = await ask(dialect, `chat/${fault}-${dialect}`)
    expect(response.status).toBeGreaterThanOrEqual(400)
    expect(response.headers.get('x-should-retry')).toBe('false')
  })

  test('an unknown model and a broken body are said not to be worth a retry', async () => {
    const unknown = await ask(dialect, 'no-such-model')
    expect(unknown.status).toBe(404)
    expect(unknown.headers.get('x-should-retry')).toBe('false')
    const broken = await ask(dialect, 'chat/mock', { body: { messages: 3, input: 3, contents: 3 } })
    expect(broken.status).toBe(400)
    expect(broken.headers.get('x-should-retry')).toBe('false')
  })
})

describe.each(ASKED_DIALECTS)('need 3: in %s', (dialect) => {
  test('a 429 of the provider is waited for and tried again before the first byte', async () => {
    const before = stage.simulator.calls.length
    const response = await ask(dialect, `chat/limited-once-${dialect}`, { stream: true })
    expect(response.status).toBe(200)
    expect(saidText(await response.text())).toContain('simulated answer')
    expect(stage.simulator.calls.length).toBe(before + 2)
  })

  test('a provider that limits is passed over for one that does not', async () => {
    const response = await ask(dialect, 'beside-limited', { stream: true })
    expect(response.status).toBe(200)
    expect(saidText(await response.text())).toContain('simulated answer')
  })

  test('all upstreams down is a 503 with our message and a request id', async () => {
    const response = await ask(dialect, 'down', { stream: true })
    expect(response.status).toBe(503)
    expect(response.headers.get('x-request-id')).toMatch(/.+/)
    expect((await errorOf(response)).message).toContain('messages/status-503')
  })
})

describe('need 3: a target that is down', () => {
  test('is asked twice at most for each request, however the client repeats itself', async () => {
    const before = stage.simulator.calls.length
    for (let time = 1; time <= 3; time += 1) {
      const response = await ask('openai-responses', 'chat/status-503-again')
      expect(response.status).toBe(503)
      expect(stage.simulator.calls.length - before).toBeLessThanOrEqual(2 * time)
    }
  })

  test.each(['resets', 'overloaded', 'status-503'])(
    'is never a 500, whose words Codex hides: %s',
    async (fault) => {
      const response = await ask('openai-responses', `chat/${fault}-unhidden`, { stream: true })
      expect([502, 503]).toContain(response.status)
      expect((await errorOf(response)).message).toContain(`chat/${fault}-unhidden`)
    },
  )
})

describe('need 13: the provider’s own words', () => {
  const words = 'tools.3.custom.input_schema: JSON schema is invalid (told by the provider)'
  let told: ToldStage
  beforeAll(async () => {
    const error = (type: string) => ({ type: 'error', error: { type, message: words } })
    told = await openToldStage({
      bad: {
        dialect: 'anthropic-messages',
        tell: () => ({ status: 400, body: error('invalid_request_error') }),
      },
      large: {
        dialect: 'anthropic-messages',
        tell: () => ({ status: 413, body: error('request_too_large') }),
      },
      chat: {
        dialect: 'openai-chat',
        tell: () => ({
          status: 400,
          body: { error: { message: words, type: 'invalid_request_error', param: null, code: null } },
        }),
      },
    })
  })
  afterAll(() => told[Symbol.asyncDispose]())

  test.each(ASKED_DIALECTS.flatMap((dialect) => ['bad/m', 'chat/m'].map((model) => ({ dialect, model }))))(
    'of a 400 from $model reach clients of $dialect as they are',
    async ({ dialect, model }) => {
      const response = await askRaw(told.url, { dialect, model })
      expect(response.status).toBe(400)
      expect((await errorOf(response)).message).toBe(words)
    },
  )

  test('of a 413 too, in Anthropic’s envelope', async () => {
    const response = await askRaw(told.url, { dialect: 'anthropic-messages', model: 'large/m' })
    expect(response.status).toBe(413)
    const body = await readJson(response)
    expect(body).toMatchObject({ type: 'error', error: { type: 'request_too_large', message: words } })
    expect(body['request_id']).toBe(response.headers.get('request-id'))
  })
})

describe('need 25: the headers that users read', () => {
  const account = {
    'anthropic-ratelimit-requests-remaining': '7',
    'anthropic-ratelimit-unified-status': 'allowed',
    'anthropic-organization-id': 'org-of-the-operator',
    'openai-organization': 'org-of-the-operator',
    'openai-project': 'project-of-the-operator',
    'x-ratelimit-remaining-requests': '7',
    'x-ratelimit-limit-tokens': '40000',
    'cf-ray': '8f0-of-the-provider',
    'set-cookie': '__cf_bm=of-the-provider',
    server: 'server-of-the-provider',
    'request-id': 'req_of_the_provider',
    'x-request-id': 'req_of_the_provider',
  }
  let told: ToldStage
  beforeAll(async () => {
    const isRefused = (text: string) => text.includes('refuse me')
    const refusal = {
      status: 400,
      headers: account,
      body: { type: 'error', error: { type: 'invalid_request_error', message: 'not like this' } },
    }
    const limit = {
      status: 429,
      headers: { ...account, 'retry-after': '7' },
      body: { type: 'error', error: { type: 'rate_limit_error', message: 'slower' } },
    }
    told = await openToldStage(
      {
        limited: { dialect: 'anthropic-messages', tell: () => limit },
        messages: {
          dialect: 'anthropic-messages',
          tell: ({ text, body }) =>
            isRefused(text)
              ? refusal
              : { headers: account, body: body['stream'] ? messagesStream('hi') : messagesAnswer('hi') },
        },
        chat: {
          dialect: 'openai-chat',
          tell: ({ text, body }) =>
            isRefused(text)
              ? refusal
              : { headers: account, body: body['stream'] ? chatStream('hi') : chatAnswer('hi') },
        },
      },
      { routes: { limited: { targets: ['limited/m'], retries: 0 } } },
    )
  })
  afterAll(() => told[Symbol.asyncDispose]())

  const rows = ASKED_DIALECTS.flatMap((dialect) =>
    ['messages/m', 'chat/m'].flatMap((model) => [false, true].map((stream) => ({ dialect, model, stream }))),
  )
  test.each(rows)(
    '$dialect over $model, stream $stream: ours, and none of the provider’s',
    async (asking) => {
      for (const prompt of ['answer me', 'refuse me']) {
        const response = await askRaw(told.url, { ...asking, prompt })
        await response.text()
        const shown = [...response.headers].filter(([name]) => name in account)
        expect(Object.fromEntries(shown)).toEqual({
          'x-request-id': expect.stringMatching(/^req_/),
          'request-id': response.headers.get('x-request-id'),
        })
        expect(JSON.stringify([...response.headers])).not.toMatch(/of-the|of_the/)
      }
    },
  )

  test('the wait of a 429 is told in seconds and in milliseconds', async () => {
    const response = await askRaw(told.url, {
      dialect: 'anthropic-messages',
      model: 'limited',
    })
    expect(response.status).toBe(429)
    const seconds = Number(response.headers.get('retry-after'))
    expect(seconds).toBeGreaterThan(0)
    expect(seconds).toBeLessThanOrEqual(7)
    expect(Number(response.headers.get('retry-after-ms'))).toBeGreaterThan((seconds - 1) * 1_000)
  })

  test.each([
    [
      'OpenAI',
      (url: string) =>
        new OpenAI({ baseURL: `${url}/v1`, apiKey: 'unused', maxRetries: 0 }).models.retrieve('none'),
      OpenAI.NotFoundError,
    ],
    [
      'Anthropic',
      (url: string) =>
        new Anthropic({ baseURL: url, apiKey: 'unused', maxRetries: 0 }).models.retrieve('none'),
      Anthropic.NotFoundError,
    ],
  ] as const)('the errors of the SDK of %s carry the request id', async (_name, retrieve, kind) => {
    const error = await rejectionOf(retrieve(told.url))
    expect(error).toBeInstanceOf(kind)
    expect(error).toMatchObject({ requestID: expect.stringMatching(/^req_/) })
  })
})

describe('contract: error.type in the Anthropic dialect', () => {
  const rows = [
    { what: 'a missing key', status: 401, type: 'authentication_error', retry: 'false', headers: {} },
    {
      what: 'a request too large',
      model: 'chat/heavy',
      status: 413,
      type: 'request_too_large',
      retry: 'false',
    },
    {
      what: 'a rate limit',
      model: 'chat/rate-limit-typed',
      status: 429,
      type: 'rate_limit_error',
      retry: 'true',
    },
    {
      what: 'an overload',
      model: 'messages/overloaded',
      status: 503,
      type: 'overloaded_error',
      retry: 'true',
    },
    {
      what: 'a policy block',
      model: 'chat/content-policy',
      status: 400,
      type: 'policy_blocked',
      retry: 'false',
    },
  ]
  test.each(rows)('$what: $status $type', async ({ model = 'chat/mock', status, type, retry, headers }) => {
    const asking = { dialect: 'anthropic-messages', model, headers: headers ?? key } as const
    const response = await askRaw(stage.url, asking)
    expect(response.status).toBe(status)
    expect(response.headers.get('x-should-retry')).toBe(retry)
    expect(await errorOf(response)).toMatchObject({ type, message: expect.stringMatching(/.+/) })
    if (status === 429 && retry === 'true') expect(response.headers.get('retry-after')).toMatch(/^\d+$/)
  })

  test('a spent account is a 429 billing_error without a retry: one sentence, and who must act', async () => {
    // On a stage of its own: it shuts out every model behind that credential.
    await using spent = await openStage({ scenario: { faults: [{ fault: 'insufficient-quota' }] } })
    for (const model of ['messages/mock', 'chat/mock']) {
      const asked = { model, max_tokens: 10, messages: [{ role: 'user' as const, content: 'hello' }] }
      const error = await rejectionOf(anthropicClient(spent, { maxRetries: 3 }).messages.create(asked))
      expect(error).toMatchObject({ status: 429, type: 'billing_error' })
      expect(JSON.stringify(error)).toContain('The operator must add credit')
    }
    expect(spent.simulator.calls).toHaveLength(2)
  })
})
