/** Messages bytes, judged by the official client library over a real socket. */

import Anthropic from '@anthropic-ai/sdk'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { SIMULATED_SIGNATURE } from './encode-anthropic.ts'
import type { SimulatorServer } from './server.ts'
import { startSimulator } from './server.ts'

const WHOLE = 'This is a simulated answer: no model was asked. You said: hello'
const HELLO = [{ role: 'user' as const, content: 'hello' }]
const WEATHER = {
  name: 'weather',
  input_schema: { type: 'object' as const, properties: { city: { type: 'string' } }, required: ['city'] },
}
const TIME = { name: 'time', input_schema: { type: 'object' as const, properties: {} } }
const BASE = { model: 'mock', max_tokens: 500, messages: HELLO }

let server: SimulatorServer
let client: Anthropic

beforeAll(async () => {
  server = await startSimulator()
  client = new Anthropic({ baseURL: server.origin, apiKey: 'sk-test', maxRetries: 0 })
})
afterAll(() => server.close())

describe('a plain answer', () => {
  test('says that it is simulated and counts its tokens', async () => {
    const message = await client.messages.create(BASE)
    expect(message).toMatchObject({
      type: 'message',
      role: 'assistant',
      model: 'mock',
      stop_reason: 'end_turn',
      content: [{ type: 'text', text: WHOLE }],
      usage: { output_tokens: 16 },
    })
  })

  test('ends at max_tokens, and at a stop sequence that it names', async () => {
    const short = await client.messages.create({ ...BASE, max_tokens: 4 })
    expect(short).toMatchObject({ stop_reason: 'max_tokens', usage: { output_tokens: 4 } })
    const stopped = await client.messages.create({ ...BASE, stop_sequences: [' answer'] })
    expect(stopped).toMatchObject({
      stop_reason: 'stop_sequence',
      stop_sequence: ' answer',
      content: [{ text: 'This is a simulated' }],
    })
  })

  test('writes a marked prompt to the cache, then reads it, and counts each token once', async () => {
    const system = [
      { type: 'text' as const, text: 'long '.repeat(1500), cache_control: { type: 'ephemeral' as const } },
    ]
    const plain = await client.messages.create({ ...BASE, system: 'long '.repeat(1500) })
    const first = await client.messages.create({ ...BASE, system })
    const second = await client.messages.create({ ...BASE, system })
    expect(first.usage).toMatchObject({ cache_read_input_tokens: 0 })
    expect(first.usage.cache_creation_input_tokens).toBeGreaterThan(1800)
    expect(second.usage).toMatchObject({
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: first.usage.cache_creation_input_tokens,
    })
    const sum = (second.usage.cache_read_input_tokens ?? 0) + second.usage.input_tokens
    expect(Math.abs(sum - plain.usage.input_tokens)).toBeLessThan(5)
  })

  test('thinks where it is asked to, and signs it', async () => {
    const message = await client.messages.create({
      ...BASE,
      max_tokens: 2000,
      thinking: { type: 'enabled', budget_tokens: 1024 },
    })
    expect(message.content).toMatchObject([
      { type: 'thinking', signature: SIMULATED_SIGNATURE },
      { type: 'text', text: WHOLE },
    ])
  })
})

describe('tool calls', () => {
  test('come from the tools model and end in text after the result', async () => {
    const called = await client.messages.create({ ...BASE, model: 'tools', tools: [WEATHER, TIME] })
    expect(called).toMatchObject({
      stop_reason: 'tool_use',
      content: [{ type: 'tool_use', name: 'weather', input: { city: 'simulated' } }],
    })
    const [block] = called.content
    const result = {
      type: 'tool_result' as const,
      tool_use_id: block?.type === 'tool_use' ? block.id : '',
      content: 'sunny',
    }
    const messages = [
      ...HELLO,
      { role: 'assistant' as const, content: called.content },
      { role: 'user' as const, content: [result] },
    ]
    const answered = await client.messages.create({ ...BASE, model: 'tools', tools: [WEATHER], messages })
    expect(answered).toMatchObject({
      stop_reason: 'end_turn',
      content: [{ type: 'text', text: expect.stringContaining('returned: sunny') }],
    })
  })

  test('are made by every model that is forced to, in parallel unless they may not', async () => {
    const forced = await client.messages.create({
      ...BASE,
      tools: [WEATHER, TIME],
      tool_choice: { type: 'tool', name: 'time' },
    })
    expect(forced.content).toMatchObject([{ type: 'tool_use', name: 'time', input: {} }])
    const any = await client.messages.create({
      ...BASE,
      tools: [WEATHER, TIME],
      tool_choice: { type: 'any' },
    })
    expect(any.content).toMatchObject([{ name: 'weather' }])
    const both = await client.messages.create({ ...BASE, model: 'parallel-tools', tools: [WEATHER, TIME] })
    expect(both.content).toHaveLength(2)
    const tool_choice = { type: 'auto' as const, disable_parallel_tool_use: true }
    const one = await client.messages.create({
      ...BASE,
      model: 'parallel-tools',
      tools: [WEATHER, TIME],
      tool_choice,
    })
    expect(one.content).toHaveLength(1)
  })
})

describe('a stream', () => {
  test.each(['mock', 'tools', 'parallel-tools', 'reasoner', 'lorem'])(
    'of %s folds into the plain answer',
    async (model) => {
      const asked = { ...BASE, model, tools: [WEATHER, TIME] }
      const plain = await client.messages.create(asked)
      const streamed = await client.messages.stream(asked).finalMessage()
      const contentOf = (message: Anthropic.Message) =>
        message.content.map((block) => {
          switch (block.type) {
            case 'text':
              return block.text
            case 'thinking':
              return [block.thinking, block.signature]
            case 'tool_use':
              return [block.name, block.input]
            default:
              return block
          }
        })
      expect(contentOf(streamed)).toEqual(contentOf(plain))
      expect(streamed.stop_reason).toBe(plain.stop_reason)
      expect(streamed.usage.output_tokens).toBe(plain.usage.output_tokens)
      expect(streamed.usage.input_tokens).toBe(plain.usage.input_tokens)
    },
  )

  test('brings its events in the order the dialect prescribes', async () => {
    const types: string[] = []
    for await (const event of await client.messages.create({ ...BASE, stream: true })) types.push(event.type)
    expect(types[0]).toBe('message_start')
    expect(types[1]).toBe('content_block_start')
    expect(types.slice(-3)).toEqual(['content_block_stop', 'message_delta', 'message_stop'])
  })
})

describe('what is no chat', () => {
  test('tokens are counted as a message would count them', async () => {
    const { input_tokens } = await client.messages.countTokens({ model: 'mock', messages: HELLO })
    expect(input_tokens).toBe((await client.messages.create(BASE)).usage.input_tokens)
  })

  test('models are listed in the shape of this dialect', async () => {
    const ids = []
    for await (const model of client.models.list()) ids.push([model.id, model.type])
    expect(ids[0]).toEqual(['mock', 'model'])
    expect(await client.models.retrieve('echo')).toMatchObject({ id: 'echo', display_name: 'Simulated echo' })
  })

  test('a request without max_tokens is refused', async () => {
    const { max_tokens: _, ...without } = BASE
    // Sound: the point is a request the types forbid.
    const asking = client.messages.create(without as typeof BASE)
    await expect(asking).rejects.toMatchObject({
      status: 400,
      error: { type: 'error', error: { type: 'invalid_request_error' } },
    })
  })
})
