/** What a client of this dialect is told of answers that came from others. */

import { describe, expect, test } from 'vitest'
import type { InferenceEvent } from '../../canonical/event.ts'
import { openState } from '../../canonical/seal.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import type { JsonObject } from '../../std/json.ts'
import { foldEvents, readStream } from '../dialect.contract.ts'
import type { WriteAnswerOptions } from '../dialect.ts'
import { gemini } from './index.ts'

const options: WriteAnswerOptions = {
  responseId: 'own',
  modelId: 'own-model',
  createdAtS: 5,
  wantsUsage: true,
}
const context = { requestId: 'req_1', attempts: [] }
const at = (part: number) => ({ candidate: 0, part })

/** An answer with all that another provider may give: signed reasoning, calls that overlap, cited text, a refusal. */
const answer: readonly InferenceEvent[] = [
  { type: 'answer-start', responseId: 'msg_1', modelId: 'claude-x' },
  { type: 'reasoning-start', ...at(0) },
  { type: 'reasoning-delta', text: 'Hm.', ...at(0) },
  { type: 'reasoning-end', signature: 'proof', ...at(0) },
  { type: 'reasoning-start', ...at(1) },
  { type: 'reasoning-end', encrypted: 'secret', ...at(1) },
  { type: 'text-start', ...at(2) },
  { type: 'text-delta', text: 'Hel', ...at(2) },
  { type: 'text-delta', text: 'lo\n', ...at(2) },
  {
    type: 'text-end',
    citations: [{ url: 'https://a.example/', title: 'A', startIndex: 0, endIndex: 3, raw: {} }],
    ...at(2),
  },
  { type: 'tool-call-start', id: 'one', name: 'add', ...at(3) },
  { type: 'tool-call-start', id: 'two', name: 'now', ...at(4) },
  { type: 'tool-call-delta', argumentsDelta: '{"a":', ...at(3) },
  { type: 'tool-call-delta', argumentsDelta: '1}', ...at(3) },
  { type: 'tool-call-end', signature: 'call-proof', ...at(3) },
  { type: 'tool-call-end', ...at(4) },
  { type: 'finish', candidate: 0, finish: { reason: 'tool-calls', raw: 'tool_use' } },
  {
    type: 'usage-update',
    usage: { inputTokens: 30, cacheReadTokens: 10, outputTokens: 7, reasoningTokens: 2 },
  },
]

function say(events: readonly InferenceEvent[], more: Partial<WriteAnswerOptions> = {}) {
  const writer = gemini.createStreamWriter({ ...options, ...more })
  const text = events.map((event) => writer.write(event)).join('') + writer.end()
  return { text, losses: writer.losses.map(({ field }) => field) }
}

const eventsOf = (text: string) =>
  text
    .split('\r\n\r\n')
    .filter((event) => event !== '')
    .map((event) => JSON.parse(event.replace(/^data: /, '')) as JsonObject)

const content = (...parts: readonly object[]) => ({
  candidates: [{ content: { parts, role: 'model' }, index: 0 }],
  modelVersion: 'claude-x',
  responseId: 'msg_1',
})

describe('a stream', () => {
  test('says pieces of text as they come, calls when they are whole, and the rest at the end', () => {
    expect(eventsOf(say(answer).text)).toEqual([
      content({ text: 'Hm.', thought: true }),
      content({ text: '', thought: true, thoughtSignature: 'proof' }),
      content({ text: '', thought: true, thoughtSignature: 'secret' }),
      content({ text: 'Hel' }),
      content({ text: 'lo\n' }),
      content({ functionCall: { id: 'one', name: 'add', args: { a: 1 } }, thoughtSignature: 'call-proof' }),
      content({ functionCall: { id: 'two', name: 'now', args: {} } }),
      {
        candidates: [
          {
            content: { parts: [{ text: '' }], role: 'model' },
            finishReason: 'STOP',
            index: 0,
            groundingMetadata: {
              groundingChunks: [{ web: { uri: 'https://a.example/', title: 'A' } }],
              groundingSupports: [{ segment: { startIndex: 0, endIndex: 3 }, groundingChunkIndices: [0] }],
            },
          },
        ],
        usageMetadata: {
          promptTokenCount: 30,
          candidatesTokenCount: 5,
          totalTokenCount: 37,
          cachedContentTokenCount: 10,
          thoughtsTokenCount: 2,
        },
        modelVersion: 'claude-x',
        responseId: 'msg_1',
      },
    ])
  })

  test('is one array where the client reads one', () => {
    const { text } = say(answer, { streamForm: 'json-array' })
    expect(JSON.parse(text)).toEqual(eventsOf(say(answer).text))
    expect(text).toMatch(/^\[\{.*\},\r\n\{.*\}\n\]$/s)
  })

  test('names itself where the source did not', () => {
    const [first] = eventsOf(
      say([
        { type: 'text-start', ...at(0) },
        { type: 'text-delta', text: 'a', ...at(0) },
      ]).text,
    )
    expect(first).toMatchObject({ modelVersion: 'own-model', responseId: 'own' })
  })

  test("seals what is another's, so that it comes back as whose it is", () => {
    const { text } = say(answer, { origin: 'anthropic' })
    const states = [...text.matchAll(/"thoughtSignature":"([^"]+)"/g)].map(([, sealed = '']) =>
      openState(sealed),
    )
    expect(states).toEqual([
      { origin: 'anthropic', value: 'proof' },
      { origin: 'anthropic', value: 'secret', kind: 'encrypted' },
      { origin: 'anthropic', value: 'call-proof' },
    ])
    const parts = foldEvents(readStream(gemini, [Buffer.from(text)])).candidates[0]?.parts ?? []
    const written = gemini.writeResult({ candidates: [{ index: 0, parts }] }, options).body
    const said = JSON.parse(written) as { candidates: [{ content: object }] }
    const body = { contents: [{ role: 'user', parts: [{ text: 'hi' }] }, said.candidates[0].content] }
    const { messages } = gemini.readRequest(Buffer.from(JSON.stringify(body)), { modelId: 'm' })
    expect(messages[1]?.parts).toMatchObject([
      { type: 'reasoning', text: 'Hm.', signature: 'proof', origin: 'anthropic' },
      { type: 'reasoning', text: '', encrypted: 'secret', origin: 'anthropic' },
      { type: 'text', text: 'Hello\n' },
      { type: 'tool-call', id: 'one', signature: 'call-proof', origin: 'anthropic' },
      { type: 'tool-call', id: 'two' },
    ])
  })

  test('seals words that nobody proved, so that they come back to who wrote them', () => {
    const thought: readonly InferenceEvent[] = [
      { type: 'reasoning-start', ...at(0) },
      { type: 'reasoning-delta', text: 'Hm.', ...at(0) },
      { type: 'reasoning-end', ...at(0) },
    ]
    expect(say(thought).text).not.toContain('thoughtSignature')
    const parts = eventsOf(say(thought, { origin: 'deepseek' }).text).flatMap((event) => {
      const { candidates } = event as { candidates: [{ content: { parts: object[] } }] }
      return candidates[0].content.parts
    })
    const body = {
      contents: [
        { role: 'user', parts: [{ text: 'hi' }] },
        { role: 'model', parts },
      ],
    }
    const { messages } = gemini.readRequest(Buffer.from(JSON.stringify(body)), { modelId: 'm' })
    expect(messages[1]?.parts).toEqual([{ type: 'reasoning', text: 'Hm.', origin: 'deepseek' }])
  })

  test('fault 71: says a call whose arguments are no object as malformed, with its words', () => {
    const broken: readonly InferenceEvent[] = [
      { type: 'tool-call-start', id: 'a', name: 'add', ...at(0) },
      { type: 'tool-call-delta', argumentsDelta: '{"a":', ...at(0) },
      { type: 'tool-call-end', isMalformed: true, ...at(0) },
      { type: 'finish', candidate: 0, finish: { reason: 'tool-calls' } },
    ]
    const { text, losses } = say(broken)
    expect(eventsOf(text)).toMatchObject([
      {
        candidates: [
          {
            finishReason: 'MALFORMED_FUNCTION_CALL',
            finishMessage: 'Malformed function call: add({"a":)',
          },
        ],
      },
    ])
    expect(losses).toEqual(['tool_calls.arguments'])
    const plain = gemini.writeResult(foldEvents(broken), options)
    expect(plain.body).toContain('MALFORMED_FUNCTION_CALL')
  })

  test('names what Gemini has no part for, and passes on what it has', () => {
    const own = { executableCode: { language: 'PYTHON', code: '1' } }
    const { text, losses } = say([
      { type: 'opaque', dialect: 'gemini', value: own, ...at(0) },
      { type: 'opaque', dialect: 'anthropic-messages', value: { type: 'server_tool_result' }, ...at(1) },
    ])
    expect(eventsOf(text)).toMatchObject([{ candidates: [{ content: { parts: [own] } }] }])
    expect(losses).toEqual(['content.server_tool_result'])
  })

  test('does not say a tool that another provider ran as a call for the client', () => {
    const ran: readonly InferenceEvent[] = [
      { type: 'tool-call-start', id: 's', name: 'web_search', kind: 'provider', ...at(0) },
      { type: 'tool-call-delta', argumentsDelta: '{}', ...at(0) },
      { type: 'tool-call-end', ...at(0) },
      { type: 'finish', candidate: 0, finish: { reason: 'stop' } },
    ]
    const { text, losses } = say(ran)
    expect(text).not.toContain('functionCall')
    expect(losses).toEqual(['content.server_tool_use'])
    const plain = gemini.writeResult(foldEvents(ran), options)
    expect(plain.body).not.toContain('functionCall')
    expect(plain.losses.map(({ field }) => field)).toEqual(['content.server_tool_use'])
  })

  test('tells an error and ends, in both forms', () => {
    const error = new GatewayError('upstream_overloaded', 'Busy.')
    for (const streamForm of ['sse', 'json-array'] as const) {
      const writer = gemini.createStreamWriter({ ...options, streamForm })
      const begun = writer.write({ type: 'text-delta', text: 'a', ...at(0) })
      const text = begun + writer.writeError?.(error, context)
      const events = readStream(gemini, [Buffer.from(text)])
      expect(events.at(-1)).toMatchObject({ type: 'error', error: { code: 'upstream_overloaded' } })
      if (streamForm === 'json-array') expect(JSON.parse(text)).toHaveLength(2)
    }
  })

  test('of several candidates says of each what is its own', () => {
    const { text } = say([
      { type: 'text-start', candidate: 1, part: 0 },
      { type: 'text-delta', text: 'b', candidate: 1, part: 0 },
      { type: 'finish', candidate: 0, finish: { reason: 'stop' } },
      { type: 'finish', candidate: 1, finish: { reason: 'length' } },
    ])
    expect(eventsOf(text)).toMatchObject([
      { candidates: [{ index: 1, content: { parts: [{ text: 'b' }] } }] },
      {
        candidates: [
          { index: 0, finishReason: 'STOP' },
          { index: 1, finishReason: 'MAX_TOKENS' },
        ],
      },
    ])
  })
})

describe('an end', () => {
  test.each([
    ['stop', 'STOP'],
    ['tool-calls', 'STOP'],
    ['pause', 'STOP'],
    ['length', 'MAX_TOKENS'],
    ['context-window', 'MAX_TOKENS'],
    ['content-filter', 'SAFETY'],
    ['refusal', 'SAFETY'],
    ['malformed-tool-call', 'MALFORMED_FUNCTION_CALL'],
    ['error', 'OTHER'],
    ['other', 'OTHER'],
  ] as const)('of %s is said as %s', (reason, word) => {
    const result = { candidates: [{ index: 0, parts: [], finish: { reason, raw: 'theirs' } }] }
    expect(JSON.parse(gemini.writeResult(result, options).body)).toMatchObject({
      candidates: [{ finishReason: word }],
    })
  })

  test("keeps Google's own word for it", () => {
    const result = {
      candidates: [{ index: 0, parts: [], finish: { reason: 'content-filter', raw: 'RECITATION' } as const }],
    }
    expect(gemini.writeResult(result, options).body).toContain('"RECITATION"')
  })
})
