/** Claude Code's own gateway contract, line by line, and what else that client needs. The lines are those of docs/clients.md. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { dialects } from '../../src/dialects/index.ts'
import { GatewayError } from '../../src/errors/gateway-error.ts'
import type { JsonObject } from '../../src/std/json.ts'
import { CLAUDE_CODE, PICTURE_TURN } from '../support/agent-requests.ts'
import { CLIENT_KEY } from '../support/clients.ts'
import { type EveryDialect, openEveryDialect, TARGET_NAMES } from '../support/every-dialect.ts'
import { fakeReply } from '../support/fake-gateway.ts'
import { startServer } from '../support/http-server.ts'
import { allText, askRaw, readEvents, readJson, readValues, saidText } from '../support/raw-asking.ts'
import { messagesAnswer, messagesStart, messagesStream } from '../support/told-answers.ts'
import { eventsOf, openToldStage, type ToldStage } from '../support/told-provider.ts'

const OTHERS = TARGET_NAMES.filter((name) => name !== 'messages')

let world: EveryDialect
beforeAll(async () => {
  world = await openEveryDialect({
    scenario: { faults: [{ fault: 'context-length', model: 'short' }] },
    routes: {
      'strict-chat': { targets: ['chat/mock'], strict: true },
      'claude-sonnet-4-5': { targets: ['chat/mock'] },
    },
  })
})
afterAll(() => world[Symbol.asyncDispose]())

function lastBody(): JsonObject {
  const call = world.simulator.calls.findLast(({ method }) => method === 'POST')
  // Sound: what the gateway sends to a provider is one JSON object.
  return JSON.parse(Buffer.from(call?.body ?? []).toString()) as JsonObject
}

const ask = (model: string, body: object = {}, headers: Readonly<Record<string, string>> = {}) =>
  askRaw(world.url, {
    dialect: 'anthropic-messages',
    model,
    body: { ...CLAUDE_CODE.body, ...body },
    headers: { ...CLAUDE_CODE.headers, ...headers },
    query: 'beta=true',
  })

describe('contract: POST /v1/messages', () => {
  test('is matched by its path, whatever the query, and streamed as it comes', async () => {
    const text = { type: 'text_delta', text: 'first words' }
    await using told = await openToldStage({
      messages: {
        dialect: 'anthropic-messages',
        tell: () => ({
          body:
            messagesStart() +
            eventsOf(
              { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
              { type: 'content_block_delta', index: 0, delta: text },
            ),
          isOpen: true,
        }),
      },
    })
    const leaving = new AbortController()
    const asking = { dialect: 'anthropic-messages', model: 'messages/m', stream: true } as const
    const response = await askRaw(told.url, { ...asking, query: 'beta=true&more=1', signal: leaving.signal })
    let seen = ''
    // The provider never ends: what it has said is here all the same.
    for await (const chunk of response.body ?? []) {
      seen += Buffer.from(chunk).toString()
      if (seen.includes('first words')) break
    }
    expect(readEvents(seen).map(({ name }) => name)).toContain('content_block_delta')
    leaving.abort()
  })

  test('forwards what the client says of itself, and never its key', async () => {
    await using told = await openToldStage(
      { messages: { dialect: 'anthropic-messages', tell: () => ({ body: messagesStream('hi') }) } },
      { keys: [{ name: 'laptop', key: CLIENT_KEY }] },
    )
    for (const key of [{ authorization: `Bearer ${CLIENT_KEY}` }, { 'x-api-key': CLIENT_KEY }]) {
      const body = { ...CLAUDE_CODE.body, model: 'messages/m', some_future_field: { a: [1, null] } }
      const response = await fetch(`${told.url}/v1/messages?beta=true`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...CLAUDE_CODE.headers, ...key },
        body: JSON.stringify(body),
      })
      expect(saidText(await response.text())).toBe('hi')
      const { headers, body: sent } = told.lastAsked('messages')
      const { 'x-claude-code-session-id': _, ...named } = CLAUDE_CODE.headers
      expect(headers).toMatchObject(named)
      expect(JSON.stringify(headers)).not.toContain(CLIENT_KEY)
      expect(headers['x-api-key']).toBe('credential-of-messages-0123456789')
      expect(sent).toEqual({ ...body, model: 'm' })
    }
  })
})

describe('contract: counting tokens', () => {
  const count = (model: string) =>
    fetch(`${world.url}/v1/messages/count_tokens?beta=true`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...CLAUDE_CODE.headers },
      body: JSON.stringify({ model, messages: [{ role: 'user', content: 'hello' }] }),
    })

  test.each(TARGET_NAMES)('is served over %s, or refused with 501 and no retry', async (target) => {
    const response = await count(`${target}/mock`)
    if (response.status === 200)
      return expect(await readJson(response)).toEqual({ input_tokens: expect.any(Number) })
    expect(response.status).toBe(501)
    expect(response.headers.get('x-should-retry')).toBe('false')
    expect(await readJson(response)).toMatchObject({ type: 'error', error: { type: 'not_supported' } })
  })

  test('is refused where the provider is one of chat', async () => {
    expect((await count('chat/mock')).status).toBe(501)
  })
})

describe('contract: what is not served', () => {
  test.each([
    ['GET', '/api/oauth/usage'],
    ['GET', '/api/claude_cli/bootstrap'],
    ['POST', '/api/event_logging/batch'],
    ['POST', '/v1/messages/unheard_of'],
    ['GET', '/protocol'],
  ])('%s %s is a clean 404 in its own words', async (method, path) => {
    const response = await fetch(world.url + path, { method, headers: CLAUDE_CODE.headers })
    expect(response.status).toBe(404)
    expect(response.headers.get('x-should-retry')).toBe('false')
    const id = response.headers.get('request-id')
    expect(await readJson(response)).toMatchObject({
      type: 'error',
      error: { type: 'not_found_error', message: expect.stringContaining(path) },
      request_id: id,
    })
  })
})

describe('contract: safeguards', () => {
  const safeguards = { level: 'high' }

  test('pass through to a provider of the dialect', async () => {
    const response = await ask('messages/mock', { safeguards })
    expect(response.status).toBe(200)
    await response.text()
    expect(lastBody()['safeguards']).toEqual(safeguards)
  })

  test.each(OTHERS)('are a 400 that names them over %s, and the client goes on without', async (target) => {
    const response = await ask(`${target}/mock`, { safeguards })
    expect(response.status).toBe(400)
    expect(response.headers.get('x-should-retry')).toBe('false')
    const error = { type: 'invalid_request_error', message: expect.stringContaining('safeguards') }
    expect(await readJson(response)).toMatchObject({ error })
    const again = await ask(`${target}/mock`)
    expect(again.status).toBe(200)
    await again.text()
  })
})

describe('contract: capability_rejected', () => {
  test('effort_unsupported where a strict route has no such effort', async () => {
    const response = await ask('strict-chat', {
      output_config: { effort: 'max' },
      thinking: undefined,
      context_management: undefined,
      metadata: undefined,
      tools: undefined,
      system: 'You write code.',
    })
    expect(response.status).toBe(400)
    expect(response.headers.get('x-should-retry')).toBe('false')
    expect(await readJson(response)).toMatchObject({
      error: {
        type: 'invalid_request_error',
        message: 'capability_rejected: effort_unsupported',
        holdfast: { message: expect.stringContaining('chat/mock'), type: 'loss_refused' },
      },
    })
  })

  test('a prompt too long for a provider of another dialect is said as Anthropic says it', async () => {
    const response = await ask('chat/short')
    expect(response.status).toBe(400)
    expect(await readJson(response)).toMatchObject({
      error: { message: expect.stringMatching(/^prompt is too long: .+/) },
    })
  })

  const { writeError } = dialects.get('anthropic-messages') ?? {}
  test.each([
    ['vision', 'image_block'],
    ['context-window', 'prompt_too_long'],
  ])('where no target of a route has %s: %s', (lack, name) => {
    const error = new GatewayError('capability_missing', 'No target can.', { lacks: [lack] })
    const said: unknown = JSON.parse(writeError?.(error, { requestId: 'req_1', attempts: [] }) ?? '')
    expect(said).toMatchObject({ error: { message: `capability_rejected: ${name}` } })
  })
})

describe('contract: event: ping', () => {
  test('stands in silent gaps of a stream', async () => {
    const { promise: gap, resolve: end } = Promise.withResolvers<void>()
    async function* body() {
      yield Buffer.from(messagesStart())
      await gap
      yield Buffer.from(eventsOf({ type: 'message_stop' }))
    }
    const { url } = await startServer({
      dialects,
      heartbeatMs: 20,
      serve: async () => fakeReply({ contentType: 'text/event-stream', body: body() }),
    })
    const response = await askRaw(url, { dialect: 'anthropic-messages', model: 'm', stream: true })
    let text = ''
    for await (const chunk of response.body ?? []) {
      text += Buffer.from(chunk).toString()
      if (text.includes('event: ping')) end()
    }
    const names = readEvents(text).map(({ name }) => name)
    expect(names.at(0)).toBe('message_start')
    expect(names).toContain('ping')
    expect(names.at(-1)).toBe('message_stop')
    expect(readValues(text)).toContainEqual({ type: 'ping' })
  })
})

describe('client claude-code', () => {
  test.each(TARGET_NAMES)('its request is served over %s: nothing said is lost', async (target) => {
    const response = await ask(`${target}/mock`)
    expect(response.status).toBe(200)
    const text = await response.text()
    expect(saidText(text)).toContain('simulated answer')
    expect(readEvents(text).at(-1)?.name).toBe('message_stop')
    const sent = allText(lastBody())
    for (const words of [
      'You write code.',
      'Read the file, please.',
      'The folder is empty.',
      'Reads a file.',
    ])
      expect(sent).toContain(words)
  })

  test.each(TARGET_NAMES)('its tools are called over %s, and their results are heard', async (target) => {
    const first = await ask(`${target}/tools`, { stream: false })
    const { content, stop_reason } = await readJson(first)
    expect(stop_reason).toBe('tool_use')
    const calls = (content as readonly JsonObject[]).filter(({ type }) => type === 'tool_use')
    const second = await ask(`${target}/tools`, {
      messages: [
        ...CLAUDE_CODE.body.messages,
        { role: 'assistant', content },
        {
          role: 'user',
          content: calls.map(({ id }) => ({
            type: 'tool_result',
            tool_use_id: id,
            content: 'a file of cables',
          })),
        },
      ],
    })
    expect(saidText(await second.text())).toContain('a file of cables')
  })

  test('an alias that looks like Claude is listed as a model and served by anybody', async () => {
    const response = await fetch(`${world.url}/v1/models?limit=1000`, { headers: CLAUDE_CODE.headers })
    const { data } = await readJson(response)
    expect(data).toContainEqual(expect.objectContaining({ type: 'model', id: 'claude-sonnet-4-5' }))
    const answer = await ask('claude-sonnet-4-5')
    expect(answer.status).toBe(200)
    await answer.text()
    expect(lastBody()['model']).toBe('mock')
  })

  test('pictures reach every provider', async () => {
    for (const target of ['chat', 'messages', 'responses', 'gemini']) {
      const response = await ask(`${target}/mock`, { messages: [PICTURE_TURN] })
      expect(response.status).toBe(200)
      await response.text()
      expect(JSON.stringify(lastBody())).toContain('iVBORw0KGgo')
    }
  })
})

describe('needs 1 and 13 together', () => {
  let told: ToldStage
  const words = 'messages.1.content.0: `tool_use` ids must be unique'
  beforeAll(async () => {
    const error = { type: 'invalid_request_error', message: words }
    told = await openToldStage({
      messages: {
        dialect: 'anthropic-messages',
        tell: ({ text }) =>
          text.includes('bad')
            ? { status: 400, body: { type: 'error', error } }
            : { body: messagesAnswer('hi') },
      },
    })
  })
  afterAll(() => told[Symbol.asyncDispose]())

  test('an explained 400 is asked of the provider once, and relayed word for word', async () => {
    const asking = { dialect: 'anthropic-messages', model: 'messages/m', prompt: 'bad' } as const
    const response = await askRaw(told.url, asking)
    expect(response.status).toBe(400)
    expect(response.headers.get('x-should-retry')).toBe('false')
    expect(await readJson(response)).toMatchObject({
      error: { type: 'invalid_request_error', message: words },
    })
    expect(told.asked('messages')).toHaveLength(1)
  })
})
