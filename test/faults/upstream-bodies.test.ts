/** Answers in one piece that are cut, endless, packed, slow or nonsense: rows 43 to 51 of the fault catalogue. */

import { describe, expect, test } from 'vitest'
import { httpAnswer, openWall } from '../../src/upstream/wall.ts'
import type { ClientDialect } from '../support/client-answer.ts'
import { type FaultRow, testFaultRows, UNSTREAMED } from '../support/fault-rows.ts'
import {
  combinations,
  DIALECTS,
  expectRefused,
  expectTruncated,
  expectWhole,
  openBench,
  otherDialect,
} from '../support/upstreams.ts'

const retried = { calls: { beside: 2, alone: 2 }, shouldRetry: true, combinations: UNSTREAMED } as const

testFaultRows([
  ...['cut-body(byte=60,by=rst)', 'cut-body(byte=60,by=fin)', 'cut-body(byte=60,by=chunk-abort)'].map(
    (fault): FaultRow => ({
      row: 43,
      fault,
      ...retried,
      code: 'upstream_truncated',
      status: 502,
      cost: 'unknown',
    }),
  ),
  ...['length-too-large', 'no-last-chunk'].map(
    (fault): FaultRow => ({
      row: 44,
      fault,
      ...retried,
      code: 'upstream_truncated',
      status: 502,
      cost: 'unknown',
    }),
  ),
  ...['not-a-number'].map(
    (kind): FaultRow => ({
      row: 48,
      fault: `strange-json(kind=${kind})`,
      ...retried,
      code: 'upstream_bad_response',
      status: 502,
      cost: 'unknown',
    }),
  ),
  {
    row: 48,
    fault: 'deep-json',
    ...retried,
    code: 'upstream_bad_response',
    status: 502,
    cost: 'unknown',
    combinations: combinations({ modes: ['plain'], targets: ['openai-chat'] }),
  },
  ...['empty', 'null', 'missing', 'message-null', 'content-null'].map(
    (kind): FaultRow => ({
      row: 49,
      fault: `choices(kind=${kind})`,
      ...retried,
      code: 'empty_response',
      status: 502,
      cost: 'reported',
      combinations: combinations({ modes: ['plain'], targets: ['openai-chat'] }),
    }),
  ),
  {
    row: 49,
    fault: 'empty-answer',
    calls: { beside: 2, alone: 2 },
    shouldRetry: true,
    code: 'empty_response',
    status: 502,
    cost: 'reported',
    combinations: combinations(),
  },
  {
    row: 51,
    fault: 'slow-body(everyMs=10000)',
    calls: { beside: 1, alone: 1 },
    shouldRetry: true,
    code: 'upstream_timeout',
    status: 504,
    cost: 'unknown',
    combinations: UNSTREAMED,
  },
])

function wholeBody(dialect: ClientDialect): Buffer {
  const answer =
    dialect === 'openai-chat'
      ? {
          id: 'c',
          object: 'chat.completion',
          created: 1,
          model: 'm',
          choices: [{ index: 0, message: { role: 'assistant', content: 'Grüße 😀' }, finish_reason: 'stop' }],
          usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
        }
      : {
          id: 'c',
          type: 'message',
          role: 'assistant',
          model: 'm',
          content: [{ type: 'text', text: 'Grüße 😀' }],
          stop_reason: 'end_turn',
          stop_sequence: null,
          usage: { input_tokens: 3, output_tokens: 2 },
        }
  return Buffer.from(JSON.stringify(answer))
}

/** A wall whose answer is cut at the byte that the prompt names, in good order: the length fits what came. */
function openCutter(dialect: ClientDialect) {
  const whole = wholeBody(dialect)
  return openWall(({ socket, body }) => {
    const byte = Number(/cut at (\d+)/.exec(body.toString())?.[1])
    socket.write(httpAnswer(200, whole.subarray(0, byte)))
  })
}

async function inBatches<Result>(
  count: number,
  run: (index: number) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = []
  for (let start = 0; start < count; start += 20) {
    const size = Math.min(20, count - start)
    results.push(...(await Promise.all(Array.from({ length: size }, (_, place) => run(start + place)))))
  }
  return results
}

describe.concurrent('fault 43: JSON cut at every byte', () => {
  test.for(combinations({ modes: ['plain'] }))(
    'fault 43: from $target: $client gets its whole answer from the fallback at each of them',
    async ({ client, target }) => {
      await using wall = await openCutter(target)
      await using bench = await openBench({
        upstreams: {
          primary: { dialect: target, origin: wall.origin, breaker: false },
          backup: { dialect: otherDialect(target), text: 'Uncut.' },
        },
        retries: 0,
      })
      const { length } = wholeBody(target)
      const answers = await inBatches(length, (byte) =>
        bench.ask({ client, mode: 'plain', prompt: `cut at ${byte}` }),
      )
      for (const answer of answers) expectWhole(answer, 'Uncut.')
      expect(wall.requests).toHaveLength(length)
      expectWhole(await bench.ask({ client, mode: 'plain', prompt: `cut at ${length}` }), 'Grüße 😀')
      const codes = new Set(bench.gateway.attempts.map(({ code }) => code ?? 'none'))
      expect([...codes].sort()).toEqual(['empty_response', 'none', 'upstream_bad_response'])
    },
  )

  test.for(DIALECTS)('fault 43: alone, from %s: a 502 at each of them and never a part', async (target) => {
    await using wall = await openCutter(target)
    await using bench = await openBench({
      upstreams: { primary: { dialect: target, origin: wall.origin, breaker: false } },
      retries: 0,
    })
    const answers = await inBatches(wholeBody(target).length, (byte) =>
      bench.ask({ client: 'openai-chat', mode: 'plain', prompt: `cut at ${byte}` }),
    )
    for (const answer of answers) {
      expect(answer.status).toBe(502)
      expect(answer.raw).not.toContain('Grüße')
    }
  })
})

test.for(combinations({ modes: ['plain'] }))(
  'fault 45: blank lines before the answer keep it alive ($client from $target)',
  async ({ client, mode, target }) => {
    await using bench = await openBench({
      upstreams: {
        primary: { dialect: target, text: 'Slow but whole.', faults: ['blank-lines(count=20,everyMs=5)'] },
      },
    })
    const answer = await bench.ask({ client, mode })
    expectWhole(answer, 'Slow but whole.')
    const { attempts } = await bench.recordOf(answer)
    expect(attempts).toMatchObject([{ outcome: 'completed', usageSource: 'reported', flags: [] }])
  },
)

describe('fault 46: a body without an end', () => {
  const limits = { responseBytes: '1MiB' }
  /** The cap, and what the kernel's buffers hold on the way. */
  const BYTES_WRITTEN_MAX = 16 * 1024 ** 2

  test.for(combinations({ modes: ['plain'] }))(
    'fault 46: $client from $target: cut at the cap, hung up on, and the fallback answers',
    async ({ client, mode, target }) => {
      await using bench = await openBench({
        upstreams: {
          primary: { dialect: target, faults: ['endless-body'] },
          backup: { dialect: otherDialect(target), text: 'Of a sensible length.' },
        },
        limits,
      })
      const answer = await bench.ask({ client, mode })
      expectWhole(answer, 'Of a sensible length.')
      const calls = bench.calls('primary')
      expect(calls).toHaveLength(1)
      await calls[0]?.settled
      expect(calls[0]?.state).toBe('peer-left')
      expect(calls[0]?.bytesWritten).toBeLessThan(BYTES_WRITTEN_MAX)
      const { attempts } = await bench.recordOf(answer)
      expect(attempts[0]).toMatchObject({ code: 'response_too_large', usageSource: 'unknown', isWaste: true })
    },
  )

  test.for(combinations({ modes: ['plain', 'fold'], targets: ['openai-chat'] }))(
    'fault 46: alone, $client $mode is told 502 response_too_large',
    async ({ client, mode, target }) => {
      await using bench = await openBench({
        upstreams: { primary: { dialect: target, faults: ['endless-body', 'endless-generation'] } },
        limits,
      })
      const answer = await bench.ask({ client, mode })
      expectRefused(answer, { status: 502, code: 'response_too_large', shouldRetry: false })
      expect(bench.calls('primary')).toHaveLength(1)
    },
  )
})

test.for(combinations({ modes: ['stream'] }))(
  'fault 46: a stream without an end is broken off at the cap, in-band ($client from $target)',
  async ({ client, mode, target }) => {
    await using bench = await openBench({
      upstreams: { primary: { dialect: target, faults: ['endless-generation'] } },
      limits: { responseBytes: '256KiB' },
    })
    const answer = await bench.ask({ client, mode })
    expectTruncated(answer, 'response_too_large')
    expect(answer.raw.length).toBeLessThan(1024 ** 2)
    const { exchange } = await bench.recordOf(answer)
    expect(exchange).toMatchObject({ state: 'truncated', code: 'response_too_large' })
  },
)

describe('fault 48: strange JSON', () => {
  const kinds = ['duplicate-keys', 'proto-key', 'lone-surrogate', 'null-character', 'unknown-fields']
  const cases = kinds.flatMap((kind) => combinations().map((one) => ({ kind, ...one })))
  test.concurrent.for(cases)(
    'fault 48: $kind from $target reaches $client $mode and pollutes nothing',
    async ({ kind, client, mode, target }) => {
      await using bench = await openBench({
        upstreams: {
          primary: { dialect: target, text: 'plain words', faults: [`strange-json(kind=${kind})`] },
        },
      })
      const answer = await bench.ask({ client, mode })
      expect(answer.status).toBe(200)
      expect(answer.error).toBeUndefined()
      expect(answer.hasTerminal).toBe(true)
      expect(answer.text).toContain('plain words')
      if (kind === 'null-character') expect(answer.text).toBe('\0plain words')
      // A lone surrogate cannot be said in UTF-8: it stays an escape, or becomes the replacement character.
      if (kind === 'lone-surrogate') expect(answer.text).toMatch(/^(?:\ud83d|\ufffd) plain words$/)
      expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false)
      expect({}).not.toHaveProperty('polluted')
    },
  )
})

describe.concurrent('fault 48: JSON nested as deep as it likes', () => {
  test.for(['10000', '1000000'].flatMap((depth) => combinations().map((one) => ({ depth, ...one }))))(
    'fault 48: $depth levels from $target: $client $mode gets the answer, or a clean 502',
    async (one) => {
      await using bench = await openBench({
        upstreams: {
          primary: { dialect: one.target, text: 'plain words', faults: [`deep-json(depth=${one.depth})`] },
        },
        retries: 0,
      })
      const answer = await bench.ask(one)
      if (answer.status === 200) {
        expect(answer.hasTerminal).toBe(answer.error === undefined)
        if (answer.hasTerminal) expect(answer.text).toContain('words')
      } else expectRefused(answer, { status: 502, code: 'upstream_bad_response', shouldRetry: true })
      expect(bench.gateway.attempts.map(({ code }) => code)).not.toContain('gateway_error')
    },
  )
})

describe.concurrent('fault 49: a message without content', () => {
  const clients = combinations({ modes: ['plain'], targets: ['anthropic-messages'] })

  test.for(['null', 'missing'].flatMap((kind) => clients.map((one) => ({ kind, ...one }))))(
    'fault 49: $kind: $client gets its answer from the fallback',
    async ({ kind, client, mode, target }) => {
      await using bench = await openBench({
        upstreams: {
          primary: { dialect: target, faults: [`choices(kind=${kind})`] },
          backup: { dialect: 'openai-chat', text: 'Something.' },
        },
      })
      const answer = await bench.ask({ client, mode })
      expectWhole(answer, 'Something.')
      expect(bench.calls('primary')).toHaveLength(2)
      expect((await bench.recordOf(answer)).attempts[0]).toMatchObject({ code: 'upstream_bad_response' })
    },
  )

  // Claude ends a turn so when it has nothing to add to a tool's result: the tokens it counts say that it spoke.
  test.for(
    ['empty', 'message-null', 'content-null'].flatMap((kind) => clients.map((one) => ({ kind, ...one }))),
  )(
    'fault 49: $kind, with output counted, is passed to $client as it is',
    async ({ kind, client, mode, target }) => {
      await using bench = await openBench({
        upstreams: { primary: { dialect: target, faults: [`choices(kind=${kind})`] } },
      })
      const answer = await bench.ask({ client, mode })
      expectWhole(answer, '')
      expect(bench.calls('primary')).toHaveLength(1)
    },
  )
})

describe('fault 50: usage that nobody can believe', () => {
  const kinds = ['missing', 'null', 'negative', 'string', 'huge', 'overflow', 'fraction', 'zero']
  const cases = kinds.flatMap((kind) => combinations().map((one) => ({ kind, ...one })))
  test.concurrent.for(cases)(
    'fault 50: $kind from $target: the answer reaches $client $mode, and no count is believed',
    async ({ kind, client, mode, target }) => {
      await using bench = await openBench({
        upstreams: {
          primary: { dialect: target, text: 'Counted wrongly.', faults: [`usage(kind=${kind})`] },
        },
      })
      const answer = await bench.ask({ client, mode, body: streamUsage(client, mode) })
      expectWhole(answer, 'Counted wrongly.')
      const { exchange, attempts } = await bench.recordOf(answer)
      expect(attempts).toMatchObject([
        { outcome: 'completed', usageSource: 'unknown', isWaste: false, flags: ['usage_anomaly'] },
      ])
      expect(exchange.state).toBe('completed')
      for (const usage of [exchange.usage, attempts[0]?.usage]) {
        expect(usage?.inputTokens).toBeUndefined()
        expect(usage?.outputTokens).toBeUndefined()
      }
      // What is translated is said in numbers that a client can take; what is passed on is passed on as it came.
      if (client === target || answer.usage === undefined) return
      for (const count of Object.values(answer.usage)) {
        if (typeof count !== 'object' && typeof count !== 'string') {
          expect(count).toSatisfy((value) => Number.isSafeInteger(value) && Number(value) >= 0)
        }
      }
    },
  )
})

function streamUsage(client: ClientDialect, mode: string): Readonly<Record<string, unknown>> {
  return client === 'openai-chat' && mode === 'stream' ? { stream_options: { include_usage: true } } : {}
}
