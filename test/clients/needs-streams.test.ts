/**
 * What clients need of streams: event lines, one identity, honest counts, no chunk that was not asked for, an end in the
 * dialect's own words, and a provider that is left when its client leaves. The numbers are those of docs/clients.md.
 */

import Anthropic from '@anthropic-ai/sdk'
import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type EveryDialect, openEveryDialect, TARGET_NAMES } from '../support/every-dialect.ts'
import {
  type AskedDialect,
  ASKED_DIALECTS,
  askRaw,
  readEvents,
  readJson,
  readValues,
  saidText,
} from '../support/raw-asking.ts'
import {
  chatAnswer,
  chatChunk,
  chatStream,
  geminiAnswer,
  messagesAnswer,
  messagesStart,
  messagesStream,
} from '../support/told-answers.ts'
import { eventsOf, openToldStage, type ToldStage } from '../support/told-provider.ts'

let world: EveryDialect
beforeAll(async () => {
  world = await openEveryDialect({
    scenario: {
      // Slow enough that what comes before a break is on its way when the stream breaks.
      pace: { perTokenMs: 3, tokensPerChunk: 1 },
      faults: [
        { fault: 'error-after-content(token=4,error=overloaded)', model: 'breaks' },
        { fault: 'cut-stream(token=4,by=rst)', model: 'cut' },
        { fault: 'changing-ids', model: 'restless' },
        { fault: 'status-503', model: 'down' },
      ],
    },
    routes: Object.fromEntries(
      TARGET_NAMES.map((name) => [`after-${name}`, { targets: [`${name}/down`, 'chat/mock'], retries: 0 }]),
    ),
  })
})
afterAll(() => world[Symbol.asyncDispose]())

const pairs = ASKED_DIALECTS.flatMap((dialect) => TARGET_NAMES.map((target) => ({ dialect, target })))

const streamed = async (dialect: AskedDialect, model: string, body = {}) => {
  const response = await askRaw(world.url, { dialect, model, stream: true, body })
  expect(response.status).toBe(200)
  return response.text()
}

describe('need 6: event lines', () => {
  test.each(pairs)('$dialect over $target', async ({ dialect, target }) => {
    const text = await streamed(dialect, `${target}/mock`)
    const events = readEvents(text).filter(({ data }) => data !== '[DONE]')
    expect(events.length).toBeGreaterThan(2)
    const isNamed = dialect === 'anthropic-messages' || dialect === 'openai-responses'
    for (const { name, data } of events) {
      const { type } = JSON.parse(data) as { readonly type?: string }
      expect(name).toBe(isNamed ? type : undefined)
    }
    expect(text.includes('[DONE]')).toBe(dialect === 'openai-chat')
    if (dialect === 'openai-chat') expect(text.endsWith('data: [DONE]\n\n')).toBe(true)
  })
})

describe('need 7: one identity', () => {
  test.each(TARGET_NAMES)('of a response over %s, and of its items', async (target) => {
    for (const model of [`${target}/mock`, `${target}/tools`, `after-${target}`]) {
      const tools = [{ type: 'function', name: 'weather', parameters: { type: 'object', properties: {} } }]
      const values = readValues(await streamed('openai-responses', model, { tools }))
      const ids = values.flatMap(({ response }) => idIn(response))
      expect(ids.length).toBeGreaterThan(2)
      expect(new Set(ids).size).toBe(1)
      const added = values.filter(({ type }) => type === 'response.output_item.added')
      const done = values.filter(({ type }) => type === 'response.output_item.done')
      const indexes = added.map((value) => value['output_index'])
      expect(new Set(indexes).size).toBe(indexes.length)
      expect(done.map(({ item }) => idIn(item)[0])).toEqual(
        expect.arrayContaining(added.map(({ item }) => idIn(item)[0])),
      )
    }
  })

  test.each(['chat', 'messages'])('is kept where a provider of %s changes its own', async (target) => {
    const values = readValues(await streamed('openai-responses', `${target}/restless`))
    expect(values.at(-1)?.['type']).toBe('response.completed')
    expect(new Set(values.flatMap(({ response }) => idIn(response))).size).toBe(1)
  })

  test.each(TARGET_NAMES)('is what openai 7 insists on, over %s', async (target) => {
    const client = new OpenAI({ baseURL: `${world.url}/v1`, apiKey: 'unused', maxRetries: 0 })
    for (const model of [`${target}/mock`, `${target}/tools`, `after-${target}`]) {
      const tool = { name: 'weather', parameters: { type: 'object', properties: {} } }
      const response = await client.responses
        .stream({ model, input: 'hello', tools: [{ type: 'function', strict: false, ...tool }] })
        .finalResponse()
      expect(response.status).toBe('completed')
      const completion = await client.chat.completions
        .stream({
          model,
          messages: [{ role: 'user', content: 'hello' }],
          tools: [{ type: 'function', function: tool }],
        })
        .finalChatCompletion()
      expect(completion.choices[0]?.finish_reason).toMatch(/stop|tool_calls/)
    }
  })

  const idIn = (value: unknown): readonly unknown[] =>
    typeof value === 'object' && value !== null && 'id' in value ? [value.id] : []
})

describe('need 19: a stream that breaks', () => {
  const rows = pairs
    .filter(({ target }) => ['chat', 'messages'].includes(target))
    .flatMap((pair) => ['breaks', 'cut'].map((fault) => ({ ...pair, fault })))
  test.each(rows)('$dialect over $target, which $fault: ends in its own words', async (row) => {
    const text = await streamed(row.dialect, `${row.target}/${row.fault}`)
    const last = readEvents(text).at(-1)
    const value = readValues(text).at(-1)
    switch (row.dialect) {
      case 'openai-chat':
        expect(value).toMatchObject({ error: { message: expect.stringMatching(/.+/) } })
        expect(text).not.toContain('[DONE]')
        break
      case 'anthropic-messages':
        expect(last?.name).toBe('error')
        expect(value).toMatchObject({ type: 'error', error: { type: expect.stringMatching(/_error$/) } })
        break
      case 'openai-responses':
        expect(last?.name).toBe('response.failed')
        expect(value).toMatchObject({
          response: { status: 'failed', error: { message: expect.any(String) } },
        })
        break
      case 'gemini':
        expect(value).toMatchObject({ error: { code: expect.any(Number), status: expect.any(String) } })
    }
  })
})

describe('need 18: a client that goes away', () => {
  const hello = { role: 'assistant', content: 'first words' }
  let told: ToldStage
  beforeAll(async () => {
    told = await openToldStage({
      chat: { dialect: 'openai-chat', tell: () => ({ body: eventsOf(chatChunk(hello)), isOpen: true }) },
      messages: {
        dialect: 'anthropic-messages',
        tell: () => ({ body: `${messagesStart()}${openText}`, isOpen: true }),
      },
    })
  })
  afterAll(() => told[Symbol.asyncDispose]())

  const openText = eventsOf(
    { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
    { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'first words' } },
  )

  const rows = ASKED_DIALECTS.flatMap((dialect) =>
    ['chat', 'messages'].flatMap((name) => [true, false].map((stream) => ({ dialect, name, stream }))),
  )
  test.each(rows)('$dialect over $name, stream $stream: the provider is left within 2 s', async (row) => {
    const before = told.asked(row.name).length
    const leaving = new AbortController()
    const asking = askRaw(told.url, { ...row, model: `${row.name}/m`, signal: leaving.signal })
    const over = asking.then((response) => response.text()).catch(() => 'left')
    while (told.asked(row.name).length === before) await new Promise((resolve) => setImmediate(resolve))
    const beganAtMs = performance.now()
    leaving.abort()
    await told.lastAsked(row.name).left
    expect(performance.now() - beganAtMs).toBeLessThan(2_000)
    expect(await over).toBe('left')
  })
})

describe('need 15: what was used', () => {
  const cachedChat = {
    prompt_tokens: 100,
    completion_tokens: 20,
    total_tokens: 120,
    prompt_tokens_details: { cached_tokens: 60 },
    completion_tokens_details: { reasoning_tokens: 5 },
  }
  const cachedMessages = {
    input_tokens: 40,
    cache_read_input_tokens: 60,
    cache_creation_input_tokens: 0,
    output_tokens: 20,
  }
  let told: ToldStage
  beforeAll(async () => {
    told = await openToldStage({
      chat: {
        dialect: 'openai-chat',
        tell: ({ body }) => ({
          body: body['stream'] ? chatStream('hi', cachedChat) : chatAnswer('hi', cachedChat),
        }),
      },
      messages: {
        dialect: 'anthropic-messages',
        tell: ({ body }) => ({
          body: body['stream'] ? messagesStream('hi', cachedMessages) : messagesAnswer('hi', cachedMessages),
        }),
      },
      gemini: {
        dialect: 'gemini',
        tell: ({ path }) => {
          const answer = geminiAnswer('hi', {
            cachedContentTokenCount: 60,
            candidatesTokenCount: 15,
            thoughtsTokenCount: 5,
          })
          return { body: path.includes('alt=sse') ? eventsOf(answer) : answer }
        },
      },
    })
  })
  afterAll(() => told[Symbol.asyncDispose]())

  /** 100 tokens of input, 60 of them cached; 20 of output, 5 of them thoughts where the provider tells. */
  const wanted = (dialect: AskedDialect, name: string): object => {
    const thoughts = name === 'messages' ? undefined : 5
    switch (dialect) {
      case 'openai-chat':
        return {
          prompt_tokens: 100,
          completion_tokens: 20,
          total_tokens: 120,
          prompt_tokens_details: { cached_tokens: 60 },
          ...(thoughts && { completion_tokens_details: { reasoning_tokens: thoughts } }),
        }
      case 'openai-responses':
        return {
          input_tokens: 100,
          output_tokens: 20,
          total_tokens: 120,
          input_tokens_details: { cached_tokens: 60 },
          ...(thoughts && { output_tokens_details: { reasoning_tokens: thoughts } }),
        }
      case 'anthropic-messages':
        return { input_tokens: 40, cache_read_input_tokens: 60, output_tokens: 20 }
      case 'gemini':
        return {
          promptTokenCount: 100,
          cachedContentTokenCount: 60,
          candidatesTokenCount: 20 - (thoughts ?? 0),
          totalTokenCount: 120,
          ...(thoughts && { thoughtsTokenCount: thoughts }),
        }
    }
  }

  const usagesIn = (text: string) =>
    (/^\s*\{/.test(text) ? [JSON.parse(text)] : readValues(text)).flatMap((value) => {
      const { usage, usageMetadata, response } = value
      return [usage, usageMetadata, response?.usage].filter((one) => one !== undefined && one !== null)
    })

  const rows = ASKED_DIALECTS.flatMap((dialect) =>
    ['chat', 'messages', 'gemini'].flatMap((name) =>
      [false, true].map((stream) => ({ dialect, name, stream })),
    ),
  )
  test.each(rows)('$dialect over $name, stream $stream, in its own way of counting', async (row) => {
    const options =
      row.dialect === 'openai-chat' && row.stream ? { stream_options: { include_usage: true } } : {}
    const response = await askRaw(told.url, { ...row, model: `${row.name}/m`, body: options })
    const usages = usagesIn(await response.text())
    expect(usages.at(-1)).toMatchObject(wanted(row.dialect, row.name))
  })

  test.each(['chat', 'messages', 'gemini'])(
    'need 16: over %s a message begins with 0 or 1 tokens of output',
    async (name) => {
      const asking = { dialect: 'anthropic-messages', model: `${name}/m`, stream: true } as const
      const [start] = readValues(await (await askRaw(told.url, asking)).text())
      expect(start).toMatchObject({ type: 'message_start' })
      const { message } = start as unknown as { message: Anthropic.Message }
      expect(message.usage.output_tokens).toBeLessThanOrEqual(1)
    },
  )

  test.each(['chat', 'messages', 'gemini'])(
    'need 17: over %s the chunk without choices comes only where it was asked for',
    async (name) => {
      const asking = { dialect: 'openai-chat', model: `${name}/m`, stream: true } as const
      const unasked = readValues(await (await askRaw(told.url, asking)).text())
      expect(unasked.filter(({ choices }) => Array.isArray(choices) && choices.length === 0)).toEqual([])
      expect(unasked.some(({ usage }) => usage !== undefined && usage !== null)).toBe(false)
      const body = { stream_options: { include_usage: true } }
      const asked = readValues(await (await askRaw(told.url, { ...asking, body })).text())
      expect(asked.at(-1)).toMatchObject({ choices: [], usage: { prompt_tokens: 100 } })
      const exchange = told.gateway.exchanges.at(-2)
      expect(exchange?.usage).toMatchObject({ outputTokens: 20 })
    },
  )
})

describe('need 8: two versions of Anthropic’s API at once', () => {
  let told: ToldStage
  beforeAll(async () => {
    told = await openToldStage({
      messages: { dialect: 'anthropic-messages', tell: () => ({ body: messagesAnswer('hi') }) },
      chat: { dialect: 'openai-chat', tell: () => ({ body: chatAnswer('hi') }) },
    })
  })
  afterAll(() => told[Symbol.asyncDispose]())

  test.each(['2023-06-01', '2026-10-21'])(
    'version %s travels on to a provider of the dialect',
    async (version) => {
      const asking = { dialect: 'anthropic-messages', model: 'messages/m', body: { max_tokens: 9 } } as const
      const response = await askRaw(told.url, { ...asking, headers: { 'anthropic-version': version } })
      expect(response.status).toBe(200)
      expect(told.lastAsked('messages').headers['anthropic-version']).toBe(version)
    },
  )

  test.each(['2023-06-01', '2026-10-21'])(
    'an answer to version %s has no nulls of the newer one',
    async (version) => {
      for (const model of ['chat/m', 'messages/m']) {
        const headers = { 'anthropic-version': version }
        const asking = { dialect: 'anthropic-messages', model, body: { max_tokens: 9 }, headers } as const
        const answer = await readJson(await askRaw(told.url, asking))
        expect(answer['content']).toEqual([{ type: 'text', text: 'hi' }])
      }
    },
  )

  test('a translated stream has none either', async () => {
    const text = await streamed('anthropic-messages', 'chat/mock')
    expect(text).not.toContain('citations')
    expect(saidText(text)).toContain('simulated answer')
  })
})
