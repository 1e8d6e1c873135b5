/** What we write must satisfy the official SDKs: they read our bytes here, without a network. */

import { createAnthropic } from '@ai-sdk/anthropic'
import Anthropic from '@anthropic-ai/sdk'
import { generateText, streamText } from 'ai'
import { describe, expect, test } from 'vitest'
import type { InferenceEvent } from '../../canonical/event.ts'
import { createFold } from '../../canonical/fold.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import { anthropicMessages } from './index.ts'

const options = { responseId: 'msg_own', modelId: 'own-model', createdAtS: 0, wantsUsage: true }
const context = { requestId: 'req_own', attempts: [] }
const at = (part: number) => ({ candidate: 0, part })

/** An answer with all that another provider may give: unsigned reasoning, text, two tool calls that overlap, usage. */
const answer: readonly InferenceEvent[] = [
  { type: 'answer-start', responseId: 'chatcmpl-1', modelId: 'gpt-x' },
  { type: 'reasoning-start', ...at(0) },
  { type: 'reasoning-delta', text: 'thinking…', ...at(0) },
  { type: 'reasoning-end', ...at(0) },
  { type: 'text-start', ...at(1) },
  { type: 'text-delta', text: 'Hel', ...at(1) },
  { type: 'text-delta', text: 'lo \u{1f44b}', ...at(1) },
  { type: 'text-end', ...at(1) },
  { type: 'tool-call-start', id: 'call:1', name: 'add', ...at(2) },
  { type: 'tool-call-start', id: 'call:2', name: 'now', ...at(3) },
  { type: 'tool-call-delta', argumentsDelta: '{"a":', ...at(2) },
  { type: 'tool-call-delta', argumentsDelta: '{}', ...at(3) },
  { type: 'tool-call-delta', argumentsDelta: '1}', ...at(2) },
  { type: 'tool-call-end', ...at(2) },
  { type: 'tool-call-end', ...at(3) },
  { type: 'usage-update', usage: { inputTokens: 30, cacheReadTokens: 10, outputTokens: 7 } },
  { type: 'finish', candidate: 0, finish: { reason: 'tool-calls', raw: 'tool_calls' } },
]

const content = [
  { type: 'thinking', thinking: 'thinking…', signature: '' },
  { type: 'text', text: 'Hello \u{1f44b}' },
  { type: 'tool_use', id: 'call_1', name: 'add', input: { a: 1 } },
  { type: 'tool_use', id: 'call_2', name: 'now', input: {} },
]

function streamBody(): string {
  const writer = anthropicMessages.createStreamWriter(options)
  const said = answer.map((event) => writer.write(event)).join(anthropicMessages.heartbeat)
  return said + writer.end()
}

function plainBody(): string {
  const fold = createFold()
  for (const event of answer) fold.add(event)
  return anthropicMessages.writeResult(fold.result(), options).body
}

const sse = { 'content-type': 'text/event-stream' }
const json = { 'content-type': 'application/json' }

/** Answers every request with these bytes, and counts them. */
function serve(body: string, init: ResponseInit) {
  const calls: string[] = []
  const fetch = (input: unknown) => {
    calls.push(String(input))
    return Promise.resolve(new Response(body, init))
  }
  return { fetch, calls }
}

function client(body: string, init: ResponseInit) {
  const { fetch, calls } = serve(body, init)
  return { sdk: new Anthropic({ apiKey: 'key', baseURL: 'http://gateway.invalid', fetch }), calls }
}

const ask = { model: 'm', max_tokens: 10, messages: [{ role: 'user' as const, content: 'hi' }] }

describe("Anthropic's SDK", () => {
  test('assembles our stream', async () => {
    const message = await client(streamBody(), { headers: sse }).sdk.messages.stream(ask).finalMessage()
    expect(message).toMatchObject({
      id: 'chatcmpl-1',
      model: 'gpt-x',
      content,
      stop_reason: 'tool_use',
      usage: { input_tokens: 20, cache_read_input_tokens: 10, output_tokens: 7 },
    })
  })

  test('sees every event of our stream, pings left out', async () => {
    const stream = await client(streamBody(), { headers: sse }).sdk.messages.create({ ...ask, stream: true })
    const types: string[] = []
    for await (const { type } of stream) types.push(type)
    expect(types[0]).toBe('message_start')
    expect(types.at(-1)).toBe('message_stop')
    expect(types).not.toContain('ping')
    expect(types.filter((type) => type === 'content_block_stop')).toHaveLength(4)
  })

  test('reads our plain answer', async () => {
    const message = await client(plainBody(), { headers: json }).sdk.messages.create(ask)
    expect(message).toMatchObject({
      content,
      stop_reason: 'tool_use',
      usage: { input_tokens: 20, output_tokens: 7 },
    })
  })

  test('raises our error in the stream, and never a whole answer', async () => {
    const writer = anthropicMessages.createStreamWriter(options)
    const begun = answer
      .slice(0, 6)
      .map((event) => writer.write(event))
      .join('')
    const error = new GatewayError('upstream_truncated', 'The answer broke off.')
    const body = begun + anthropicMessages.writeStreamError(error, { ...context, isPartial: true })
    const failure = await client(body, { headers: sse })
      .sdk.messages.stream(ask)
      .finalMessage()
      .catch((reason: unknown) => reason)
    expect(failure).toBeInstanceOf(Anthropic.APIError)
    expect(failure).toMatchObject({ type: 'api_error', error: { error: { holdfast: { partial: true } } } })
  })

  test('throws the class that our error body names', async () => {
    const error = new GatewayError('unauthenticated', 'No key.')
    const { sdk, calls } = client(anthropicMessages.writeError(error, context), {
      status: error.status,
      headers: { ...json, 'x-should-retry': 'false' },
    })
    const failure = await sdk.messages.create(ask).catch((reason: unknown) => reason)
    expect(failure).toBeInstanceOf(Anthropic.AuthenticationError)
    expect(failure).toMatchObject({ type: 'authentication_error' })
    expect(calls).toHaveLength(1)
  })

  test('sends the whole conversation when a thread is not known', async () => {
    const request = anthropicMessages.readRequest(
      Buffer.from(JSON.stringify({ ...ask, thread: { type: 'continue', previous_message_id: 'x' } })),
    )
    const refusal = anthropicMessages.refuseTranslation?.(request)
    const body = refusal && anthropicMessages.writeError(refusal, context)
    const { sdk } = client(body ?? '', { status: refusal?.status ?? 0, headers: json })
    const failure = await sdk.messages.create(ask).catch((reason: unknown) => reason)
    expect(failure).toBeInstanceOf(Anthropic.NotFoundError)
    expect(failure).toMatchObject({ error: { error: { details: { error_code: 'thread_not_found' } } } })
  })
})

describe('the AI SDK', () => {
  function model(body: string, init: ResponseInit) {
    // The SDK asks for Bun's fetch type, which has a member that no one calls.
    const fetch = serve(body, init).fetch as typeof globalThis.fetch
    return createAnthropic({ apiKey: 'key', baseURL: 'http://gateway.invalid/v1', fetch })(
      'claude-sonnet-4-5',
    )
  }

  test('streams our stream', async () => {
    const result = streamText({ model: model(streamBody(), { headers: sse }), prompt: 'hi' })
    expect(await result.text).toBe('Hello \u{1f44b}')
    expect(await result.reasoningText).toBe('thinking…')
    expect(await result.finishReason).toBe('tool-calls')
    expect((await result.toolCalls).map(({ toolName, input }) => [toolName, input])).toEqual([
      ['add', { a: 1 }],
      ['now', {}],
    ])
  })

  test('reads our plain answer', async () => {
    const result = await generateText({ model: model(plainBody(), { headers: json }), prompt: 'hi' })
    expect([result.text, result.reasoningText, result.toolCalls.length]).toEqual([
      'Hello \u{1f44b}',
      'thinking…',
      2,
    ])
  })
})
