import { describe, expect, test } from 'vitest'
import { fakeReply } from '../../test/support/fake-gateway.ts'
import { CHAT_BODY, rawChat, startServer } from '../../test/support/http-server.ts'
import { openRawClient } from '../../test/support/raw-client.ts'
import type { Reply } from '../execution/reply.ts'
import { ByteQueue } from '../std/byte-queue.ts'
import { ManualClock } from '../std/manual-clock.test-support.ts'

const encode = (text: string) => new TextEncoder().encode(text)
const quiet = { pause: () => {}, resume: () => {}, cancel: () => {} }
const STREAMS = 200
/** Deadlines come when a test moves the clock, however long the machine takes over what comes before them. */
async function startStreams(count: number) {
  const queues: ByteQueue[] = []
  const clock = new ManualClock()
  const started = await startServer({
    clock,
    serve: async () => {
      const queue = new ByteQueue(quiet)
      queues.push(queue)
      queue.push(encode('data: 1\n\n'))
      return fakeReply({ contentType: 'text/event-stream', body: queue })
    },
  })
  const clients = await Promise.all(Array.from({ length: count }, () => openRawClient(started.port)))
  for (const client of clients) client.send(rawChat())
  await Promise.all(clients.map((client) => client.until('data: 1')))
  return { ...started, clock, queues, clients }
}

describe('fault 124: draining', () => {
  test('lets two hundred streams come to their end, without a reset', async () => {
    const { server, queues, clients } = await startStreams(STREAMS)
    const drained = server.drain(10_000)
    for (const [at, queue] of queues.entries()) {
      setTimeout(() => {
        queue.push(encode('data: last\n\n'))
        queue.end()
      }, at % 50)
    }
    await drained
    for (const client of clients) {
      const { text, reset } = await client.closed()
      expect(text).toMatch(/data: last\n\n\r\n0\r\n\r\n$/)
      expect(reset).toBe(false)
    }
  })

  test('ends those that are not done by the deadline with the dialect’s own event, without a reset', async () => {
    const { server, clock, clients, gateway } = await startStreams(STREAMS)
    const drained = server.drain(100)
    clock.advance(99)
    // What a deadline that came too early would do is done by then.
    await new Promise(setImmediate)
    expect(gateway.exchanges.filter(({ signal }) => signal.aborted)).toEqual([])
    clock.advance(1)
    // The clock stands still from here on: it ends as soon as they have taken that, and waits for nothing else.
    await drained
    for (const client of clients) {
      const { text, reset } = await client.closed()
      expect(text).toContain('data: {"error":"gateway_shutting_down","partial":true}\n\n')
      expect(text).toMatch(/0\r\n\r\n$/)
      expect(reset).toBe(false)
    }
    for (const { signal } of gateway.exchanges) {
      expect(signal.reason).toMatchObject({ code: 'gateway_shutting_down' })
    }
    expect(gateway.exchanges).toHaveLength(STREAMS)
  })

  test('answers 503 to what has no answer by the deadline, worth another try', async () => {
    const clock = new ManualClock()
    const answer = Promise.withResolvers<Reply>()
    const { server, port, gateway } = await startServer({ clock, serve: () => answer.promise })
    const client = await openRawClient(port)
    client.send(rawChat())
    await expect.poll(() => gateway.exchanges.length).toBe(1)
    const drained = server.drain(20)
    clock.advance(20)
    await drained
    const { text, reset } = await client.closed()
    expect(text).toMatch(/^HTTP\/1\.1 503 [^]*x-should-retry: true[^]*gateway_shutting_down/i)
    expect(text).toMatch(/connection: close/i)
    expect(reset).toBe(false)
    answer.resolve(fakeReply({}))
  })

  test('answers 503 to a body that is still coming at the deadline', async () => {
    const clock = new ManualClock()
    const { server, port, gateway } = await startServer({ clock, limits: { lingerMs: 50 } })
    const client = await openRawClient(port)
    client.send(rawChat({ headers: 'content-length: 100000\r\n', body: '{' }))
    await expect.poll(() => gateway.placesTaken).toBe(1)
    const drained = server.drain(20)
    clock.advance(20)
    await client.until('gateway_shutting_down')
    clock.advance(100)
    await drained
    const { text } = await client.closed()
    expect(text).toMatch(/^HTTP\/1\.1 503 /)
    expect(gateway.placesTaken).toBe(0)
  })

  test('closes idle connections, accepts no new ones, and is done at once', async () => {
    const { server, port } = await startServer({ clock: new ManualClock() })
    const client = await openRawClient(port)
    client.send(rawChat())
    await client.until('{"ok":true}')
    await server.drain(10_000)
    expect((await client.closed()).reset).toBe(false)
    await expect(openRawClient(port)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })

  test('gives the answer under way with `connection: close`, and closes after it, whatever else arrived meanwhile', async () => {
    const first = Promise.withResolvers<Reply>()
    let turn = 0
    const { server, port } = await startServer({
      clock: new ManualClock(),
      serve: () => (turn++ === 0 ? first.promise : Promise.resolve(fakeReply({}))),
    })
    const client = await openRawClient(port)
    client.send(rawChat({ body: CHAT_BODY }))
    await expect.poll(() => server.openCalls).toBe(1)
    const drained = server.drain(10_000)
    client.send('GET /readyz HTTP/1.1\r\nhost: x\r\n\r\n')
    await expect.poll(() => server.openCalls).toBe(2)
    first.resolve(fakeReply({}))
    const { text, reset } = await client.closed()
    expect(text).toMatch(/^HTTP\/1\.1 200 [^]*connection: close[^]*\{"ok":true\}/i)
    expect(reset).toBe(false)
    await drained
  })
})
