/** What each client needs beside the rest, one by one. Its requests are small ones of the same shape. The names are those of docs/clients.md. */

import { createAnthropic } from '@ai-sdk/anthropic'
import Anthropic from '@anthropic-ai/sdk'
import { ApiError, GoogleGenAI } from '@google/genai'
import { APICallError, generateText } from 'ai'
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { arrayOf, type JsonObject } from '../../src/std/json.ts'
import { CODEX, CODEX_RESULT, COPILOT, GEMINI_CLI, PLAIN_CHAT } from '../support/agent-requests.ts'
import { rejectionOf } from '../support/clients.ts'
import { type EveryDialect, openEveryDialect, TARGET_NAMES } from '../support/every-dialect.ts'
import { allText, askRaw, readEvents, readValues, saidText } from '../support/raw-asking.ts'
import { chatAnswer, chatChunk, chatStream, geminiAnswer } from '../support/told-answers.ts'
import { eventsOf, openToldStage, type Telling } from '../support/told-provider.ts'

globalThis.AI_SDK_LOG_WARNINGS = false

let world: EveryDialect
beforeAll(async () => {
  world = await openEveryDialect({
    scenario: {
      pace: { perTokenMs: 3, tokensPerChunk: 1 },
      faults: [
        { fault: 'status-503', model: 'down' },
        { fault: 'unsupported-parameter(parameter=temperature)', model: 'bad' },
        { fault: 'rate-limit(after=1)', model: 'limited' },
        { fault: 'error-after-content(token=4,error=overloaded)', model: 'breaks' },
      ],
    },
    routes: {
      'bad-once': { targets: ['chat/bad'], retries: 0 },
      'limited-once': { targets: ['chat/limited'], retries: 0 },
      'down-once': { targets: ['chat/down'], retries: 0 },
    },
  })
})
afterAll(() => world[Symbol.asyncDispose]())

function lastBody(): JsonObject {
  const call = world.simulator.calls.findLast(({ method }) => method === 'POST')
  // Sound: what the gateway sends to a provider is one JSON object.
  return JSON.parse(Buffer.from(call?.body ?? []).toString()) as JsonObject
}

describe('client codex', () => {
  const ask = (model: string, body: object = {}) =>
    askRaw(world.url, {
      dialect: 'openai-responses',
      model,
      headers: CODEX.headers,
      body: { ...CODEX.body, ...body },
    })

  test.each(TARGET_NAMES)('its request is served over %s, to the last event', async (target) => {
    const response = await ask(`${target}/mock`)
    expect(response.status).toBe(200)
    const text = await response.text()
    expect(saidText(text)).toContain('simulated answer')
    expect(readEvents(text).at(-1)?.name).toBe('response.completed')
    const sent = allText(lastBody())
    for (const words of ['You run commands.', 'List the folder.', 'exec_command'])
      expect(sent).toContain(words)
  })

  test.each(TARGET_NAMES)('its tools are offered to %s; what it cannot offer is named', async (target) => {
    const response = await ask(`${target}/tools`)
    const items = readValues(await response.text()).filter(({ type }) => type === 'response.output_item.done')
    expect(allText(items)).toContain('exec_command')
    const offered = JSON.stringify(lastBody()['tools'] ?? lastBody()['toolConfig'])
    const isWhole = ['multi_agent_v1', 'web_search'].every((name) => offered.includes(name))
    if (!isWhole) expect(response.headers.get('x-holdfast-losses')).toMatch(/\btools\b/)
  })

  test.each(TARGET_NAMES)('the result of a call is heard by %s', async (target) => {
    const response = await ask(`${target}/tools`, { input: [...CODEX.body.input, ...CODEX_RESULT] })
    expect(saidText(await response.text())).toContain('readme and nothing else')
  })

  test('a provider of its dialect gets every field as it was sent', async () => {
    await (await ask('responses/mock')).text()
    expect(lastBody()).toEqual({ model: 'mock', ...CODEX.body })
  })

  test('nothing is kept that it does not want kept', async () => {
    const values = readValues(await (await ask('chat/mock')).text())
    const { response } = values.at(-1) as { readonly response: { readonly id: string } }
    expect((await fetch(`${world.url}/v1/responses/${response.id}`)).status).toBe(404)
  })
})

describe('client gemini-cli', () => {
  const ask = (model: string, body: object = {}) =>
    askRaw(world.url, {
      dialect: 'gemini',
      model,
      stream: true,
      headers: GEMINI_CLI.headers,
      body: { ...GEMINI_CLI.body, ...body },
    })

  test.each(TARGET_NAMES)('its request is served over %s', async (target) => {
    const response = await ask(`${target}/mock`)
    expect(response.status).toBe(200)
    expect(saidText(await response.text())).toContain('simulated answer')
    const sent = allText(lastBody())
    for (const words of ['You run commands.', 'You are in a folder.', 'List it.'])
      expect(sent).toContain(words)
  })

  const partsIn = (text: string): readonly JsonObject[] =>
    readValues(text).flatMap(({ candidates }) =>
      arrayOf(candidates).flatMap((candidate) => {
        const { content } = candidate as { readonly content?: JsonObject }
        return arrayOf(content?.['parts']) as readonly JsonObject[]
      }),
    )

  test.each(TARGET_NAMES)('it echoes what it was given, and its tool loop ends over %s', async (target) => {
    const parts = partsIn(await (await ask(`${target}/tools`)).text())
    const called = parts.flatMap(({ functionCall }) => (functionCall ? [functionCall as JsonObject] : []))
    expect(called).toHaveLength(1)
    const contents = [
      ...GEMINI_CLI.body.contents,
      { role: 'model', parts },
      {
        role: 'user',
        parts: called.map(({ id, name }) => ({
          functionResponse: { id, name, response: { output: 'a folder of cables' } },
        })),
      },
    ]
    expect(saidText(await (await ask(`${target}/tools`, { contents })).text())).toContain(
      'a folder of cables',
    )
  })

  test('a thought signature comes back to the provider that made it', async () => {
    const signature = Buffer.from('signature of a thought').toString('base64')
    const call = { functionCall: { id: 'c1', name: 'run_shell_command', args: { path: '.' } } }
    const parts = [{ ...call, thoughtSignature: signature }]
    const answer = {
      ...geminiAnswer(''),
      candidates: [{ content: { role: 'model', parts }, finishReason: 'STOP' }],
    }
    await using told = await openToldStage({
      gemini: { dialect: 'gemini', tell: () => ({ body: eventsOf(answer) }) },
    })
    const asking = { dialect: 'gemini', model: 'gemini/m', stream: true } as const
    const text = await (await askRaw(told.url, { ...asking, body: GEMINI_CLI.body })).text()
    const given = partsIn(text)
    expect(JSON.stringify(given)).toContain(signature)
    const contents = [
      ...GEMINI_CLI.body.contents,
      { role: 'model', parts: given },
      { role: 'user', parts: [{ functionResponse: { id: 'c1', name: 'run_shell_command', response: {} } }] },
    ]
    await (await askRaw(told.url, { ...asking, body: { ...GEMINI_CLI.body, contents } })).text()
    expect(told.lastAsked('gemini').text).toContain(signature)
  })
})

describe('clients qwen-code, cline, continue, opencode, pi', () => {
  test.each(TARGET_NAMES)('their request is served over %s, with usage at the end', async (target) => {
    const asking = { dialect: 'openai-chat', model: `${target}/mock`, ...PLAIN_CHAT } as const
    const response = await askRaw(world.url, asking)
    expect(response.status).toBe(200)
    const text = await response.text()
    expect(readEvents(text).at(-1)?.data).toBe('[DONE]')
    expect(readValues(text).at(-1)).toMatchObject({
      choices: [],
      usage: { total_tokens: expect.any(Number) },
    })
    expect(allText(lastBody())).toContain('Wait a little.')
  })

  test('schemas are said to Google in words that it knows', async () => {
    const asking = { dialect: 'openai-chat', model: 'gemini/tools', ...PLAIN_CHAT } as const
    await (await askRaw(world.url, asking)).text()
    const tools = JSON.stringify(lastBody()['tools'])
    expect(tools).toMatch(/seconds.*reason/)
    // Google's own form of a schema knows neither; as a JSON Schema it takes both.
    if (!tools.includes('parametersJsonSchema')) expect(tools).not.toMatch(/exclusiveMinimum|\$schema/)
  })
})

describe('client copilot', () => {
  test.each(TARGET_NAMES)('its request is served over %s', async (target) => {
    const asking = { dialect: 'openai-chat', model: `${target}/mock`, ...COPILOT } as const
    const response = await askRaw(world.url, asking)
    expect(response.status).toBe(200)
    expect(saidText(await response.text())).toContain('simulated answer')
    if (target === 'messages') expect(lastBody()).not.toHaveProperty('frequency_penalty')
  })
})

describe('client copilot: what a model refuses by name is left out', () => {
  const refusal = {
    status: 400,
    body: {
      error: {
        message: "Unsupported value: 'temperature' does not support 0 with this model.",
        type: 'invalid_request_error',
        param: 'temperature',
        code: 'unsupported_value',
      },
    },
  }
  const tell: Telling = ({ body }) =>
    body['temperature'] === undefined ? { body: chatStream('hi') } : refusal
  const routes = { strict: { targets: ['chat/m'], strict: true } }

  test('and known from then on, and named', async () => {
    await using told = await openToldStage({ chat: { dialect: 'openai-chat', tell } })
    for (const calls of [2, 3, 4]) {
      const response = await askRaw(told.url, { dialect: 'openai-chat', model: 'chat/m', ...COPILOT })
      expect(saidText(await response.text())).toBe('hi')
      expect(response.headers.get('x-holdfast-losses')).toBe('temperature')
      expect(told.asked('chat')).toHaveLength(calls)
    }
    const { temperature: _, ...rest } = COPILOT.body
    expect(told.lastAsked('chat').body).toEqual({ model: 'm', ...rest })
  })

  test('in a translation too, and not where a route is strict', async () => {
    await using told = await openToldStage({ chat: { dialect: 'openai-chat', tell } }, { routes })
    const asking = { dialect: 'anthropic-messages', body: { temperature: 0 }, stream: true } as const
    const translated = await askRaw(told.url, { ...asking, model: 'chat/m' })
    expect(saidText(await translated.text())).toBe('hi')
    const strict = await askRaw(told.url, {
      dialect: 'openai-chat',
      model: 'strict',
      body: { temperature: 0 },
    })
    expect(strict.status).toBe(400)
    expect(await strict.text()).toContain('does not support 0')
  })
})

describe('client openai 7', () => {
  const client = (maxRetries = 0) => new OpenAI({ baseURL: `${world.url}/v1`, apiKey: 'unused', maxRetries })
  const messages = [{ role: 'user' as const, content: 'hello' }]

  test('a tool call in pieces is put together by its strict parser', async () => {
    const piece = (id: string, name: string, args: string) =>
      chatChunk({ tool_calls: [{ index: 0, id, type: 'function', function: { name, arguments: args } }] })
    const body = eventsOf(
      chatChunk({ role: 'assistant' }),
      piece('call_1', 'f', '{"a":'),
      piece('call_1', '', '1}'),
      chatChunk({}, 'tool_calls'),
      '[DONE]',
    )
    await using told = await openToldStage({ chat: { dialect: 'openai-chat', tell: () => ({ body }) } })
    const sdk = new OpenAI({ baseURL: `${told.url}/v1`, apiKey: 'unused', maxRetries: 0 })
    const completion = await sdk.chat.completions.stream({ model: 'chat/m', messages }).finalChatCompletion()
    expect(completion.choices[0]?.message.tool_calls).toMatchObject([
      { id: 'call_1', function: { name: 'f', arguments: '{"a":1}' } },
    ])
  })

  test('its errors carry the request id', async () => {
    const error = await rejectionOf(client().chat.completions.create({ model: 'bad-once', messages }))
    expect(error).toBeInstanceOf(OpenAI.BadRequestError)
    expect(error).toMatchObject({ requestID: expect.stringMatching(/^req_/) })
  })
})

describe('client @anthropic-ai/sdk 1.x', () => {
  test('invalid JSON in the input of a streamed tool is not passed off as valid', async () => {
    const piece = (args: string) =>
      chatChunk({
        tool_calls: [{ index: 0, id: 'call_1', type: 'function', function: { name: 'f', arguments: args } }],
      })
    const body = eventsOf(piece('{"a": nonsense'), chatChunk({}, 'tool_calls'), '[DONE]')
    await using told = await openToldStage(
      { chat: { dialect: 'openai-chat', tell: () => ({ body }) } },
      { routes: { once: { targets: ['chat/m'], retries: 0 } } },
    )
    const sdk = new Anthropic({ baseURL: told.url, apiKey: 'unused', maxRetries: 0 })
    const asked = { model: 'once', max_tokens: 9, messages: [{ role: 'user' as const, content: 'hello' }] }
    const outcome = await sdk.messages
      .stream(asked)
      .finalMessage()
      .then(
        () => 'whole',
        () => 'refused',
      )
    expect(outcome).toBe('refused')
  })

  test('waits as retry-after-ms says, and gets there', async () => {
    let calls = 0
    await using told = await openToldStage(
      {
        chat: {
          dialect: 'openai-chat',
          tell: () => {
            calls += 1
            return calls === 1
              ? { status: 429, headers: { 'retry-after-ms': '120' }, body: { error: { message: 'slower' } } }
              : { body: chatAnswer('hi') }
          },
        },
      },
      { routes: { once: { targets: ['chat/m'], retries: 0 } } },
    )
    const sdk = new Anthropic({ baseURL: told.url, apiKey: 'unused', maxRetries: 2 })
    const asked = { model: 'once', max_tokens: 9, messages: [{ role: 'user' as const, content: 'hello' }] }
    const message = await sdk.messages.create(asked)
    expect(message.content).toMatchObject([{ type: 'text', text: 'hi' }])
  })
})

describe('client @google/genai', () => {
  const client = () => new GoogleGenAI({ apiKey: 'unused', httpOptions: { baseUrl: world.url } })

  test.each([
    ['bad-once', 400],
    ['limited-once', 429],
    ['down-once', 503],
    ['no-such-model', 404],
  ])('%s is raised as its ApiError with status %i and our words', async (model, status) => {
    const error = await rejectionOf(client().models.generateContent({ model, contents: 'hello' }))
    expect(error).toBeInstanceOf(ApiError)
    expect(error).toMatchObject({ status })
    const { message } = error as ApiError
    expect(JSON.parse(message)).toMatchObject({
      error: {
        code: status,
        message: expect.stringMatching(/.+/),
        status: expect.stringMatching(/^[A-Z_]+$/),
      },
    })
  })

  test('an error inside of a stream is raised as ApiError, after the text before it', async () => {
    let text = ''
    const read = async () => {
      const stream = await client().models.generateContentStream({ model: 'chat/breaks', contents: 'hello' })
      for await (const chunk of stream) text += chunk.text ?? ''
    }
    expect(await rejectionOf(read())).toBeInstanceOf(ApiError)
    expect(text).not.toBe('')
  })
})

describe('client ai (Vercel)', () => {
  const anthropic = () => createAnthropic({ baseURL: `${world.url}/v1`, apiKey: 'unused' })

  test('shows the words of an error, and judges by its status whether to try again', async () => {
    const ask = (model: string) => generateText({ model: anthropic()(model), prompt: 'hello', maxRetries: 0 })
    const bad = await rejectionOf(ask('bad-once'))
    expect(APICallError.isInstance(bad)).toBe(true)
    expect(bad).toMatchObject({ message: expect.stringContaining('temperature'), isRetryable: false })
    expect(await rejectionOf(ask('down-once'))).toMatchObject({ isRetryable: true })
  })

  test.each(TARGET_NAMES)('a ceiling of 128,000 tokens is no reason to refuse over %s', async (target) => {
    const response = await askRaw(world.url, {
      dialect: 'anthropic-messages',
      model: `${target}/mock`,
      body: { max_tokens: 128_000 },
    })
    expect(response.status).toBe(200)
    await response.text()
  })
})
