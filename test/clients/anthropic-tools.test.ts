/** Tools through the official `@anthropic-ai/sdk`, with providers of both dialects behind the gateway. */

import type Anthropic from '@anthropic-ai/sdk'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { askAnthropic, callsOf, textOf, user } from '../support/anthropic-asking.ts'
import { anthropicClient, openStage, type Stage, UPSTREAMS } from '../support/clients.ts'

const WEATHER: Anthropic.Tool = {
  name: 'weather',
  description: 'The weather of a city.',
  input_schema: {
    type: 'object',
    properties: { city: { type: 'string' }, days: { type: 'integer' } },
    required: ['city', 'days'],
  },
}

const CLOCK: Anthropic.Tool = { name: 'clock', input_schema: { type: 'object', properties: {} } }

let stage: Stage
beforeAll(async () => {
  stage = await openStage({
    scenario: {
      pace: { tokensPerChunk: 1 },
      answers: [
        { model: 'fails-later', toolCalls: [{ name: 'weather', arguments: { city: 'Oslo', days: 1 } }] },
      ],
      faults: [
        { fault: 'status-503', model: 'down' },
        // The second turn of a conversation that went well finds the provider down.
        { fault: 'status-503', model: 'fails-later', calls: [2, 3, 4, 5, 6] },
      ],
    },
    config: {
      routes: {
        'other-dialect': { targets: ['messages/down', 'chat/tools'], retries: 0 },
        'other-dialect-later': { targets: ['messages/fails-later', 'chat/tools'], retries: 0 },
      },
    },
  })
})
afterAll(() => stage[Symbol.asyncDispose]())

describe.each(UPSTREAMS)('@anthropic-ai/sdk over a provider that speaks %s', (upstream) => {
  const model = `${upstream}/mock`
  const client = () => anthropicClient(stage)
  const ask = (options: Anthropic.MessageCreateParams, isStream: boolean) =>
    askAnthropic(stage, options, isStream)

  test.each([false, true])('makes a round trip through a tool, stream: %s', async (isStream) => {
    const asked = {
      model: `${upstream}/tools`,
      max_tokens: 4_096,
      messages: user('the weather?'),
      tools: [WEATHER],
    }
    const first = await ask(asked, isStream)
    expect(first.stop_reason).toBe('tool_use')
    const [call] = callsOf(first)
    if (call === undefined) throw new Error('no tool was called')
    expect(call).toMatchObject({
      name: 'weather',
      input: { city: expect.any(String), days: expect.any(Number) },
    })
    const second = await ask(
      {
        ...asked,
        messages: [
          ...asked.messages,
          { role: 'assistant', content: first.content },
          {
            role: 'user',
            content: [{ type: 'tool_result', tool_use_id: call.id, content: 'sunny for days' }],
          },
        ],
      },
      isStream,
    )
    expect(textOf(second)).toContain('The tool returned: sunny for days')
    expect(second.stop_reason).toBe('end_turn')
  })

  test.each([false, true])('gets parallel tool calls apart, stream: %s', async (isStream) => {
    const asked = {
      model: `${upstream}/parallel-tools`,
      max_tokens: 4_096,
      messages: user('both!'),
      tools: [WEATHER, CLOCK],
    }
    const message = await ask(asked, isStream)
    const calls = callsOf(message)
    expect(calls.map(({ name }) => name)).toEqual(['weather', 'clock'])
    expect(calls[1]?.input).toEqual({})
    expect(new Set(calls.map(({ id }) => id)).size).toBe(2)
    await ask(
      {
        ...asked,
        messages: [
          ...asked.messages,
          { role: 'assistant', content: message.content },
          {
            role: 'user',
            content: [
              ...calls.map(({ id }) => ({
                type: 'tool_result' as const,
                tool_use_id: id,
                content: [{ type: 'text' as const, text: `of ${id}` }],
                is_error: id === calls[1]?.id,
              })),
              { type: 'text', text: 'and now?' },
            ],
          },
        ],
      },
      isStream,
    )
    const sent = JSON.stringify(stage.lastBody()['messages'])
    for (const { id } of calls) expect(sent).toContain(`of ${id}`)
    expect(sent.indexOf('and now?')).toBeGreaterThan(sent.indexOf(`of ${calls[1]?.id}`))
  })

  test('streams the arguments of a tool in pieces', async () => {
    let pieces = 0
    const stream = client().messages.stream({
      model: `${upstream}/tools`,
      max_tokens: 4_096,
      messages: user('the weather?'),
      tools: [WEATHER],
    })
    stream.on('inputJson', () => {
      pieces += 1
    })
    await stream.finalMessage()
    expect(pieces).toBeGreaterThan(2)
  })

  test('obeys a forced tool, a forbidden one, and one call at a time', async () => {
    const asked = { model, max_tokens: 4_096, messages: user('go'), tools: [CLOCK, WEATHER] }
    const forced = await client().messages.create({
      ...asked,
      tool_choice: { type: 'tool', name: 'weather' },
    })
    expect(callsOf(forced).map(({ name }) => name)).toEqual(['weather'])
    const any = await client().messages.create({ ...asked, tool_choice: { type: 'any' } })
    expect(any.stop_reason).toBe('tool_use')
    const none = await client().messages.create({
      ...asked,
      model: `${upstream}/tools`,
      tool_choice: { type: 'none' },
    })
    expect(callsOf(none)).toEqual([])
    const single = await client().messages.create({
      ...asked,
      model: `${upstream}/parallel-tools`,
      tool_choice: { type: 'auto', disable_parallel_tool_use: true },
    })
    expect(callsOf(single)).toHaveLength(1)
  })

  test.each([false, true])('gets a call that its ceiling cut off, stream: %s', async (isStream) => {
    const message = await ask(
      { model: `${upstream}/tools`, max_tokens: 3, messages: user('the weather?'), tools: [WEATHER] },
      isStream,
    )
    expect(message.stop_reason).toBe('max_tokens')
    expect(callsOf(message)).toMatchObject([{ name: 'weather' }])
  })

  test('runs tools by itself; where message threads are unknown it sends the whole conversation', async () => {
    const seen: unknown[] = []
    const runner = client().beta.messages.toolRunner({
      model: `${upstream}/tools`,
      max_tokens: 4_096,
      messages: [{ role: 'user', content: 'the weather?' }],
      tools: [
        {
          ...WEATHER,
          type: 'custom',
          parse: (input: unknown) => input,
          run: (input: unknown) => {
            seen.push(input)
            return 'rain'
          },
        },
      ],
    })
    const message = await runner
    expect(seen).toEqual([{ city: expect.any(String), days: expect.any(Number) }])
    expect(textOf(message)).toContain('The tool returned: rain')
    const { messages, thread } = stage.lastBody()
    if (upstream === 'chat') {
      expect(thread).toBeUndefined()
      expect(messages).toHaveLength(3)
    } else {
      expect(thread).toMatchObject({ type: 'continue' })
      expect(stage.lastCall().headers['anthropic-beta']).toContain('message-threads')
    }
  })
})

describe("@anthropic-ai/sdk's tool runner and its message threads", () => {
  const run = (model: string) =>
    anthropicClient(stage).beta.messages.toolRunner({
      model,
      max_tokens: 4_096,
      messages: [{ role: 'user', content: 'the weather?' }],
      tools: [{ ...WEATHER, type: 'custom', parse: (input: unknown) => input, run: () => 'rain' }],
    })

  test('go on at a fallback of the other dialect, which knows no threads', async () => {
    expect(textOf(await run('other-dialect'))).toContain('The tool returned: rain')
  })

  test('go on there though the thread was begun elsewhere', async () => {
    const turns: Anthropic.Beta.BetaMessage[] = []
    for await (const message of run('other-dialect-later')) turns.push(message)
    expect(turns.map(({ stop_reason }) => stop_reason)).toEqual(['tool_use', 'end_turn'])
    expect(turns[1] && textOf(turns[1])).toContain('The tool returned: rain')
    expect(stage.lastCall().path).toBe('/v1/chat/completions')
  })
})
