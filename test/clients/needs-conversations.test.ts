/**
 * What clients need of requests that go through: threads, references, system turns in place, attribution left out,
 * sessions known, structured output in every spelling. The numbers are those of docs/clients.md.
 */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { arrayOf, type JsonObject } from '../../src/std/json.ts'
import { anthropicClient, type Stage } from '../support/clients.ts'
import { type EveryDialect, openEveryDialect, TARGET_NAMES } from '../support/every-dialect.ts'
import { type AskedDialect, allText, askRaw, readJson, saidText } from '../support/raw-asking.ts'
import { messagesAnswer } from '../support/told-answers.ts'
import { openToldStage } from '../support/told-provider.ts'

let world: EveryDialect
beforeAll(async () => {
  world = await openEveryDialect()
})
afterAll(() => world[Symbol.asyncDispose]())

function lastBody(): JsonObject {
  const call = world.simulator.calls.findLast(({ method }) => method === 'POST')
  // Sound: what the gateway sends to a provider is one JSON object.
  return JSON.parse(Buffer.from(call?.body ?? []).toString()) as JsonObject
}

const said = () => allText(lastBody())

describe('need 4: message threads', () => {
  const BETA = { 'anthropic-beta': 'message-threads-2026-08-12' }
  const ask = (model: string, thread: object) =>
    askRaw(world.url, { dialect: 'anthropic-messages', model, body: { thread }, headers: BETA })
  const others = TARGET_NAMES.filter((name) => name !== 'messages')

  test.each(others)('that begin over %s are refused as the SDK understands it', async (target) => {
    const response = await ask(`${target}/mock`, { type: 'create' })
    expect(response.status).toBe(400)
    expect(await readJson(response)).toMatchObject({
      error: { details: { error_code: 'thread_unsupported_request', unsupported: ['thread'] } },
    })
  })

  test.each(others)('that go on over %s are not found there', async (target) => {
    const response = await ask(`${target}/mock`, { type: 'continue', previous_message_id: 'msg_elsewhere' })
    expect(response.status).toBe(404)
    expect(await readJson(response)).toMatchObject({ error: { details: { error_code: 'thread_not_found' } } })
  })

  test('pass through to a provider of the dialect with their beta', async () => {
    const thread = { type: 'continue', previous_message_id: 'msg_elsewhere' }
    await (await ask('messages/mock', thread)).text()
    expect(lastBody()['thread']).toEqual(thread)
    expect(world.simulator.calls.at(-1)?.headers['anthropic-beta']).toContain('message-threads')
  })

  test.each(TARGET_NAMES)('the SDK’s tool runner reaches its end over %s', async (target) => {
    // The client needs nothing of a stage but its address.
    const client = anthropicClient({ url: world.url } as Stage)
    const message = await client.beta.messages.toolRunner({
      model: `${target}/tools`,
      max_tokens: 4_096,
      messages: [{ role: 'user', content: 'the weather?' }],
      tools: [
        {
          type: 'custom',
          name: 'weather',
          input_schema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
          parse: (input: unknown) => input,
          run: () => 'rain of sockets',
        },
      ],
    })
    expect(message.stop_reason).toBe('end_turn')
    expect(allText(message.content)).toContain('rain of sockets')
  })
})

describe('need 5: item_reference, as AI SDK 5 sends it', () => {
  const tools = [
    {
      type: 'function',
      name: 'get_weather',
      parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
    },
  ]
  const question = { role: 'user', content: [{ type: 'input_text', text: 'Weather in Paris?' }] }

  test.each(TARGET_NAMES)('the second turn of a tool loop over %s', async (target) => {
    const ask = (input: readonly object[]) =>
      askRaw(world.url, {
        dialect: 'openai-responses',
        model: `${target}/tools`,
        body: { input, tools, tool_choice: 'auto' },
      })
    const first = await readJson(await ask([question]))
    const call = arrayOf(first['output']).find(
      (item) => (item as JsonObject)['type'] === 'function_call',
    ) as JsonObject
    const second = await ask([
      question,
      { type: 'item_reference', id: call['id'] },
      { type: 'function_call_output', call_id: call['call_id'], output: 'sunny over the gateway' },
    ])
    expect(second.status).toBe(200)
    expect(saidText(await second.text())).toContain('sunny over the gateway')
    if (target !== 'responses') expect(said()).toContain('get_weather')
  })
})

describe('need 12: role "system" inside messages', () => {
  const environment = `Environment: ${'a directory listing. '.repeat(450)}end of environment.`
  const messages = [
    { role: 'user', content: 'What is here?' },
    { role: 'system', content: environment },
    { role: 'assistant', content: 'A repository.' },
    { role: 'system', content: [{ type: 'text', text: 'The user opened a file.' }] },
    { role: 'user', content: 'And now?' },
  ]

  test.each(TARGET_NAMES)('is said in its place over %s', async (target) => {
    const model = `${target}/mock`
    const response = await askRaw(world.url, { dialect: 'anthropic-messages', model, body: { messages } })
    expect(response.status).toBe(200)
    await response.text()
    const text = said()
    const order = ['What is here?', 'end of environment.', 'A repository.', 'The user opened', 'And now?']
    for (const part of order) expect(text).toContain(part)
    const turns = JSON.stringify(lastBody()['messages'] ?? lastBody()['input'] ?? lastBody()['contents'])
    const places = order.filter((part) => turns.includes(part)).map((part) => turns.indexOf(part))
    expect(places).toEqual(places.toSorted((one, other) => one - other))
    expect(places.length).toBe(order.length)
  })
})

describe('need 14: Claude Code’s attribution', () => {
  const attributed = (version: string) => [
    {
      type: 'text',
      text: `x-anthropic-billing-header: cc_version=2.1.330.${version}; cc_entrypoint=sdk-cli;`,
    },
    { type: 'text', text: 'You are an agent.', cache_control: { type: 'ephemeral' } },
  ]
  const ask = async (model: string, version: string) => {
    const body = { system: attributed(version) }
    await (await askRaw(world.url, { dialect: 'anthropic-messages', model, body })).text()
    return JSON.stringify(lastBody())
  }

  test('is forwarded to Anthropic’s dialect as it stands', async () => {
    expect(await ask('messages/mock', 'd3e')).toContain('cc_version=2.1.330.d3e')
  })

  test.each(TARGET_NAMES.filter((name) => name !== 'messages'))(
    'is not said to %s, so that two requests are one to its cache',
    async (target) => {
      const first = await ask(`${target}/mock`, 'd3e')
      expect(first).toContain('You are an agent.')
      expect(first).not.toContain('billing-header')
      expect(await ask(`${target}/mock`, '306')).toBe(first)
    },
  )
})

describe('need 23: the session of an agent', () => {
  const headers = [
    'x-holdfast-session',
    'helicone-session-id',
    'x-portkey-trace-id',
    'x-session-id',
    'x-session-affinity',
    'x-claude-code-session-id',
    'session-id',
    'thread-id',
    'x-client-request-id',
  ]

  test.each(headers)('is recorded from %s', async (name) => {
    const session = `session-in-${name}`
    const asking = { dialect: 'openai-chat', model: 'chat/mock', headers: { [name]: session } } as const
    const ids: unknown[] = []
    for (let call = 0; call < 2; call += 1) {
      const response = await askRaw(world.url, asking)
      await response.text()
      ids.push(response.headers.get('x-request-id'))
    }
    for (const id of ids) {
      const record = await world.gateway.exchange(({ exchangeId }) => exchangeId === id)
      expect(record.sessionId).toBe(session)
    }
  })

  test('is one for all calls of Codex, whose requests each have an id of their own', async () => {
    for (const request of ['1', '2']) {
      const mine = {
        'session-id': 'codex-session',
        'thread-id': 'codex-thread',
        'x-client-request-id': request,
      }
      const response = await askRaw(world.url, {
        dialect: 'openai-responses',
        model: 'chat/mock',
        headers: mine,
      })
      await response.text()
      expect(response.headers.get('x-client-request-id')).toBe(request)
    }
    const records = world.gateway.exchanges.filter(({ sessionId }) => sessionId?.startsWith('codex'))
    expect(records).toHaveLength(2)
    expect(new Set(records.map(({ sessionId }) => sessionId)).size).toBe(1)
  })
})

describe('need 26: structured output', () => {
  const schema = {
    type: 'object',
    properties: { city: { type: 'string' }, days: { type: 'integer' } },
    required: ['city', 'days'],
    additionalProperties: false,
  }
  const googles = {
    type: 'OBJECT',
    properties: { city: { type: 'STRING' }, days: { type: 'INTEGER' } },
    required: ['city', 'days'],
  }
  const chat = {
    response_format: { type: 'json_schema', json_schema: { name: 'forecast', strict: true, schema } },
  }
  const generation = (generationConfig: object) => ({ generationConfig })
  const spellings: readonly {
    readonly dialect: AskedDialect
    readonly spelling: string
    readonly body: object
  }[] = [
    { dialect: 'openai-chat', spelling: 'response_format', body: chat },
    {
      dialect: 'openai-responses',
      spelling: 'text.format',
      body: { text: { format: { type: 'json_schema', name: 'forecast', strict: true, schema } } },
    },
    {
      dialect: 'anthropic-messages',
      spelling: 'output_config.format',
      body: { output_config: { format: { type: 'json_schema', schema } } },
    },
    {
      dialect: 'anthropic-messages',
      spelling: 'output_format',
      body: { output_format: { type: 'json_schema', schema } },
    },
    {
      dialect: 'gemini',
      spelling: 'responseJsonSchema',
      body: generation({ responseMimeType: 'application/json', responseJsonSchema: schema }),
    },
    {
      dialect: 'gemini',
      spelling: 'responseSchema',
      body: generation({ responseMimeType: 'application/json', responseSchema: googles }),
    },
    {
      dialect: 'gemini',
      spelling: 'responseFormat',
      body: generation({ responseFormat: { text: { mimeType: 'APPLICATION_JSON', schema } } }),
    },
  ]
  const targets = ['chat', 'messages', 'responses', 'gemini'] as const
  const places: Readonly<Record<(typeof targets)[number], (body: JsonObject) => unknown>> = {
    chat: (body) => body['response_format'],
    messages: (body) => body['output_config'] ?? body['output_format'],
    responses: (body) => body['text'],
    gemini: (body) => body['generationConfig'],
  }

  const rows = spellings.flatMap((one) => targets.map((target) => ({ ...one, target })))
  test.each(rows)('$dialect in $spelling over $target', async ({ dialect, spelling, body, target }) => {
    const response = await askRaw(world.url, { dialect, model: `${target}/mock`, body: { ...body } })
    expect(response.status).toBe(200)
    const text = saidText(await response.text())
    // The simulator does not know Google's newest spelling, which reaches it as it was sent.
    if (spelling !== 'responseFormat' || target !== 'gemini')
      expect(JSON.parse(text)).toEqual({ city: expect.any(String), days: expect.any(Number) })
    const place = JSON.stringify(places[target](lastBody()))
    for (const word of ['city', 'days', 'required']) expect(place).toContain(word)
  })

  test.each(targets)('a forced tool instead, as LangChain and the AI SDK do, over %s', async (target) => {
    const tool = { name: 'json', description: 'Respond with JSON.', input_schema: schema }
    const response = await askRaw(world.url, {
      dialect: 'anthropic-messages',
      model: `${target}/mock`,
      body: { tools: [tool], tool_choice: { type: 'tool', name: 'json' } },
    })
    const { content } = await readJson(response)
    expect(content).toContainEqual(
      expect.objectContaining({
        type: 'tool_use',
        name: 'json',
        input: { city: expect.any(String), days: expect.any(Number) },
      }),
    )
  })

  test('the older beta header travels on with it', async () => {
    await using told = await openToldStage({
      messages: { dialect: 'anthropic-messages', tell: () => ({ body: messagesAnswer('{}') }) },
    })
    const response = await askRaw(told.url, {
      dialect: 'anthropic-messages',
      model: 'messages/m',
      body: { max_tokens: 9, output_format: { type: 'json_schema', schema } },
      headers: { 'anthropic-beta': 'structured-outputs-2025-11-13' },
    })
    expect(response.status).toBe(200)
    const { headers, body } = told.lastAsked('messages')
    expect(headers['anthropic-beta']).toBe('structured-outputs-2025-11-13')
    expect(body['output_format']).toEqual({ type: 'json_schema', schema })
  })

  const declarations = ['parameters', 'parametersJsonSchema'].flatMap((field) =>
    TARGET_NAMES.map((target) => ({ field, target })),
  )
  test.each(declarations)('Gemini’s tools with $field over $target', async ({ field, target }) => {
    const parameters = field === 'parameters' ? googles : schema
    const response = await askRaw(world.url, {
      dialect: 'gemini',
      model: `${target}/tools`,
      body: {
        tools: [{ functionDeclarations: [{ name: 'forecast', description: 'd', [field]: parameters }] }],
      },
    })
    const { candidates } = await readJson(response)
    expect(JSON.stringify(candidates)).toContain('functionCall')
    expect(JSON.stringify(lastBody()['tools'] ?? lastBody()['toolConfig'])).toMatch(/city.*days/)
  })
})
