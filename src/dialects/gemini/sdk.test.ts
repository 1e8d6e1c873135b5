/** What we write must satisfy Google's SDK, which reads our bytes here without a network. */

import { ApiError, type GenerateContentResponse, GoogleGenAI } from '@google/genai'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { InferenceEvent } from '../../canonical/event.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import { foldEvents } from '../dialect.contract.ts'
import { gemini } from './index.ts'

const options = { responseId: 'own', modelId: 'own-model', createdAtS: 5, wantsUsage: true, origin: 'maker' }
const context = { requestId: 'req_own', attempts: [] }
const at = (part: number) => ({ candidate: 0, part })

/** An answer with all that another provider may give: signed thoughts, cited text, tool calls that overlap, usage. */
const answer: readonly InferenceEvent[] = [
  { type: 'answer-start', responseId: 'msg_1', modelId: 'claude-x' },
  { type: 'reasoning-start', ...at(0) },
  { type: 'reasoning-delta', text: 'thinking…', ...at(0) },
  { type: 'reasoning-end', signature: 'sig', ...at(0) },
  { type: 'text-start', ...at(1) },
  { type: 'text-delta', text: 'Hel', ...at(1) },
  { type: 'text-delta', text: 'lo \u{1f44b}', ...at(1) },
  { type: 'text-end', citations: [{ url: 'https://a.example/', title: 'A', raw: {} }], ...at(1) },
  { type: 'tool-call-start', id: 'call_1', name: 'add', ...at(2) },
  { type: 'tool-call-start', id: 'call_2', name: 'now', ...at(3) },
  { type: 'tool-call-delta', argumentsDelta: '{"a":', ...at(2) },
  { type: 'tool-call-delta', argumentsDelta: '1}', ...at(2) },
  { type: 'tool-call-end', signature: 'call-sig', ...at(2) },
  { type: 'tool-call-end', ...at(3) },
  { type: 'finish', candidate: 0, finish: { reason: 'tool-calls', raw: 'tool_use' } },
  {
    type: 'usage-update',
    usage: { inputTokens: 30, cacheReadTokens: 10, outputTokens: 7, reasoningTokens: 2 },
  },
]

function streamOf(events: readonly InferenceEvent[]): string {
  const writer = gemini.createStreamWriter(options)
  return events.map((event) => writer.write(event)).join('') + writer.end()
}

/** The SDK takes no fetch of ours, so that the process's own is replaced while it reads. */
function clientOf(body: string, { status = 200, type = 'application/json' } = {}): GoogleGenAI {
  const answerWith = () => Promise.resolve(new Response(body, { status, headers: { 'content-type': type } }))
  vi.stubGlobal('fetch', answerWith)
  return new GoogleGenAI({ apiKey: 'unused', httpOptions: { baseUrl: 'http://gateway.invalid' } })
}

/** The SDK warns of parts that its shortcut for text leaves out. */
beforeEach(() => {
  vi.spyOn(console, 'warn').mockReturnValue()
})

afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllGlobals()
})

const ask = { model: 'any', contents: 'hi' }

async function chunksOf(text: string): Promise<readonly GenerateContentResponse[]> {
  const stream = await clientOf(text, { type: 'text/event-stream' }).models.generateContentStream(ask)
  const chunks: GenerateContentResponse[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return chunks
}

const thoughtsIn = (response: GenerateContentResponse) =>
  (response.candidates?.[0]?.content?.parts ?? []).flatMap(({ thought, text }) =>
    thought === true ? [text] : [],
  )

const calls = [
  { id: 'call_1', name: 'add', args: { a: 1 } },
  { id: 'call_2', name: 'now', args: {} },
]
const counts = {
  promptTokenCount: 30,
  cachedContentTokenCount: 10,
  candidatesTokenCount: 5,
  thoughtsTokenCount: 2,
  totalTokenCount: 37,
}

describe("Google's SDK", () => {
  test('reads our plain answer', async () => {
    const { body } = gemini.writeResult(foldEvents(answer), options)
    const response = await clientOf(body).models.generateContent(ask)
    expect(response.text).toBe('Hello \u{1f44b}')
    expect(thoughtsIn(response)).toEqual(['thinking…'])
    expect(response.functionCalls).toEqual(calls)
    expect(response.usageMetadata).toEqual(counts)
    const [candidate] = response.candidates ?? []
    expect(candidate?.finishReason).toBe('STOP')
    expect(candidate?.groundingMetadata?.groundingChunks).toEqual([
      { web: { uri: 'https://a.example/', title: 'A' } },
    ])
    expect([response.responseId, response.modelVersion]).toEqual(['msg_1', 'claude-x'])
  })

  test('reads our stream, heartbeats between its events', async () => {
    const writer = gemini.createStreamWriter(options)
    const pieces = [...answer.map((event) => writer.write(event)), writer.end()]
    const chunks = await chunksOf(pieces.filter((piece) => piece !== '').join(gemini.heartbeat))
    expect(chunks.map(({ text }) => text ?? '').join('')).toBe('Hello \u{1f44b}')
    expect(chunks.flatMap(thoughtsIn).join('')).toBe('thinking…')
    expect(chunks.flatMap(({ functionCalls }) => functionCalls ?? [])).toEqual(calls)
    expect(chunks.at(-1)?.usageMetadata).toEqual(counts)
    expect(chunks.at(-1)?.candidates?.[0]?.finishReason).toBe('STOP')
    expect(new Set(chunks.map(({ responseId }) => responseId))).toEqual(new Set(['msg_1']))
  })

  test('keeps a streamed turn in its history, and sends it back so that we read it whole', async () => {
    const chat = clientOf(streamOf(answer), { type: 'text/event-stream' }).chats.create({ model: 'any' })
    for await (const chunk of await chat.sendMessageStream({ message: 'hi' })) expect(chunk).toBeDefined()
    const body = JSON.stringify({ contents: chat.getHistory() })
    const [, turn] = gemini.readRequest(Buffer.from(body), { modelId: 'any' }).messages
    expect(turn).toMatchObject({
      role: 'assistant',
      parts: [
        { type: 'reasoning', text: 'thinking…', signature: 'sig', origin: 'maker' },
        { type: 'text', text: 'Hello \u{1f44b}' },
        { type: 'tool-call', id: 'call_1', arguments: '{"a":1}', signature: 'call-sig', origin: 'maker' },
        { type: 'tool-call', id: 'call_2', arguments: '{}' },
      ],
    })
  })

  test('counts tokens', async () => {
    const body = gemini.writeTokenCount?.(42) ?? ''
    expect((await clientOf(body).models.countTokens(ask)).totalTokens).toBe(42)
  })

  test('throws our error by its status, with its message', async () => {
    const error = new GatewayError('rate_limited', 'Slow down.', { retryAfterMs: 1_500 })
    const body = gemini.writeError(error, context)
    const thrown = await clientOf(body, { status: error.status })
      .models.generateContent(ask)
      .catch((caught: unknown) => caught)
    expect(thrown).toBeInstanceOf(ApiError)
    expect(thrown).toMatchObject({ status: 429, message: expect.stringContaining('Slow down.') })
    expect(JSON.parse(body).error).toMatchObject({
      code: 429,
      status: 'RESOURCE_EXHAUSTED',
      details: [{ reason: error.code.toUpperCase() }, { retryDelay: '1.5s' }],
    })
  })

  test('throws the error inside a stream', async () => {
    const writer = gemini.createStreamWriter(options)
    const begun = answer
      .slice(0, 6)
      .map((event) => writer.write(event))
      .join('')
    const error = new GatewayError('upstream_error', 'It broke off.')
    for (const said of [writer.writeError?.(error, context), gemini.writeStreamError(error, context)]) {
      const thrown = await chunksOf(begun + said).catch((caught: unknown) => caught)
      expect(thrown).toBeInstanceOf(ApiError)
      expect(thrown).toMatchObject({
        status: error.status,
        message: expect.stringContaining('It broke off.'),
      })
    }
  })

  test('sees a call that came out wrong as Google would say it', async () => {
    const broken: readonly InferenceEvent[] = [
      { type: 'tool-call-start', id: 'call_1', name: 'add', ...at(0) },
      { type: 'tool-call-delta', argumentsDelta: '{"a":', ...at(0) },
      { type: 'tool-call-end', isMalformed: true, ...at(0) },
      { type: 'finish', candidate: 0, finish: { reason: 'tool-calls' } },
    ]
    const said = streamOf(broken)
    const [last] = await chunksOf(said)
    expect(last?.candidates?.[0]?.finishReason).toBe('MALFORMED_FUNCTION_CALL')
    expect(said).toContain(String.raw`"finishMessage":"Malformed function call: add({\"a\":)"`)
  })
})
