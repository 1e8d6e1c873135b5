import { describe, expect, test } from 'vitest'
import { fakeReply } from '../../test/support/fake-gateway.ts'
import { rawChat, startServer, type TestServer } from '../../test/support/http-server.ts'
import { openRawClient, type RawClient } from '../../test/support/raw-client.ts'
import type { Exchange } from '../execution/exchange.ts'
import type { Reply } from '../execution/reply.ts'

/** Between the client's leaving and the cancelling of its work (fault 106). */
const CANCEL_MS = 100

const leavings: Record<string, (client: RawClient) => void> = {
  'a reset': (client) => void client.socket.resetAndDestroy(),
  'a close': (client) => void client.socket.destroy(),
  'fault 110: a half-close': (client) => void client.socket.end(),
}

interface Story {
  readonly serve: (exchange: Exchange) => Promise<Reply>
  readonly begun: Promise<Exchange>
  readonly cancelled: Promise<number>
}

/** A story that waits in the given way until its signal aborts. */
function createStory(answer: (exchange: Exchange) => Promise<Reply>): Story {
  const begun = Promise.withResolvers<Exchange>()
  const cancelled = Promise.withResolvers<number>()
  return {
    serve: (exchange) => {
      exchange.signal.addEventListener('abort', () => cancelled.resolve(performance.now()))
      begun.resolve(exchange)
      return answer(exchange)
    },
    begun: begun.promise,
    cancelled: cancelled.promise,
  }
}

const untilAborted = (exchange: Exchange) =>
  new Promise<never>((_resolve, reject) =>
    exchange.signal.addEventListener('abort', () => reject(exchange.signal.reason)),
  )

/** How long the story went on after its client had left, ms. */
async function timeToCancel(started: TestServer, story: Story, leave: () => void): Promise<number> {
  const exchange = await story.begun
  expect(exchange.signal.aborted).toBe(false)
  const leftAtMs = performance.now()
  leave()
  const cancelledAtMs = await story.cancelled
  expect(exchange.signal.reason).toMatchObject({ code: 'client_gone' })
  await expect.poll(() => started.server.openCalls).toBe(0)
  expect(started.gateway.placesTaken).toBe(0)
  return cancelledAtMs - leftAtMs
}

// A busy machine may need a second try to be on time.
describe.each(Object.entries(leavings))('%s', { retry: 2 }, (_name, leave) => {
  test('fault 105, 106: while nothing has come yet cancels the work', async () => {
    const story = createStory(untilAborted)
    const started = await startServer({ serve: story.serve })
    const client = await openRawClient(started.port, { allowHalfOpen: true })
    client.send(rawChat({ body: '{"model":"m","stream":true}' }))
    expect(await timeToCancel(started, story, () => leave(client))).toBeLessThan(CANCEL_MS)
    client.socket.destroy()
  })

  test('fault 107: in the middle of a stream cancels the work and closes its source', async () => {
    let isReturned = false
    const story = createStory(async (exchange) =>
      fakeReply({
        contentType: 'text/event-stream',
        body: (async function* () {
          try {
            yield new TextEncoder().encode('data: 1\n\n')
            await untilAborted(exchange).catch(() => {})
            yield new TextEncoder().encode('data: too late\n\n')
          } finally {
            isReturned = true
          }
        })(),
      }),
    )
    const started = await startServer({ serve: story.serve })
    const client = await openRawClient(started.port, { allowHalfOpen: true })
    client.send(rawChat())
    await client.until('data: 1')
    expect(await timeToCancel(started, story, () => leave(client))).toBeLessThan(CANCEL_MS)
    await expect.poll(() => isReturned).toBe(true)
    expect(client.text).not.toContain('too late')
    client.socket.destroy()
  })

  test('fault 108: in a plain call cancels the work', async () => {
    const story = createStory(untilAborted)
    const started = await startServer({ serve: story.serve })
    const client = await openRawClient(started.port, { allowHalfOpen: true })
    client.send(rawChat())
    expect(await timeToCancel(started, story, () => leave(client))).toBeLessThan(CANCEL_MS)
    client.socket.destroy()
  })

  test('while the body is still coming gives the place back and is recorded', async () => {
    const started = await startServer()
    const client = await openRawClient(started.port, { allowHalfOpen: true })
    client.send(rawChat({ headers: 'content-length: 1000\r\n', body: '{' }))
    await expect.poll(() => started.gateway.placesTaken).toBe(1)
    leave(client)
    await expect.poll(() => started.gateway.placesTaken).toBe(0)
    await expect.poll(() => started.server.openCalls).toBe(0)
    expect(started.gateway.refusals).toMatchObject([{ error: { code: 'client_gone' } }])
    expect(started.gateway.exchanges).toEqual([])
    client.socket.destroy()
  })

  test('cancels every request of its connection', async () => {
    const aborted: string[] = []
    const started = await startServer({
      serve: (exchange) => {
        exchange.signal.addEventListener('abort', () => aborted.push(exchange.envelope.modelId))
        return untilAborted(exchange)
      },
    })
    const client = await openRawClient(started.port, { allowHalfOpen: true })
    client.send(['one', 'two', 'three'].map((model) => rawChat({ body: `{"model":"${model}"}` })).join(''))
    await expect.poll(() => started.gateway.exchanges.length).toBe(3)
    leave(client)
    await expect.poll(() => aborted.toSorted()).toEqual(['one', 'three', 'two'])
    await expect.poll(() => started.server.openCalls).toBe(0)
    client.socket.destroy()
  })
})

test('a story that ends only after its client left has its source closed', async () => {
  let isReturned = false
  const answer = Promise.withResolvers<Reply>()
  const started = await startServer({ serve: () => answer.promise })
  const client = await openRawClient(started.port)
  client.send(rawChat())
  await expect.poll(() => started.gateway.exchanges.length).toBe(1)
  client.socket.destroy()
  await expect.poll(() => started.server.openCalls).toBe(0)
  answer.resolve(
    fakeReply({
      body: {
        [Symbol.asyncIterator]: () => ({
          next: () => new Promise<never>(() => {}),
          return: async () => {
            isReturned = true
            return { done: true as const, value: undefined }
          },
        }),
      },
    }),
  )
  await expect.poll(() => isReturned).toBe(true)
})

test('a client that leaves after its whole answer is no cancellation', async () => {
  const started = await startServer()
  const client = await openRawClient(started.port)
  client.send(rawChat())
  await client.until('{"ok":true}')
  client.socket.destroy()
  await expect.poll(() => started.server.openCalls).toBe(0)
  expect(started.gateway.exchanges[0]?.signal.aborted).toBe(false)
})

test('a long answer reaches a client that closes its own side when the answer has begun', async () => {
  const body = new Uint8Array(8_000_000).fill(97)
  const started = await startServer({ serve: async () => fakeReply({ body }) })
  const client = await openRawClient(started.port, { allowHalfOpen: true })
  client.send(rawChat())
  await client.until('\r\n\r\naaa')
  client.socket.end()
  const { text, reset } = await client.closed()
  expect(text.length).toBeGreaterThan(8_000_000)
  expect(reset).toBe(false)
})
