/**
 * A provider's error as the official SDKs raise it, in every client's dialect over every dialect of a provider: its class,
 * its status and the provider's own words; before a stream, and inside one.
 */

import Anthropic from '@anthropic-ai/sdk'
import { ApiError, GoogleGenAI } from '@google/genai'
import OpenAI from 'openai'
import type { ClientDialect } from '../support/client-answer.ts'
import { describe, expect, test, vi } from 'vitest'
import { openDialectBench, type Play, refuses, sayPaced } from '../support/dialect-bench.ts'
import { ALL_CLIENTS, ALL_TARGETS } from '../support/upstreams.ts'

// Nearly all of the time of these tests is waiting.
vi.setConfig({ maxConcurrency: 12 })

const TEXT = 'One two three four, ünïcödé 😀.'
const BAD = 'Temperature 7 is above the maximum of 2 in this model.'
const BUSY = 'Please slow down a little, said the model.'
const CRASH = 'The model runner fell over a cable in row seven.'

interface Sdk {
  /** Reads a stream to its end and tells its text piece by piece. */
  stream(url: string, model: string): AsyncIterable<string>
  ask(url: string, model: string): Promise<unknown>
  readonly classes: { readonly bad: SdkError; readonly busy: SdkError; readonly broken: SdkError }
}

type SdkError = abstract new (...parameters: never[]) => Error

const openai = (url: string) => new OpenAI({ baseURL: `${url}/v1`, apiKey: 'unused', maxRetries: 0 })
const anthropic = (url: string) => new Anthropic({ baseURL: url, apiKey: 'unused', maxRetries: 0 })
const google = (url: string) => new GoogleGenAI({ apiKey: 'unused', httpOptions: { baseUrl: url } })
const messages = [{ role: 'user' as const, content: 'hello' }]
const openaiClasses = { bad: OpenAI.BadRequestError, busy: OpenAI.RateLimitError, broken: OpenAI.APIError }

const sdks: Readonly<Record<ClientDialect, Sdk>> = {
  'openai-chat': {
    classes: openaiClasses,
    ask: (url, model) => openai(url).chat.completions.create({ model, messages }),
    async *stream(url, model) {
      const chunks = await openai(url).chat.completions.create({ model, messages, stream: true })
      for await (const chunk of chunks) yield chunk.choices[0]?.delta.content ?? ''
    },
  },
  'openai-responses': {
    // Its stream ends with the response, failed; the SDK raises no error of its own for it.
    classes: { ...openaiClasses, broken: Error },
    ask: (url, model) => openai(url).responses.create({ model, input: 'hello' }),
    async *stream(url, model) {
      const events = await openai(url).responses.create({ model, input: 'hello', stream: true })
      for await (const event of events) {
        if (event.type === 'response.output_text.delta') yield event.delta
        if (event.type === 'response.failed') throw new Error(event.response.error?.message)
      }
    },
  },
  'anthropic-messages': {
    classes: {
      bad: Anthropic.BadRequestError,
      busy: Anthropic.RateLimitError,
      broken: Anthropic.APIError,
    },
    ask: (url, model) => anthropic(url).messages.create({ model, max_tokens: 2_000, messages }),
    async *stream(url, model) {
      const events = await anthropic(url).messages.create({
        model,
        max_tokens: 2_000,
        messages,
        stream: true,
      })
      for await (const event of events)
        if (event.type === 'content_block_delta' && event.delta.type === 'text_delta') yield event.delta.text
    },
  },
  gemini: {
    classes: { bad: ApiError, busy: ApiError, broken: ApiError },
    ask: (url, model) => google(url).models.generateContent({ model, contents: 'hello' }),
    async *stream(url, model) {
      const chunks = await google(url).models.generateContentStream({ model, contents: 'hello' })
      for await (const chunk of chunks) yield chunk.text ?? ''
    },
  },
}

const cases = ALL_CLIENTS.flatMap((client) => ALL_TARGETS.map((target) => ({ client, target })))

async function failureOf(promise: Promise<unknown>): Promise<Error & { readonly status?: unknown }> {
  try {
    await promise
  } catch (error) {
    if (error instanceof Error) return error
  }
  throw new Error('it did not fail as an error')
}

async function drain(pieces: AsyncIterable<string>): Promise<string[]> {
  const said: string[] = []
  for await (const piece of pieces) said.push(piece)
  return said
}

const breaks: Play = (call) => {
  const events = call.voice.events({ text: TEXT })
  return sayPaced(call, [...events.slice(0, call.voice.openingEvents + 3), call.voice.failure(CRASH)])
}

describe.concurrent('the official SDKs', () => {
  test.for(cases)(
    '$client over $target: a refusal is raised as its class, with its status and words',
    async ({ client, target }) => {
      await using bench = await openDialectBench({
        providers: {
          bad: { dialect: target, play: refuses({ status: 400, message: BAD }) },
          busy: { dialect: target, play: refuses({ status: 429, message: BUSY }) },
        },
      })
      const sdk = sdks[client]
      const { url } = bench.gateway
      const bad = await failureOf(sdk.ask(url, 'bad/m'))
      expect(bad).toBeInstanceOf(sdk.classes.bad)
      expect(bad.status).toBe(400)
      expect(bad.message).toContain(BAD)
      const streamed = await failureOf(drain(sdk.stream(url, 'bad/m')))
      expect(streamed).toBeInstanceOf(sdk.classes.bad)
      expect(streamed.message).toContain(BAD)
      const busy = await failureOf(drain(sdk.stream(url, 'busy/m')))
      expect(busy).toBeInstanceOf(sdk.classes.busy)
      expect(busy.status).toBe(429)
      expect(busy.message).toContain(BUSY)
    },
  )

  test.for(cases)(
    '$client over $target: an error in the middle of a stream is raised after what came before it',
    async ({ client, target }) => {
      await using bench = await openDialectBench({
        providers: { primary: { dialect: target, play: breaks } },
      })
      const sdk = sdks[client]
      const said: string[] = []
      const error = await failureOf(
        (async () => {
          for await (const piece of sdk.stream(bench.gateway.url, 'primary/m')) said.push(piece)
        })(),
      )
      expect(error).toBeInstanceOf(sdk.classes.broken)
      expect(error.message).toContain(CRASH)
      expect(said.join('')).not.toBe('')
      expect(TEXT.startsWith(said.join(''))).toBe(true)
    },
  )
})
