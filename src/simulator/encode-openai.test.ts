/** Chat Completions bytes, judged by the official client library over a real socket. */

import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createScenario } from './scenario.ts'
import type { SimulatorServer } from './server.ts'
import { startSimulator } from './server.ts'

const WHOLE = 'This is a simulated answer: no model was asked. You said: hello'
const HELLO = [{ role: 'user' as const, content: 'hello' }]
const WEATHER = {
  type: 'function' as const,
  function: {
    name: 'weather',
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
}
const TIME = {
  type: 'function' as const,
  function: { name: 'time', parameters: { type: 'object', properties: {} } },
}

let server: SimulatorServer
let client: OpenAI

beforeAll(async () => {
  const answers = [
    {
      model: 'written',
      text: 'word for word',
      reasoning: 'thought',
      toolCalls: [{ name: 'weather', arguments: { city: 'Oslo' } }],
    },
  ]
  server = await startSimulator({ scenario: createScenario({ answers }) })
  client = new OpenAI({ baseURL: `${server.origin}/v1`, apiKey: 'sk-test', maxRetries: 0 })
})
afterAll(() => server.close())

describe('a plain answer', () => {
  test('says that it is simulated, repeats the question and counts its tokens', async () => {
    const answer = await client.chat.completions.create({ model: 'mock', messages: HELLO })
    expect(answer.choices).toMatchObject([
      { index: 0, finish_reason: 'stop', message: { role: 'assistant', content: WHOLE } },
    ])
    expect(answer.usage).toMatchObject({
      completion_tokens: 16,
      total_tokens: (answer.usage?.prompt_tokens ?? 0) + 16,
    })
    expect(answer.model).toBe('mock')
  })

  test('ends at max_tokens by length, and at a stop sequence by stop', async () => {
    const short = await client.chat.completions.create({
      model: 'mock',
      messages: HELLO,
      max_completion_tokens: 4,
    })
    expect(short.choices[0]).toMatchObject({
      finish_reason: 'length',
      message: { content: WHOLE.slice(0, 16) },
    })
    expect(short.usage?.completion_tokens).toBe(4)
    const stopped = await client.chat.completions.create({
      model: 'mock',
      messages: HELLO,
      stop: ['never', ' answer'],
    })
    expect(stopped.choices[0]).toMatchObject({
      finish_reason: 'stop',
      message: { content: 'This is a simulated' },
    })
  })

  test('is as long as max_tokens allows from lorem', async () => {
    const answer = await client.chat.completions.create({ model: 'lorem', messages: HELLO, max_tokens: 300 })
    expect(answer.usage?.completion_tokens).toBe(300)
    expect(answer.choices[0]?.message.content).toMatch(/^Simulated text: /)
  })

  test('comes several times over', async () => {
    const answer = await client.chat.completions.create({ model: 'mock', messages: HELLO, n: 3 })
    expect(answer.choices.map((choice) => choice.index)).toEqual([0, 1, 2])
    expect(new Set(answer.choices.map((choice) => choice.message.content)).size).toBe(3)
  })

  test('satisfies the schema asked for', async () => {
    const schema = {
      type: 'object',
      properties: { city: { type: 'string' }, degrees: { type: 'integer' } },
      required: ['city', 'degrees'],
    }
    const answer = await client.chat.completions.create({
      model: 'json',
      messages: HELLO,
      response_format: { type: 'json_schema', json_schema: { name: 'weather', schema } },
    })
    expect(JSON.parse(answer.choices[0]?.message.content ?? '')).toEqual({ city: 'simulated', degrees: 1 })
    const free = await client.chat.completions.create({
      model: 'mock',
      messages: HELLO,
      response_format: { type: 'json_object' },
    })
    expect(JSON.parse(free.choices[0]?.message.content ?? '')).toEqual({ simulated: true, answer: 'hello' })
  })

  test('counts a long prompt as cached the second time', async () => {
    const messages = [{ role: 'system' as const, content: 'long '.repeat(2000) }, ...HELLO]
    const first = await client.chat.completions.create({ model: 'mock', messages })
    const second = await client.chat.completions.create({ model: 'mock', messages })
    expect(first.usage?.prompt_tokens_details?.cached_tokens).toBe(0)
    expect(second.usage?.prompt_tokens_details?.cached_tokens).toBe(2500)
  })

  test('is word for word what the scenario says', async () => {
    const answer = await client.chat.completions.create({ model: 'written', messages: HELLO })
    expect(answer.choices[0]).toMatchObject({
      finish_reason: 'tool_calls',
      message: {
        content: 'word for word',
        reasoning_content: 'thought',
        tool_calls: [{ function: { name: 'weather', arguments: '{"city":"Oslo"}' } }],
      },
    })
  })
})

describe('tool calls', () => {
  test('come from the tools model, with arguments of the schema, and end in text after the result', async () => {
    const called = await client.chat.completions.create({
      model: 'tools',
      messages: HELLO,
      tools: [WEATHER, TIME],
    })
    const [choice] = called.choices
    expect(choice?.finish_reason).toBe('tool_calls')
    expect(choice?.message.tool_calls).toMatchObject([
      { type: 'function', function: { name: 'weather', arguments: '{"city":"simulated"}' } },
    ])
    const id = choice?.message.tool_calls?.[0]?.id ?? ''
    const answered = await client.chat.completions.create({
      model: 'tools',
      tools: [WEATHER],
      messages: [
        ...HELLO,
        choice?.message ?? HELLO[0]!,
        { role: 'tool', tool_call_id: id, content: 'sunny' },
      ],
    })
    expect(answered.choices[0]).toMatchObject({
      finish_reason: 'stop',
      message: { content: expect.stringContaining('The tool returned: sunny') },
    })
  })

  test('are made by every model that is forced to, and by none that is forbidden to', async () => {
    const ask = (model: string, tool_choice: OpenAI.ChatCompletionToolChoiceOption) =>
      client.chat.completions.create({ model, messages: HELLO, tools: [WEATHER, TIME], tool_choice })
    const nameOf = (answer: OpenAI.ChatCompletion) => {
      const call = answer.choices[0]?.message.tool_calls?.[0]
      return call?.type === 'function' ? call.function.name : undefined
    }
    expect(nameOf(await ask('mock', 'required'))).toBe('weather')
    expect(nameOf(await ask('echo', { type: 'function', function: { name: 'time' } }))).toBe('time')
    expect(nameOf(await ask('tools', 'none'))).toBeUndefined()
  })

  test('come in parallel, unless they may not', async () => {
    const count = async (parallel_tool_calls: boolean) => {
      const answer = await client.chat.completions.create({
        model: 'parallel-tools',
        messages: HELLO,
        tools: [WEATHER, TIME],
        parallel_tool_calls,
      })
      return answer.choices[0]?.message.tool_calls?.length
    }
    expect(await count(true)).toBe(2)
    expect(await count(false)).toBe(1)
  })
})

describe('a stream', () => {
  test('folds into the plain answer', async () => {
    for (const model of ['mock', 'tools', 'parallel-tools', 'lorem', 'written']) {
      const asked = { model, messages: HELLO, tools: [WEATHER, TIME] }
      const plain = await client.chat.completions.create(asked)
      const streamed = await client.chat.completions
        .stream({ ...asked, stream_options: { include_usage: true } })
        .finalChatCompletion()
      expect(streamed.choices[0]?.finish_reason).toBe(plain.choices[0]?.finish_reason)
      expect(streamed.choices[0]?.message.content).toBe(plain.choices[0]?.message.content)
      const withoutIds = (answer: OpenAI.ChatCompletion) =>
        answer.choices[0]?.message.tool_calls?.map(
          (call) => call.type === 'function' && [call.function.name, call.function.arguments],
        )
      expect(withoutIds(streamed)).toEqual(withoutIds(plain))
      expect(streamed.usage).toEqual(plain.usage)
    }
  })

  test('carries usage only where it is asked for', async () => {
    const usages = async (include_usage: boolean) => {
      const seen = []
      const stream = await client.chat.completions.create({
        model: 'mock',
        messages: HELLO,
        stream: true,
        stream_options: { include_usage },
      })
      for await (const chunk of stream) seen.push(chunk.usage)
      return seen
    }
    expect((await usages(false)).every((usage) => usage === undefined)).toBe(true)
    const asked = await usages(true)
    expect(asked.at(-1)).toMatchObject({ completion_tokens: 16 })
    expect(asked.slice(0, -1).every((usage) => usage === null)).toBe(true)
  })

  test('interleaves its choices', async () => {
    const stream = await client.chat.completions.create({
      model: 'mock',
      messages: HELLO,
      stream: true,
      n: 2,
    })
    const texts = ['', '']
    const order: number[] = []
    for await (const chunk of stream) {
      const [choice] = chunk.choices
      if (!choice) continue
      texts[choice.index] += choice.delta.content ?? ''
      order.push(choice.index)
    }
    expect(texts[0]).toBe(WHOLE)
    expect(texts[1]).toContain('(answer 2)')
    expect(order.slice(0, 4)).toEqual([0, 1, 0, 1])
  })

  test('thinks before it speaks', async () => {
    const stream = await client.chat.completions.create({ model: 'reasoner', messages: HELLO, stream: true })
    const kinds: string[] = []
    for await (const chunk of stream) {
      const delta: object = chunk.choices[0]?.delta ?? {}
      if ('reasoning_content' in delta) kinds.push('reasoning')
      else if (chunk.choices[0]?.delta.content) kinds.push('text')
    }
    expect(kinds[0]).toBe('reasoning')
    expect(kinds.lastIndexOf('reasoning')).toBeLessThan(kinds.indexOf('text'))
  })
})

describe('what is no chat', () => {
  test('the models are listed, and each can be asked for', async () => {
    const ids = []
    for await (const model of client.models.list()) ids.push(model.id)
    expect(ids).toEqual(['mock', 'echo', 'lorem', 'tools', 'parallel-tools', 'reasoner', 'json', 'refuser'])
    expect(await client.models.retrieve('echo')).toMatchObject({ id: 'echo', object: 'model' })
    await expect(client.models.retrieve('other')).rejects.toMatchObject({ status: 404 })
  })

  test('a request that makes no sense is refused by name', async () => {
    await expect(client.chat.completions.create({ model: '', messages: HELLO })).rejects.toMatchObject({
      status: 400,
      param: 'model',
    })
    await expect(client.chat.completions.create({ model: 'mock', messages: [] })).rejects.toMatchObject({
      status: 400,
      param: 'messages',
    })
    await expect(client.post('/nowhere', { body: {} })).rejects.toMatchObject({ status: 404 })
  })
})
