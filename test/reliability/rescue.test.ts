/** Streams that break off after the client has content: finished by somebody else, or told as broken; over real sockets. */

import { describe, expect, test } from 'vitest'
import type { TargetDialectId } from '../../src/canonical/envelope.ts'
import { ALL_CLIENTS, type Bench, expectTruncated, expectWhole, openBench } from '../support/upstreams.ts'

const TEXT = 'The quick brown fox jumps over the lazy dog, again and again, until the evening comes.'
const TARGETS = ['openai-chat', 'anthropic-messages', 'openai-responses', 'gemini'] as const
const PAIRS = ALL_CLIENTS.flatMap((client) => TARGETS.map((target) => ({ client, target })))

/** A primary that breaks off in the middle, and a backup of another dialect. */
function openBroken(
  target: TargetDialectId,
  backupText: string,
  fault = 'cut-stream(token=7)',
): Promise<Bench> {
  const backup = target === 'gemini' ? 'openai-chat' : 'gemini'
  return openBench({
    upstreams: {
      primary: { dialect: target, faults: [fault], text: TEXT },
      backup: { dialect: backup, text: backupText },
    },
    retries: 0,
    route: { rescue: 'safe' },
  })
}

describe.concurrent('a stream that breaks off is finished by the next target', () => {
  test.for(PAIRS)('fault 57: $client from $target: the whole answer, once', async ({ client, target }) => {
    await using bench = await openBroken(target, TEXT)
    const answer = await bench.ask({ client, mode: 'stream' })
    expectWhole(answer, TEXT)
    const { exchange, attempts } = await bench.recordOf(answer)
    expect(exchange).toMatchObject({ state: 'rescued', target: 'backup/m', rescueRung: 2, attempts: 2 })
    expect(attempts.map(({ outcome, code }) => [outcome, code])).toEqual([
      ['failed', 'upstream_truncated'],
      ['completed', undefined],
    ])
    expect(answer.raw).toContain(': holdfast-rescue rung=2 target=backup/m')
  })

  test.for(PAIRS)(
    'fault 75: $client from $target: other words are never glued on',
    async ({ client, target }) => {
      await using bench = await openBroken(target, 'Something else altogether.')
      const answer = await bench.ask({ client, mode: 'stream' })
      expectTruncated(answer, 'rescue_diverged')
      expect(TEXT.startsWith(answer.text)).toBe(true)
      const { exchange, attempts } = await bench.recordOf(answer)
      expect(exchange).toMatchObject({ state: 'truncated', code: 'rescue_diverged', attempts: 2 })
      expect(attempts.map(({ isWaste }) => isWaste)).toEqual([true, true])
    },
  )
})

describe.concurrent('however it breaks', () => {
  const BREAKS = [
    { row: 57, fault: 'cut-stream(token=7,by=rst)', code: 'upstream_truncated' },
    { row: 57, fault: 'cut-stream(token=7,by=fin)', code: 'upstream_truncated' },
    { row: 57, fault: 'cut-stream(token=7,by=chunk-abort)', code: 'upstream_truncated' },
    { row: 58, fault: 'stall(token=7,ms=0)', code: 'upstream_timeout' },
    { row: 59, fault: 'no-finish', code: 'upstream_truncated' },
  ]
  test.for(BREAKS.flatMap((broken) => ALL_CLIENTS.map((client) => ({ ...broken, client }))))(
    'fault $row: $fault: $client has its whole answer',
    async ({ fault, code, client }) => {
      await using bench = await openBench({
        upstreams: {
          primary: {
            dialect: 'openai-chat',
            faults: [fault],
            text: TEXT,
            ...(code === 'upstream_timeout' ? { timeouts: { idle: '500ms' } } : {}),
          },
          backup: { dialect: 'anthropic-messages', text: TEXT },
        },
        route: { rescue: 'safe' },
      })
      const answer = await bench.ask({ client, mode: 'stream' })
      expectWhole(answer, TEXT)
      const { exchange, attempts } = await bench.recordOf(answer)
      expect(exchange.state).toBe('rescued')
      expect(attempts[0]).toMatchObject({ outcome: 'failed', code, isWaste: true })
    },
  )

  test('fault 57: a second break is mended too, as long as there are attempts', async () => {
    await using bench = await openBench({
      upstreams: {
        first: { dialect: 'openai-chat', faults: ['cut-stream(token=4)'], text: TEXT },
        second: { dialect: 'gemini', faults: ['cut-stream(token=9)'], text: TEXT },
        third: { dialect: 'anthropic-messages', text: TEXT },
      },
      retries: 0,
      route: { rescue: 'safe' },
    })
    const answer = await bench.ask({ client: 'openai-responses', mode: 'stream' })
    expectWhole(answer, TEXT)
    const { exchange } = await bench.recordOf(answer)
    expect(exchange).toMatchObject({ state: 'rescued', target: 'third/m', attempts: 3 })
  })

  test('fault 57: alone, the same target is asked once more', async () => {
    await using bench = await openBench({
      upstreams: {
        only: { dialect: 'openai-chat', faults: [{ fault: 'cut-stream(token=7)', calls: [1] }], text: TEXT },
      },
      retries: 1,
      route: { rescue: 'safe' },
    })
    const answer = await bench.ask({ client: 'openai-chat', mode: 'stream' })
    expectWhole(answer, TEXT)
    expect(bench.calls('only')).toHaveLength(2)
  })

  test('rescue off: the client is told, and nobody else is asked', async () => {
    await using bench = await openBench({
      upstreams: {
        primary: { dialect: 'openai-chat', faults: ['cut-stream(token=7)'], text: TEXT },
        backup: { dialect: 'gemini', text: TEXT },
      },
      route: { rescue: 'off' },
    })
    const answer = await bench.ask({ client: 'openai-chat', mode: 'stream' })
    expectTruncated(answer, 'upstream_truncated')
    expect(bench.calls('backup')).toHaveLength(0)
  })
})

describe.concurrent('a tool call that breaks off', () => {
  const toolCalls = [{ name: 'look_up', arguments: { city: 'Paris', days: [1, 2, 3], unit: 'celsius' } }]
  const tools = {
    'openai-chat': {
      tools: [{ type: 'function', function: { name: 'look_up', parameters: { type: 'object' } } }],
    },
    'anthropic-messages': { tools: [{ name: 'look_up', input_schema: { type: 'object' } }] },
    'openai-responses': { tools: [{ type: 'function', name: 'look_up', parameters: { type: 'object' } }] },
    gemini: { tools: [{ functionDeclarations: [{ name: 'look_up', parameters: { type: 'OBJECT' } }] }] },
  }
  test.for(
    ALL_CLIENTS.flatMap((client) =>
      (['openai-chat', 'anthropic-messages', 'openai-responses'] as const).map((target) => ({
        client,
        target,
      })),
    ),
  )('fault 72: $client from $target: one whole call, made anew', async ({ client, target }) => {
    await using bench = await openBench({
      upstreams: {
        primary: { dialect: target, faults: ['cut-tool-arguments(token=2)'], toolCalls },
        backup: { dialect: 'gemini', toolCalls },
      },
      retries: 0,
      route: { rescue: 'safe' },
    })
    const answer = await bench.ask({ client, mode: 'stream', body: tools[client] })
    expect(answer.error).toBeUndefined()
    expect(answer.hasTerminal).toBe(true)
    const said = answer.toolCalls.map((call) => ({ name: call.name, arguments: JSON.parse(call.arguments) }))
    expect(said).toEqual(toolCalls)
    const { exchange } = await bench.recordOf(answer)
    expect(['completed', 'rescued']).toContain(exchange.state)
    expect(exchange.attempts).toBe(2)
  })
})
