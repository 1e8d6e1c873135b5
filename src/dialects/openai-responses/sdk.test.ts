/** What we write must satisfy the official SDKs: they read our bytes here, without a network. */

import { createOpenAI } from '@ai-sdk/openai'
import { generateText, streamText } from 'ai'
import OpenAI from 'openai'
import { describe, expect, test } from 'vitest'
import type { InferenceEvent } from '../../canonical/event.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import { foldEvents } from '../dialect.contract.ts'
import { openaiResponses } from './index.ts'

const options = {
  responseId: 'resp_own',
  modelId: 'own-model',
  createdAtS: 5,
  wantsUsage: true,
  origin: 'maker',
}
const context = { requestId: 'req_own', attempts: [] }
const at = (part: number) => ({ candidate: 0, part })

/** An answer with all that another provider may give: signed reasoning, cited text, tool calls that overlap, usage. */
const answer: readonly InferenceEvent[] = [
  { type: 'answer-start', responseId: 'msg_1', modelId: 'claude-x' },
  { type: 'reasoning-start', ...at(0) },
  { type: 'reasoning-delta', text: 'thinking…', ...at(0) },
  { type: 'reasoning-end', signature: 'sig', ...at(0) },
  { type: 'text-start', ...at(1) },
  { type: 'text-delta', text: 'Hel', ...at(1) },
  { type: 'text-delta', text: 'lo \u{1f44b}', ...at(1) },
  { type: 'text-end', citations: [{ url: 'https://a.example/', title: 'A', raw: {} }], ...at(1) },
  { type: 'text-start', ...at(2) },
  { type: 'text-delta', text: '!', ...at(2) },
  { type: 'tool-call-start', id: 'call:1', name: 'add', ...at(3) },
  { type: 'tool-call-start', id: 'call:1', name: 'now', ...at(4) },
  { type: 'tool-call-delta', argumentsDelta: '{"a":', ...at(3) },
  { type: 'tool-call-delta', argumentsDelta: '1}', ...at(3) },
  { type: 'text-end', ...at(2) },
  { type: 'tool-call-end', signature: 'call-sig', ...at(3) },
  { type: 'tool-call-end', ...at(4) },
  { type: 'finish', candidate: 0, finish: { reason: 'tool-calls', raw: 'tool_use' } },
  {
    type: 'usage-update',
    usage: { inputTokens: 30, cacheReadTokens: 10, outputTokens: 7, reasoningTokens: 2 },
  },
]

function streamOf(events: readonly InferenceEvent[]): string {
  const writer = openaiResponses.createStreamWriter(options)
  return events.map((event) => writer.write(event)).join(openaiResponses.heartbeat) + writer.end()
}

const sse = { 'content-type': 'text/event-stream' }
const json = { 'content-type': 'application/json' }

const serving = (body: string, init: ResponseInit) => () => Promise.resolve(new Response(body, init))

function sdkOf(body: string, init: ResponseInit) {
  return new OpenAI({
    apiKey: 'key',
    baseURL: 'http://gateway.invalid/v1',
    fetch: serving(body, init),
    maxRetries: 0,
  })
}

const ask = { model: 'm', input: 'hi' }

const output = [
  { type: 'reasoning', summary: [{ text: 'thinking…' }], encrypted_content: expect.any(String) },
  {
    type: 'message',
    content: [{ text: 'Hello \u{1f44b}', annotations: [{ url: 'https://a.example/' }] }, { text: '!' }],
  },
  { type: 'function_call', call_id: 'call:1', name: 'add', arguments: '{"a":1}' },
  { type: 'function_call', name: 'now', arguments: '{}' },
  { type: 'reasoning', summary: [], encrypted_content: expect.any(String) },
]

describe("OpenAI's SDK", () => {
  test('assembles our stream (clients 7: one id, no index twice, nothing left unfinished)', async () => {
    const types: string[] = []
    const stream = sdkOf(streamOf(answer), { headers: sse }).responses.stream(ask)
    stream.on('event', ({ type }) => void types.push(type))
    const response = await stream.finalResponse()
    expect(response).toMatchObject({ id: 'resp_own', model: 'claude-x', status: 'completed', output })
    expect(response.output_text).toBe('Hello \u{1f44b}!')
    expect(response.usage).toMatchObject({ input_tokens: 30, output_tokens: 7, total_tokens: 37 })
    expect([types[0], types[1], types.at(-1)]).toEqual([
      'response.created',
      'response.in_progress',
      'response.completed',
    ])
  })

  test('reads our plain answer', async () => {
    const { body } = openaiResponses.writeResult(foldEvents(answer), options)
    const response = await sdkOf(body, { headers: json }).responses.create(ask)
    expect(response).toMatchObject({ id: 'resp_own', status: 'completed' })
    const [reasoning, message, call, signature, other] = response.output
    expect([reasoning, message, call, other, signature]).toMatchObject(output)
    expect(response.output_text).toBe('Hello \u{1f44b}!')
  })

  test('sees a response that was cut short as incomplete', async () => {
    const cut: readonly InferenceEvent[] = [
      { type: 'text-start', ...at(0) },
      { type: 'text-delta', text: 'Hel', ...at(0) },
      { type: 'text-end', ...at(0) },
      { type: 'finish', candidate: 0, finish: { reason: 'length' } },
    ]
    const stream = sdkOf(streamOf(cut), { headers: sse }).responses.stream(ask)
    expect(await stream.finalResponse()).toMatchObject({
      status: 'incomplete',
      incomplete_details: { reason: 'max_output_tokens' },
      output: [{ status: 'incomplete' }],
    })
  })

  test('sees an error inside a stream, under the id the stream had', async () => {
    const error = new GatewayError('upstream_overloaded', 'Busy.')
    const writer = openaiResponses.createStreamWriter(options)
    const begun = answer
      .slice(0, 6)
      .map((event) => writer.write(event))
      .join('')
    const body = begun + (writer.writeError?.(error, context) ?? '')
    const response = await sdkOf(body, { headers: sse }).responses.stream(ask).finalResponse()
    expect(response).toMatchObject({
      id: 'resp_own',
      status: 'failed',
      error: { code: 'server_is_overloaded', message: 'Busy.' },
    })
  })

  test('sees an error inside a stream that passed through, under the id it came with', async () => {
    const body = streamOf(answer)
    const passthrough = openaiResponses.createPassthrough({ hidesUsage: false })
    const begun = Buffer.from(passthrough.read(Buffer.from(body.slice(0, body.indexOf('output_text.done')))))
    const error = new GatewayError('upstream_truncated', 'Cut.')
    const said = begun.toString() + (passthrough.writeError?.(error, context) ?? '')
    const response = await sdkOf(said, { headers: sse }).responses.stream(ask).finalResponse()
    expect(response).toMatchObject({ id: 'resp_own', status: 'failed', error: { message: 'Cut.' } })
  })

  test('raises our error answers as its own classes', async () => {
    const error = new GatewayError('rate_limited', 'Slower.')
    const body = openaiResponses.writeError(error, context)
    const call = sdkOf(body, { status: 429, headers: json }).responses.create(ask)
    await expect(call).rejects.toMatchObject({ status: 429, code: 'rate_limit_exceeded' })
  })
})

describe("Vercel's AI SDK", () => {
  const model = (body: string, init: ResponseInit) =>
    createOpenAI({
      apiKey: 'key',
      baseURL: 'http://gateway.invalid/v1',
      fetch: serving(body, init),
    }).responses('m')

  test('assembles our stream', async () => {
    const result = streamText({
      model: model(streamOf(answer), { headers: sse }),
      prompt: 'hi',
      maxRetries: 0,
    })
    expect(await result.text).toBe('Hello \u{1f44b}!')
    expect(await result.reasoningText).toBe('thinking…')
    expect((await result.toolCalls).map(({ toolName, input }) => [toolName, input])).toEqual([
      ['add', { a: 1 }],
      ['now', {}],
    ])
    expect(await result.finishReason).toBe('tool-calls')
  })

  test('reads our plain answer', async () => {
    const { body } = openaiResponses.writeResult(foldEvents(answer), options)
    const result = await generateText({ model: model(body, { headers: json }), prompt: 'hi', maxRetries: 0 })
    expect(result.text).toBe('Hello \u{1f44b}!')
    expect(result.usage).toMatchObject({ inputTokens: 30, outputTokens: 7 })
  })
})
