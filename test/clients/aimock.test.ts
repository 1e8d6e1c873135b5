/**
 * A provider that nobody here wrote: `@copilotkit/aimock` in both dialects behind the gateway, with every client of ours in
 * front. What both sides take for granted without saying so shows here.
 */

import type { LLMock } from '@copilotkit/aimock'
import { generateText, jsonSchema, Output, stepCountIs, streamText, tool } from 'ai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  AI_PROVIDERS,
  aiModel,
  anthropicClient,
  MOCK_UPSTREAMS,
  openAiClient,
  openStage,
  rejectionOf,
  type Stage,
} from '../support/clients.ts'
import { SDK_FACES, type SdkFace } from '../support/sdk-faces.ts'

const LONG_TEXT = 'Held fast, ünïcödé 😀 "quotes" and\nlines, again and again. '.repeat(20)

function prepare(mock: LLMock): void {
  mock
    .onMessage('tell me', { content: LONG_TEXT })
    .onMessage('think', { content: 'Forty-two.', reasoning: 'I have thought about it.' })
    .onMessage('a city', { content: '{"city":"Oslo"}' })
    .onMessage('count', {
      content: 'Counted.',
      usage: { prompt_tokens: 17, completion_tokens: 5, input_tokens: 17, output_tokens: 5 },
    })
    .onMessage('cut', { content: 'Cut sho', finishReason: 'length' })
    .onMessage('refuse', {
      error: { message: 'aimock does not like this', type: 'invalid_request_error' },
      status: 400,
    })
    .onMessage('busy', {
      error: { message: 'aimock is busy', type: 'rate_limit_error' },
      status: 429,
      retryAfter: 9,
    })
    .on({ userMessage: 'weather', hasToolResult: true }, { content: 'It rains in Oslo.' })
    .on(
      { userMessage: 'weather', hasToolResult: false },
      {
        toolCalls: [
          { name: 'weather', arguments: '{"city":"Oslo"}', id: 'call_oslo' },
          { name: 'weather', arguments: '{"city":"Bergen"}', id: 'call_bergen' },
        ],
      },
    )
}

// Its warnings about models it does not know are none of ours.
globalThis.AI_SDK_LOG_WARNINGS = false

const routeOf = (upstream: string, { name }: SdkFace) => `once-${upstream}-${name}`

let stage: Stage
beforeAll(async () => {
  stage = await openStage({
    mock: prepare,
    config: {
      routes: Object.fromEntries(
        MOCK_UPSTREAMS.flatMap((upstream) =>
          SDK_FACES.map((face, number) => [
            routeOf(upstream, face),
            // One try only, and a model that no other test has used up.
            { targets: [`${upstream}/busy-${number}`], retries: 0 },
          ]),
        ),
      ),
    },
  })
})
afterAll(() => stage[Symbol.asyncDispose]())

describe.each(
  SDK_FACES.flatMap((face) => MOCK_UPSTREAMS.map((upstream) => ({ face, upstream, sdk: face.name }))),
)('$sdk over $upstream', ({ face, upstream }) => {
  const model = `${upstream}/gpt-or-claude`

  test.each([true, false])('gets the whole text in one piece, short: %s', async (isShort) => {
    expect(await face.ask(stage, { model, prompt: 'tell me', isShort })).toBe(LONG_TEXT)
  })

  test('gets the whole text as a stream', async () => {
    let text = ''
    for await (const piece of face.stream(stage, { model, prompt: 'tell me' })) text += piece
    expect(text).toBe(LONG_TEXT)
  })

  test('is told of errors in its own classes', async () => {
    const refused = await rejectionOf(face.ask(stage, { model, prompt: 'refuse' }))
    expect(refused).toBeInstanceOf(face.errors.BadRequestError)
    expect(String(refused)).toContain('aimock does not like this')
    const busy = await rejectionOf(face.ask(stage, { model: routeOf(upstream, face), prompt: 'busy' }))
    expect(busy).toBeInstanceOf(face.errors.RateLimitError)
    // Sound: this class has headers in both SDKs.
    const { headers } = busy as { readonly headers: Headers }
    expect(headers.get('retry-after')).toBe('9')
  })
})

describe.each(MOCK_UPSTREAMS)('over %s', (upstream) => {
  const model = `${upstream}/gpt-or-claude`
  const schema = {
    type: 'object' as const,
    properties: { city: { type: 'string' as const } },
    required: ['city'],
    additionalProperties: false,
  }

  test.each([false, true])(
    'openai: two tools at once and back, usage and finish, stream: %s',
    async (isStream) => {
      const { chat } = openAiClient(stage)
      const ask = (messages: Parameters<typeof chat.completions.create>[0]['messages']) => {
        const asked = {
          model,
          messages,
          tools: [{ type: 'function' as const, function: { name: 'weather', parameters: schema } }],
        }
        return isStream
          ? chat.completions
              .stream({ ...asked, stream_options: { include_usage: true } })
              .finalChatCompletion()
          : chat.completions.create(asked)
      }
      const first = await ask([{ role: 'user', content: 'weather?' }])
      const message = first.choices[0]?.message
      if (message === undefined) throw new Error('no message')
      expect(first.choices[0]?.finish_reason).toBe('tool_calls')
      expect(
        message.tool_calls?.map((call) => [call.id, call.type === 'function' && call.function.arguments]),
      ).toEqual([
        ['call_oslo', '{"city":"Oslo"}'],
        ['call_bergen', '{"city":"Bergen"}'],
      ])
      const results = (message.tool_calls ?? []).map(({ id }) => ({
        role: 'tool' as const,
        tool_call_id: id,
        content: 'rain',
      }))
      const second = await ask([{ role: 'user', content: 'weather?' }, message, ...results])
      expect(second.choices[0]?.message.content).toBe('It rains in Oslo.')

      const counted = await ask([{ role: 'user', content: 'count' }])
      expect(counted.usage).toMatchObject({ prompt_tokens: 17, completion_tokens: 5, total_tokens: 22 })
      if (!isStream) {
        const cut = await ask([{ role: 'user', content: 'cut' }])
        expect(cut.choices[0]?.finish_reason).toBe('length')
      }
    },
  )

  test.each([false, true])(
    'anthropic: two tools at once and back, usage and finish, stream: %s',
    async (isStream) => {
      const { messages } = anthropicClient(stage)
      const ask = (said: Parameters<typeof messages.create>[0]['messages']) => {
        const asked = {
          model,
          max_tokens: 2_000,
          messages: said,
          tools: [{ name: 'weather', input_schema: schema }],
        }
        return isStream ? messages.stream(asked).finalMessage() : messages.create(asked)
      }
      const first = await ask([{ role: 'user', content: 'weather?' }])
      expect(first.stop_reason).toBe('tool_use')
      expect(first.content).toMatchObject([
        { type: 'tool_use', name: 'weather', input: { city: 'Oslo' } },
        { type: 'tool_use', name: 'weather', input: { city: 'Bergen' } },
      ])
      const results = first.content.flatMap((block) =>
        block.type === 'tool_use'
          ? [{ type: 'tool_result' as const, tool_use_id: block.id, content: 'rain' }]
          : [],
      )
      const second = await ask([
        { role: 'user', content: 'weather?' },
        { role: 'assistant', content: first.content },
        { role: 'user', content: results },
      ])
      expect(second.content).toMatchObject([{ type: 'text', text: 'It rains in Oslo.' }])
      const counted = await ask([{ role: 'user', content: 'count' }])
      expect(counted.usage).toMatchObject({ input_tokens: 17, output_tokens: 5 })
      const cut = await ask([{ role: 'user', content: 'cut' }])
      expect(cut.stop_reason).toBe('max_tokens')
    },
  )

  test('anthropic: reasoning comes as thinking before the text', async () => {
    const message = await anthropicClient(stage).messages.create({
      model,
      max_tokens: 4_000,
      thinking: { type: 'enabled', budget_tokens: 1_024 },
      messages: [{ role: 'user', content: 'think' }],
    })
    expect(message.content).toMatchObject([
      { type: 'thinking', thinking: 'I have thought about it.' },
      { type: 'text', text: 'Forty-two.' },
    ])
  })

  test.each(AI_PROVIDERS)('ai with %s: text, tools in a loop, an object', async (kind) => {
    const asked = { model: aiModel(stage, kind, model), maxRetries: 0 }
    expect(await streamText({ ...asked, prompt: 'tell me' }).text).toBe(LONG_TEXT)
    const cities: string[] = []
    const options = {
      ...asked,
      prompt: 'weather?',
      stopWhen: stepCountIs(3),
      tools: {
        weather: tool({
          inputSchema: jsonSchema<{ city: string }>(schema),
          execute: ({ city }: { city: string }) => {
            cities.push(city)
            return 'rain'
          },
        }),
      },
    }
    expect((await generateText(options)).text).toBe('It rains in Oslo.')
    expect(await streamText(options).text).toBe('It rains in Oslo.')
    expect(cities).toEqual(['Oslo', 'Bergen', 'Oslo', 'Bergen'])
    const { output } = await generateText({
      ...asked,
      prompt: 'a city',
      output: Output.object({ schema: jsonSchema<{ city: string }>(schema) }),
    })
    expect(output).toEqual({ city: 'Oslo' })
  })
})
