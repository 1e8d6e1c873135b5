import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import { httpAnswer, openWall, type ReceivedRequest } from '../../src/upstream/wall.ts'
import { startTestGateway } from '../support/gateway.ts'
import { openRawClient } from '../support/raw-client.ts'
import { piece, STREAM_END, streamEvents, streamHead } from '../support/stream-events.ts'
import { expectWhole, openBench } from '../support/upstreams.ts'

const events = streamEvents['openai-chat']
const PLAIN = JSON.stringify({
  id: 'c',
  object: 'chat.completion',
  created: 1,
  model: 'm',
  choices: [{ index: 0, message: { role: 'assistant', content: 'Said.' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
})
const modelOf = (request: ReceivedRequest): unknown => JSON.parse(request.body.toString()).model

describe('one client’s request does not hurt the others', () => {
  test('a 403 for one model leaves the other models of the credential usable', async () => {
    await using wall = await openWall((request) => {
      const refusal = { error: { type: 'permission_error', message: 'No access to this resource.' } }
      request.socket.write(
        modelOf(request) === 'm' ? httpAnswer(200, PLAIN) : httpAnswer(403, JSON.stringify(refusal)),
      )
    })
    await using bench = await openBench({
      upstreams: { up: { dialect: 'openai-chat', origin: wall.origin } },
    })
    const asking = { client: 'openai-chat', mode: 'plain' } as const
    expectWhole(await bench.ask(asking), 'Said.')
    expect((await bench.ask({ ...asking, model: 'up/forbidden-model' })).status).toBe(502)
    expectWhole(await bench.ask(asking), 'Said.')
  })

  test('a 402 for one request that asks for too many tokens leaves smaller ones served', async () => {
    await using wall = await openWall((request) => {
      const isBig = JSON.parse(request.body.toString()).max_tokens > 500
      const refusal = {
        error: {
          code: 402,
          message:
            'This request requires more credits, or fewer max_tokens. You requested up to 512 tokens, but can only afford 200.',
        },
      }
      request.socket.write(isBig ? httpAnswer(402, JSON.stringify(refusal)) : httpAnswer(200, PLAIN))
    })
    await using bench = await openBench({
      upstreams: { up: { dialect: 'openai-chat', origin: wall.origin } },
    })
    const small = { client: 'openai-chat', mode: 'plain', body: { max_tokens: 10 } } as const
    expectWhole(await bench.ask(small), 'Said.')
    expect((await bench.ask({ client: 'openai-chat', mode: 'plain' })).status).toBe(429)
    expectWhole(await bench.ask(small), 'Said.')
  })
})

test('a plain request is served though the provider refuses to stream this model', async () => {
  await using wall = await openWall((request) => {
    const refusal = {
      error: {
        message: 'Your organization must be verified to stream this model.',
        type: 'invalid_request_error',
        param: 'stream',
        code: 'unsupported_value',
      },
    }
    const isStream = JSON.parse(request.body.toString()).stream === true
    request.socket.write(isStream ? httpAnswer(400, JSON.stringify(refusal)) : httpAnswer(200, PLAIN))
  })
  await using bench = await openBench({
    upstreams: { up: { dialect: 'openai-chat', origin: wall.origin } },
  })
  const answer = await bench.ask({ client: 'openai-chat', mode: 'fold' })
  expect(answer.status).toBe(200)
  expectWhole(answer, 'Said.')
})

test('a provider whose address was mended is called again after the reload', async () => {
  await using wrong = await openWall(({ socket }) =>
    socket.write(httpAnswer(401, '{"error":{"message":"no such key here"}}')),
  )
  await using right = await openWall(({ socket }) => socket.write(httpAnswer(200, PLAIN)))
  const config = (origin: string) => ({
    discover: false,
    providers: {
      up: { dialect: 'openai-chat', baseUrl: `${origin}/v1`, credential: 'key-0123456789', models: ['m'] },
    },
  })
  await using gateway = await startTestGateway({ config: config(wrong.origin) })
  const ask = () =>
    fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      body: JSON.stringify({ model: 'up/m', max_tokens: 5, messages: [{ role: 'user', content: 'x' }] }),
    })
  expect((await ask()).status).toBe(502)
  gateway.writeConfig(config(right.origin))
  await gateway.running.reload()
  expect((await ask()).status).toBe(200)
})

const BIG = 8 * 1024 * 1024
const bigAnswer = ({ socket }: ReceivedRequest) => {
  socket.write(streamHead() + piece(events.opening))
  for (let sent = 0; sent < BIG; sent += 65_536) socket.write(piece(events.content('x'.repeat(65_536))))
  socket.write(piece(events.finish + events.last) + STREAM_END)
}
const rawAsk = (fields: object = {}) => {
  const body = JSON.stringify({ model: 'smart', messages: [{ role: 'user', content: 'x' }], ...fields })
  return `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: ${body.length}\r\n\r\n${body}`
}

describe('a long plain answer', () => {
  test('I2: is no success in the record when the client left in the middle of it', async () => {
    await using wall = await openWall(bigAnswer)
    await using bench = await openBench({
      upstreams: { up: { dialect: 'openai-chat', origin: wall.origin } },
    })
    const client = await openRawClient(bench.gateway.port)
    client.socket.once('data', () => client.socket.destroy())
    client.send(rawAsk())
    await once(client.socket, 'close')
    const record = await bench.gateway.exchange(() => true)
    expect(record).toMatchObject({ state: 'client_gone' })
  })

  test('fault 138: keeps its place until it is written', async () => {
    await using wall = await openWall(bigAnswer)
    await using bench = await openBench({
      upstreams: { up: { dialect: 'openai-chat', origin: wall.origin } },
      limits: { requestsInFlight: 2 },
    })
    const clients = []
    for (let number = 0; number < 6; number += 1) {
      const client = await openRawClient(bench.gateway.port)
      clients.push(client)
      client.send(rawAsk())
      await client.until('HTTP/1.1 ')
      client.socket.pause()
    }
    const served = clients.filter(({ text }) => text.startsWith('HTTP/1.1 200')).length
    for (const { socket } of clients) socket.destroy()
    expect(served).toBe(2)
  })
})

describe('the record of a stream', () => {
  test('fault 124: that the shutdown ended says so, not that the client left', async () => {
    await using wall = await openWall(({ socket }) =>
      socket.write(streamHead() + piece(events.opening + events.content('Half'))),
    )
    const bench = await openBench({ upstreams: { up: { dialect: 'openai-chat', origin: wall.origin } } })
    const response = await bench.send({ client: 'openai-chat', mode: 'stream' })
    await bench.gateway.running.stop(50)
    expect(await response.text()).toContain('gateway_shutting_down')
    const [record] = bench.gateway.exchanges
    await bench[Symbol.asyncDispose]()
    expect(record).toMatchObject({ state: 'truncated', code: 'gateway_shutting_down' })
  })

  test('fault 109: whose client left between the last token and the usage is completed, its usage counted', async () => {
    const left = Promise.withResolvers<void>()
    await using wall = await openWall(({ socket }) => {
      const [stop = '', usage = ''] = events.finish.split(/(?<=\n\n)/)
      socket.write(streamHead() + piece(events.opening + events.content('All.') + stop))
      void left.promise.then(() =>
        setTimeout(() => socket.write(piece(usage + events.last) + STREAM_END), 200),
      )
    })
    await using bench = await openBench({
      upstreams: { up: { dialect: 'openai-chat', origin: wall.origin } },
    })
    const client = await openRawClient(bench.gateway.port)
    client.send(rawAsk({ stream: true }))
    await client.until('"finish_reason":"stop"')
    client.socket.destroy()
    left.resolve()
    const record = await bench.gateway.exchange(() => true)
    expect(record).toMatchObject({ state: 'completed', usage: { inputTokens: 11 } })
  })
})

test('fault 60: a complete answer outlives an idle limit shorter than the wait for the last word', async () => {
  await using wall = await openWall(({ socket }) =>
    socket.write(streamHead() + piece(events.opening + events.content('Said.') + events.finish)),
  )
  await using bench = await openBench({
    upstreams: { up: { dialect: 'openai-chat', origin: wall.origin, timeouts: { idle: '1s' } } },
  })
  const answer = await bench.ask({ client: 'openai-chat', mode: 'stream' })
  expect(answer.status).toBe(200)
  expectWhole(answer, 'Said.')
})

describe('counting tokens', () => {
  const count = (url: string) =>
    fetch(`${url}/v1/messages/count_tokens`, {
      method: 'POST',
      headers: { 'anthropic-version': '2023-06-01' },
      body: JSON.stringify({ model: 'smart', messages: [{ role: 'user', content: 'x' }] }),
    })

  test('fault 36: an error inside a 200 is the error it is', async () => {
    await using wall = await openWall(({ socket }) =>
      socket.write(
        httpAnswer(200, '{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}'),
      ),
    )
    await using bench = await openBench({
      upstreams: { up: { dialect: 'anthropic-messages', origin: wall.origin } },
    })
    expect((await count(bench.gateway.url)).status).not.toBe(200)
  })

  test('a stream is no count', async () => {
    const said = streamEvents['anthropic-messages']
    await using wall = await openWall(({ socket }) =>
      socket.write(
        streamHead() + piece(said.opening + said.content('Hi') + said.finish + said.last) + STREAM_END,
      ),
    )
    await using bench = await openBench({
      upstreams: { up: { dialect: 'anthropic-messages', origin: wall.origin } },
    })
    expect((await count(bench.gateway.url)).status).toBe(502)
  })
})

test('EOF-framed answers are read to their end', async () => {
  const close = 'HTTP/1.0 200 OK\r\n'
  await using wall = await openWall((request) => {
    const isStream = JSON.parse(request.body.toString()).stream === true
    request.socket.end(
      isStream
        ? `${close}content-type: text/event-stream\r\n\r\n${events.opening}${events.content('Said.')}${events.finish}${events.last}`
        : `${close}content-type: application/json\r\n\r\n${PLAIN}`,
    )
  })
  await using bench = await openBench({
    upstreams: { up: { dialect: 'openai-chat', origin: wall.origin } },
  })
  for (const mode of ['stream', 'fold', 'plain'] as const) {
    const answer = await bench.ask({ client: 'openai-chat', mode })
    expect(answer.status).toBe(200)
    expectWhole(answer, 'Said.')
  }
})

test('EOF-framed answers that are cut are never whole', async () => {
  const close = 'HTTP/1.0 200 OK\r\n'
  await using wall = await openWall((request) => {
    const isStream = JSON.parse(request.body.toString()).stream === true
    request.socket.end(
      isStream
        ? `${close}content-type: text/event-stream\r\n\r\n${events.opening}${events.content('Said.')}`
        : `${close}content-type: application/json\r\n\r\n${PLAIN.slice(0, -20)}`,
    )
  })
  await using bench = await openBench({
    upstreams: { up: { dialect: 'openai-chat', origin: wall.origin } },
    retries: 0,
  })
  expect((await bench.ask({ client: 'openai-chat', mode: 'stream' })).hasTerminal).toBe(false)
  for (const mode of ['fold', 'plain'] as const)
    expect((await bench.ask({ client: 'openai-chat', mode })).status).toBe(502)
})
