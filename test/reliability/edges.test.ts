import { once } from 'node:events'
import { expect, test } from 'vitest'
import { createCallerLimits } from '../../src/admission/caller-limits.ts'
import { keepInMemory } from '../../src/app/keeping.ts'
import { dialects } from '../../src/dialects/index.ts'
import { GatewayError } from '../../src/errors/gateway-error.ts'
import { serve } from '../../src/exchange/serve.ts'
import type { Reply } from '../../src/execution/reply.ts'
import { systemIds } from '../../src/std/ids.ts'
import { ByteQueue } from '../../src/std/byte-queue.ts'
import { createTelemetry } from '../../src/telemetry/telemetry.ts'
import type { NoticeRecord } from '../../src/telemetry/records.ts'
import { ManualClock, openWall } from '../../src/upstream/wall.ts'
import { fakeReply } from '../support/fake-gateway.ts'
import { rawChat, startServer } from '../support/http-server.ts'
import { openRawClient } from '../support/raw-client.ts'
import { piece, streamHead } from '../support/stream-events.ts'
import { openBench } from '../support/upstreams.ts'
import { createWorld, drive } from './world.ts'

test('I2: a client that left before it took the last chunk has no whole answer, whatever the source had said', async () => {
  const chunk = {
    id: 'c',
    object: 'chat.completion.chunk',
    created: 1,
    model: 'm',
    choices: [{ index: 0, delta: { content: 'x'.repeat(12_000_000) }, finish_reason: 'stop' }],
  }
  await using wall = await openWall(({ socket }) =>
    socket.write(streamHead() + piece(`data: ${JSON.stringify(chunk)}\n\n`)),
  )
  await using bench = await openBench({
    upstreams: { up: { dialect: 'openai-chat', origin: wall.origin } },
  })
  const client = await openRawClient(bench.gateway.port)
  const body = '{"model":"smart","stream":true,"messages":[{"role":"user","content":"x"}]}'
  client.send(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  )
  await client.until('xxxx')
  client.socket.pause()
  await new Promise((resolve) => setTimeout(resolve, 200))
  client.socket.destroy()
  await once(client.socket, 'close')
  const record = await bench.gateway.exchange(() => true)
  expect(record).toMatchObject({ state: 'client_gone' })
})

test('a defect of ours after the commit point is published with its place', async () => {
  const telemetry = createTelemetry()
  const notices: NoticeRecord[] = []
  telemetry.notices.subscribe((notice) => notices.push(notice))
  const openai = dialects.get('openai-chat')
  if (!openai) throw new Error('served')
  const body = Buffer.from('{"model":"m","messages":[{}]}')
  const clock = new ManualClock()
  const { books, recall, bodies } = keepInMemory({ clock, ids: systemIds, telemetry })
  const reply: Reply = fakeReply({
    settled: Promise.resolve({
      state: 'truncated',
      bodyBytes: 1,
      error: new GatewayError('gateway_error', 'failed', {}, new TypeError('a defect')),
    }),
  })
  await serve(
    {
      id: 'req_1',
      dialect: openai,
      operation: 'chat',
      envelope: openai.peek(body, 'chat'),
      body,
      headers: {},
      arrivedAtMs: 0,
      signal: new AbortController().signal,
    },
    { caller: {}, hold: () => {}, release: () => {} },
    {
      clock,
      telemetry,
      books,
      recall,
      bodies,
      limits: createCallerLimits({ clock }),
      // Only these are asked for.
      planner: { plan: () => ({}) },
      execution: { run: () => Promise.resolve(reply) },
    } as never,
  )
  await reply.settled
  await new Promise((resolve) => setImmediate(resolve))
  expect(notices).toMatchObject([{ name: 'gateway_defect', facts: { kind: 'TypeError' } }])
})

test('a model name that a client made up alerts nobody again and again', async () => {
  const world = createWorld({ a: 'openai-chat' }, () => {
    throw new GatewayError('upstream_model_not_found', 'no such model')
  })
  for (let number = 0; number < 5; number += 1) await drive(world.clock, world.run())
  expect(world.notices.length).toBeLessThanOrEqual(1)
})

test('those who were told the same Retry-After do not come back in the same millisecond', async () => {
  const world = createWorld({ a: 'openai-chat' }, () => {
    throw new GatewayError('rate_limited', 'slower', { retryAfterMs: 1_000 })
  })
  const runs = Array.from({ length: 50 }, () => world.run())
  await drive(world.clock, Promise.allSettled(runs))
  const perMoment = Map.groupBy(world.calls.slice(50), (call) => call.atMs)
  expect(Math.max(...[...perMoment.values()].map((calls) => calls.length))).toBeLessThan(25)
})

test('the second of two pipelined streams is not taken for a stalled reader while the first one runs', async () => {
  const quiet = { pause: () => {}, resume: () => {}, cancel: () => {} }
  const queues: ByteQueue[] = []
  const { port } = await startServer({
    limits: { writeStallMs: 100 },
    serve: async () => {
      const queue = new ByteQueue(quiet)
      queues.push(queue)
      return fakeReply({ contentType: 'text/event-stream', body: queue })
    },
  })
  const client = await openRawClient(port)
  client.send(rawChat() + rawChat())
  await expect.poll(() => queues.length).toBe(2)
  queues[1]?.push(new Uint8Array(100_000).fill(46))
  for (let at = 0; at < 10; at += 1) {
    queues[0]?.push(Buffer.from('data: 1\n\n'))
    await new Promise((resolve) => setTimeout(resolve, 40))
  }
  for (const queue of queues) queue.end()
  await client.until('....')
})

test('a reply that cannot be written lets go of its source', async () => {
  const seen = { cancelled: 0 }
  const queue = new ByteQueue({ pause: () => {}, resume: () => {}, cancel: () => (seen.cancelled += 1) })
  const { chat } = await startServer({
    serve: async () => fakeReply({ status: 99, contentType: 'text/event-stream', body: queue }),
  })
  await chat().catch(() => undefined)
  expect(seen.cancelled).toBe(1)
})
