/** Streams that begin late, end early, or never end: rows 54 to 61, 64, 77, 78 and 80. */

import { describe, expect, test, vi } from 'vitest'
import { openWall } from '../../src/upstream/wall.ts'
import type { ClientDialect } from '../support/client-answer.ts'
import { type FaultRow, STREAMED, testFaultRows } from '../support/fault-rows.ts'
import { piece, streamEvents, streamHead } from '../support/stream-events.ts'
import {
  combinations,
  expectRefused,
  expectTruncated,
  expectWhole,
  IMPATIENT,
  openBench,
} from '../support/upstreams.ts'

// Nearly all of the time of these tests is waiting.
vi.setConfig({ maxConcurrency: 16 })

/** Slow enough that the first token has reached the client before the rest is written. */
const PACE = { perTokenMs: 8 }
const TEXT = 'One two three four five six seven eight nine ten, and then some more of it.'
const STREAMS = combinations({ modes: ['stream'] })

/** The words of each dialect for an answer that met its ceiling, and for one that was filtered. */
const CUT: Readonly<Record<ClientDialect, string>> = {
  'openai-chat': 'length',
  'anthropic-messages': 'max_tokens',
  'openai-responses': 'max_output_tokens',
  gemini: 'MAX_TOKENS',
}
const FILTERED: Readonly<Record<ClientDialect, string>> = {
  'openai-chat': 'content_filter',
  'anthropic-messages': 'refusal',
  'openai-responses': 'content_filter',
  gemini: 'SAFETY',
}

const timedOut = {
  calls: { beside: 1, alone: 1 },
  code: 'upstream_timeout',
  status: 504,
  shouldRetry: true,
  cost: 'unknown',
  combinations: STREAMED,
} as const

testFaultRows([
  ...['never-first-token', 'head-only', 'late-first-token(ms=20000)'].map(
    (fault): FaultRow => ({ row: 54, fault, ...timedOut }),
  ),
  ...['comments', 'pings', 'empty-deltas'].map(
    (kind): FaultRow => ({ row: 55, fault: `only-pings(kind=${kind},everyMs=40)`, ...timedOut }),
  ),
  {
    row: 56,
    fault: 'reset-after-start',
    calls: { beside: 2, alone: 2 },
    code: 'upstream_truncated',
    status: 502,
    shouldRetry: true,
    cost: 'unknown',
    combinations: STREAMED,
  },
])

test('fault 54: the first token comes within the limit and the time of the fallback', async () => {
  await using bench = await openBench({
    upstreams: {
      primary: { dialect: 'openai-chat', faults: ['never-first-token'], timeouts: IMPATIENT },
      backup: { dialect: 'anthropic-messages', text: TEXT },
    },
  })
  const startedMs = performance.now()
  const response = await bench.send({ client: 'openai-chat', mode: 'stream' })
  // The limit and the time of the fallback; the rest is for a busy machine. The primary never says a word.
  expect(performance.now() - startedMs).toBeLessThan(10_000)
  expect(await response.text()).toContain('[DONE]')
})

test.concurrent.for(STREAMED)(
  'fault 54: once content flows, the first-token limit is over ($client $mode from $target)',
  async ({ client, mode, target }) => {
    await using bench = await openBench({
      upstreams: {
        primary: {
          dialect: target,
          text: TEXT,
          pace: { perTokenMs: 80 },
          timeouts: { firstToken: '800ms', idle: '10s' },
        },
      },
    })
    const answer = await bench.ask({ client, mode })
    expectWhole(answer, TEXT)
    const { attempts } = await bench.recordOf(answer)
    expect(attempts).toHaveLength(1)
    expect(attempts[0]?.firstTokenMs).toBeLessThan(800)
    expect(attempts[0]?.durationMs).toBeGreaterThan(900)
  },
)

describe.concurrent('fault 59: a clean end without a reason to finish is no success', () => {
  const faults = ['no-finish', 'done-without-finish']
  test.for(faults.flatMap((fault) => STREAMS.map((one) => ({ fault, ...one }))))(
    'fault 59: $fault from $target: $client has its text and is told that it broke off',
    async ({ fault, client, mode, target }) => {
      await using bench = await openBench({
        upstreams: {
          primary: { dialect: target, text: TEXT, faults: [fault], pace: PACE },
          backup: { dialect: target, text: 'Never glued to it.' },
        },
      })
      const answer = await bench.ask({ client, mode })
      if (fault === 'done-without-finish' && target === 'anthropic-messages') {
        // message_stop is a terminal of its own in this dialect.
        expect(answer.text).toBe(TEXT)
        return
      }
      expectTruncated(answer, 'upstream_truncated')
      expect(answer.text).toBe(TEXT)
      expect(bench.calls('primary')).toHaveLength(1)
      expect(bench.calls('backup')).toHaveLength(0)
      const { exchange, attempts } = await bench.recordOf(answer)
      expect(exchange).toMatchObject({ state: 'truncated', code: 'upstream_truncated', status: 200 })
      expect(attempts).toMatchObject([{ outcome: 'failed', usageSource: 'unknown', isWaste: true }])
    },
  )

  test.for(combinations({ modes: ['fold'] }))(
    'fault 59: $client $mode from $target is told 502 after a second try',
    async ({ client, mode, target }) => {
      await using bench = await openBench({
        upstreams: { primary: { dialect: target, faults: ['no-finish'] } },
      })
      const answer = await bench.ask({ client, mode })
      expectRefused(answer, { status: 502, code: 'upstream_truncated', shouldRetry: true })
      expect(bench.calls('primary')).toHaveLength(2)
    },
  )
})

describe.concurrent('fault 60: a reason to finish, and the last word never comes', () => {
  test.for(STREAMED.flatMap((one) => ['hold', 'close'].map((end) => ({ end, ...one }))))(
    'fault 60: $end: $client $mode from $target is whole within 8 s, and the socket is let go',
    async ({ end, client, mode, target }) => {
      await using bench = await openBench({
        upstreams: { primary: { dialect: target, text: TEXT, faults: [`no-done(end=${end})`] } },
      })
      const startedMs = performance.now()
      const answer = await bench.ask({ client, mode })
      expect(performance.now() - startedMs).toBeLessThan(end === 'hold' ? 8_000 : 2_000)
      expectWhole(answer, TEXT)
      const { exchange, attempts } = await bench.recordOf(answer)
      expect(exchange.state).toBe('completed')
      expect(attempts).toMatchObject([{ outcome: 'completed', usageSource: 'reported' }])
      const [call] = bench.calls('primary')
      await call?.settled
      expect(call?.state).toBe(end === 'hold' ? 'peer-left' : 'answered')
    },
  )

  test.for(STREAMED)(
    'fault 60: a socket held open after the last word keeps nobody waiting ($client $mode from $target)',
    async ({ client, mode, target }) => {
      await using bench = await openBench({
        upstreams: { primary: { dialect: target, text: TEXT, faults: ['hold-after-done'] } },
      })
      const startedMs = performance.now()
      expectWhole(await bench.ask({ client, mode }), TEXT)
      expect(performance.now() - startedMs).toBeLessThan(1_500)
      const [call] = bench.calls('primary')
      await call?.settled
      expect(call?.state).toBe('peer-left')
    },
  )
})

test.concurrent.for(STREAMED)(
  'fault 60: nor do signs of life after the reason to finish ($client $mode from $target)',
  async ({ client, mode, target }) => {
    const events = streamEvents[target]
    await using wall = await openWall(({ socket }) => {
      socket.write(streamHead() + piece(events.opening + events.content('Said.') + events.finish))
      const pings = setInterval(() => socket.write(piece(': still here\n\n')), 100)
      socket.on('close', () => clearInterval(pings))
    })
    await using bench = await openBench({
      upstreams: { primary: { dialect: target, origin: wall.origin } },
    })
    const startedMs = performance.now()
    const answer = await bench.ask({ client, mode })
    expect(performance.now() - startedMs).toBeLessThan(8_000)
    expectWhole(answer, 'Said.')
  },
)

describe.concurrent('fault 61: events that are not JSON', () => {
  test.for(STREAMED.flatMap((one) => [1, 5].map((count) => ({ count, ...one }))))(
    'fault 61: $count in the middle are left out, and $client $mode from $target has the rest',
    async ({ count, client, mode, target }) => {
      await using bench = await openBench({
        upstreams: {
          primary: { dialect: target, text: TEXT, faults: [`malformed-event(count=${count})`] },
        },
      })
      const answer = await bench.ask({ client, mode })
      expectWhole(answer, TEXT)
      expect(answer.raw).not.toContain('"delta":{"cont\n')
      const { attempts } = await bench.recordOf(answer)
      expect(attempts).toMatchObject([
        { outcome: 'completed', flags: ['parse_anomaly'], usageSource: 'reported' },
      ])
    },
  )

  test.for(STREAMS)(
    'fault 61: beyond five in a row the stream is given up ($client from $target)',
    async ({ client, mode, target }) => {
      await using bench = await openBench({
        upstreams: {
          primary: { dialect: target, text: TEXT, faults: ['malformed-event(count=9)'], pace: PACE },
        },
      })
      const answer = await bench.ask({ client, mode })
      expectTruncated(answer, 'upstream_bad_response')
      const { attempts } = await bench.recordOf(answer)
      expect(attempts[0]?.flags).toContain('parse_anomaly')
    },
  )
})

describe.concurrent('fault 64: an answer that is not complete says so', () => {
  test.for(combinations())(
    'fault 64: cut by its ceiling, $client $mode from $target reads a length and no stop',
    async ({ client, mode, target }) => {
      await using bench = await openBench({
        upstreams: { primary: { dialect: target, text: TEXT.repeat(700) } },
      })
      const answer = await bench.ask({ client, mode })
      expect(answer.status).toBe(200)
      expect(answer.finish).toBe(CUT[client])
      expect(answer.hasTerminal).toBe(true)
      expect((await bench.recordOf(answer)).exchange.state).toBe('completed')
    },
  )
})

describe.concurrent('fault 77: a content filter in the middle', () => {
  test.for(STREAMED)(
    'fault 77: $client $mode from $target keeps the reason; it is no error and is not tried again',
    async ({ client, mode, target }) => {
      await using bench = await openBench({
        upstreams: {
          primary: { dialect: target, text: TEXT, faults: ['content-filter(token=5)'] },
          backup: { dialect: target, text: 'Never asked.' },
        },
      })
      const answer = await bench.ask({ client, mode })
      expect(answer.error).toBeUndefined()
      expect(answer.finish).toBe(FILTERED[client])
      expect(answer.hasTerminal).toBe(true)
      expect(answer.text).not.toBe('')
      expect(TEXT.startsWith(answer.text)).toBe(true)
      expect(bench.calls('primary')).toHaveLength(1)
      expect(bench.calls('backup')).toHaveLength(0)
      const { exchange, attempts } = await bench.recordOf(answer)
      expect(exchange.state).toBe('completed')
      expect(attempts).toMatchObject([{ outcome: 'completed', usageSource: 'reported' }])
    },
  )
})

describe.concurrent('fault 78: the other framing than was asked for', () => {
  test.for(combinations())(
    'fault 78: $client $mode from $target gets what it asked for',
    async ({ client, mode, target }) => {
      const fault = mode === 'plain' ? 'sse-for-plain' : 'json-for-stream'
      await using bench = await openBench({
        upstreams: { primary: { dialect: target, text: TEXT, faults: [fault] } },
      })
      const answer = await bench.ask({ client, mode })
      expectWhole(answer, TEXT)
      // A stream that nobody asked for has no usage, since OpenAI's dialect must be asked for it too.
      const isUncounted = mode === 'plain' && target === 'openai-chat'
      const type = mode === 'stream' ? /^text\/event-stream/ : /^application\/json/
      expect(answer.headers.get('content-type')).toMatch(type)
      expect(bench.calls('primary')).toHaveLength(1)
      const { attempts } = await bench.recordOf(answer)
      expect(attempts).toMatchObject([
        { outcome: 'completed', usageSource: isUncounted ? 'unknown' : 'reported' },
      ])
    },
  )
})

describe.concurrent('fault 80: a generation without an end', () => {
  test.for(combinations({ modes: ['stream', 'fold'] }))(
    'fault 80: $client $mode from $target ends with the deadline of the route',
    async ({ client, mode, target }) => {
      await using bench = await openBench({
        upstreams: {
          primary: { dialect: target, faults: ['endless-generation(everyMs=5)'] },
          backup: { dialect: target, text: 'Too late for it.' },
        },
        deadline: '1s',
      })
      const startedMs = performance.now()
      const answer = await bench.ask({ client, mode })
      expect(performance.now() - startedMs).toBeLessThan(2_000)
      if (mode === 'stream') {
        expectTruncated(answer, 'deadline_exceeded')
        expect(answer.text).toMatch(/^(?:agai)+$/)
      } else expectRefused(answer, { status: 504, code: 'deadline_exceeded', shouldRetry: true })
      const [call] = bench.calls('primary')
      await call?.settled
      expect(call?.state).toBe('peer-left')
      expect((call?.endMs ?? Number.NaN) - (call?.startMs ?? 0)).toBeLessThan(2_000)
      expect(bench.calls('backup')).toHaveLength(0)
      const { exchange, attempts } = await bench.recordOf(answer)
      expect(exchange).toMatchObject({
        state: mode === 'stream' ? 'truncated' : 'failed',
        code: 'deadline_exceeded',
      })
      expect(attempts).toMatchObject([{ usageSource: 'unknown' }])
    },
  )
})
