/** Streams whose events count, number, repeat or order things oddly: rows 69 to 71 and 76. */

import { describe, expect, test, vi } from 'vitest'
import type { ClientAnswer, ClientDialect } from '../support/client-answer.ts'
import { STREAMED } from '../support/fault-rows.ts'
import { combinations, expectWhole, openBench } from '../support/upstreams.ts'

vi.setConfig({ maxConcurrency: 8 })

const TEXT = 'One two three four five six seven.'

describe.concurrent('fault 69: usage is counted once, wherever it stands', () => {
  const kinds = ['tail', 'every', 'twice', 'finish', 'none'] as const
  test.for(kinds.flatMap((kind) => STREAMED.map((one) => ({ kind, ...one }))))(
    'fault 69: $kind, from $target to $client $mode',
    async ({ kind, client, mode, target }) => {
      await using bench = await openBench({
        upstreams: {
          clean: { dialect: target, text: TEXT },
          primary: { dialect: target, text: TEXT, faults: [`stream-usage(kind=${kind})`] },
        },
      })
      const clean = await bench.ask({ client, mode, model: 'clean/m' })
      const answer = await bench.ask({ client, mode, model: 'primary/m' })
      expectWhole(answer, TEXT)
      const wanted = (await bench.recordOf(clean)).attempts[0]?.usage
      expect(wanted?.outputTokens).toBeGreaterThan(5)
      const { exchange, attempts } = await bench.recordOf(answer)
      if (kind === 'none') {
        expect(attempts).toMatchObject([{ usageSource: 'unknown', flags: ['usage_anomaly'] }])
        return
      }
      expect(attempts).toMatchObject([{ usageSource: 'reported', flags: [] }])
      for (const usage of [exchange.usage, attempts[0]?.usage]) {
        expect(usage?.inputTokens).toBe(wanted?.inputTokens)
        expect(usage?.outputTokens).toBe(wanted?.outputTokens)
      }
    },
  )

  test('fault 69: an OpenAI client that did not ask for the usage chunk does not see the one we asked for', async () => {
    await using bench = await openBench({ upstreams: { primary: { dialect: 'openai-chat', text: TEXT } } })
    const hidden = await bench.ask({ client: 'openai-chat', mode: 'stream' })
    expect(hidden.usage).toBeUndefined()
    const body = { stream_options: { include_usage: true } }
    const shown = await bench.ask({ client: 'openai-chat', mode: 'stream', body })
    expect(shown.usage).toMatchObject({ total_tokens: expect.any(Number) })
    expect(bench.gateway.attempts.map(({ usageSource }) => usageSource)).toEqual(['reported', 'reported'])
  })
})

describe.concurrent('fault 70: choices that are not there, or not alone', () => {
  const kinds = ['null', 'empty', 'missing', 'delta-null']
  test.for(kinds.flatMap((kind) => STREAMED.map((one) => ({ kind, ...one }))))(
    'fault 70: $kind in the middle, from $target to $client $mode',
    async ({ kind, client, mode, target }) => {
      await using bench = await openBench({
        upstreams: { primary: { dialect: target, text: TEXT, faults: [`stream-choices(kind=${kind})`] } },
      })
      expectWhole(await bench.ask({ client, mode }), TEXT)
      expect(bench.calls('primary')).toHaveLength(1)
    },
  )

  test.for(STREAMED)(
    'fault 70: only the choice of index 1, from $target to $client $mode',
    async ({ client, mode, target }) => {
      await using bench = await openBench({
        upstreams: { primary: { dialect: target, text: TEXT, faults: ['stream-choices(kind=index-1)'] } },
      })
      const answer = await bench.ask({ client, mode })
      expect(answer.status).toBe(200)
      expect(answer.error).toBeUndefined()
      expect(answer.hasTerminal).toBe(true)
      expect(saidAnywhere(answer)).toContain('seven.')
    },
  )

  test.for(combinations({ clients: ['openai-chat'], targets: ['openai-chat'] }))(
    'fault 70: three interleaved candidates reach $client $mode whole',
    async ({ client, mode }) => {
      await using bench = await openBench({ upstreams: { primary: { dialect: 'openai-chat', text: TEXT } } })
      const answer = await bench.ask({ client, mode, body: { n: 3 } })
      expectWhole(answer, TEXT)
      for (const index of [0, 1, 2]) {
        const own = answer.values
          .flatMap((value) => (Array.isArray(value['choices']) ? value['choices'] : []))
          .filter((choice) => choice.index === index)
        const text = own.map((choice) => (choice.delta ?? choice.message).content ?? '').join('')
        expect(text).toBe(TEXT)
        expect(own.at(-1).finish_reason).toBe('stop')
      }
    },
  )
})

/** All text of an answer, of whichever candidate or block. */
function saidAnywhere(answer: ClientAnswer): string {
  const pieces = answer.raw.matchAll(/"(?:content|text)":"((?:[^"\\]|\\.)*)"/g)
  return [...pieces].map((found) => found[1]).join('')
}

const TOOLS: Readonly<Record<ClientDialect, object>> = {
  'openai-chat': {
    tools: [{ type: 'function', function: { name: 'weather', parameters: { type: 'object' } } }],
  },
  'anthropic-messages': { tools: [{ name: 'weather', input_schema: { type: 'object' } }] },
  'openai-responses': { tools: [{ type: 'function', name: 'weather', parameters: { type: 'object' } }] },
  gemini: { tools: [{ functionDeclarations: [{ name: 'weather', parameters: { type: 'object' } }] }] },
}

/** How each dialect says that the answer ends in calls; two have no word for it. */
const CALLED: Readonly<Record<ClientDialect, string>> = {
  'openai-chat': 'tool_calls',
  'anthropic-messages': 'tool_use',
  'openai-responses': 'completed',
  gemini: 'STOP',
}

describe.concurrent('fault 71: tool calls numbered, named and split oddly', () => {
  const kinds = [
    'no-index',
    'same-index',
    'gap-index',
    'empty-id',
    'no-id',
    'late-name',
    'split-escapes',
    'whole-at-once',
    'repeated-name',
  ]
  // In passthrough the client assembles what the provider said, as it would without us.
  const assembled = STREAMED.filter(({ client, mode, target }) => mode === 'fold' || client !== target)
  const cases = kinds.flatMap((kind) => assembled.map((one) => ({ kind, ...one })))

  test.for(cases)(
    'fault 71: $kind, from $target to $client $mode',
    async ({ kind, client, mode, target }) => {
      await using bench = await openBench({
        upstreams: { primary: { dialect: target, faults: [`tool-deltas(kind=${kind})`] } },
      })
      const answer = await bench.ask({ client, mode, body: { ...TOOLS[client] } })
      expect(answer.error).toBeUndefined()
      expect(answer.hasTerminal).toBe(true)
      expect(answer.finish).toBe(CALLED[client])
      expect(answer.toolCalls).toHaveLength(2)
      const ids = answer.toolCalls.map(({ id }) => id)
      // Folded within one dialect, a message keeps the ids its provider gave it, even none; Gemini's calls may have none.
      if (client !== 'gemini' && (client !== 'anthropic-messages' || target !== client)) {
        expect(new Set(ids).size).toBe(2)
        expect(ids).not.toContain('')
      }
      // Messages has no delta that names a block late: there it has no name at all.
      const isNamed = kind !== 'late-name' || target === 'openai-chat'
      for (const call of answer.toolCalls) {
        if (isNamed) expect(call.name).toBe('weather')
        expect(JSON.parse(call.arguments)).toEqual({ city: 'Zürich 😀', simulated: true })
      }
      const { exchange } = await bench.recordOf(answer)
      expect(exchange.state).toBe('completed')
    },
  )

  test.for(STREAMED.filter(({ client, mode, target }) => mode === 'stream' && client === target))(
    'fault 71: passed from $target to $client, every event as it came',
    async ({ client, mode, target }) => {
      for (const kind of [...kinds, 'invalid-json']) {
        await using bench = await openBench({
          upstreams: { primary: { dialect: target, faults: [`tool-deltas(kind=${kind})`] } },
        })
        const answer = await bench.ask({ client, mode, body: { ...TOOLS[client] } })
        expect(answer.error).toBeUndefined()
        expect(answer.hasTerminal).toBe(true)
        // Messages has no delta that names a block late: there it has no name at all.
        if (kind !== 'late-name' || target === 'openai-chat') expect(answer.raw).toContain('weather')
      }
    },
  )

  test.for(STREAMED)(
    'fault 71: arguments that are not JSON are flagged and not repaired, from $target to $client $mode',
    async ({ client, mode, target }) => {
      await using bench = await openBench({
        upstreams: { primary: { dialect: target, faults: ['tool-deltas(kind=invalid-json)'] } },
      })
      const answer = await bench.ask({ client, mode, body: { ...TOOLS[client] } })
      expect(answer.status).toBe(200)
      expect(answer.error).toBeUndefined()
      const { attempts } = await bench.recordOf(answer)
      expect(attempts).toMatchObject([{ outcome: 'completed', flags: ['tool_args_invalid'] }])
      if (client === 'openai-chat') {
        expect(() => JSON.parse(answer.toolCalls[0]?.arguments ?? '')).toThrow(SyntaxError)
      }
    },
  )
})

const LAST_WORDS: Readonly<Record<ClientDialect, string>> = {
  'openai-chat': 'data: [DONE]',
  'anthropic-messages': '"type":"message_stop"',
  'openai-responses': '"type":"response.completed"',
  gemini: '"finishReason"',
}

describe.concurrent('fault 76: what comes twice, or after the end', () => {
  const kinds = ['after-terminal', 'two-starts', 'two-dones']
  test.for(kinds.flatMap((kind) => STREAMED.map((one) => ({ kind, ...one }))))(
    'fault 76: $kind, from $target to $client $mode',
    async ({ kind, client, mode, target }) => {
      await using bench = await openBench({
        upstreams: { primary: { dialect: target, text: TEXT, faults: [kind] } },
      })
      const answer = await bench.ask({ client, mode })
      expectWhole(answer, TEXT)
      if (mode === 'stream') {
        expect(answer.raw.split(LAST_WORDS[client])).toHaveLength(2)
        if (client === 'anthropic-messages') {
          expect(answer.values.filter(({ type }) => type === 'message_start')).toHaveLength(1)
        }
      }
      const { exchange, attempts } = await bench.recordOf(answer)
      expect(exchange.state).toBe('completed')
      // A role said twice is legal in Chat Completions.
      const isOdd = kind !== 'two-starts' || target === 'anthropic-messages'
      expect(attempts).toMatchObject([{ outcome: 'completed', flags: isOdd ? ['parse_anomaly'] : [] }])
    },
  )
})
