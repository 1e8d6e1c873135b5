/** What Bedrock, Cohere and Ollama say, whole and streamed, as every client receives it. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { JsonObject } from '../../src/std/json.ts'
import { detailsOf } from '../support/answer-details.ts'
import { TARGETS } from '../support/every-dialect.ts'
import { CLIENTS, MODES, openPairStage, type PairStage, type Saying } from '../support/pair-stage.ts'
import { frame, targetVoices } from '../support/target-voices.ts'
import { eventsOf } from '../support/told-provider.ts'

let stage: PairStage
beforeAll(async () => {
  stage = await openPairStage()
})
afterAll(() => stage[Symbol.asyncDispose]())

const FURTHER = ['bedrock', 'cohere', 'ollama'] as const
type FurtherTarget = (typeof FURTHER)[number]

const pairs = FURTHER.flatMap((target) => CLIENTS.map((client) => ({ target, client })))

describe.each(pairs)('what $target says, to a client of $client', ({ target, client }) => {
  const voice = targetVoices[TARGETS[target].dialect]

  test.each(MODES)('is thought, and said, and counted: %s', async (mode) => {
    const said = { text: 'Det regner – 雨 🌧.', reasoning: 'It is Bergen.', outputTokens: 9 }
    const says = { whole: parsed(voice.whole(said)), stream: Buffer.concat(voice.events(said)) }
    const { answer } = await stage.ask({ client, target, mode, says })
    const { reasoning, counts } = detailsOf(answer, client)
    expect(answer.error).toBeUndefined()
    expect(answer.text).toBe(said.text)
    expect(reasoning).toBe(said.reasoning)
    expect(counts).toMatchObject({ input: 11, output: 9 })
    expect(answer.hasTerminal).toBe(true)
  })

  test.each(MODES)('may be cut: %s', async (mode) => {
    const said = { text: 'Det regner', ending: 'length' } as const
    const says = { whole: parsed(voice.whole(said)), stream: Buffer.concat(voice.events(said)) }
    const { answer } = await stage.ask({ client, target, mode, says })
    const words = {
      'openai-chat': 'length',
      'anthropic-messages': 'max_tokens',
      'openai-responses': 'max_output_tokens',
      gemini: 'MAX_TOKENS',
    }
    expect(answer.finish).toBe(words[client])
  })

  test.each(MODES)('is two calls of tools: %s', async (mode) => {
    const { answer } = await stage.ask({ client, target, mode, says: calls[target] })
    expect(answer.error).toBeUndefined()
    expect(answer.toolCalls.map(({ name, arguments: text }) => [name, JSON.parse(text || '{}')])).toEqual([
      ['first', { city: 'Tromsø "nord"' }],
      ['second', {}],
    ])
    const [one, two] = answer.toolCalls
    expect(one?.id).not.toBe('')
    expect(one?.id).not.toBe(two?.id)
    expect(answer.finish).toBe(
      {
        'openai-chat': 'tool_calls',
        'anthropic-messages': 'tool_use',
        'openai-responses': 'completed',
        gemini: 'STOP',
      }[client],
    )
  })
})

function parsed(text: string): object {
  return JSON.parse(text)
}

const ARGUMENTS = '{"city":"Troms\\u00f8 \\"nord\\""}'
const [HEAD, TAIL] = [ARGUMENTS.slice(0, 16), ARGUMENTS.slice(16)]
const USAGE = { inputTokens: 11, outputTokens: 7, totalTokens: 18 }

const cohereCall = (id: string, name: string, text: string) => ({
  id,
  type: 'function',
  function: { name, arguments: text },
})
const cohereStep = (type: string, index: number, fields: JsonObject) => ({
  type,
  index,
  delta: { message: { tool_calls: fields } },
})
const COHERE_USAGE = { tokens: { input_tokens: 11, output_tokens: 7 } }
const ollamaCalls = [
  { id: 'call_1', function: { index: 0, name: 'first', arguments: { city: 'Tromsø "nord"' } } },
  { id: 'call_2', function: { index: 1, name: 'second', arguments: {} } },
]
const ollamaLine = (fields: object) => ({ model: 'm', created_at: '2025-01-01T00:00:00.000Z', ...fields })
const OLLAMA_END = { done: true, done_reason: 'stop', prompt_eval_count: 11, eval_count: 7 }

const calls: Readonly<Record<FurtherTarget, Saying>> = {
  bedrock: {
    whole: {
      output: {
        message: {
          role: 'assistant',
          content: [
            { toolUse: { toolUseId: 'call_1', name: 'first', input: { city: 'Tromsø "nord"' } } },
            { toolUse: { toolUseId: 'call_2', name: 'second', input: {} } },
          ],
        },
      },
      stopReason: 'tool_use',
      usage: USAGE,
    },
    stream: Buffer.concat([
      frame('messageStart', { role: 'assistant' }),
      frame('contentBlockStart', {
        contentBlockIndex: 0,
        start: { toolUse: { toolUseId: 'call_1', name: 'first' } },
      }),
      frame('contentBlockDelta', { contentBlockIndex: 0, delta: { toolUse: { input: HEAD } } }),
      frame('contentBlockDelta', { contentBlockIndex: 0, delta: { toolUse: { input: TAIL } } }),
      frame('contentBlockStop', { contentBlockIndex: 0 }),
      frame('contentBlockStart', {
        contentBlockIndex: 1,
        start: { toolUse: { toolUseId: 'call_2', name: 'second' } },
      }),
      frame('contentBlockStop', { contentBlockIndex: 1 }),
      frame('messageStop', { stopReason: 'tool_use' }),
      frame('metadata', { usage: USAGE }),
    ]),
  },
  cohere: {
    whole: {
      id: 'voice',
      finish_reason: 'TOOL_CALL',
      message: {
        role: 'assistant',
        tool_calls: [cohereCall('call_1', 'first', ARGUMENTS), cohereCall('call_2', 'second', '{}')],
      },
      usage: COHERE_USAGE,
    },
    stream: eventsOf(
      { type: 'message-start', id: 'voice', delta: { message: { role: 'assistant' } } },
      cohereStep('tool-call-start', 0, cohereCall('call_1', 'first', '')),
      cohereStep('tool-call-delta', 0, { function: { arguments: HEAD } }),
      cohereStep('tool-call-delta', 0, { function: { arguments: TAIL } }),
      { type: 'tool-call-end', index: 0 },
      cohereStep('tool-call-start', 1, cohereCall('call_2', 'second', '')),
      { type: 'tool-call-end', index: 1 },
      { type: 'message-end', delta: { finish_reason: 'TOOL_CALL', usage: COHERE_USAGE } },
    ),
  },
  ollama: {
    whole: ollamaLine({
      message: { role: 'assistant', content: '', tool_calls: ollamaCalls },
      ...OLLAMA_END,
    }),
    stream: ollamaCalls
      .map((call) =>
        ollamaLine({ message: { role: 'assistant', content: '', tool_calls: [call] }, done: false }),
      )
      .concat(ollamaLine({ message: { role: 'assistant', content: '' }, ...OLLAMA_END }))
      .map((line) => `${JSON.stringify(line)}\n`)
      .join(''),
  },
}
