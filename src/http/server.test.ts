import { describe, expect, test } from 'vitest'
import { fakeReply, fakeTarget } from '../../test/support/fake-gateway.ts'
import { CHAT_BODY, startServer } from '../../test/support/http-server.ts'
import { GatewayError } from '../errors/gateway-error.ts'

describe('an answer', () => {
  test('reaches the client as the gateway made it', async () => {
    const { chat, gateway } = await startServer()
    const answer = await chat()
    expect(answer.status).toBe(200)
    expect(answer.headers.get('content-type')).toBe('application/json')
    expect(await answer.json()).toEqual({ ok: true })
    const [exchange] = gateway.exchanges
    expect(exchange).toMatchObject({ operation: 'chat', id: answer.headers.get('x-request-id') })
    expect(exchange?.dialect.id).toBe('openai-chat')
    expect(new TextDecoder().decode(exchange?.body)).toBe(CHAT_BODY)
    expect(exchange?.headers['content-type']).toBe('application/json')
    expect(exchange?.signal.aborted).toBe(false)
  })

  test('says who gave it, after how many tries and at what cost of our own', async () => {
    const { chat } = await startServer({
      serve: async () =>
        fakeReply({
          target: fakeTarget('gpt', { isSimulated: true }),
          overheadMs: 1.23456,
          attempts: [
            { target: 'a/b', durationMs: 1, code: 'rate_limited' },
            { target: 'fake/gpt', durationMs: 2 },
          ],
          losses: [
            { field: 'logprobs', reason: 'none there' },
            { field: 'logprobs', reason: 'twice' },
            { field: 'user\r\nx: y', reason: 'hostile' },
            { field: 'a,b', reason: 'comma' },
          ],
        }),
    })
    const { headers } = await chat()
    expect(headers.get('x-holdfast-target')).toBe('fake/gpt')
    expect(headers.get('x-holdfast-attempts')).toBe('2')
    expect(headers.get('x-holdfast-overhead-ms')).toBe('1.23')
    expect(headers.get('x-holdfast-losses')).toBe('logprobs, user%0D%0Ax: y, a%2Cb')
    expect(headers.get('x-holdfast-simulated')).toBe('true')
    expect(headers.get('request-id')).toBe(headers.get('x-request-id'))
    expect(headers.get('request-id')).toMatch(/^req_[0-9a-f]{36}$/)
    expect(headers.get('cache-control')).toBe('no-store')
    expect(headers.get('x-content-type-options')).toBe('nosniff')
  })

  test('fault 101: encodes what a client smuggled into the model name, in every header that shows it', async () => {
    const { chat } = await startServer({
      serve: async () => fakeReply({ target: fakeTarget('m\r\nset-cookie: a=b\u0000') }),
    })
    const { headers, status } = await chat()
    expect(status).toBe(200)
    expect(headers.get('set-cookie')).toBeNull()
    expect(headers.get('x-holdfast-target')).toBe('fake/m%0D%0Aset-cookie: a=b%00')
  })

  test("carries the client's own request id back, where it is one", async () => {
    const { chat } = await startServer()
    expect(
      (await chat({ headers: { 'x-client-request-id': 'mine-1' } })).headers.get('x-client-request-id'),
    ).toBe('mine-1')
    for (const id of ['a b', 'x'.repeat(129), 'é']) {
      expect(
        (await chat({ headers: { 'x-client-request-id': id } })).headers.get('x-client-request-id'),
      ).toBeNull()
    }
  })

  test('that is long arrives whole', async () => {
    const body = new Uint8Array(5_000_000).fill(97)
    const { chat } = await startServer({ serve: async () => fakeReply({ body }) })
    expect((await (await chat()).arrayBuffer()).byteLength).toBe(5_000_000)
  })
})

describe('a refusal', () => {
  test.each([
    ['/v1/chat/completions', {}, 'openai-chat'],
    ['/v1/messages', {}, 'anthropic-messages'],
    ['/v1/messages?beta=true', {}, 'anthropic-messages'],
    ['/nowhere', {}, 'openai-chat'],
    ['/nowhere', { 'anthropic-version': '2026-10-21' }, 'anthropic-messages'],
    ['/anthropic/nowhere', {}, 'anthropic-messages'],
    ['/v1/messages/batches', {}, 'anthropic-messages'],
  ])('at %s with %o speaks %s', async (path, headers, dialect) => {
    const { chat } = await startServer()
    const answer = await chat({ headers, body: '{' }, path)
    expect(await answer.json()).toMatchObject({ dialect, requestId: answer.headers.get('request-id') })
    expect(answer.headers.get('x-should-retry')).toBe('false')
  })

  test('says how long to wait, in seconds rounded up and in milliseconds, one minute at most', async () => {
    let retryAfterMs = 1_234.5
    const { chat } = await startServer({
      serve: () => Promise.reject(new GatewayError('rate_limited', 'Too fast.', { retryAfterMs })),
    })
    const first = await chat()
    expect(first.status).toBe(429)
    expect(first.headers.get('retry-after')).toBe('2')
    expect(first.headers.get('retry-after-ms')).toBe('1235')
    expect(first.headers.get('x-should-retry')).toBe('true')
    retryAfterMs = 3_600_000
    const second = await chat()
    expect(second.headers.get('retry-after')).toBe('60')
    expect(second.headers.get('retry-after-ms')).toBe('60000')
  })

  test('tells how many attempts came before it', async () => {
    const attempts = [{ target: 'a/b', durationMs: 1, status: 503, code: 'upstream_unavailable' }]
    const { chat } = await startServer({
      serve: () => Promise.reject(new GatewayError('upstream_unavailable', 'Down.').withAttempts(attempts)),
    })
    const answer = await chat()
    expect(answer.status).toBe(503)
    expect(answer.headers.get('x-holdfast-attempts')).toBe('1')
  })

  test('for want of a key is final in both dialects and read before the body', async () => {
    const { chat, gateway } = await startServer({ keys: new Map([['sk-1', 'laptop']]) })
    for (const path of ['/v1/chat/completions', '/v1/messages', '/v1/messages/count_tokens']) {
      const answer = await chat({ body: 'not json at all' }, path)
      expect(answer.status).toBe(401)
      expect(answer.headers.get('x-should-retry')).toBe('false')
    }
    expect(gateway.refusals.map(({ error, requestBytes }) => [error.code, requestBytes])).toEqual(
      Array.from({ length: 3 }, () => ['unauthenticated', 0]),
    )
  })

  test('for want of room is one to try again', async () => {
    const { chat, url } = await startServer({ isFull: () => true, models: [] })
    const answer = await chat()
    expect(answer.status).toBe(503)
    expect(answer.headers.get('retry-after-ms')).toBe('1200')
    expect(answer.headers.get('x-should-retry')).toBe('true')
    expect((await fetch(`${url}/v1/models`)).status).toBe(200)
  })

  test('is recorded once, with the name of the key', async () => {
    const { chat, gateway } = await startServer({ keys: new Map([['sk-1', 'laptop']]) })
    const answer = await chat({ body: '{', headers: { authorization: 'Bearer sk-1' } })
    expect(answer.status).toBe(400)
    expect(gateway.refusals).toMatchObject([
      {
        exchangeId: answer.headers.get('request-id'),
        dialect: 'openai-chat',
        status: 400,
        requestBytes: 1,
        keyName: 'laptop',
      },
    ])
    expect(gateway.placesTaken).toBe(0)
  })

  test('names the methods a path has', async () => {
    const { url } = await startServer()
    const answer = await fetch(`${url}/v1/chat/completions`)
    expect(answer.status).toBe(405)
    expect(answer.headers.get('allow')).toBe('POST, OPTIONS')
  })

  test('SEC-61: carries the safety headers and no trace of our code', async () => {
    const { chat, url } = await startServer({ serve: () => Promise.reject(new Error('secret inside')) })
    const answers = [
      await chat(),
      await chat({ body: '{' }),
      await chat({}, '/nowhere'),
      await fetch(`${url}/v1/messages`),
      await chat({ headers: { 'content-type': 'multipart/form-data; boundary=x' } }),
    ]
    expect(answers.map(({ status }) => status)).toEqual([500, 400, 404, 405, 415])
    for (const answer of answers) {
      expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
      expect(answer.headers.get('cache-control')).toBe('no-store')
      expect(answer.headers.get('server')).toBeNull()
      expect(answer.headers.get('x-powered-by')).toBeNull()
      expect(await answer.text()).not.toMatch(/at .*\.[jt]s:|secret inside/)
    }
  })
})

test('fault 136: an exception in one request is a 500 for that request and for no other', async () => {
  const { chat, notices } = await startServer({
    serve: async (exchange) => {
      if (exchange.envelope.stream) throw new TypeError('a defect that quotes the prompt')
      return fakeReply({})
    },
  })
  const answers = await Promise.all([chat(), chat({ body: '{"model":"m","stream":true}' }), chat()])
  expect(answers.map(({ status }) => status)).toEqual([200, 500, 200])
  expect(notices).toMatchObject([{ level: 'error', name: 'request_defect', facts: { kind: 'TypeError' } }])
  expect(JSON.stringify(notices)).not.toContain('quotes the prompt')
  expect((await chat()).status).toBe(200)
})

test('fault 136: a dialect that fails at its own error still gives the client one', async () => {
  const { fakeDialect } = await import('../../test/support/fake-gateway.ts')
  const broken = {
    ...fakeDialect('openai-chat'),
    writeError: () => {
      throw new Error('no words')
    },
  }
  const { chat } = await startServer({
    dialects: new Map([
      ['openai-chat', broken],
      ['anthropic-messages', fakeDialect('anthropic-messages')],
    ]),
  })
  const answer = await chat({ body: '{' })
  expect(answer.status).toBe(400)
  expect(await answer.json()).toMatchObject({ error: { code: 'invalid_json' } })
})

describe('models', () => {
  const models = [
    { id: 'smart', ownedBy: 'holdfast', isSimulated: false },
    { id: 'simulator/echo', ownedBy: 'simulator', isSimulated: true },
  ]

  test('are listed in the shape of OpenAI, with what Mistral wants besides', async () => {
    const { url } = await startServer({ models })
    const list = await (await fetch(`${url}/v1/models`)).json()
    expect(list).toMatchObject({
      object: 'list',
      data: [
        {
          id: 'smart',
          object: 'model',
          owned_by: 'holdfast',
          type: 'base',
          capabilities: { completion_chat: true },
        },
        { id: 'simulator/echo', owned_by: 'simulator', holdfast_simulated: true },
      ],
    })
  })

  test.each([
    ['/v1/models?limit=1000', { 'anthropic-version': '2023-06-01' }],
    ['/anthropic/v1/models', {}],
  ])('are listed in the shape of Anthropic at %s', async (path, headers) => {
    const { url } = await startServer({ models })
    const list = await (await fetch(url + path, { headers: headers as Record<string, string> })).json()
    expect(list).toMatchObject({
      data: [
        {
          type: 'model',
          id: 'smart',
          display_name: 'smart',
          created_at: expect.stringMatching(/^20\d\d-.*Z$/),
        },
        { type: 'model', id: 'simulator/echo' },
      ],
      has_more: false,
      first_id: 'smart',
      last_id: 'simulator/echo',
    })
  })

  test.each(['/v1/models/simulator/echo', '/v1/models/simulator%2Fecho', '/models/simulator%2Fecho'])(
    'are found one by one at %s',
    async (path) => {
      const { url } = await startServer({ models })
      expect(await (await fetch(url + path)).json()).toMatchObject({ id: 'simulator/echo' })
    },
  )

  test.each(['nothing', '__proto__', 'constructor'])('that do not exist are not found: %s', async (id) => {
    const { url } = await startServer({ models })
    const answer = await fetch(`${url}/v1/models/${id}`)
    expect(answer.status).toBe(404)
    expect(await answer.json()).toMatchObject({ code: 'model_not_found' })
  })
})

describe('probes', () => {
  test('are answered without a key', async () => {
    const { url } = await startServer({ keys: new Map([['sk-1', 'laptop']]) })
    for (const [method, path] of [
      ['HEAD', '/'],
      ['HEAD', '/api/hello'],
      ['GET', '/'],
      ['GET', '/livez'],
      ['HEAD', '/livez'],
      ['GET', '/readyz'],
    ] as const) {
      const answer = await fetch(url + path, { method })
      expect([path, answer.status]).toEqual([path, 200])
      expect((await answer.text()).length > 0).toBe(method === 'GET')
    }
  })

  test('tell why the gateway is not ready', async () => {
    const { url } = await startServer({ reasons: () => ['No provider is configured.'] })
    const answer = await fetch(`${url}/readyz`)
    expect(answer.status).toBe(503)
    expect(await answer.json()).toEqual({ status: 'not ready', reasons: ['No provider is configured.'] })
    expect((await fetch(`${url}/livez`)).status).toBe(200)
  })

  test('read the metrics as Prometheus text', async () => {
    const { url } = await startServer({ metrics: async () => 'up 1\n' })
    const answer = await fetch(`${url}/metrics`)
    expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
    expect(await answer.text()).toBe('up 1\n')
  })
})

describe("Azure's path", () => {
  const path = '/openai/deployments/my%20gpt/chat/completions?api-version=2024-10-21'

  test('names the model where the body does not', async () => {
    const { chat, gateway } = await startServer({ keys: new Map([['sk-1', 'laptop']]) })
    const answer = await chat({ body: '{"messages":[]}', headers: { 'api-key': 'sk-1' } }, path)
    expect(answer.status).toBe(200)
    expect(new TextDecoder().decode(gateway.exchanges[0]?.body)).toBe('{"model":"my gpt","messages":[]}')
    expect(gateway.exchanges[0]?.envelope.modelId).toBe('my gpt')
  })

  test('leaves a body alone that names one, or that is empty or broken', async () => {
    const { chat, gateway } = await startServer()
    await chat({ body: '{"model":"other"}' }, path)
    await chat({ body: '{}' }, path)
    expect(gateway.exchanges.map(({ body }) => new TextDecoder().decode(body))).toEqual([
      '{"model":"other"}',
      '{"model":"my gpt"}',
    ])
    expect((await chat({ body: '[1' }, path)).status).toBe(400)
  })
})

test('an address that is taken is a rejection', async () => {
  const { port } = await startServer()
  const { server } = await startServer()
  await server.close()
  await expect(server.listen('127.0.0.1', port)).rejects.toMatchObject({ code: 'EADDRINUSE' })
})
