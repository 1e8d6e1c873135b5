/**
 * Answers that are given again, over HTTP: one provider that counts its calls, one gateway, many clients. Rows 112 to 114,
 * SEC-41 and SEC-43.
 */

import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, test, vi } from 'vitest'
import { startTestGateway } from '../support/gateway.ts'

const chunk = (delta: object, finish: string | null = null) =>
  `data: ${JSON.stringify({ id: 'c1', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`
const USAGE = `data: ${JSON.stringify({ id: 'c1', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [], usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 } })}\n\n`
const HEAD = chunk({ role: 'assistant', content: '' }) + chunk({ content: 'an ' })
const REST = `${chunk({ content: '.' })}${chunk({}, 'stop')}${USAGE}data: [DONE]\n\n`
const EMBEDDING = JSON.stringify({
  object: 'list',
  model: 'm',
  data: [{ object: 'embedding', index: 0, embedding: [3, 4] }],
  usage: { prompt_tokens: 2, total_tokens: 2 },
})
const KEYS = [
  { name: 'one', key: 'client-key-number-one' },
  { name: 'two', key: 'client-key-number-two' },
]

/** A provider whose answers go on when the test says so. */
async function openStage({ cache = false }: { readonly cache?: boolean | object } = {}) {
  const calls: ServerResponse[] = []
  const goOn = Promise.withResolvers<void>()
  let closed = 0
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      if (request.url === '/v1/embeddings') return void response.end(EMBEDDING)
      calls.push(response)
      response.on('close', () => (closed += response.writableFinished ? 0 : 1))
      void answer(response)
    })
  })
  // A gateway asks for a stream whatever its client wants.
  async function answer(response: ServerResponse) {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(HEAD + chunk({ content: `answer ${calls.length}` }))
    await goOn.promise
    response.end(REST)
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // Sound: it listens on a port.
  const { port } = server.address() as AddressInfo
  const gateway = await startTestGateway({
    config: {
      discover: false,
      keys: KEYS,
      providers: {
        up: {
          dialect: 'openai-chat',
          baseUrl: `http://127.0.0.1:${port}/v1`,
          credential: 'key-0123456789',
          models: ['m'],
        },
      },
      routes: { fast: { targets: ['up/m'], cache } },
    },
  })
  const ask = ({ body = {}, headers = {}, key = 0, signal }: Asked = {}) =>
    fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${KEYS[key]?.key ?? ''}`, ...headers },
      body: JSON.stringify({ model: 'fast', messages: [{ role: 'user', content: 'x' }], ...body }),
      ...(signal === undefined ? {} : { signal }),
    })
  return {
    calls,
    closed: () => closed,
    goOn: () => goOn.resolve(),
    gateway,
    ask,
    async [Symbol.asyncDispose]() {
      goOn.resolve()
      await gateway[Symbol.asyncDispose]()
      server.closeAllConnections()
      server.close()
    },
  }
}

interface Asked {
  readonly body?: object
  readonly headers?: Readonly<Record<string, string>>
  readonly key?: number
  readonly signal?: AbortSignal
}

const keyed = { 'idempotency-key': 'once' }

describe('requests with one idempotency key', () => {
  test.each([{ stream: false }, { stream: true }])(
    'fault 112: ten at once are one call and ten same answers (%j)',
    async (body) => {
      await using stage = await openStage()
      const asked = Array.from({ length: 10 }, () => stage.ask({ body, headers: keyed }))
      await vi.waitFor(() => expect(stage.calls).toHaveLength(1))
      setImmediate(stage.goOn)
      const answers = await Promise.all(asked)
      const texts = await Promise.all(answers.map((answer) => answer.text()))
      expect(new Set(texts).size).toBe(1)
      expect(texts[0]).toContain('answer 1')
      expect(stage.calls).toHaveLength(1)
      expect(answers.filter(({ headers }) => headers.has('x-holdfast-recall'))).toHaveLength(9)
      const again = await stage.ask({ body, headers: keyed })
      expect(await again.text()).toBe(texts[0])
      expect(again.headers.get('x-holdfast-recall')).toBe('replayed')
      const first = answers.find(({ headers }) => !headers.has('x-holdfast-recall'))
      expect(again.headers.get('x-holdfast-original-request-id')).toBe(first?.headers.get('x-request-id'))
      await vi.waitFor(() => expect(stage.gateway.exchanges).toHaveLength(11))
      const tokens = stage.gateway.exchanges.map(({ usage }) => usage?.outputTokens ?? 0)
      expect(tokens.reduce((sum, count) => sum + count, 0)).toBe(2)
    },
  )

  test('fault 113: with another body are refused; SEC-41: of another client they are another key', async () => {
    await using stage = await openStage()
    stage.goOn()
    await (await stage.ask({ headers: keyed })).text()
    expect((await stage.ask({ headers: keyed, body: { seed: 1 } })).status).toBe(422)
    expect(await (await stage.ask({ headers: keyed, key: 1 })).text()).toContain('answer 2')
    expect(stage.calls).toHaveLength(2)
  })

  test('go on without the client that began, and give the answer to the one that comes back for the rest', async () => {
    await using stage = await openStage()
    const leaving = new AbortController()
    const headers = { ...keyed, 'x-holdfast-durable': '1' }
    const first = await stage.ask({ body: { stream: true }, headers, signal: leaving.signal })
    const reader = first.body?.getReader()
    const begun = Buffer.from((await reader?.read())?.value ?? []).toString()
    expect(begun).toMatch(/^id: 1\n/)
    leaving.abort()
    await new Promise((resolve) => setTimeout(resolve, 100))
    stage.goOn()
    const rest = await stage.ask({ body: { stream: true }, headers: { ...keyed, 'last-event-id': '2' } })
    const text = await rest.text()
    expect(text).toMatch(/^id: 3\n/)
    expect(text).toMatch(/data: \[DONE\]\n\n$/)
    expect(stage.calls).toHaveLength(1)
    expect(stage.closed()).toBe(0)
  })

  test('are refused in the words of the client, and nobody is asked, where the rest is wanted and the key is not said', async () => {
    await using stage = await openStage()
    stage.goOn()
    const asked = await stage.ask({ body: { stream: true }, headers: { 'last-event-id': '2' } })
    expect(asked.status).toBe(400)
    expect(await asked.json()).toMatchObject({
      error: { type: 'invalid_request_error', param: 'Idempotency-Key' },
    })
    expect(stage.calls).toHaveLength(0)
  })
})

describe('a cached route', () => {
  test('gives its answers again in both forms, to the same client alone', async () => {
    await using stage = await openStage({ cache: true })
    stage.goOn()
    const first = await stage.ask()
    expect(first.headers.get('x-holdfast-cache')).toBe('MISS')
    const text = await first.text()
    const second = await stage.ask()
    expect(await second.text()).toBe(text)
    expect(second.headers.get('x-holdfast-cache')).toBe('HIT')
    expect(second.headers.get('x-request-id')).not.toBe(first.headers.get('x-request-id'))
    const stream = await stage.ask({ body: { stream: true } })
    expect(stream.headers.get('content-type')).toContain('text/event-stream')
    expect(await stream.text()).toContain('[DONE]')
    expect(stage.calls).toHaveLength(1)
    // SEC-41, SEC-43.
    const other = await stage.ask({ key: 1 })
    expect(await other.text()).toContain('answer 2')
    expect(other.headers.has('x-holdfast-original-request-id')).toBe(false)
  })

  test('makes one call for many that ask the same at once, and closes it when the last of them leaves', async () => {
    await using stage = await openStage({ cache: true })
    const clients = Array.from({ length: 3 }, () => new AbortController())
    const answers = await Promise.all(
      clients.map(({ signal }) => stage.ask({ body: { stream: true }, signal })),
    )
    expect(stage.calls).toHaveLength(1)
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
    clients[0]?.abort()
    clients[1]?.abort()
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(stage.closed()).toBe(0)
    clients[2]?.abort()
    await vi.waitFor(() => expect(stage.closed()).toBe(1), { timeout: 1_000 })
    await vi.waitFor(() => expect(stage.gateway.exchanges).toHaveLength(3))
    expect(stage.gateway.running).toBeDefined()
  })
})

test('a route that compares questions answers one in other words, and never one that asks something else', async () => {
  await using stage = await openStage({ cache: { semantic: { embeddings: 'up/m' } } })
  stage.goOn()
  const say = async (content: string) => {
    const answer = await stage.ask({ body: { messages: [{ role: 'user', content }] } })
    return { text: await answer.text(), how: answer.headers.get('x-holdfast-cache-reason') }
  }
  const first = await say('How do I reset my password?')
  expect(await say('how can I reset the password')).toEqual({ text: first.text, how: 'alike' })
  expect(await say('how can I reset the router')).toMatchObject({ how: null })
  expect(stage.calls).toHaveLength(2)
  // What the cache asked is a request like any other, and nobody else's.
  await vi.waitFor(() => expect(stage.gateway.exchanges).toHaveLength(6))
  const asked = stage.gateway.exchanges.filter(({ operation }) => operation === 'embeddings')
  const ended = { state: 'completed', keyName: 'one' }
  expect(asked).toMatchObject([ended, ended, ended])
})
