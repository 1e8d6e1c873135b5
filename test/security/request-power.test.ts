import { monitorEventLoopDelay } from 'node:perf_hooks'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type SimulatorServer, startSimulator } from '../../src/simulator/server.ts'
import { readAnswer } from '../support/client-answer.ts'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { ASTRAY_FIELDS, ASTRAY_HEADERS, openStray, type Stray } from '../support/led-astray.ts'
import { openRawClient } from '../support/raw-client.ts'

const CREDENTIAL = 'provider-key-0123456789'

let simulator: SimulatorServer
let gateway: TestGateway
/** Whoever is led astray knocks here. */
let stray: Stray

beforeAll(async () => {
  simulator = await startSimulator({ credential: CREDENTIAL })
  stray = await openStray()
  const provider = (dialect: string) => ({
    dialect,
    baseUrl: `${simulator.origin}/v1`,
    credential: CREDENTIAL,
    models: ['m'],
  })
  gateway = await startTestGateway({
    config: {
      discover: false,
      limits: { requestsInFlight: 500 },
      providers: { chat: provider('openai-chat'), messages: provider('anthropic-messages') },
      routes: { smart: { targets: ['chat/m'], deadline: '30s', retries: 1 } },
    },
  })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await simulator.close()
  await stray[Symbol.asyncDispose]()
})

beforeEach(() => {
  stray.calls.length = 0
})

const base = { model: 'chat/m', max_tokens: 32, messages: [{ role: 'user', content: 'Hi' }] }

interface Asking {
  readonly path?: string
  readonly body?: Readonly<Record<string, unknown>>
  readonly headers?: Readonly<Record<string, string>>
}

const send = ({ path = '/v1/chat/completions', body = {}, headers = {} }: Asking) =>
  fetch(gateway.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ ...base, ...body }),
  })

describe('SEC-1: where the call to the provider goes', () => {
  const places: readonly (readonly [string, (value: string) => Asking])[] = [
    ...ASTRAY_FIELDS.map(
      (name) => [`body ${name}`, (value: string) => ({ body: { [name]: value } })] as const,
    ),
    [
      'body user_config',
      (value) => ({
        body: {
          user_config: {
            model_list: [{ litellm_params: { api_base: value, model: 'x', api_key: 'y' } }],
            api_base: value,
          },
        },
      }),
    ],
    [
      'body metadata',
      (value) => ({ body: { metadata: { api_base: value, host: value, 'x-custom-host': value } } }),
    ],
    [
      'body extra_body and extra_headers',
      (value) => ({
        body: {
          extra_body: { api_base: value },
          extra_headers: { host: value },
          extra_query: { api_base: value },
        },
      }),
    ],
    ['body litellm_params', (value) => ({ body: { litellm_params: { api_base: value } } })],
    ...ASTRAY_HEADERS.map(
      (name) => [`header ${name}`, (value: string) => ({ headers: { [name]: value } })] as const,
    ),
    ...ASTRAY_FIELDS.map(
      (name) =>
        [
          `query ${name}`,
          (value: string) => ({ path: `/v1/chat/completions?${name}=${encodeURIComponent(value)}` }),
        ] as const,
    ),
  ]

  test.each(['chat/m', 'messages/m', 'smart'])('no field, header or query moves it (%s)', async (model) => {
    const told: string[] = []
    for (const [place, make] of places) {
      for (const value of [`${stray.origin}/v1`, stray.host]) {
        const asking = make(value)
        const seen = simulator.calls.length
        const answer = await send({ ...asking, body: { ...asking.body, model } })
        const text = await answer.text()
        // Served as if it were not there, or refused for what it is: never led astray.
        const isServed = answer.status === 200 && simulator.calls.length > seen
        if (!isServed && answer.status !== 400) told.push(`${place}: ${answer.status} ${text.slice(0, 200)}`)
        const call = simulator.calls.at(-1)
        if (isServed && call?.headers['host'] !== new URL(simulator.origin).host) told.push(`${place}: host`)
        if (isServed && !/^\/v1\/(chat\/completions|messages)$/.test(call?.path ?? ''))
          told.push(`${place}: ${call?.path}`)
      }
    }
    expect(told).toEqual([])
    expect(stray.calls).toEqual([])
  })

  test.each([
    ['http://evil.invalid/v1', 'm'],
    ['//evil.invalid', 'm'],
    ['chat/../../admin', ''],
    ['chat/m?x=', ''],
    ['chat/m#', ''],
    ['@evil.invalid/m', ''],
    ['chat@evil.invalid/m', ''],
    ['chat/m\\..\\..', ''],
    ['chat/%2e%2e/%2e%2e/', ''],
    ['chat:80/m', ''],
  ])('nor does the name of a model (%j)', async (name, rest) => {
    const seen = simulator.calls.length
    const answer = await send({ body: { model: rest === '' ? name : `${name}/${rest}` } })
    await answer.text()
    expect([200, 400, 404]).toContain(answer.status)
    for (const { path, headers } of simulator.calls.slice(seen)) {
      expect(path).toBe('/v1/chat/completions')
      expect(headers['host']).toBe(new URL(simulator.origin).host)
    }
    expect(stray.calls).toEqual([])
  })

  test.each(['Host', 'absolute form', 'both, disagreeing'])('nor does the request line (%s)', async (how) => {
    const body = JSON.stringify(base)
    const target = how === 'Host' ? '/v1/chat/completions' : `${stray.origin}/v1/chat/completions`
    const host = how === 'absolute form' ? new URL(gateway.url).host : stray.host
    const seen = simulator.calls.length
    const client = await openRawClient(gateway.port)
    client.send(
      `POST ${target} HTTP/1.1\r\nhost: ${host}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`,
    )
    const { text } = await client.closed()
    expect(text).toMatch(/^HTTP\/1\.1 200 /)
    expect(simulator.calls.length).toBe(seen + 1)
    expect(simulator.calls.at(-1)?.headers['host']).toBe(new URL(simulator.origin).host)
    expect(stray.calls).toEqual([])
  })

  test('and a key of the client never takes the place of ours', async () => {
    const answer = await send({
      body: { api_key: 'sk-of-the-client-0123456789' },
      headers: {
        'x-api-key': 'sk-of-the-client-0123456789',
        authorization: 'Bearer sk-of-the-client-0123456789',
      },
    })
    await answer.text()
    expect([200, 400]).toContain(answer.status)
    const headers = JSON.stringify(simulator.calls.at(-1)?.headers)
    expect(headers).toContain(CREDENTIAL)
    expect(headers).not.toContain('sk-of-the-client')
  })
})

describe('SEC-51: what a request says of prices, limits and roles', () => {
  const powers = {
    price: 0,
    cost: 0,
    input_cost_per_token: 0,
    limits: { requestsInFlight: 0, bodyBytes: 1 },
    budget: 1e9,
    max_budget: 1e9,
    role: 'admin',
    is_admin: true,
    holdfast: { deadlineMs: 1, retries: 99, targets: ['messages/m'], strict: true, key: 'none' },
    metadata: { price: 0, role: 'admin', tags: ['vip'], holdfast: { target: 'messages/m' } },
    user: 'admin',
    timeout: 0.001,
    num_retries: 50,
    fallbacks: ['messages/m'],
    cache: { 'no-cache': true },
    mock_response: 'made up',
    rescue: 'off',
  }
  const headers = {
    'x-holdfast-deadline-ms': '1',
    'x-holdfast-retries': '99',
    'x-holdfast-target': 'messages/m',
    'x-holdfast-attempts': '0',
    'x-holdfast-simulated': 'true',
    'x-holdfast-losses': 'none',
    'x-holdfast-strict': 'true',
    'x-holdfast-key': 'none',
    'x-role': 'admin',
    'x-request-id': 'chosen-by-the-client',
    'request-id': 'chosen-by-the-client',
    'x-forwarded-for': '10.0.0.1',
    'x-ratelimit-limit-requests': '0',
  }

  test('changes nothing: not the target, the deadline, the tries, the record, nor the id', async () => {
    const plain = await send({ body: { model: 'smart' } })
    const plainAnswer = await readAnswer(plain, 'openai-chat')
    const strange = await send({ body: { model: 'smart', ...powers }, headers })
    const strangeAnswer = await readAnswer(strange, 'openai-chat')
    expect(strangeAnswer.status).toBe(200)
    for (const name of [
      'x-holdfast-target',
      'x-holdfast-attempts',
      'x-holdfast-simulated',
      'x-holdfast-losses',
    ]) {
      expect(strange.headers.get(name)).toBe(plain.headers.get(name))
    }
    expect(strange.headers.get('x-request-id')).not.toContain('chosen')
    expect(strangeAnswer.text).not.toContain('made up')
    const recordOf = (response: Response) =>
      gateway.exchange(({ exchangeId }) => exchangeId === response.headers.get('x-request-id'))
    const keep = ({
      state,
      route,
      target,
      attempts,
      status,
      operation,
      usage,
    }: Awaited<ReturnType<typeof recordOf>>) => ({
      state,
      route,
      target,
      attempts,
      status,
      operation,
      outputTokens: usage?.outputTokens,
    })
    expect(keep(await recordOf(strange))).toEqual(keep(await recordOf(plain)))
    expect(plainAnswer.usage).toBeDefined()
    expect(gateway.running.config.limits.requestsInFlight).toBe(500)
    // And nothing of it outlives the request.
    const after = await send({ body: { model: 'smart' } })
    await after.text()
    expect(after.headers.get('x-holdfast-target')).toBe('chat/m')
  })

  test('no such header reaches the provider', () => {
    const call = simulator.calls.findLast(({ body }) => Buffer.from(body).includes('mock_response'))
    expect(call).toBeDefined()
    for (const name of Object.keys(headers))
      expect(call?.headers[name]).not.toBe(headers[name as keyof typeof headers])
  })
})

describe('SEC-35: what a long prompt costs', () => {
  /** No tokens are counted on the way: the body is scanned, and in the same dialect passed on as it came. */
  async function turnOf(model: string, prompt: string): Promise<{ longestTurnMs: number; totalMs: number }> {
    const delay = monitorEventLoopDelay({ resolution: 1 })
    delay.enable()
    const beganAtMs = performance.now()
    const answer = await send({ body: { model, messages: [{ role: 'user', content: prompt }] } })
    expect(answer.status).toBe(200)
    await answer.text()
    delay.disable()
    return { longestTurnMs: delay.max / 1e6, totalMs: performance.now() - beganAtMs }
  }

  const prompts = {
    words: 'word '.repeat(200_000),
    'one letter': 'a'.repeat(1_000_000),
    'four-byte characters': '𐍈'.repeat(250_000),
    'escapes only': '\u0001"\\'.repeat(80_000),
  }

  test.each(
    Object.entries(prompts).flatMap(([name, prompt]) =>
      ['chat/m', 'messages/m'].map((model) => [name, model, prompt] as const),
    ),
  )('1 MB of %s to %s holds up nobody else', async (_, model, prompt) => {
    await turnOf(model, prompt)
    const turns = []
    for (let round = 0; round < 3; round += 1) turns.push(await turnOf(model, prompt))
    // The provider and this client share the loop: the bound is far above the scan, and far below any tokenizer.
    expect(Math.min(...turns.map(({ longestTurnMs }) => longestTurnMs))).toBeLessThan(80)
  })
})
