/** Many requests, many faults, many clients that leave: afterwards nothing is held, and every account is whole. */

import { expect, test } from 'vitest'
import { composeHouse, createGround } from '../../src/app/compose.ts'
import { loadConfig } from '../../src/app/config/load-config.ts'
import { dialects } from '../../src/dialects/index.ts'
import { createGatewayServer } from '../../src/http/server.ts'
import { type Clock, systemClock, type Timer } from '../../src/std/clock.ts'
import { createSeededRandom, type IdSource, systemIds } from '../../src/std/ids.ts'
import type { AttemptRecord, ExchangeRecord, NoticeRecord } from '../../src/telemetry/records.ts'
import { createTelemetry } from '../../src/telemetry/telemetry.ts'
import { createUndiciTransport } from '../../src/upstream/undici-transport.ts'
import { httpAnswer, openWall, type ReceivedRequest } from '../../src/upstream/wall.ts'
import { openRawClient } from '../support/raw-client.ts'
import { piece, STREAM_END, streamEvents, streamHead } from '../support/stream-events.ts'

class CountingClock implements Clock {
  readonly pending = new Map<object, string>()
  wallMs(): number {
    return systemClock.wallMs()
  }
  nowMs(): number {
    return systemClock.nowMs()
  }
  after(delayMs: number, callback: () => void): Timer {
    const token = {}
    this.pending.set(token, `${Math.round(delayMs)} ms`)
    const timer = systemClock.after(delayMs, () => {
      this.pending.delete(token)
      callback()
    })
    return {
      cancel: () => {
        this.pending.delete(token)
        timer.cancel()
      },
    }
  }
}

const PLAIN = {
  'openai-chat': {
    id: 'c',
    object: 'chat.completion',
    created: 1,
    model: 'm',
    choices: [{ index: 0, message: { role: 'assistant', content: 'Said.' }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
  },
  'anthropic-messages': {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'm',
    content: [{ type: 'text', text: 'Said.' }],
    stop_reason: 'end_turn',
    stop_sequence: null,
    usage: { input_tokens: 1, output_tokens: 1 },
  },
} as const

type DialectName = keyof typeof PLAIN

function wallOf(dialect: DialectName, random: { next(): number }) {
  const events = streamEvents[dialect]
  const answers: readonly ((request: ReceivedRequest, isStream: boolean) => void)[] = [
    ({ socket }, isStream) =>
      socket.write(
        isStream
          ? streamHead() +
              piece(events.opening + events.content('Said.') + events.finish + events.last) +
              STREAM_END
          : httpAnswer(200, JSON.stringify(PLAIN[dialect])),
      ),
    ({ socket }) => {
      socket.write(streamHead() + piece(events.opening))
      let left = 20
      const timer = setInterval(() => {
        left -= 1
        if (left > 0) return void socket.write(piece(events.content('word ')))
        clearInterval(timer)
        socket.write(piece(events.finish + events.last) + STREAM_END)
      }, 4)
      socket.on('close', () => clearInterval(timer))
    },
    ({ socket }) => socket.write(httpAnswer(429, '{"error":{"message":"slow"}}', { 'retry-after-ms': '30' })),
    ({ socket }) => socket.write(httpAnswer(500, '{"error":{"message":"no"}}')),
    ({ socket }) => socket.write(httpAnswer(529, '{"error":{"message":"Overloaded"}}')),
    ({ socket }) => socket.resetAndDestroy(),
    ({ socket }) => {
      socket.write(streamHead() + piece(events.opening + events.content('Half')))
      setTimeout(() => socket.resetAndDestroy(), 10)
    },
    () => {},
    ({ socket }) => socket.write(streamHead() + piece(events.opening + events.content('Half'))),
    ({ socket }) =>
      socket.write(streamHead() + piece(events.opening + events.content('All.') + events.finish)),
    ({ socket }) =>
      socket.write(
        streamHead() +
          piece(
            `${events.opening}${events.content('Half')}event: error\ndata: {"error":{"message":"x"}}\n\n`,
          ),
      ),
    ({ socket }) => socket.write('HTTP/1.1 garbage\r\n\r\n'),
    ({ socket }) => socket.end('HTTP/1.0 200 OK\r\ncontent-type: text/event-stream\r\n\r\n' + events.opening),
    ({ socket }) => socket.write(httpAnswer(400, '{"error":{"message":"wrong"}}')),
  ]
  return openWall((request) => {
    const isStream = JSON.parse(request.body.toString()).stream === true
    const at = random.next() < 0.4 ? 0 : Math.floor(random.next() * answers.length)
    answers[at]?.(request, isStream)
  })
}

const REQUESTS = 400
const CONCURRENCY = 24

test.for([1, 2])('seed %i: nothing is held when all is over', { timeout: 90_000 }, async (seed) => {
  const random = createSeededRandom(seed)
  await using a = await wallOf('openai-chat', random)
  await using b = await wallOf('anthropic-messages', random)
  const provider = (dialect: DialectName, origin: string) => ({
    dialect,
    baseUrl: `${origin}/v1`,
    credential: `key-${dialect}-0123456789`,
    models: ['m'],
    timeouts: { connect: '300ms', firstToken: '300ms', idle: '300ms' },
  })
  const loaded = loadConfig({
    text: JSON.stringify({
      discover: false,
      providers: { a: provider('openai-chat', a.origin), b: provider('anthropic-messages', b.origin) },
      routes: { smart: { targets: ['a/m', 'b/m'], retries: 2, deadline: '2s' } },
    }),
    env: {},
  })
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.faults))
  const clock = new CountingClock()
  const telemetry = createTelemetry()
  const exchanges: ExchangeRecord[] = []
  const attempts: AttemptRecord[] = []
  const notices: NoticeRecord[] = []
  telemetry.exchanges.subscribe((record) => exchanges.push(record))
  telemetry.attempts.subscribe((record) => attempts.push(record))
  telemetry.notices.subscribe((record) => notices.push(record))
  let begunRequests = 0
  const ids: IdSource = {
    next: (prefix) => {
      if (prefix.startsWith('req_')) begunRequests += 1
      return systemIds.next(prefix)
    },
  }
  const transport = createUndiciTransport({ clock })
  const ground = createGround({ clock, random, ids, telemetry, transport })
  const house = composeHouse(ground, {
    config: loaded.config,
    modelLists: new Map(),
    isAccepting: () => true,
  })
  const server = createGatewayServer({
    gateway: house.gateway,
    dialects,
    clock,
    ids,
    telemetry,
    limits: { writeStallMs: 1_000 },
  })
  const { port } = await server.listen('127.0.0.1', 0)
  const told: { readonly id: string; readonly text: string }[] = []
  let sent = 0

  const one = async () => {
    const client: DialectName = random.next() < 0.5 ? 'openai-chat' : 'anthropic-messages'
    const mode = random.next()
    const body = JSON.stringify({
      model: 'smart',
      messages: [{ role: 'user', content: 'x' }],
      max_tokens: mode < 0.2 ? 16 : 4_096,
      ...(mode > 0.5 ? { stream: true } : {}),
    })
    const path = client === 'openai-chat' ? '/v1/chat/completions' : '/v1/messages'
    const raw = await openRawClient(port)
    raw.send(
      `POST ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    )
    sent += 1
    const fate = random.next()
    if (fate < 0.35) {
      await new Promise((resolve) => setTimeout(resolve, random.next() * 80))
      if (fate < 0.2) raw.socket.resetAndDestroy()
      else raw.socket.end()
    }
    const { text } = await raw.closed()
    const id = /x-request-id: (\S+)/.exec(text)?.[1]
    if (id !== undefined && fate >= 0.35) told.push({ id, text })
  }
  let begun = 0
  await Promise.all(
    Array.from({ length: CONCURRENCY }, async () => {
      while (begun < REQUESTS) {
        begun += 1
        await one()
      }
    }),
  )

  await expect.poll(() => house.admission.requestsInFlight, { timeout: 4_000 }).toBe(0)
  expect(house.admission.bufferedBytes).toBe(0)
  expect(new Set(exchanges.map((record) => record.exchangeId)).size).toBe(exchanges.length)
  // A client that left before its head arrived was never a request.
  expect(exchanges).toHaveLength(begunRequests)
  expect(begunRequests).toBeLessThanOrEqual(sent)
  for (const { id, text } of told) {
    const record = exchanges.find(({ exchangeId }) => exchangeId === id)
    expect(record, id).toBeDefined()
    const isWhole =
      /\[DONE\]|message_stop|"finish_reason":"stop"[^]*\}$|"stop_reason":"end_turn"[^]*\}$/.test(text)
    const hasError = /"error":\{/.test(text)
    expect({ id, isSuccess: isWhole && !hasError, text }).toMatchObject({
      isSuccess: record?.state === 'completed',
    })
  }
  const byExchange = Map.groupBy(attempts, (attempt) => attempt.exchangeId)
  for (const record of exchanges) {
    const own = byExchange.get(record.exchangeId) ?? []
    expect(own.length).toBe(record.attempts)
    // Four, and one free reconnection for each of the two targets.
    expect(own.length).toBeLessThanOrEqual(6)
    expect(own.filter(({ outcome }) => outcome === 'completed')).toHaveLength(
      record.state === 'completed' ? 1 : own.filter(({ outcome }) => outcome === 'completed').length,
    )
  }
  const upstreamCalls = a.requests.length + b.requests.length
  expect(attempts.length).toBeGreaterThanOrEqual(upstreamCalls)
  await ground.keeping.stop()
  await expect.poll(() => [...clock.pending.values()], { timeout: 6_000 }).toEqual([])
  // An idle connection is kept for 4 s; none that was given up may live on.
  const open = () =>
    [...a.sockets, ...b.sockets].filter((socket) => !socket.destroyed && !socket.readableEnded)
  await expect.poll(() => open().length, { timeout: 8_000 }).toBe(0)
  expect(notices.filter(({ name }) => /defect/.test(name))).toEqual([])
  await server.close()
  await transport.close()
})
