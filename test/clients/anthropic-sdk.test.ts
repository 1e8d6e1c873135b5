/** The official `@anthropic-ai/sdk` package as a client, with providers of both dialects behind the gateway. */

import Anthropic from '@anthropic-ai/sdk'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openState } from '../../src/canonical/seal.ts'
import { askAnthropic, textOf, user } from '../support/anthropic-asking.ts'
import { anthropicClient, openStage, PIXEL_PNG, type Stage, UPSTREAMS } from '../support/clients.ts'

const CLOCK: Anthropic.Tool = { name: 'clock', input_schema: { type: 'object', properties: {} } }

let stage: Stage
beforeAll(async () => {
  stage = await openStage({
    scenario: {
      pace: { tokensPerChunk: 1 },
      answers: [
        { contains: 'be filtered', text: 'No', finish: 'content-filter' },
        { contains: 'unicode', text: 'ünïcödé 😀 \u2028 "quotes"\nand lines' },
      ],
    },
  })
})
afterAll(() => stage[Symbol.asyncDispose]())

describe.each(UPSTREAMS)('@anthropic-ai/sdk over a provider that speaks %s', (upstream) => {
  const model = `${upstream}/mock`
  const client = () => anthropicClient(stage)
  const ask = (options: Anthropic.MessageCreateParams, isStream: boolean) =>
    askAnthropic(stage, options, isStream)

  test.each([500, 4_096])('gets a plain answer with usage, max_tokens %i', async (max_tokens) => {
    const message = await client().messages.create({ model, max_tokens, messages: user('hello') })
    expect(message).toMatchObject({
      type: 'message',
      role: 'assistant',
      stop_reason: 'end_turn',
      stop_sequence: null,
      usage: { input_tokens: expect.any(Number), output_tokens: expect.any(Number) },
    })
    expect(textOf(message)).toContain('You said: hello')
    expect(message.usage.output_tokens).toBeGreaterThan(0)
    expect(message._request_id).toMatch(/.+/)
  })

  test('assembles a stream, character by character the same', async () => {
    const message = await client()
      .messages.stream({ model, max_tokens: 4_096, messages: user('unicode please') })
      .finalMessage()
    expect(textOf(message)).toBe('ünïcödé 😀 \u2028 "quotes"\nand lines')
    expect(message.stop_reason).toBe('end_turn')
  })

  test('reads events in their order, and no output is counted before there is any', async () => {
    const events: Anthropic.MessageStreamEvent[] = []
    const stream = await client().messages.create({
      model,
      max_tokens: 4_096,
      messages: user('hello'),
      stream: true,
    })
    for await (const event of stream) events.push(event)
    expect(events[0]).toMatchObject({
      type: 'message_start',
      message: { content: [], stop_reason: null, role: 'assistant', type: 'message' },
    })
    expect(events[0]?.type === 'message_start' && events[0].message.usage.output_tokens).toBeLessThan(2)
    expect(events.at(-1)).toEqual({ type: 'message_stop' })
    expect(events.at(-2)).toMatchObject({
      type: 'message_delta',
      delta: { stop_reason: 'end_turn', stop_sequence: null },
      usage: { output_tokens: expect.any(Number) },
    })
  })

  test('counts the same, streamed or not', async () => {
    const asked = { model, max_tokens: 4_096, messages: user(`count ${upstream}`) }
    const plain = await ask(asked, false)
    const streamed = await ask(asked, true)
    expect(streamed.usage.input_tokens).toBe(plain.usage.input_tokens)
    expect(streamed.usage.output_tokens).toBe(plain.usage.output_tokens)
  })

  test.each([false, true])('counts cached tokens apart from the input, stream: %s', async (isStream) => {
    const asked: Anthropic.MessageCreateParams = {
      model,
      max_tokens: 4_096,
      system: [
        {
          type: 'text',
          text: `${upstream} ${isStream} knows this. `.repeat(600),
          cache_control: { type: 'ephemeral' },
        },
      ],
      messages: user('hello'),
    }
    const first = await ask(asked, isStream)
    const second = await ask(asked, isStream)
    const cached = second.usage.cache_read_input_tokens ?? 0
    expect(cached).toBeGreaterThan(1_000)
    expect(second.usage.input_tokens).toBeLessThan(1_000)
    const whole = (usage: Anthropic.Usage) =>
      usage.input_tokens + (usage.cache_read_input_tokens ?? 0) + (usage.cache_creation_input_tokens ?? 0)
    expect(whole(second.usage)).toBe(whole(first.usage))
  })

  test('gets structured output that its schema accepts', async () => {
    const message = await client().messages.parse({
      model,
      max_tokens: 4_096,
      messages: user('a person'),
      output_config: {
        format: {
          type: 'json_schema',
          schema: {
            type: 'object',
            properties: { name: { type: 'string' }, age: { type: 'integer' } },
            required: ['name', 'age'],
            additionalProperties: false,
          },
        },
      },
    })
    expect(JSON.parse(textOf(message))).toEqual({ name: expect.any(String), age: expect.any(Number) })
  })

  test('sends images, in a message and in the result of a tool', async () => {
    const image = {
      type: 'image' as const,
      source: { type: 'base64' as const, media_type: 'image/png' as const, data: PIXEL_PNG },
    }
    await client().messages.create({
      model,
      max_tokens: 500,
      messages: [
        { role: 'user', content: [{ type: 'text', text: 'what is this?' }, image] },
        { role: 'assistant', content: [{ type: 'tool_use', id: 'toolu_1', name: 'clock', input: {} }] },
        {
          role: 'user',
          content: [
            {
              type: 'tool_result',
              tool_use_id: 'toolu_1',
              content: [{ type: 'text', text: 'the face of the clock' }, image],
            },
          ],
        },
        {
          role: 'user',
          content: [{ type: 'image', source: { type: 'url', url: 'https://images.invalid/cat.png' } }],
        },
      ],
      tools: [CLOCK],
    })
    const sent = JSON.stringify(stage.lastBody()['messages'])
    expect(sent.split(PIXEL_PNG)).toHaveLength(3)
    expect(sent).toContain('https://images.invalid/cat.png')
    expect(sent).toContain('the face of the clock')
    if (upstream === 'chat') expect(sent).toContain(`data:image/png;base64,${PIXEL_PNG}`)
  })

  test.each([false, true])('shows thinking apart from the answer, stream: %s', async (isStream) => {
    const message = await ask(
      {
        model: `${upstream}/reasoner`,
        max_tokens: 4_096,
        messages: user('think'),
        thinking: { type: 'enabled', budget_tokens: 1_024 },
      },
      isStream,
    )
    expect(message.content.map(({ type }) => type)).toEqual(['thinking', 'text'])
    const [thinking] = message.content
    expect(thinking?.type === 'thinking' && thinking.thinking).toContain('Simulated reasoning')
    // What has no signature of its own says in a seal whose words it is.
    const signature = thinking?.type === 'thinking' ? thinking.signature : ''
    const proof = upstream === 'messages' ? signature : openState(signature)?.value
    expect(proof === '').toBe(upstream !== 'messages')
    const next = await ask(
      {
        model: `${upstream}/reasoner`,
        max_tokens: 4_096,
        messages: [...user('think'), { role: 'assistant', content: message.content }, ...user('more')],
      },
      isStream,
    )
    expect(textOf(next)).toContain('You said: more')
  })

  test('learns why the answer ended', async () => {
    const stopOf = async (options: Partial<Anthropic.MessageCreateParams>, prompt = 'hello') => {
      const asked = { model, max_tokens: 4_096, messages: user(prompt), ...options }
      const reasons = [await ask(asked, false), await ask(asked, true)].map((message) => message.stop_reason)
      expect(reasons[0]).toBe(reasons[1])
      return reasons[0]
    }
    expect(await stopOf({ max_tokens: 3 })).toBe('max_tokens')
    // OpenAI's dialect does not say that a stop sequence ended the answer.
    expect(await stopOf({ stop_sequences: ['simulated'] })).toBe(
      upstream === 'chat' ? 'end_turn' : 'stop_sequence',
    )
    expect(await stopOf({}, 'be filtered')).toBe('refusal')
  })

  test('sends documents', async () => {
    await client().messages.create({
      model,
      max_tokens: 500,
      messages: [
        {
          role: 'user',
          content: [
            {
              type: 'document',
              title: 'one.pdf',
              source: { type: 'base64', media_type: 'application/pdf', data: 'JVBERi0=' },
            },
            { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'PLAIN WORDS' } },
            { type: 'text', text: 'read them' },
          ],
        },
      ],
    })
    const sent = JSON.stringify(stage.lastBody()['messages'])
    for (const part of ['JVBERi0=', 'one.pdf', 'PLAIN WORDS']) expect(sent).toContain(part)
  })

  test('speaks as system at the top and inside the conversation', async () => {
    await client().messages.create({
      model,
      max_tokens: 500,
      system: 'RULE ONE',
      messages: [...user('hello'), { role: 'system', content: 'RULE TWO' }, ...user('go on')],
    })
    const body = stage.lastBody()
    const sent = JSON.stringify(body)
    expect(sent).toContain('RULE ONE')
    const messages = JSON.stringify(body['messages'])
    expect(messages).toContain('RULE TWO')
    expect(messages.indexOf('RULE TWO')).toBeGreaterThan(messages.indexOf('hello'))
    expect(messages.indexOf('RULE TWO')).toBeLessThan(messages.indexOf('go on'))
  })

  test("hands Claude Code's attribution on to Anthropic's dialect alone", async () => {
    const attribution = 'x-anthropic-billing-header: cc_version=2.1.330.abc; cc_entrypoint=sdk-cli;'
    await client().messages.create({
      model,
      max_tokens: 500,
      system: [
        { type: 'text', text: attribution },
        { type: 'text', text: 'RULE ONE' },
      ],
      messages: user('hello'),
    })
    const sent = JSON.stringify(stage.lastBody())
    expect(sent).toContain('RULE ONE')
    expect(sent.includes('x-anthropic-billing-header')).toBe(upstream === 'messages')
  })

  test('says who answered, after how many tries, and what the gateway itself cost', async () => {
    const { response } = await client()
      .messages.create({ model, max_tokens: 500, messages: user('hello') })
      .withResponse()
    expect(response.headers.get('x-holdfast-target')).toBe(model)
    expect(response.headers.get('x-holdfast-attempts')).toBe('1')
    expect(response.headers.get('request-id')).toMatch(/.+/)
  })
})

describe('@anthropic-ai/sdk counts tokens', () => {
  test('at a provider of its own dialect', async () => {
    const counted = await anthropicClient(stage).messages.countTokens({
      model: 'messages/mock',
      messages: user('count me'),
    })
    expect(counted.input_tokens).toBeGreaterThan(0)
    expect(stage.lastCall().path).toBe('/v1/messages/count_tokens')
  })

  test('and is told at once, without retries, that another dialect cannot', async () => {
    const before = stage.gateway.exchanges.length
    const client = anthropicClient(stage, { maxRetries: 3 })
    const error = await client.messages
      .countTokens({ model: 'chat/mock', messages: user('count me') })
      .then(undefined, (thrown: unknown) => thrown)
    if (!(error instanceof Anthropic.InternalServerError)) throw new Error('no error of a server')
    expect(error.status).toBe(501)
    expect(error.error).toMatchObject({ error: { holdfast: { type: 'not_supported' } } })
    expect(error.headers.get('x-should-retry')).toBe('false')
    expect(stage.gateway.exchanges.length).toBe(before + 1)
  })
})
