/**
 * What clients need of the door: keys in every place, paths as they are typed, probes, strange headers, big requests, and
 * a WebSocket that is turned away at once. The numbers are those of docs/clients.md.
 */

import { GoogleGenAI } from '@google/genai'
import { get } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { httpLimits } from '../../src/http/http-limits.ts'
import { createRoutes } from '../../src/http/route-table.ts'
import { CLIENT_KEY, openStage, type Stage } from '../support/clients.ts'
import {
  type AskedDialect,
  ASKED_DIALECTS,
  askRaw,
  readJson,
  requestOf,
  saidText,
} from '../support/raw-asking.ts'

const MIB = 1024 ** 2

let stage: Stage
beforeAll(async () => {
  stage = await openStage({
    config: {
      keys: [{ name: 'laptop', key: CLIENT_KEY }],
      routes: {
        smart: { targets: ['chat/mock'] },
        'claude-opus-4-5': { targets: ['chat/mock'] },
        'gemini-2.5-pro': { targets: ['chat/mock'] },
      },
      limits: { bodyBytes: 9 * MIB },
    },
  })
})
afterAll(() => stage[Symbol.asyncDispose]())

const bearer = { authorization: `Bearer ${CLIENT_KEY}` }

interface Place {
  readonly name: string
  readonly headers?: Readonly<Record<string, string>>
  readonly query?: string
}

const PLACES: readonly Place[] = [
  { name: 'authorization', headers: bearer },
  { name: 'x-api-key', headers: { 'x-api-key': CLIENT_KEY } },
  { name: 'x-goog-api-key', headers: { 'x-goog-api-key': CLIENT_KEY } },
  { name: 'api-key', headers: { 'api-key': CLIENT_KEY } },
  { name: '?key=', query: `key=${CLIENT_KEY}` },
]

describe('need 2: a WebSocket upgrade', () => {
  const upgrade = (path: string) =>
    new Promise((resolve, reject) => {
      const headers = {
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
        'openai-beta': 'responses_websockets=2026-02-06',
        ...bearer,
      }
      get(stage.url + path, { headers }, (response) => {
        response.resume()
        resolve(response.statusCode)
      }).on('error', reject)
    })

  test.each(['/v1/responses', '/responses', '/openai/v1/responses', '/v1/realtime'])(
    'at %s is turned away with 426 at once',
    async (path) => {
      const beganAtMs = performance.now()
      expect(await upgrade(path)).toBe(426)
      expect(performance.now() - beganAtMs).toBeLessThan(1_000)
    },
  )
})

describe('need 9: a key', () => {
  const rows = ASKED_DIALECTS.flatMap((dialect) => PLACES.map((place) => ({ dialect, ...place })))
  test.each(rows)('in $name opens the door of $dialect', async ({ dialect, headers, query }) => {
    const more = { ...(headers && { headers }), ...(query && { query }) }
    const response = await askRaw(stage.url, { dialect, model: 'smart', ...more })
    expect(response.status).toBe(200)
    expect(saidText(await response.text())).toContain('simulated answer')
  })

  const others = [
    { method: 'GET', path: '/v1/models' },
    { method: 'GET', path: '/v1beta/models' },
    { method: 'GET', path: '/v1/models/smart' },
    { method: 'GET', path: '/metrics' },
    { method: 'POST', path: '/v1/completions', body: { model: 'smart', prompt: 'hello' } },
  ]
  test.each(others.flatMap((other) => PLACES.map((place) => ({ ...other, ...place }))))(
    'in $name opens $method $path',
    async ({ method, path, body, headers, query }) => {
      const response = await fetch(`${stage.url}${path}${query === undefined ? '' : `?${query}`}`, {
        method,
        headers: { 'content-type': 'application/json', ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      expect(response.status).toBe(200)
      await response.text()
    },
  )

  const locked = createRoutes(httpLimits).filter(({ access }) => access === 'key')
  test.each(PLACES)('in $name opens every route that asks for one', async ({ headers, query }) => {
    expect(locked.length).toBeGreaterThan(30)
    for (const { method, path } of locked) {
      const url = `${stage.url}${path.replace(/\*+/, 'none')}`
      const request = { method, ...(method === 'POST' ? { body: '{}' } : {}) }
      const json = { 'content-type': 'application/json' }
      const shut = await fetch(url, { ...request, headers: json })
      expect([method, path, shut.status]).toEqual([method, path, 401])
      const open = await fetch(`${url}${query === undefined ? '' : `?${query}`}`, {
        ...request,
        headers: { ...json, ...headers },
      })
      expect([method, path, open.status]).not.toEqual([method, path, 401])
      await Promise.all([shut.text(), open.text()])
    }
  })

  test('stands in no record, no notice and no answer, and reaches no provider', async () => {
    const { gateway, simulator } = stage
    for (const dialect of ASKED_DIALECTS) {
      for (const model of ['smart', 'messages/mock', 'no-such-model']) {
        const response = await askRaw(stage.url, { dialect, model, query: `key=${CLIENT_KEY}` })
        expect(await response.text()).not.toContain(CLIENT_KEY)
        expect(JSON.stringify([...response.headers])).not.toContain(CLIENT_KEY)
      }
    }
    const lost = await fetch(`${stage.url}/v1/no/such/path?key=${CLIENT_KEY}`)
    expect(await lost.text()).not.toContain(CLIENT_KEY)
    const published = JSON.stringify([gateway.exchanges, gateway.attempts, gateway.notices])
    expect(published).not.toContain(CLIENT_KEY)
    const sent = simulator.calls.map(({ path, headers, body }) => [
      path,
      headers,
      Buffer.from(body).toString(),
    ])
    expect(JSON.stringify(sent)).not.toContain(CLIENT_KEY)
  })
})

describe('need 10: the paths of Gemini', () => {
  const contents = [{ role: 'user', parts: [{ text: 'hello' }] }]
  const ask = (path: string) =>
    fetch(stage.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-goog-api-key': CLIENT_KEY },
      body: JSON.stringify({ contents }),
    })

  test.each(['/v1', '/v1beta'])('%s: whole, as events, as a JSON array, and counted', async (prefix) => {
    const model = `${prefix}/models/gemini-2.5-pro`
    const whole = await ask(`${model}:generateContent`)
    expect(saidText(await whole.text())).toContain('simulated answer')
    const events = await ask(`${model}:streamGenerateContent?alt=sse`)
    expect(events.headers.get('content-type')).toContain('text/event-stream')
    expect(saidText(await events.text())).toContain('simulated answer')
    const array = await ask(`${model}:streamGenerateContent`)
    expect(array.headers.get('content-type')).toContain('application/json')
    const chunks: unknown = await array.json()
    if (!Array.isArray(chunks)) throw new Error('the stream is no array')
    expect(chunks.length).toBeGreaterThan(1)
    expect(chunks.map((chunk) => saidText(JSON.stringify(chunk))).join('')).toContain('simulated answer')
  })

  test('a model and its methods share a path and are told apart by the colon', async () => {
    const headers = { 'x-goog-api-key': CLIENT_KEY }
    const model = await readJson(await fetch(`${stage.url}/v1/models/gemini-2.5-pro`, { headers }))
    expect(model).toMatchObject({ name: 'models/gemini-2.5-pro' })
    const answer = await readJson(await ask('/v1/models/gemini-2.5-pro:generateContent'))
    expect(answer).toMatchObject({ candidates: [{ finishReason: 'STOP' }] })
  })

  test.each([undefined, 'v1beta'])('@google/genai is served with apiVersion %s', async (apiVersion) => {
    const client = new GoogleGenAI({
      apiKey: CLIENT_KEY,
      httpOptions: { baseUrl: stage.url, ...(apiVersion === undefined ? {} : { apiVersion }) },
    })
    const asked = { model: 'gemini-2.5-pro', contents: 'hello' }
    expect((await client.models.generateContent(asked)).text).toContain('simulated answer')
    let text = ''
    for await (const chunk of await client.models.generateContentStream(asked)) text += chunk.text ?? ''
    expect(text).toContain('simulated answer')
  })
})

describe('need 11: GET /v1/models', () => {
  const list = async (headers: Readonly<Record<string, string>>) =>
    readJson(await fetch(`${stage.url}/v1/models?limit=1000`, { headers }))

  test('is in the shape of Anthropic where there is an anthropic-version', async () => {
    const page = await list({ ...bearer, 'anthropic-version': '2023-06-01' })
    expect(page['has_more']).toBe(false)
    expect(page['data']).toContainEqual(
      expect.objectContaining({ id: 'smart', type: 'model', display_name: expect.any(String) }),
    )
  })

  test('is in the shape of Gemini where there is an x-goog-api-key', async () => {
    const page = await list({ 'x-goog-api-key': CLIENT_KEY })
    expect(page['models']).toContainEqual(expect.objectContaining({ name: 'models/smart' }))
    const client = new GoogleGenAI({ apiKey: CLIENT_KEY, httpOptions: { baseUrl: stage.url } })
    const names: unknown[] = []
    for await (const model of await client.models.list()) names.push(model.name)
    expect(names).toContain('models/smart')
  })

  test('is in the shape of OpenAI otherwise, with the type that Mistral’s SDK wants', async () => {
    const page = await list(bearer)
    expect(page['object']).toBe('list')
    expect(page['data']).toContainEqual(
      expect.objectContaining({ id: 'smart', object: 'model', type: 'base', created: expect.any(Number) }),
    )
  })

  test('client claude-code: lists aliases that look like Claude, and serves them by any provider', async () => {
    const page = await list({
      ...bearer,
      'anthropic-version': '2023-06-01',
      'user-agent': 'claude-code/2.1.330',
    })
    expect(page['data']).toContainEqual(expect.objectContaining({ id: 'claude-opus-4-5' }))
    const asking = { dialect: 'anthropic-messages', model: 'claude-opus-4-5', headers: bearer } as const
    expect((await askRaw(stage.url, asking)).status).toBe(200)
    expect(stage.lastBody()).toMatchObject({ model: 'mock' })
  })
})

describe('need 22: big requests', () => {
  test.each(ASKED_DIALECTS)(
    'in %s: 80 kB and 8 MiB are served, more is a 413 in its words',
    async (dialect) => {
      const ask = (bytes: number) =>
        askRaw(stage.url, { dialect, model: 'smart', prompt: 'all work '.repeat(bytes / 9), headers: bearer })
      for (const bytes of [80_000, 8 * MIB]) {
        const response = await ask(bytes)
        expect(response.status).toBe(200)
        await response.text()
      }
      const refused = await ask(10 * MIB)
      expect(refused.status).toBe(413)
      expect(refused.headers.get('x-should-retry')).toBe('false')
      expect((await readJson(refused))['error']).toMatchObject(tooLarge[dialect])
    },
  )

  const tooLarge: Readonly<Record<AskedDialect, object>> = {
    'openai-chat': { code: 'body_too_large' },
    'openai-responses': { code: 'body_too_large' },
    'anthropic-messages': { type: 'request_too_large' },
    gemini: { code: 413 },
  }
})

describe('need 24: probes', () => {
  test.each([
    ['HEAD', '/'],
    ['HEAD', '/api/hello'],
    ['GET', '/'],
    ['GET', '/api/hello'],
  ])('%s %s is answered fast without a key', async (method, path) => {
    const beganAtMs = performance.now()
    const response = await fetch(stage.url + path, { method })
    expect(response.status).toBe(200)
    expect(performance.now() - beganAtMs).toBeLessThan(1_000)
  })

  test('the discovery of models with a wrong key is a 401, never a 5xx', async () => {
    const response = await fetch(`${stage.url}/v1/models?limit=1000`, {
      headers: { 'anthropic-version': '2023-06-01', authorization: 'Bearer wrong-key-0123456789abcdef' },
    })
    expect(response.status).toBe(401)
    expect(await readJson(response)).toMatchObject({ type: 'error', error: { type: 'authentication_error' } })
  })
})

describe('need 27: headers of all kinds', () => {
  const strange: Readonly<Record<string, string>> = {
    cookie: '',
    'anthropic-dangerous-direct-browser-access': 'true',
    'x-codex-turn-metadata': JSON.stringify({ session_id: 's', notes: 'n'.repeat(900) }),
    'accept-encoding': 'zstd, gzip, deflate, br',
    'sec-fetch-mode': 'cors',
    'x-stainless-helper': 'BetaToolRunner, message-thread',
  }

  test.each(ASKED_DIALECTS)('are tolerated in %s, and no stream is compressed', async (dialect) => {
    const { path, body } = requestOf({ dialect, model: 'smart', stream: true })
    // Not by fetch, which has headers of its own.
    const { request } = await import('node:http')
    const response = await new Promise<import('node:http').IncomingMessage>((resolve, reject) => {
      const headers = { 'content-type': 'application/json', ...bearer, ...strange }
      request(stage.url + path, { method: 'POST', headers }, resolve)
        .on('error', reject)
        .end(JSON.stringify(body))
    })
    expect(response.statusCode).toBe(200)
    expect(response.headers['content-encoding']).toBeUndefined()
    let text = ''
    for await (const chunk of response) text += String(chunk)
    expect(saidText(text)).toContain('simulated answer')
  })
})

describe('need 28: common slips', () => {
  const rows: readonly { readonly dialect: AskedDialect; readonly path: string }[] = [
    ...[
      '/chat/completions',
      '//v1/chat/completions',
      '/v1//chat/completions',
      '/v1/v1/chat/completions',
      '/v1/chat/completions/',
      '/openai/v1/chat/completions',
    ].map((path) => ({ dialect: 'openai-chat' as const, path })),
    ...[
      '/messages',
      '/v1/v1/messages',
      '//v1/messages',
      '/anthropic/v1/messages',
      '/v1/messages?beta=true',
    ].map((path) => ({ dialect: 'anthropic-messages' as const, path })),
    ...['/responses', '//v1/responses', '/v1/v1/responses'].map((path) => ({
      dialect: 'openai-responses' as const,
      path,
    })),
    ...[
      '/v1beta//models/smart:generateContent',
      '/models/smart:generateContent',
      '/v1beta/v1beta/models/smart:generateContent',
    ].map((path) => ({ dialect: 'gemini' as const, path })),
  ]
  test.each(rows)('$dialect is served at $path', async ({ dialect, path }) => {
    const { body } = requestOf({ dialect, model: 'smart' })
    const response = await fetch(stage.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...bearer },
      body: JSON.stringify(body),
    })
    expect(response.status).toBe(200)
    expect(saidText(await response.text())).toContain('simulated answer')
  })

  test('Azure’s path names the deployment, its key is api-key', async () => {
    const path = '/openai/deployments/smart/chat/completions?api-version=2024-10-21'
    const response = await fetch(stage.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'api-key': CLIENT_KEY },
      body: JSON.stringify({ messages: [{ role: 'user', content: 'hello' }] }),
    })
    expect(response.status).toBe(200)
    expect(saidText(await response.text())).toContain('simulated answer')
  })
})
