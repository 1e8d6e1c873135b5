import { describe, expect, test } from 'vitest'
import { fakeReply } from '../../test/support/fake-gateway.ts'
import { rawChat, startServer, type TestServerOptions } from '../../test/support/http-server.ts'
import { openRawClient } from '../../test/support/raw-client.ts'
import type { Exchange } from '../execution/exchange.ts'
import { ByteQueue } from '../std/byte-queue.ts'

const encode = (text: string) => new TextEncoder().encode(text)

/** A source a test pushes into, and what became of it. */
function createSource() {
  const seen = { paused: 0, resumed: 0, cancelled: 0 }
  const queue = new ByteQueue({
    pause: () => void (seen.paused += 1),
    resume: () => void (seen.resumed += 1),
    cancel: () => void (seen.cancelled += 1),
  })
  return { queue, seen }
}

async function startStream(options: TestServerOptions = {}) {
  const source = createSource()
  let exchange: Exchange | undefined
  const started = await startServer({
    ...options,
    serve: async (served) => {
      exchange = served
      return fakeReply({ contentType: 'text/event-stream; charset=utf-8', body: source.queue })
    },
  })
  return { ...started, ...source, exchange: () => exchange }
}

describe('a stream', () => {
  test('begins before its first chunk and is marked as one not to buffer', async () => {
    const { chat, queue } = await startStream()
    const answer = await chat()
    expect(answer.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    expect(answer.headers.get('x-accel-buffering')).toBe('no')
    expect(answer.headers.get('content-length')).toBeNull()
    expect(answer.headers.get('content-encoding')).toBeNull()
    queue.push(encode('data: 1\n\n'))
    queue.push(encode('data: 2\n\n'))
    queue.end()
    expect(await answer.text()).toBe('data: 1\n\ndata: 2\n\n')
  })

  test('sends each chunk when it is there', async () => {
    const { port, queue } = await startStream()
    const client = await openRawClient(port)
    client.send(rawChat())
    await client.until('\r\n\r\n')
    queue.push(encode('data: 1\n\n'))
    await client.until('data: 1')
    queue.push(encode('data: 2\n\n'))
    await client.until('data: 2')
    queue.end()
    expect(await client.until('0\r\n\r\n')).toMatch(/\r\n9\r\ndata: 1\n\n\r\n9\r\ndata: 2\n\n\r\n0\r\n\r\n$/)
  })

  test('sends its head together with a chunk that is at hand, and what came together together', async () => {
    const { port, queue } = await startStream()
    for (const event of ['data: 1\n\n', 'data: 2\n\n', 'data: 3\n\n']) queue.push(encode(event))
    queue.end()
    const client = await openRawClient(port)
    const packets: string[] = []
    client.socket.on('data', (packet) => packets.push(packet.toString()))
    client.send(rawChat())
    await client.until('0\r\n\r\n')
    expect(packets[0]).toMatch(/^HTTP\/1\.1 200 OK[^]*data: 1\n\ndata: 2\n\ndata: 3\n\n/)
  })

  test('that is silent is kept alive between its events, and no other is', async () => {
    const { port, queue } = await startStream({ heartbeatMs: 40 })
    const client = await openRawClient(port)
    client.send(rawChat())
    queue.push(encode('data: 1\n\n'))
    await client.until('data: 1\n\n\r\nd\r\n: heartbeat\n\n')
    queue.push(encode('data: 2\n\n'))
    queue.end()
    await client.until('0\r\n\r\n')
    expect(client.text).toMatch(/data: 1\n\n\r\n(?:d\r\n: heartbeat\n\n\r\n)+9\r\ndata: 2\n\n\r\n0\r\n\r\n$/)
  })

  test('that speaks is not interrupted by heartbeats', async () => {
    const { chat, queue } = await startStream({ heartbeatMs: 200 })
    const answer = await chat()
    for (let at = 0; at < 30; at += 1) {
      queue.push(encode('data: 1\n\n'))
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    queue.end()
    expect(await answer.text()).not.toContain('heartbeat')
  })

  test('of plain JSON in pieces gets no heartbeat', async () => {
    const { queue } = createSource()
    const { chat } = await startServer({
      heartbeatMs: 20,
      serve: async () => fakeReply({ contentType: 'application/json', body: queue }),
    })
    const answer = await chat()
    queue.push(encode('{"a":'))
    await new Promise((resolve) => setTimeout(resolve, 100))
    queue.push(encode('1}'))
    queue.end()
    expect(await answer.text()).toBe('{"a":1}')
  })

  test('fault 122, SEC-40: carries text that looks like events as it was written, one event', async () => {
    const { chat, queue } = await startStream()
    const answer = await chat()
    const event = `data: ${JSON.stringify({ text: 'data: [DONE]\n\nevent: error\ndata: {}\n\n' })}\n\n`
    queue.push(encode(event))
    queue.end()
    const text = await answer.text()
    expect(text).toBe(event)
    expect(text.split('\n\n').filter(Boolean)).toHaveLength(1)
  })

  test('whose source throws, which it never should, ends with an error event and concerns no other', async () => {
    const { chat, notices } = await startServer({
      serve: async () =>
        fakeReply({
          contentType: 'text/event-stream',
          body: (async function* () {
            yield encode('data: 1\n\n')
            throw new RangeError('a defect')
          })(),
        }),
    })
    const text = await (await chat()).text()
    expect(text).toBe('data: 1\n\ndata: {"error":"gateway_error","partial":true}\n\n')
    expect(notices).toMatchObject([{ name: 'request_defect', facts: { kind: 'RangeError' } }])
  })
})

test('a body in pieces that is no event stream is cut when its source fails, so that it never looks whole', async () => {
  const { chat } = await startServer({
    serve: async () =>
      fakeReply({
        body: (async function* () {
          yield encode('{"a":')
          throw new RangeError('a defect')
        })(),
      }),
  })
  const answer = await chat()
  await expect(answer.text()).rejects.toThrow('terminated')
})

describe('a slow reader', () => {
  test('fault 81: pauses the source, and what is held stays small', async () => {
    const { port, queue, seen } = await startStream()
    const client = await openRawClient(port)
    client.send(rawChat())
    await client.until('\r\n\r\n')
    client.socket.pause()
    const chunk = new Uint8Array(65_536).fill(46)
    let pushed = 0
    while (seen.paused === 0 && pushed < 4_000) {
      queue.push(chunk)
      pushed += 1
      if (pushed % 8 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    expect(seen.paused).toBe(1)
    expect(queue.queuedBytes).toBeLessThanOrEqual(131_072)
    client.socket.resume()
    await expect.poll(() => seen.resumed).toBe(1)
    queue.end()
    await client.until('\r\n0\r\n\r\n')
  })

  test('fault 111: that stops reading is cut, and its source with it', async () => {
    const { port, queue, seen, exchange } = await startStream({ limits: { writeStallMs: 80 } })
    const client = await openRawClient(port)
    client.send(rawChat())
    await client.until('\r\n\r\n')
    client.socket.pause()
    const chunk = new Uint8Array(1_000_000).fill(46)
    const aborted = new Promise<void>((resolve) =>
      exchange()?.signal.addEventListener('abort', () => resolve()),
    )
    while (seen.paused === 0) {
      queue.push(chunk)
      await new Promise((resolve) => setImmediate(resolve))
    }
    await aborted
    expect(seen.cancelled).toBe(1)
    expect(exchange()?.signal.reason).toMatchObject({ code: 'client_gone' })
    client.socket.destroy()
  })
})
