/** The faults that only one dialect can have, as the simulator plays them by name, before clients of every dialect. */

import { describe, expect, test, vi } from 'vitest'
import type { ClientDialect } from '../support/client-answer.ts'
import {
  ALL_CLIENTS,
  ALL_TARGETS,
  expectRefused,
  expectTruncated,
  expectWhole,
  type Mode,
  openBench,
  otherDialect,
} from '../support/upstreams.ts'

// Nearly all of the time of these tests is waiting.
vi.setConfig({ maxConcurrency: 16 })

const TEXT = 'One two three four five six seven eight nine ten, and then some more of it.'
const BACKUP = 'The backup says this in full.'
/** Slow enough that the first token has reached the client before the rest is written. */
const PACE = { perTokenMs: 8 }

const clients = ALL_CLIENTS.map((client) => ({ client }))

describe.concurrent('a stream that breaks in a way of its dialect', () => {
  const broken = [
    {
      row: 79,
      target: 'bedrock-converse',
      fault: 'bedrock-bad-crc(part=message)',
      code: 'upstream_truncated',
    },
    {
      row: 79,
      target: 'bedrock-converse',
      fault: 'bedrock-bad-crc(part=prelude)',
      code: 'upstream_truncated',
    },
    { row: 79, target: 'bedrock-converse', fault: 'bedrock-cut-frame', code: 'upstream_truncated' },
    { row: 79, target: 'bedrock-converse', fault: 'bedrock-huge-frame', code: 'upstream_truncated' },
    {
      row: 79,
      target: 'bedrock-converse',
      fault: 'bedrock-exception(type=bearException)',
      code: 'upstream_error',
    },
    {
      row: 82,
      target: 'openai-responses',
      fault: 'responses-sequence-gap(count=3)',
      code: 'upstream_truncated',
    },
    {
      row: 82,
      target: 'openai-responses',
      fault: 'responses-out-of-order',
      code: 'upstream_truncated',
    },
    { row: 63, target: 'openai-responses', fault: 'responses-error', code: 'upstream_error' },
  ] as const
  const cases = broken.flatMap((one) => clients.map((client) => ({ ...one, ...client })))

  test.for(cases)(
    'fault $row: $fault: a client of $client that streams is told',
    async ({ target, fault, code, client }) => {
      await using bench = await openBench({
        upstreams: {
          primary: { dialect: target, text: TEXT, pace: PACE, faults: [fault] },
          backup: { dialect: otherDialect(target), text: 'Never glued to it.' },
        },
      })
      const answer = await bench.ask({ client, mode: 'stream' })
      expectTruncated(answer, code)
      expect(answer.raw).not.toContain('Never')
      expect(bench.calls('backup')).toHaveLength(0)
      const { exchange } = await bench.recordOf(answer)
      expect(exchange).toMatchObject({ state: 'truncated', code })
    },
  )

  test.for(cases.filter(({ target, client }) => target !== client))(
    'fault $row: $fault: a client of $client that waits has the answer of another',
    async ({ target, fault, client }) => {
      await using bench = await openBench({
        upstreams: {
          primary: { dialect: target, text: TEXT, faults: [fault] },
          backup: { dialect: otherDialect(target), text: BACKUP },
        },
        retries: 0,
      })
      const answer = await bench.ask({ client, mode: 'fold' })
      expectWhole(answer, BACKUP)
      expect(bench.calls('primary')).toHaveLength(1)
    },
  )
})

describe.concurrent('fault 82: an event that comes twice under one number', () => {
  test.for(clients)('fault 82: is said to a client of $client once, and flagged', async ({ client }) => {
    await using bench = await openBench({
      upstreams: {
        primary: { dialect: 'openai-responses', text: TEXT, pace: PACE, faults: ['duplicate-chunk-id'] },
      },
    })
    for (const mode of ['stream', 'fold'] as const) {
      const answer = await bench.ask({ client, mode })
      expectWhole(answer, TEXT)
      const { attempts } = await bench.recordOf(answer)
      expect(attempts).toHaveLength(1)
      expect(attempts[0]?.flags).toContain('parse_anomaly')
    }
  })
})

describe.concurrent('Gemini’s own ways to say nothing', () => {
  const filtered: Readonly<Record<ClientDialect, string>> = {
    'openai-chat': 'content_filter',
    'anthropic-messages': 'refusal',
    'openai-responses': 'content_filter',
    gemini: 'SAFETY',
  }
  const modes = (['stream', 'fold', 'plain'] as const satisfies readonly Mode[]).flatMap((mode) =>
    clients.map((client) => ({ mode, ...client })),
  )

  test.for(modes)(
    'fault 83: a blocked prompt is a filtered answer to a client of $client as $mode',
    async ({ client, mode }) => {
      await using bench = await openBench({
        upstreams: {
          primary: { dialect: 'gemini', faults: ['gemini-block-reason(reason=SAFETY)'] },
          backup: { dialect: 'openai-chat', text: BACKUP },
        },
      })
      const answer = await bench.ask({ client, mode })
      expect(answer.error).toBeUndefined()
      expect(answer).toMatchObject({ status: 200, text: '', finish: filtered[client], hasTerminal: true })
      expect(bench.calls('backup')).toHaveLength(0)
    },
  )

  test.for(
    [
      'gemini-malformed-function-call',
      'gemini-empty-parts(kind=empty)',
      'gemini-empty-parts(kind=absent)',
      'gemini-empty-parts(kind=blank)',
    ].flatMap((fault) => modes.map((one) => ({ fault, ...one }))),
  )(
    'fault 84, 85: $fault: once more, then a 502 to a client of $client as $mode',
    async ({ fault, client, mode }) => {
      await using bench = await openBench({ upstreams: { primary: { dialect: 'gemini', faults: [fault] } } })
      const answer = await bench.ask({ client, mode })
      expectRefused(answer, { status: 502, code: 'empty_response', shouldRetry: true })
      expect(bench.calls('primary')).toHaveLength(2)
    },
  )
})

describe.concurrent('answers that are odd in every dialect', () => {
  const targets = ALL_TARGETS.map((target, index) => ({
    target,
    client: ALL_CLIENTS[index % ALL_CLIENTS.length] ?? 'openai-chat',
  }))

  test.for(targets)(
    'fault 84: words that were counted and not one to be seen, from $target: the model meant it, and a client of $client sees so',
    async ({ target, client }) => {
      await using bench = await openBench({
        upstreams: { primary: { dialect: target, faults: ['empty-stop'] } },
      })
      const answer = await bench.ask({ client, mode: 'stream' })
      expectWhole(answer, '')
      expect(bench.calls('primary')).toHaveLength(1)
    },
  )

  test.for(['wrong-shape', 'no-json', 'cut'].flatMap((kind) => targets.map((one) => ({ kind, ...one }))))(
    'fault 87: $kind instead of what the schema wants, from $target, passes to a client of $client',
    async ({ kind, target, client }) => {
      await using bench = await openBench({
        upstreams: { primary: { dialect: target, faults: [`schema-invalid(kind=${kind})`] } },
      })
      const answer = await bench.ask({ client, mode: 'stream' })
      expect(answer.error).toBeUndefined()
      expect(answer).toMatchObject({ status: 200, hasTerminal: true })
      expect(answer.text).toMatch(/^(?:\{"simulated":|Simulated words)/)
      expect(bench.calls('primary')).toHaveLength(1)
    },
  )
})
