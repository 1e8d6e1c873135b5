/** What we write must satisfy the official SDKs: they read our bytes here, without a network. */

import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { generateText, streamText } from 'ai'
import OpenAI from 'openai'
import { describe, expect, test } from 'vitest'
import type { InferenceEvent } from '../../canonical/event.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import { foldEvents } from '../dialect.contract.ts'
import { openaiCompletions } from './index.ts'

const options = { responseId: 'cmpl-own', modelId: 'own-model', createdAtS: 5, wantsUsage: true }
const at = (part: number) => ({ candidate: 0, part })

/** An answer of a chat model: reasoning, which has no place here, text and usage. */
const answer: readonly InferenceEvent[] = [
  { type: 'answer-start', responseId: 'chatcmpl-1', modelId: 'gpt-x' },
  { type: 'reasoning-start', ...at(0) },
  { type: 'reasoning-delta', text: 'thinking…', ...at(0) },
  { type: 'reasoning-end', ...at(0) },
  { type: 'text-start', ...at(1) },
  { type: 'text-delta', text: 'Hel', ...at(1) },
  { type: 'text-delta', text: 'lo 👋', ...at(1) },
  { type: 'text-end', ...at(1) },
  { type: 'finish', candidate: 0, finish: { reason: 'length' } },
  { type: 'usage-update', usage: { inputTokens: 30, outputTokens: 7 } },
]

function streamBody(): string {
  const writer = openaiCompletions.createStreamWriter(options)
  return answer.map((event) => writer.write(event)).join(openaiCompletions.heartbeat) + writer.end()
}

const plainBody = () => openaiCompletions.writeResult(foldEvents(answer), options).body
const errorBody = () =>
  openaiCompletions.writeStreamError(new GatewayError('upstream_overloaded', 'Busy.'), {
    requestId: 'req_own',
    attempts: [],
  })

const serve = (body: string, contentType: string) => () =>
  Promise.resolve(new Response(body, { headers: { 'content-type': contentType } }))
const sse = 'text/event-stream'
const json = 'application/json'
const openai = (body: string, contentType: string) =>
  new OpenAI({ apiKey: 'k', baseURL: 'http://127.0.0.1:1/v1', fetch: serve(body, contentType) })
const vercel = (body: string, contentType: string) =>
  createOpenAICompatible({
    name: 'own',
    baseURL: 'http://127.0.0.1:1/v1',
    fetch: serve(body, contentType),
    includeUsage: true,
  }).completionModel('m')

describe('the OpenAI SDK', () => {
  test('reads a stream', async () => {
    const stream = await openai(streamBody(), sse).completions.create({
      model: 'm',
      prompt: 'x',
      stream: true,
    })
    const chunks = await Array.fromAsync(stream)
    expect(chunks.map(({ choices }) => choices[0]?.text ?? '').join('')).toBe('Hello 👋')
    expect(chunks.flatMap(({ choices }) => choices.map((choice) => choice.finish_reason)).at(-1)).toBe(
      'length',
    )
    expect(chunks.at(-1)?.usage).toMatchObject({ prompt_tokens: 30, completion_tokens: 7, total_tokens: 37 })
    expect(chunks[0]).toMatchObject({
      id: 'chatcmpl-1',
      object: 'text_completion',
      model: 'gpt-x',
      created: 5,
    })
  })

  test('reads a plain answer', async () => {
    const read = await openai(plainBody(), json).completions.create({ model: 'm', prompt: 'x' })
    expect(read.choices).toEqual([{ text: 'Hello 👋', index: 0, logprobs: null, finish_reason: 'length' }])
  })

  test('sees an error inside a stream', async () => {
    const stream = await openai(errorBody(), sse).completions.create({
      model: 'm',
      prompt: 'x',
      stream: true,
    })
    await expect(Array.fromAsync(stream)).rejects.toThrow(/Busy/)
  })
})

describe("Vercel's AI SDK", () => {
  test('reads a stream', async () => {
    const result = streamText({ model: vercel(streamBody(), sse), prompt: 'x' })
    expect(await result.text).toBe('Hello 👋')
    expect(await result.finishReason).toBe('length')
    expect(await result.usage).toMatchObject({ inputTokens: 30, outputTokens: 7 })
  })

  test('reads a plain answer', async () => {
    const { text, finishReason } = await generateText({ model: vercel(plainBody(), json), prompt: 'x' })
    expect([text, finishReason]).toEqual(['Hello 👋', 'length'])
  })

  test('sees an error inside a stream', async () => {
    const result = streamText({ model: vercel(errorBody(), sse), prompt: 'x', onError: () => undefined })
    const parts = await Array.fromAsync(result.fullStream)
    expect(parts.map(({ type }) => type)).toContain('error')
  })
})
