/**
 * The simulator as a provider of every dialect, behind a whole gateway: every client gets its whole answer from each,
 * in each way of asking, and hears of a break or a refusal in its own dialect.
 */

import { describe, expect, test } from 'vitest'
import { dialects, targetDialects } from '../../src/dialects/index.ts'
import type { ClientDialect } from '../support/client-answer.ts'
import {
  ALL_CLIENTS,
  ALL_TARGETS,
  expectRefused,
  expectTruncated,
  expectWhole,
  MODES,
  openBench,
} from '../support/upstreams.ts'

const TEXT = 'One two three four five six seven, ünïcödé 😀, eight nine ten.'

const CLIENTS = ALL_CLIENTS.filter((client) => dialects.has(client))
const TARGETS = ALL_TARGETS.filter((target) => targetDialects.has(target))
const PAIRS = CLIENTS.flatMap((client) => TARGETS.map((target) => ({ client, target })))

const CALLS = [
  { name: 'weather', arguments: { city: 'Zürich 😀' } },
  { name: 'weather', arguments: { city: 'Basel' } },
]
const SCHEMA = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] }
const WEATHER = { name: 'weather', description: 'Tells the weather.' }

const TOOLS: Readonly<Record<ClientDialect, Readonly<Record<string, unknown>>>> = {
  'openai-chat': { tools: [{ type: 'function', function: { ...WEATHER, parameters: SCHEMA } }] },
  'anthropic-messages': { tools: [{ ...WEATHER, input_schema: SCHEMA }] },
  'openai-responses': { tools: [{ type: 'function', ...WEATHER, parameters: SCHEMA, strict: false }] },
  gemini: { tools: [{ functionDeclarations: [{ ...WEATHER, parametersJsonSchema: SCHEMA }] }] },
}

describe.concurrent('every client before every target', () => {
  test.for(PAIRS)('$client gets its whole answer from $target', async ({ client, target }) => {
    await using bench = await openBench({ upstreams: { primary: { dialect: target, text: TEXT } } })
    for (const mode of MODES) {
      const answer = await bench.ask({ client, mode })
      expectWhole(answer, TEXT)
      const { exchange } = await bench.recordOf(answer)
      expect(exchange).toMatchObject({ state: 'completed', target: 'primary/m' })
    }
    expect(bench.calls('primary').map(({ isStream }) => isStream)).toEqual([true, false, true])
  })

  test.for(PAIRS)('$client is told of the tools that $target calls', async ({ client, target }) => {
    await using bench = await openBench({
      upstreams: { primary: { dialect: target, toolCalls: CALLS } },
    })
    for (const mode of MODES) {
      const answer = await bench.ask({ client, mode, body: TOOLS[client] })
      expect(answer.error).toBeUndefined()
      const calls = answer.toolCalls.map((call) => ({ ...call, arguments: JSON.parse(call.arguments) }))
      expect(calls).toMatchObject(CALLS)
      expect(['tool_calls', 'tool_use', 'completed', 'STOP']).toContain(answer.finish)
      expect(answer.hasTerminal).toBe(true)
      if (client !== 'openai-chat' || mode !== 'stream') expect(answer.usage).toBeDefined()
    }
  })

  test.for(PAIRS)('$client hears that $target broke off', async ({ client, target }) => {
    await using bench = await openBench({
      upstreams: {
        primary: {
          dialect: target,
          text: TEXT,
          faults: ['cut-stream(token=8,by=rst)'],
          pace: { firstTokenMs: 0, perTokenMs: 2 },
        },
      },
    })
    const answer = await bench.ask({ client, mode: 'stream' })
    expectTruncated(answer, 'upstream_truncated')
    expect(TEXT.startsWith(answer.text)).toBe(true)
    expect(answer.text).not.toBe('')
  })

  test.for(PAIRS)('$client hears that $target refused', async ({ client, target }) => {
    await using bench = await openBench({
      upstreams: { primary: { dialect: target, faults: ['unsupported-parameter(parameter=top_k)'] } },
    })
    const answer = await bench.ask({ client, mode: 'plain' })
    expectRefused(answer, { status: 400, code: 'upstream_invalid_request', shouldRetry: false })
    expect(answer.error?.message).toContain('top_k')
    expect(bench.calls('primary')).toHaveLength(1)
  })
})
