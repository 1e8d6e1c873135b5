/** The official `openai` package as a client, with providers of both dialects behind the gateway. */

import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openAiClient, openStage, PIXEL_PNG, type Stage, UPSTREAMS } from '../support/clients.ts'

const WEATHER = {
  type: 'function',
  function: {
    name: 'weather',
    description: 'The weather of a city.',
    parameters: {
      type: 'object',
      properties: { city: { type: 'string' }, days: { type: 'integer' } },
      required: ['city', 'days'],
    },
  },
} as const

const CLOCK = {
  type: 'function',
  function: { name: 'clock', parameters: { type: 'object', properties: {} } },
} as const

const SCHEMA = {
  type: 'object',
  properties: { name: { type: 'string' }, age: { type: 'integer' } },
  required: ['name', 'age'],
  additionalProperties: false,
}

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

const user = (content: string) => [{ role: 'user' as const, content }]

describe.each(UPSTREAMS)('openai over a provider that speaks %s', (upstream) => {
  const model = `${upstream}/mock`
  const client = () => openAiClient(stage)

  test.each([{ max_tokens: 500 }, {}])('gets a plain answer with usage %o', async (limits) => {
    const answer = await client().chat.completions.create({ model, messages: user('hello'), ...limits })
    expect(answer.object).toBe('chat.completion')
    expect(answer.choices).toHaveLength(1)
    expect(answer.choices[0]).toMatchObject({
      index: 0,
      finish_reason: 'stop',
      message: { role: 'assistant', content: expect.stringContaining('You said: hello') },
    })
    expect(answer.usage?.total_tokens).toBe(
      (answer.usage?.prompt_tokens ?? 0) + (answer.usage?.completion_tokens ?? 0),
    )
    expect(answer.usage?.prompt_tokens).toBeGreaterThan(0)
    expect(answer._request_id).toMatch(/.+/)
  })

  test('assembles a stream, character by character the same', async () => {
    const stream = client().chat.completions.stream({ model, messages: user('unicode please') })
    const answer = await stream.finalChatCompletion()
    expect(answer.choices[0]?.message.content).toBe('ünïcödé 😀 \u2028 "quotes"\nand lines')
    expect(answer.choices[0]?.finish_reason).toBe('stop')
  })

  test('gets usage in a stream only where it asked, in one last chunk without choices', async () => {
    const chunksOf = async (options: object) => {
      const chunks: OpenAI.ChatCompletionChunk[] = []
      const asked = { model, messages: user('hello'), stream: true as const, ...options }
      for await (const chunk of await client().chat.completions.create(asked)) chunks.push(chunk)
      return chunks
    }
    const without = await chunksOf({})
    expect(without.every((chunk) => chunk.choices.length === 1)).toBe(true)
    expect(without.every((chunk) => !chunk.usage)).toBe(true)
    const asked = await chunksOf({ stream_options: { include_usage: true } })
    expect(asked.at(-1)).toMatchObject({ choices: [], usage: { prompt_tokens: expect.any(Number) } })
    expect(asked.slice(0, -1).every((chunk) => !chunk.usage)).toBe(true)
    expect(new Set(asked.map((chunk) => chunk.id)).size).toBe(1)
  })

  test('counts cached tokens inside of the prompt, read and written alike', async () => {
    const prompt = {
      model,
      messages: [
        {
          role: 'system' as const,
          content: [
            {
              type: 'text' as const,
              text: `${upstream} knows this. `.repeat(600),
              // How clients of OpenAI's dialect mark a prompt for Claude, where they do.
              cache_control: { type: 'ephemeral' },
            },
          ],
        },
        ...user('hello'),
      ],
      max_tokens: 100,
    }
    const [first, second] = [
      await client().chat.completions.create(prompt),
      await client().chat.completions.create(prompt),
    ]
    const cached = second.usage?.prompt_tokens_details?.cached_tokens ?? 0
    expect(cached).toBeGreaterThan(1_000)
    expect(second.usage?.prompt_tokens).toBe(first.usage?.prompt_tokens)
    expect(second.usage?.prompt_tokens).toBeGreaterThanOrEqual(cached)
  })

  test.each([false, true])('makes a round trip through a tool, stream: %s', async (isStream) => {
    const asked = {
      model: `${upstream}/tools`,
      messages: user('the weather?'),
      tools: [WEATHER],
    }
    const first = isStream
      ? await client().chat.completions.stream(asked).finalChatCompletion()
      : await client().chat.completions.create(asked)
    const message = first.choices[0]?.message
    expect(first.choices[0]?.finish_reason).toBe('tool_calls')
    const call = message?.tool_calls?.[0]
    if (message === undefined || call?.type !== 'function') throw new Error('no tool was called')
    expect(call).toMatchObject({ id: expect.stringMatching(/.+/), function: { name: 'weather' } })
    expect(JSON.parse(call.function.arguments)).toEqual({
      city: expect.any(String),
      days: expect.any(Number),
    })
    const second = await client().chat.completions.create({
      ...asked,
      messages: [
        ...asked.messages,
        message,
        { role: 'tool', tool_call_id: call.id, content: 'sunny for days' },
      ],
    })
    expect(second.choices[0]?.message.content).toContain('The tool returned: sunny for days')
    expect(second.choices[0]?.finish_reason).toBe('stop')
  })

  test('runs tools by itself with runTools, over several turns', async () => {
    const seen: unknown[] = []
    const runner = client().chat.completions.runTools({
      model: `${upstream}/tools`,
      messages: user('the weather?'),
      stream: true,
      tools: [
        {
          type: 'function',
          function: {
            ...WEATHER.function,
            parameters: { ...WEATHER.function.parameters, required: ['city', 'days'] },
            parse: (text: string) => JSON.parse(text) as { city: string },
            function: (given: { city: string }) => {
              seen.push(given)
              return 'rain'
            },
          },
        },
      ],
    })
    expect(await runner.finalContent()).toContain('The tool returned: rain')
    expect(seen).toHaveLength(1)
  })

  test.each([false, true])('gets parallel tool calls apart, stream: %s', async (isStream) => {
    const asked = {
      model: `${upstream}/parallel-tools`,
      messages: user('both!'),
      tools: [WEATHER, CLOCK],
    }
    const answer = isStream
      ? await client().chat.completions.stream(asked).finalChatCompletion()
      : await client().chat.completions.create(asked)
    const calls = answer.choices[0]?.message.tool_calls ?? []
    expect(calls.map((call) => call.type === 'function' && call.function.name)).toEqual(['weather', 'clock'])
    expect(new Set(calls.map(({ id }) => id)).size).toBe(2)
    const results = calls.map(({ id }) => ({ role: 'tool' as const, tool_call_id: id, content: `of ${id}` }))
    const assistant = answer.choices[0]?.message
    if (assistant === undefined) throw new Error('no message')
    const second = await client().chat.completions.create({
      ...asked,
      messages: [...asked.messages, assistant, ...results],
    })
    expect(second.choices[0]?.finish_reason).toBe('stop')
    const { messages } = stage.lastBody()
    for (const { id } of calls) expect(JSON.stringify(messages)).toContain(`of ${id}`)
  })

  test('streams the arguments of a tool in pieces', async () => {
    const stream = await client().chat.completions.create({
      model: `${upstream}/tools`,
      messages: user('the weather?'),
      tools: [WEATHER],
      stream: true,
    })
    let pieces = 0
    for await (const chunk of stream) {
      if (chunk.choices[0]?.delta.tool_calls?.[0]?.function?.arguments) pieces += 1
    }
    expect(pieces).toBeGreaterThan(2)
  })

  test('obeys a forced tool, a forbidden one, and one call at a time', async () => {
    const asked = { model, messages: user('go'), tools: [CLOCK, WEATHER] }
    const forced = await client().chat.completions.create({
      ...asked,
      tool_choice: { type: 'function', function: { name: 'weather' } },
    })
    expect(forced.choices[0]?.message.tool_calls?.[0]).toMatchObject({ function: { name: 'weather' } })
    const required = await client().chat.completions.create({ ...asked, tool_choice: 'required' })
    expect(required.choices[0]?.finish_reason).toBe('tool_calls')
    const none = await client().chat.completions.create({
      ...asked,
      model: `${upstream}/tools`,
      tool_choice: 'none',
    })
    expect(none.choices[0]?.message.tool_calls ?? []).toEqual([])
    const single = await client().chat.completions.create({
      ...asked,
      model: `${upstream}/parallel-tools`,
      parallel_tool_calls: false,
    })
    expect(single.choices[0]?.message.tool_calls).toHaveLength(1)
  })

  test('gets structured output that its schema accepts', async () => {
    const answer = await client().chat.completions.parse({
      model,
      messages: user('a person'),
      response_format: { type: 'json_schema', json_schema: { name: 'person', strict: true, schema: SCHEMA } },
    })
    expect(JSON.parse(answer.choices[0]?.message.content ?? '')).toEqual({
      name: expect.any(String),
      age: expect.any(Number),
    })
  })

  test('sends images by data URL and by address', async () => {
    await client().chat.completions.create({
      model,
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'what is this?' },
            { type: 'image_url', image_url: { url: `data:image/png;base64,${PIXEL_PNG}` } },
            { type: 'image_url', image_url: { url: 'https://images.invalid/cat.png' } },
          ],
        },
      ],
    })
    const sent = JSON.stringify(stage.lastBody()['messages'])
    expect(sent).toContain(PIXEL_PNG)
    expect(sent).toContain('https://images.invalid/cat.png')
    if (upstream === 'messages') expect(sent).toContain('"media_type":"image/png"')
  })

  test('shows reasoning apart from the answer', async () => {
    const stream = await client().chat.completions.create({
      model: `${upstream}/reasoner`,
      messages: user('think'),
      reasoning_effort: 'low',
      stream: true,
    })
    let reasoning = ''
    let content = ''
    for await (const chunk of stream) {
      // Not in the package's types: the field every server but OpenAI's shows reasoning in.
      const delta: { reasoning_content?: string; content?: string | null } = chunk.choices[0]?.delta ?? {}
      reasoning += delta.reasoning_content ?? ''
      content += delta.content ?? ''
    }
    expect(reasoning).toContain('Simulated reasoning')
    expect(content).toContain('simulated answer')
    expect(content).not.toContain('Simulated reasoning')
  })

  test('learns why the answer ended', async () => {
    const finishOf = async (options: object, prompt = 'hello') => {
      const asked = { model, messages: user(prompt), ...options }
      const plain = await client().chat.completions.create(asked)
      const finishes = [plain.choices[0]?.finish_reason]
      for await (const chunk of await client().chat.completions.create({ ...asked, stream: true })) {
        const finish = chunk.choices[0]?.finish_reason
        if (finish) finishes.push(finish)
      }
      return finishes
    }
    expect(await finishOf({ max_tokens: 3 })).toEqual(['length', 'length'])
    expect(await finishOf({ max_completion_tokens: 3 })).toEqual(['length', 'length'])
    expect(await finishOf({ stop: ['simulated'] })).toEqual(['stop', 'stop'])
    expect(await finishOf({ stop: 'simulated' })).toEqual(['stop', 'stop'])
    expect(await finishOf({}, 'be filtered')).toEqual(['content_filter', 'content_filter'])
  })

  test('speaks as system and as developer', async () => {
    await client().chat.completions.create({
      model,
      messages: [
        { role: 'system', content: 'RULE ONE' },
        { role: 'developer', content: 'RULE TWO' },
        ...user('hello'),
      ],
    })
    const body = JSON.stringify(stage.lastBody())
    expect(body).toContain('RULE ONE')
    expect(body).toContain('RULE TWO')
    if (upstream === 'messages') expect(JSON.stringify(stage.lastBody()['messages'])).not.toContain('RULE')
  })

  test.each([false, true])('gets a call that its ceiling cut off, stream: %s', async (isStream) => {
    const asked = {
      model: `${upstream}/tools`,
      max_tokens: 3,
      messages: user('the weather?'),
      tools: [WEATHER],
    }
    const answer = isStream
      ? await client().chat.completions.stream(asked).finalChatCompletion()
      : await client().chat.completions.create(asked)
    expect(answer.choices[0]?.finish_reason).toBe('length')
    expect(answer.choices[0]?.message.tool_calls).toMatchObject([{ function: { name: 'weather' } }])
  })

  test('sends documents', async () => {
    await client().chat.completions.create({
      model,
      messages: [
        {
          role: 'user',
          content: [
            {
              type: 'file',
              file: { filename: 'one.pdf', file_data: 'data:application/pdf;base64,JVBERi0=' },
            },
            { type: 'text', text: 'read it' },
          ],
        },
      ],
    })
    const sent = JSON.stringify(stage.lastBody()['messages'])
    for (const part of ['JVBERi0=', 'one.pdf', 'read it']) expect(sent).toContain(part)
  })

  test('is answered though it asks for more than the provider can, and is told what was left out', async () => {
    const { data, response } = await client()
      .chat.completions.create({ model, messages: user('hello'), n: 2, seed: 7, frequency_penalty: 0 })
      .withResponse()
    const losses = response.headers.get('x-holdfast-losses')
    expect([data.choices.length, losses]).toEqual(upstream === 'chat' ? [2, null] : [1, 'n, seed'])
  })

  test('talks when all it has to say is a system message', async () => {
    const answer = await client().chat.completions.create({
      model,
      messages: [{ role: 'system', content: 'be kind' }],
    })
    expect(answer.choices[0]?.message.content).toContain('simulated answer')
  })

  test('says who answered, after how many tries, and what the gateway itself cost', async () => {
    const { response } = await client()
      .chat.completions.create({ model, messages: user('hello') })
      .withResponse()
    expect(response.headers.get('x-holdfast-target')).toBe(model)
    expect(response.headers.get('x-holdfast-attempts')).toBe('1')
    expect(Number(response.headers.get('x-holdfast-overhead-ms'))).toBeGreaterThanOrEqual(0)
    expect(response.headers.get('x-request-id')).toMatch(/.+/)
  })
})
