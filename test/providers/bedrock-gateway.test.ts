/** Bedrock behind a whole gateway: a mock that nobody here wrote answers, and the clients are the official SDKs. */

import Anthropic from '@anthropic-ai/sdk'
import { LLMock } from '@copilotkit/aimock'
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'

const MODEL = 'bedrock/anthropic.claude-3-haiku-20240307-v1:0'
const parameters = { type: 'object' as const, properties: { city: { type: 'string' as const } } }

let mock: LLMock
let gateway: TestGateway

beforeAll(async () => {
  mock = new LLMock({ port: 0 })
  mock.onMessage('tell me', { content: 'Held fast, ünïcödé 😀.' }).onMessage('weather', {
    toolCalls: [{ name: 'weather', arguments: '{"city":"Oslo"}', id: 'call_oslo' }],
  })
  await mock.start()
  gateway = await startTestGateway({
    config: {
      providers: {
        bedrock: { baseUrl: `${mock.url}?region=eu-west-1`, credential: 'AKIDEXAMPLE:wJalrXUtnFEMI-example' },
      },
    },
  })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await mock.stop()
})

const openai = () => new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'k', maxRetries: 0 })
const anthropic = () => new Anthropic({ baseURL: gateway.url, apiKey: 'k', maxRetries: 0 })

describe('a client of OpenAI’s', () => {
  const messages = [{ role: 'user' as const, content: 'tell me' }]

  test('is answered in one piece and as a stream', async () => {
    const whole = await openai().chat.completions.create({ model: MODEL, messages })
    expect(whole.choices[0]?.message.content).toBe('Held fast, ünïcödé 😀.')
    expect(whole.choices[0]?.finish_reason).toBe('stop')
    let text = ''
    const stream = await openai().chat.completions.create({ model: MODEL, messages, stream: true })
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? ''
    expect(text).toBe('Held fast, ünïcödé 😀.')
  })

  test('gets a tool call', async () => {
    const answer = await openai().chat.completions.create({
      model: MODEL,
      messages: [{ role: 'user', content: 'weather' }],
      tools: [{ type: 'function', function: { name: 'weather', parameters } }],
    })
    expect(answer.choices[0]?.finish_reason).toBe('tool_calls')
    expect(answer.choices[0]?.message.tool_calls?.[0]).toMatchObject({
      function: { name: 'weather', arguments: '{"city":"Oslo"}' },
    })
  })
})

describe('a client of Anthropic’s', () => {
  test('is answered in one piece and as a stream', async () => {
    const request = {
      model: MODEL,
      max_tokens: 100,
      messages: [{ role: 'user' as const, content: 'tell me' }],
    }
    const whole = await anthropic().messages.create(request)
    expect(whole.content).toMatchObject([{ type: 'text', text: 'Held fast, ünïcödé 😀.' }])
    const streamed = await anthropic().messages.stream(request).finalMessage()
    expect(streamed.content).toMatchObject([{ type: 'text', text: 'Held fast, ünïcödé 😀.' }])
    expect(streamed.stop_reason).toBe('end_turn')
  })
})
