/** What searches of the web cost that a provider makes by itself: each is paid for beside the tokens, and held for before. */

import { describe, expect, onTestFinished, test } from 'vitest'
import type { Budget } from '../../src/ledger/budget.ts'
import { SEARCHES_UNASKED } from '../../src/ledger/search-fee.ts'
import type { JsonObject } from '../../src/std/json.ts'
import { DOLLAR, type MoneyAsking, openMoneyStage } from '../support/money-stage.ts'
import { chatAnswer, messagesAnswer, messagesStream } from '../support/told-answers.ts'
import { eventsOf, startToldProvider } from '../support/told-provider.ts'

const INPUT = 1_000
const OUTPUT = 100
/** Dollars for a million tokens, as nano-dollars of an answer here. */
const tokens = (input: number, output: number) => INPUT * input * 1_000 + OUTPUT * output * 1_000
/** Of as many searches as are told, in the words of each dialect; `isBare`: the last event of a stream repeats no items. */
function answerTo(path: string, body: JsonObject, { searches, isBare }: Telling): object | string {
  if (path.includes('/messages')) return message(body, searches)
  if (path.includes('enerateContent')) return grounded(path, searches)
  return path.includes('/responses') ? response(body, searches, isBare) : completion(searches)
}

function message({ stream }: JsonObject, searches: number): object | string {
  const used = { output_tokens: OUTPUT, server_tool_use: { web_search_requests: searches } }
  const input = { input_tokens: INPUT }
  return stream === true
    ? messagesStream('hello', input, used)
    : messagesAnswer('hello', { ...input, ...used })
}

/** The tool also opens a page, which is no search. */
function response({ stream }: JsonObject, searches: number, isBare = false): object | string {
  const call = (id: string, type: string) => ({
    type: 'web_search_call',
    id,
    status: 'completed',
    action: { type },
  })
  const item = { id: 'i', type: 'message', role: 'assistant', status: 'completed' }
  const part = { type: 'output_text', text: 'hello', annotations: [] }
  const output = [
    ...Array.from({ length: searches }, (_, number) => call(`s${number}`, 'search')),
    call('o', 'open_page'),
    { ...item, content: [part] },
  ]
  const usage = { input_tokens: INPUT, output_tokens: OUTPUT, total_tokens: INPUT + OUTPUT }
  const head = { id: 'r', object: 'response', created_at: 1, model: 'gpt-5', status: 'completed' }
  if (stream !== true) return { ...head, output, usage }
  const at = output.length - 1
  const place = { output_index: at, content_index: 0, item_id: 'i' }
  return eventsOf(
    { type: 'response.created', response: { ...head, status: 'in_progress', output: [] } },
    ...output.slice(0, at).flatMap((search, index) => [
      { type: 'response.output_item.added', output_index: index, item: search },
      { type: 'response.output_item.done', output_index: index, item: search },
    ]),
    { type: 'response.output_item.added', output_index: at, item: { ...item, content: [] } },
    { type: 'response.content_part.added', ...place, part: { ...part, text: '' } },
    { type: 'response.output_text.delta', ...place, delta: 'hello' },
    { type: 'response.output_text.done', ...place, text: 'hello' },
    { type: 'response.content_part.done', ...place, part },
    { type: 'response.output_item.done', output_index: at, item: output[at] ?? {} },
    { type: 'response.completed', response: { ...head, output: isBare ? [] : output, usage } },
  )
}

function grounded(path: string, searches: number): object | string {
  const webSearchQueries = Array.from({ length: searches }, (_, number) => `query ${number}`)
  const usageMetadata = {
    promptTokenCount: INPUT,
    candidatesTokenCount: OUTPUT,
    totalTokenCount: INPUT + OUTPUT,
  }
  const content = { role: 'model', parts: [{ text: 'hello' }] }
  const last = {
    candidates: [{ index: 0, content, finishReason: 'STOP', groundingMetadata: { webSearchQueries } }],
    usageMetadata,
  }
  if (!path.includes('stream')) return last
  return eventsOf({ candidates: [{ index: 0, content }], usageMetadata }, last)
}

function completion(searches: number): object {
  const counts = { prompt_tokens: INPUT, completion_tokens: OUTPUT, total_tokens: INPUT + OUTPUT }
  return chatAnswer('hello', { ...counts, num_search_queries: searches })
}

interface Telling {
  readonly searches: number
  readonly isBare?: boolean
}

interface Opening {
  readonly nanoUsd?: number
  readonly isBare?: boolean
  readonly isBudgeted?: boolean
  readonly config?: Readonly<Record<string, unknown>>
}

async function openSearching(
  searches: number,
  { nanoUsd = 100 * DOLLAR, isBare = false, isBudgeted = true, config = {} }: Opening = {},
) {
  const telling = { searches, isBare }
  const provider = await startToldProvider(({ path, body }) => ({ body: answerTo(path, body, telling) }))
  onTestFinished(() => provider[Symbol.asyncDispose]())
  let key = ''
  let budget: Budget | undefined
  const at = (base: string) => ({
    baseUrl: `${provider.origin}${base}`,
    credential: 'provider-key-0123456789',
  })
  const stage = await openMoneyStage({
    config,
    providers: {
      anthropic: {
        ...at('/v1'),
        prices: {
          'claude-mine': { input: 1, output: 5, search: 3 },
          'claude-opus-4-5': { input: 1, output: 5 },
        },
      },
      openai: at('/v1'),
      gemini: { ...at('/v1beta'), prices: { 'gemini-2.0-flash': { input: 1, output: 5, search: 20 } } },
      perplexity: { ...at(''), prices: { 'sonar-pro': { input: 1, output: 5, search: 20 } } },
      local: {
        dialect: 'anthropic-messages',
        ...at('/v1'),
        prices: { known: { input: 1, output: 5 } },
      },
    },
    async prepare(ledger) {
      const made = await ledger.key({ name: 'paid' })
      key = made.secret
      if (isBudgeted) budget = await ledger.budget({ scope: { kind: 'key', id: made.id }, nanoUsd })
    },
  })
  const entry = async (asking: Omit<MoneyAsking, 'key'>) => {
    const answer = await stage.ask({ key, ...asking })
    expect(answer.error, answer.raw).toBeUndefined()
    const { attempts } = await stage.record(answer)
    if (budget === undefined) throw new Error('nothing was prepared')
    expect((await stage.standing(budget)).spent).toBe(attempts[0]?.costNanoUsd)
    return attempts[0]
  }
  return {
    /** As the provider was sent it. */
    sent: () => provider.asked.findLast(({ method }) => method === 'POST')?.body,
    ask: (asking: Omit<MoneyAsking, 'key'>) => stage.ask({ key, ...asking }),
    entry,
    async cost(asking: Omit<MoneyAsking, 'key'>) {
      const { basis, costNanoUsd } = (await entry(asking)) ?? {}
      expect(basis).toBe('reported')
      return costNanoUsd
    },
  }
}

const anthropicTool = { type: 'web_search_20250305', name: 'web_search', max_uses: 3 }
const WAYS: readonly (Pick<MoneyAsking, 'client' | 'model' | 'body'> & { readonly cost: number })[] = [
  {
    client: 'anthropic-messages',
    model: 'anthropic/claude-haiku-4-5',
    body: { tools: [anthropicTool] },
    cost: tokens(1, 5) + 3 * 10_000_000,
  },
  {
    client: 'openai-responses',
    model: 'openai/gpt-5',
    body: { tools: [{ type: 'web_search' }] },
    cost: tokens(1.25, 10) + 3 * 10_000_000,
  },
  {
    client: 'gemini',
    model: 'gemini/gemini-3-flash-preview',
    body: { tools: [{ googleSearch: {} }] },
    cost: tokens(0.5, 3) + 3 * 14_000_000,
  },
  {
    client: 'gemini',
    model: 'gemini/gemini-2.5-flash',
    body: { tools: [{ googleSearch: {} }] },
    cost: tokens(0.3, 2.5) + 35_000_000,
  },
]

describe('an answer for which the provider searched', () => {
  for (const mode of ['plain', 'stream'] as const)
    test.each(WAYS)(`costs its searches beside its tokens: $model, ${mode}`, async ({ cost, ...asking }) => {
      const stage = await openSearching(3)
      expect(await stage.cost({ ...asking, mode })).toBe(cost)
    })

  test('costs its tokens alone where it made none', async () => {
    for (const { cost: _cost, ...asking } of WAYS.slice(0, 2)) {
      const stage = await openSearching(0)
      const price = asking.client === 'anthropic-messages' ? tokens(1, 5) : tokens(1.25, 10)
      expect(await stage.cost(asking)).toBe(price)
    }
  })

  test('costs what the file says of a search, else what is published', async () => {
    const asking = { client: 'anthropic-messages', body: { tools: [anthropicTool] } } as const
    const cost = async (model: string) => (await openSearching(3)).cost({ ...asking, model })
    expect(await cost('anthropic/claude-mine')).toBe(tokens(1, 5) + 3 * 3_000_000)
    expect(await cost('anthropic/claude-opus-4-5')).toBe(tokens(1, 5) + 3 * 10_000_000)
  })

  test.each([
    ['local/known', {}, 200_000, 1, 5],
    ['local/any', { unknownPrice: { input: 2, output: 9 } }, 200_000, 2, 9],
  ])('costs all that was held where nobody knows what a search costs: %s', async (...args) => {
    const [model, budgets, inputMax, input, output] = args
    const body = { max_tokens: 500, tools: [anthropicTool] }
    const asking = { client: 'anthropic-messages', model, body } as const
    const config = { budgets }
    const entry = await (await openSearching(30, { config })).entry(asking)
    expect(entry?.basis).toBe('estimated')
    // Of the request itself some hundred bytes beside the 200,000 tokens that a search may find.
    const least = inputMax * input * 1_000 + 500 * output * 1_000
    expect(entry?.costNanoUsd).toBeGreaterThan(least)
    expect(entry?.costNanoUsd).toBeLessThan(least + 1_000 * input * 1_000)
    const none = await (await openSearching(0, { config })).entry(asking)
    expect(none?.costNanoUsd).toBe(tokens(input, output))
  })

  test('is counted as its provider counts, at the price of the file', async () => {
    const gemini = { client: 'gemini', body: { tools: [{ googleSearch: {} }] } } as const
    const flash = await openSearching(3)
    expect(await flash.cost({ ...gemini, model: 'gemini/gemini-2.0-flash' })).toBe(tokens(1, 5) + 20_000_000)
    const sonar = await openSearching(0)
    const asking = { client: 'openai-chat', model: 'perplexity/sonar-pro' } as const
    expect(await sonar.cost(asking)).toBe(tokens(1, 5) + 20_000_000)
  })

  test.each(['stream', 'fold'] as const)(
    'costs those that a stream showed whose end repeats nothing (%s)',
    async (mode) => {
      const asking = { client: 'openai-responses', model: 'openai/gpt-5', mode } as const
      const stage = await openSearching(2, { isBare: true })
      expect(await stage.cost(asking)).toBe(tokens(1.25, 10) + 2 * 10_000_000)
    },
  )

  test('costs more where OpenAI’s older tool is used with a model that does not reason', async () => {
    const cost = async (model: string, type: string) =>
      (await openSearching(2)).cost({ client: 'openai-responses', model, body: { tools: [{ type }] } })
    expect(await cost('openai/gpt-4o', 'web_search_preview')).toBe(tokens(2.5, 10) + 2 * 25_000_000)
    expect(await cost('openai/gpt-4o', 'web_search')).toBe(tokens(2.5, 10) + 2 * 10_000_000)
    expect(await cost('openai/gpt-5', 'web_search_preview')).toBe(tokens(1.25, 10) + 2 * 10_000_000)
  })

  test('costs as many as a model of research says it made', async () => {
    const stage = await openSearching(30)
    const entry = await stage.entry({ client: 'openai-chat', model: 'perplexity/sonar-deep-research' })
    expect(entry).toMatchObject({ basis: 'reported', costNanoUsd: tokens(2, 8) + 30 * 5_000_000 })
  })

  test.each([
    ['the usual size', {}, 5_000_000],
    ['the size that was asked for', { web_search_options: { search_context_size: 'high' } }, 12_000_000],
  ])('costs one by its size where the model always searches: %s', async (_what, body, fee) => {
    const stage = await openSearching(0)
    const asking = { client: 'openai-chat', model: 'perplexity/sonar', body } as const
    expect(await stage.cost(asking)).toBe(tokens(1, 1) + fee)
  })
})

describe('SEC-49: before it is asked', () => {
  const asking = { client: 'anthropic-messages', model: 'anthropic/claude-haiku-4-5' } as const
  const body = (tool: JsonObject) => ({ max_tokens: 16, tools: [{ ...anthropicTool, ...tool }] })
  /** What 16 tokens of output and a whole window may cost, kept for an hour and in the United States. */
  const TOKENS = 16 * 5_500 + 200_000 * 2_200

  test('as many searches are held as it lets the provider make', async () => {
    const stage = await openSearching(0, { nanoUsd: 20_000_000 + TOKENS })
    expect((await stage.ask({ ...asking, body: body({ max_uses: 3 }) })).error?.code).toBe('budget_exceeded')
    expect((await stage.ask({ ...asking, body: body({ max_uses: 2 }) })).error).toBeUndefined()
  })

  test('a number of them is held where it says none', async () => {
    const unasked = { type: 'web_search_20250305', name: 'web_search' }
    const ask = async (nanoUsd: number) =>
      (await openSearching(0, { nanoUsd })).ask({ ...asking, body: { max_tokens: 16, tools: [unasked] } })
    const all = SEARCHES_UNASKED * 10_000_000 + TOKENS
    expect((await ask(all - 1)).error?.code).toBe('budget_exceeded')
    expect((await ask(all)).error).toBeUndefined()
  })

  test('Anthropic is told that number, and its own where it says one', async () => {
    const unasked = { type: 'web_search_20250305', name: 'web_search' }
    const stage = await openSearching(SEARCHES_UNASKED)
    await stage.entry({ ...asking, body: { max_tokens: 16, tools: [unasked] } })
    expect(stage.sent()?.['tools']).toEqual([{ ...unasked, max_uses: SEARCHES_UNASKED }])
    const bounded = [{ ...unasked, max_uses: 1 }]
    await stage.ask({ ...asking, body: { max_tokens: 16, tools: bounded } })
    expect(stage.sent()?.['tools']).toEqual(bounded)
  })

  test('the Responses API is told nothing, since its number counts whatever it runs', async () => {
    const stage = await openSearching(SEARCHES_UNASKED)
    const tools = [{ type: 'web_search' }]
    await stage.entry({ client: 'openai-responses', model: 'openai/gpt-5', body: { tools } })
    expect(stage.sent()).toMatchObject({ tools })
    expect(stage.sent()?.['max_tool_calls']).toBeUndefined()
  })

  test('what no budget pays for is told nothing', async () => {
    const stage = await openSearching(9, { isBudgeted: false })
    const tools = [{ type: 'web_search_20250305', name: 'web_search' }]
    expect((await stage.ask({ ...asking, body: { max_tokens: 16, tools } })).error).toBeUndefined()
    expect(stage.sent()?.['tools']).toEqual(tools)
  })

  test('nothing is held where it offers no search', async () => {
    const stage = await openSearching(0, { nanoUsd: 3_000_000 })
    const tool = { name: 'web_search', input_schema: { type: 'object' } }
    expect((await stage.ask({ ...asking, body: { max_tokens: 16, tools: [tool] } })).error).toBeUndefined()
  })
})
