/** How clients come in: base URLs as people type them, keys in every place, lists of models, probes, and sizes. */

import Anthropic from '@anthropic-ai/sdk'
import OpenAI, { AzureOpenAI } from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { anthropicClient, CLIENT_KEY, openAiClient, openStage, rejectionOf } from '../support/clients.ts'
import { type Stage, UPSTREAMS } from '../support/clients.ts'
import { SDK_FACES } from '../support/sdk-faces.ts'

const MIB = 1024 ** 2

let stage: Stage
beforeAll(async () => {
  stage = await openStage({
    config: {
      keys: [{ name: 'laptop', key: CLIENT_KEY }],
      routes: { smart: { targets: ['chat/mock'] }, wise: { targets: ['messages/mock'] } },
      limits: { bodyBytes: 12 * MIB },
    },
  })
})
afterAll(() => stage[Symbol.asyncDispose]())

describe('base URLs', () => {
  const typed = {
    openai: ['/v1', '/v1/', '', '/', '//v1', '/v1/v1', '/openai/v1', '/openai'],
    '@anthropic-ai/sdk': ['', '/', '/v1', '//', '/anthropic', '/anthropic/v1'],
  }

  test.each(
    SDK_FACES.flatMap((face) =>
      (face.name === 'openai' ? typed.openai : typed['@anthropic-ai/sdk']).map((path) => ({
        face,
        path,
        sdk: face.name,
      })),
    ),
  )('$sdk is served at "$path"', async ({ face, path }) => {
    const options = { baseURL: stage.url + path }
    expect(await face.ask(stage, { model: 'smart', options })).toContain('simulated answer')
    expect(await face.models(stage, options)).toContain('smart')
  })

  test("the client of Azure's deployments is served, the model in the path and the key in api-key", async () => {
    const client = new AzureOpenAI({
      endpoint: stage.url,
      apiKey: CLIENT_KEY,
      apiVersion: '2024-10-21',
      maxRetries: 0,
    })
    const asked = { model: 'smart', messages: [{ role: 'user' as const, content: 'hello' }] }
    const answer = await client.chat.completions.create(asked)
    expect(answer.choices[0]?.message.content).toContain('You said: hello')
    let text = ''
    for await (const chunk of await client.chat.completions.create({ ...asked, stream: true })) {
      text += chunk.choices[0]?.delta.content ?? ''
    }
    expect(text).toContain('You said: hello')
  })
})

describe('client keys', () => {
  const chat = { model: 'smart', messages: [{ role: 'user', content: 'hello' }], max_tokens: 100 }
  const requests: readonly {
    readonly path: string
    readonly body?: object
    readonly headers?: Record<string, string>
  }[] = [
    { path: '/v1/chat/completions', body: chat },
    { path: '/v1/messages', body: chat },
    { path: '/v1/messages/count_tokens', body: { ...chat, model: 'wise' } },
    { path: '/v1/models' },
    { path: '/v1/models', headers: { 'anthropic-version': '2023-06-01' } },
  ]
  const ask = ({ path, body, headers }: (typeof requests)[number], key: Record<string, string>) =>
    fetch(stage.url + path, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { ...headers, ...key, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })

  test.each(requests)('are taken from every place: $path $headers', async (request) => {
    const keys = [
      { authorization: `Bearer ${CLIENT_KEY}` },
      { authorization: `bearer ${CLIENT_KEY}` },
      { 'x-api-key': CLIENT_KEY },
      { 'api-key': CLIENT_KEY },
    ]
    for (const key of keys) expect([key, (await ask(request, key)).status]).toEqual([key, 200])
    for (const key of [{}, { 'x-api-key': 'wrong-key-0123456789abcdef' }]) {
      const refused = await ask(request, key)
      expect(refused.status).toBe(401)
      expect(refused.headers.get('x-should-retry')).toBe('false')
    }
  })

  test.each(SDK_FACES)(
    '$name raises AuthenticationError for a wrong one, and does not try again',
    async (face) => {
      const before = stage.gateway.exchanges.length
      const options = { apiKey: 'wrong-key-0123456789abcdef', maxRetries: 5 }
      const error = await rejectionOf(face.ask(stage, { model: 'smart', options }))
      expect(error).toBeInstanceOf(face.errors.AuthenticationError)
      // Sound: this class is an API error with headers in both SDKs.
      expect((error as InstanceType<typeof OpenAI.APIError>).headers?.get('x-should-retry')).toBe('false')
      expect((error as InstanceType<typeof OpenAI.APIError>).type).toBe('authentication_error')
      expect(stage.gateway.exchanges).toHaveLength(before + 1)
    },
  )

  test.each(UPSTREAMS)('never reach a provider that speaks %s', async (upstream) => {
    for (const face of SDK_FACES) await face.ask(stage, { model: `${upstream}/mock` })
    const { headers } = stage.lastCall()
    expect(JSON.stringify(headers)).not.toContain(CLIENT_KEY)
    expect(JSON.stringify(headers)).toContain('provider-key')
  })
})

describe('the models', () => {
  test('are listed in the shape of OpenAI', async () => {
    const page = await openAiClient(stage).models.list()
    expect(page.data.find(({ id }) => id === 'smart')).toMatchObject({
      object: 'model',
      created: expect.any(Number),
      owned_by: expect.any(String),
    })
    expect(await openAiClient(stage).models.retrieve('chat/mock')).toMatchObject({
      id: 'chat/mock',
      object: 'model',
    })
    expect(await rejectionOf(openAiClient(stage).models.retrieve('nobody'))).toBeInstanceOf(
      OpenAI.NotFoundError,
    )
  })

  test('are listed in the shape of Anthropic, in one page', async () => {
    const page = await anthropicClient(stage).models.list({ limit: 1_000 })
    expect(page.hasNextPage()).toBe(false)
    expect(page.data.find(({ id }) => id === 'smart')).toMatchObject({
      type: 'model',
      display_name: expect.any(String),
      created_at: expect.stringMatching(/^\d{4}-.*Z$/),
    })
    expect(await anthropicClient(stage).models.retrieve('smart')).toMatchObject({
      id: 'smart',
      type: 'model',
    })
    expect(await rejectionOf(anthropicClient(stage).models.retrieve('nobody'))).toBeInstanceOf(
      Anthropic.NotFoundError,
    )
  })

  test('and the probes of Claude Code are answered without a key', async () => {
    for (const path of ['/', '/api/hello']) {
      const response = await fetch(stage.url + path, { method: 'HEAD' })
      expect([path, response.status]).toEqual([path, 200])
    }
  })
})

describe.each(SDK_FACES.flatMap((face) => UPSTREAMS.map((upstream) => ({ face, upstream, sdk: face.name }))))(
  '$sdk over $upstream',
  ({ face, upstream }) => {
    test('sends big requests: 80 kB of prompt, then 9 MB of it', async () => {
      const model = `${upstream}/mock`
      for (const bytes of [80_000, 9_000_000]) {
        const prompt = 'all work and no play '.repeat(bytes / 20)
        const text = await face.ask(stage, { model, prompt })
        expect(text).toContain('You said: all work')
        expect(stage.lastCall().bodyBytes).toBeGreaterThan(bytes)
      }
    })

    test('is told with 413 in its own words where the request is too big', async () => {
      const before = stage.simulator.calls.length
      const asking = { model: `${upstream}/mock`, prompt: 'x'.repeat(13 * MIB), options: { maxRetries: 2 } }
      const error = await rejectionOf(face.ask(stage, asking))
      expect(error).toBeInstanceOf(face.errors.APIError)
      expect(error).toMatchObject({ status: 413 })
      expect(stage.simulator.calls).toHaveLength(before)
    })
  },
)
