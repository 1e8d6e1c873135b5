/** A provider with several keys, in front of the whole gateway: what befalls one key is not the others' affair. */

import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'

const KEYS = ['pool-key-one-0123456789', 'pool-key-two-0123456789', 'pool-key-three-0123456789']
const CHAT = JSON.stringify({ model: 'up/m', max_tokens: 8, messages: [{ role: 'user', content: 'hi' }] })

interface Answer {
  readonly status: number
  readonly body: object
  readonly headers?: Readonly<Record<string, string>>
}

const ANSWER: Answer = {
  status: 200,
  body: {
    id: 'c1',
    object: 'chat.completion',
    created: 1,
    model: 'm',
    choices: [{ index: 0, message: { role: 'assistant', content: 'ho' }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
  },
}

/** Answers by key, and remembers which keys came, and what for. */
async function startUpstream(answerTo: (key: string) => Answer) {
  const seen: { readonly key: string; readonly path: string }[] = []
  const server: Server = createServer((request, response) => {
    const key = keyOf(request)
    seen.push({ key, path: request.url ?? '' })
    request.resume().on('end', () => {
      const { status, body, headers = {} } = answerTo(key)
      response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
    })
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  // A server that listens on TCP has an address of this form.
  const { port } = server.address() as AddressInfo
  return { seen, baseUrl: `http://127.0.0.1:${port}/v1` }
}

function keyOf({ headers }: IncomingMessage): string {
  return headers.authorization?.replace('Bearer ', '') ?? ''
}

async function startGateway(baseUrl: string, over: object = {}): Promise<TestGateway> {
  const gateway = await startTestGateway({
    config: {
      discover: false,
      providers: { up: { dialect: 'openai-chat', baseUrl, keys: KEYS, models: ['m'] } },
      ...over,
    },
  })
  onTestFinished(() => gateway[Symbol.asyncDispose]())
  return gateway
}

async function ask({ url }: TestGateway, body = CHAT) {
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  })
  return { status: response.status, text: await response.text() }
}

describe('a pool of keys', () => {
  test.each([
    ['refused', { status: 401, body: { error: { message: `wrong key: ${KEYS.join(', ')}` } } }],
    ['spent', { status: 429, body: { error: { message: 'no money', code: 'insufficient_quota' } } }],
    [
      'rate limited',
      { status: 429, body: { error: { message: 'slow down' } }, headers: { 'retry-after': '30' } },
    ],
  ])('one key that is %s costs no request, and is left in peace', async (_state, refusal) => {
    const [bad = ''] = KEYS
    const upstream = await startUpstream((key) => (key === bad ? refusal : ANSWER))
    const gateway = await startGateway(upstream.baseUrl)
    for (let count = 0; count < 12; count += 1) expect((await ask(gateway)).status).toBe(200)
    const calls = (key: string) => upstream.seen.filter((one) => one.key === key).length
    expect(calls(bad)).toBeLessThanOrEqual(2)
    for (const key of KEYS.slice(1)) expect(calls(key)).toBeGreaterThan(0)
  })

  test('no key of a pool is in what a client or the log reads, also where the provider says them all', async () => {
    const upstream = await startUpstream(() => ({
      status: 400,
      body: { error: { message: `I know ${KEYS.join(' and ')}`, type: 'invalid_request_error' } },
    }))
    const gateway = await startGateway(upstream.baseUrl)
    const { status, text } = await ask(gateway)
    expect(status).toBe(400)
    expect(text).toContain('I know')
    await gateway.exchange((record) => record.status === 400)
    const told = text + JSON.stringify([gateway.exchanges, gateway.attempts, gateway.notices])
    for (const key of KEYS) expect(told).not.toContain(key)
  })

  test('the list of models is asked for with the first key', async () => {
    const upstream = await startUpstream(() => ({
      status: 200,
      body: { object: 'list', data: [{ id: 'm' }] },
    }))
    const gateway = await startGateway(upstream.baseUrl, {
      providers: { up: { provider: 'openai', baseUrl: upstream.baseUrl, keys: KEYS } },
    })
    await expect.poll(() => upstream.seen.length).toBeGreaterThan(0)
    expect(new Set(upstream.seen.map(({ key }) => key))).toEqual(new Set([KEYS[0]]))
    expect((await fetch(`${gateway.url}/v1/models`)).status).toBe(200)
  })
})

test('a route of balanced groups serves, falls from group to group, and spreads by weight', async () => {
  const upstream = await startUpstream((key) => (key === KEYS[0] ? { status: 503, body: {} } : ANSWER))
  const provider = (key: string | undefined) => ({
    dialect: 'openai-chat',
    baseUrl: upstream.baseUrl,
    credential: key,
    models: ['m'],
  })
  const gateway = await startGateway(upstream.baseUrl, {
    providers: { dead: provider(KEYS[0]), one: provider(KEYS[1]), two: provider(KEYS[2]) },
    routes: {
      smart: {
        targets: [
          'dead/m',
          {
            balance: 'weighted',
            targets: [
              { target: 'one/m', weight: 1 },
              { target: 'two/m', weight: 1 },
            ],
          },
        ],
      },
    },
  })
  for (let count = 0; count < 24; count += 1)
    expect((await ask(gateway, CHAT.replace('up/m', 'smart'))).status).toBe(200)
  const served = new Set(gateway.exchanges.map(({ target }) => target))
  expect(served).toEqual(new Set(['one/m', 'two/m']))
})
