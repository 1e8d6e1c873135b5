/**
 * Streams of true providers, translated and then read by the official clients of the other dialect: the strictest readers
 * there are agree with ours on every one. No server stands between, so that all of them are read in seconds.
 */

import { createAnthropic } from '@ai-sdk/anthropic'
import { createOpenAI } from '@ai-sdk/openai'
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import Anthropic from '@anthropic-ai/sdk'
import { streamText } from 'ai'
import OpenAI from 'openai'
import { describe, expect, test } from 'vitest'
import { createFold } from '../../src/canonical/fold.ts'
import {
  hasRecordings,
  readRecordings,
  whySkipped,
} from '../../src/dialects/anthropic-messages/recordings.test-support.ts'
import type { Dialect } from '../../src/dialects/dialect.ts'
import { anthropicMessages, openaiChat } from '../../src/dialects/index.ts'
import { parseJson } from '../../src/std/json.ts'

const TIMEOUT_MS = 120_000

interface Heard {
  readonly text: string
  /** Names and arguments, parsed. */
  readonly calls: readonly (readonly [name: string, given: unknown])[]
}

interface Translated {
  readonly id: string
  readonly body: string
  readonly meant: Heard
}

/** Every recorded stream that is whole, in the other dialect; calls whose arguments are no JSON are each reader's own affair. */
function translatedStreams(from: Dialect, to: Dialect): readonly Translated[] {
  return readRecordings(from.id).flatMap(({ id, status, stream }) => {
    if (status !== 200 || stream === undefined) return []
    const reader = from.createStreamReader()
    const writer = to.createStreamWriter({
      responseId: 'id_own',
      modelId: 'own',
      createdAtS: 1,
      wantsUsage: true,
    })
    const fold = createFold()
    let body = ''
    for (const event of [...reader.read(stream), ...reader.end()]) {
      body += writer.write(event)
      fold.add(event)
    }
    body += writer.end()
    const candidate = fold.result().candidates.find(({ index }) => index === 0)
    if (!reader.isComplete || candidate?.finish?.reason === 'length') return []
    const parts = candidate?.parts ?? []
    const text = parts
      .map((part) => (part.type === 'text' || part.type === 'refusal' ? part.text : ''))
      .join('')
    const calls = parts.filter((part) => part.type === 'tool-call')
    if (calls.some((call) => call.kind !== 'custom' && parsed(call.arguments) === undefined)) return []
    const meantCalls = calls.map(
      ({ name, kind, arguments: text }) =>
        [name, kind === 'custom' ? { input: text } : parsed(text)] as const,
    )
    return [{ id, body, meant: { text, calls: meantCalls } }]
  })
}

/** Some models write nothing or `null` where there are no arguments; `undefined` where they are no JSON. */
function parsed(text: string): unknown {
  if (text.trim() === '') return {}
  const value = parseJson(text)
  return value === null ? {} : value
}

const answering = (body: string) => () =>
  Promise.resolve(new Response(body, { headers: { 'content-type': 'text/event-stream' } }))

const settings = (body: string) => ({
  baseURL: 'http://gateway.invalid/v1',
  apiKey: 'key',
  fetch: answering(body),
})

async function hearAnthropic(body: string): Promise<Heard> {
  const client = new Anthropic({ ...settings(body), maxRetries: 0 })
  const { content } = await client.messages
    .stream({ model: 'm', max_tokens: 10, messages: [{ role: 'user', content: 'hi' }] })
    .finalMessage()
  return {
    text: content.map((block) => (block.type === 'text' ? block.text : '')).join(''),
    calls: content.flatMap((block) =>
      block.type === 'tool_use' ? [[block.name, block.input] as const] : [],
    ),
  }
}

async function hearOpenAi(body: string): Promise<Heard> {
  const client = new OpenAI({ ...settings(body), maxRetries: 0 })
  const answer = await client.chat.completions
    .stream({ model: 'm', messages: [{ role: 'user', content: 'hi' }] })
    .finalChatCompletion()
  const message = answer.choices[0]?.message
  return {
    text: (message?.content ?? '') + (message?.refusal ?? ''),
    calls: (message?.tool_calls ?? []).flatMap((call) =>
      call.type === 'function' ? [[call.function.name, parsed(call.function.arguments)] as const] : [],
    ),
  }
}

type AiModel = Parameters<typeof streamText>[0]['model']

const hearAi =
  (modelOf: (body: string) => AiModel) =>
  async (body: string): Promise<Heard> => {
    let text = ''
    const calls: (readonly [string, unknown])[] = []
    const { fullStream } = streamText({
      model: modelOf(body),
      prompt: 'hi',
      maxRetries: 0,
      onError: () => undefined,
    })
    for await (const part of fullStream) {
      if (part.type === 'error') throw part.error
      if (part.type === 'text-delta') text += part.text
      if (part.type === 'tool-call') calls.push([part.toolName, part.input])
    }
    return { text, calls }
  }

// Its warnings about models it does not know are none of ours.
globalThis.AI_SDK_LOG_WARNINGS = false

const readers = [
  {
    client: '@anthropic-ai/sdk',
    from: openaiChat,
    to: anthropicMessages,
    hear: hearAnthropic,
    streamsMin: 500,
  },
  {
    client: 'ai with anthropic',
    from: openaiChat,
    to: anthropicMessages,
    hear: hearAi((body) => createAnthropic(settings(body))('m')),
    streamsMin: 500,
  },
  { client: 'openai', from: anthropicMessages, to: openaiChat, hear: hearOpenAi, streamsMin: 200 },
  {
    client: 'ai with openai',
    from: anthropicMessages,
    to: openaiChat,
    hear: hearAi((body) => createOpenAI(settings(body)).chat('m')),
    streamsMin: 200,
  },
  {
    client: 'ai with openai-compatible',
    from: anthropicMessages,
    to: openaiChat,
    hear: hearAi((body) => createOpenAICompatible({ ...settings(body), name: 'holdfast' })('m')),
    streamsMin: 200,
  },
]

describe.skipIf(!hasRecordings)(`recorded streams, translated${whySkipped}`, () => {
  test.each(readers)(
    '$client hears from $from.id what was said',
    async ({ from, to, hear, streamsMin }) => {
      const streams = translatedStreams(from, to)
      expect(streams.length).toBeGreaterThan(streamsMin)
      for (const { id, body, meant } of streams) {
        const heard = await hear(body).catch((error: unknown) => error)
        expect([id, heard]).toEqual([id, meant])
      }
    },
    TIMEOUT_MS,
  )
})
