/** Vertex AI behind a whole gateway: Gemini from a mock that nobody here wrote, Claude from a server that looks at each request. */

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import Anthropic from '@anthropic-ai/sdk'
import { LLMock } from '@copilotkit/aimock'
import OpenAI from 'openai'
import { expect, onTestFinished, test } from 'vitest'
import { targetDialects } from '../../src/dialects/index.ts'
import { startTestGateway } from '../support/gateway.ts'

const PROJECT = '/v1/projects/p/locations/global'

async function gatewayWith(id: string, baseUrl: string) {
  const gateway = await startTestGateway({
    config: { discover: false, providers: { [id]: { baseUrl, credential: 'ya29.example-token' } } },
  })
  onTestFinished(() => gateway[Symbol.asyncDispose]())
  return gateway
}

test.skipIf(!targetDialects.has('gemini'))(
  'Gemini is reached under the project’s address with a token',
  async () => {
    const mock = new LLMock({ port: 0 })
    mock.onMessage('tell me', { content: 'Held fast.' })
    await mock.start()
    onTestFinished(() => mock.stop())
    const { url } = await gatewayWith('vertex-gemini', `${mock.url}${PROJECT}`)
    const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'k', maxRetries: 0 })
    const request = {
      model: 'vertex-gemini/gemini-2.5-flash',
      messages: [{ role: 'user' as const, content: 'tell me' }],
    }
    const whole = await openai.chat.completions.create(request)
    expect(whole.choices[0]?.message.content).toBe('Held fast.')
    let text = ''
    const stream = await openai.chat.completions.create({ ...request, stream: true })
    for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? ''
    expect(text).toBe('Held fast.')
  },
)

/** Claude on Vertex: keeps what it was asked, and answers as Anthropic's API does. */
async function startClaude() {
  const asked: {
    url: string | undefined
    authorization: string | undefined
    body: Record<string, unknown>
  }[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>
      asked.push({ url: request.url, authorization: request.headers.authorization, body })
      response.setHeader('content-type', 'application/json')
      if (request.url?.includes('count-tokens')) response.end('{"input_tokens":7}')
      else response.end(JSON.stringify(message))
    })
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  // A server that listens on TCP has an address with a port.
  return { asked, origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

const message = {
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  model: 'claude-haiku-4-5',
  content: [{ type: 'text', text: 'Held fast.' }],
  stop_reason: 'end_turn',
  stop_sequence: null,
  usage: { input_tokens: 1, output_tokens: 2 },
}

test.each(['an own', 'a foreign'])(
  'Claude is asked by %s client with its model in the path alone',
  async (client) => {
    const { asked, origin } = await startClaude()
    const { url } = await gatewayWith('vertex-anthropic', `${origin}${PROJECT}`)
    const model = 'vertex-anthropic/claude-haiku-4-5@20251001'
    const messages = [{ role: 'user' as const, content: 'tell me' }]
    if (client === 'an own') {
      const anthropic = new Anthropic({ baseURL: url, apiKey: 'k', maxRetries: 0 })
      await anthropic.messages.create({ model, max_tokens: 50, messages })
    } else {
      const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'k', maxRetries: 0 })
      await openai.chat.completions.create({ model, max_tokens: 50, messages })
    }
    expect(asked).toMatchObject([
      {
        url: `${PROJECT}/publishers/anthropic/models/claude-haiku-4-5%4020251001:rawPredict`,
        authorization: 'Bearer ya29.example-token',
        body: { anthropic_version: 'vertex-2023-10-16', max_tokens: 50 },
      },
    ])
    expect(asked[0]?.body).not.toHaveProperty('model')
  },
)

test('Claude’s tokens are counted by the model that counts', async () => {
  const { asked, origin } = await startClaude()
  const { url } = await gatewayWith('vertex-anthropic', `${origin}${PROJECT}`)
  const anthropic = new Anthropic({ baseURL: url, apiKey: 'k', maxRetries: 0 })
  const counted = await anthropic.messages.countTokens({
    model: 'vertex-anthropic/claude-haiku-4-5',
    messages: [{ role: 'user', content: 'tell me' }],
  })
  expect(counted.input_tokens).toBe(7)
  expect(asked).toMatchObject([
    {
      url: `${PROJECT}/publishers/anthropic/models/count-tokens:rawPredict`,
      body: { model: 'claude-haiku-4-5' },
    },
  ])
})
