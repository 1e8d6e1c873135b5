/** What an answer costs that is served out of turn, or slower: as its provider says, in every way it can be asked for. */

import { describe, expect, onTestFinished, test } from 'vitest'
import type { Budget } from '../../src/ledger/budget.ts'
import { modelFacts } from '../../src/providers/model-facts.ts'
import type { JsonObject } from '../../src/std/json.ts'
import { DOLLAR, type MoneyStage, openMoneyStage } from '../support/money-stage.ts'
import { messagesAnswer, messagesStream } from '../support/told-answers.ts'
import { type AskedOfProvider, eventsOf, startToldProvider } from '../support/told-provider.ts'
import type { ClientAnswer } from '../support/client-answer.ts'
import type { MoneyAsking } from '../support/money-stage.ts'

interface TierStage extends MoneyStage {
  readonly paid: string
  readonly free: string
  readonly budget1: Budget
  readonly asked: readonly AskedOfProvider[]
  /** The one attempt that was made for it. */
  attempt(answer: ClientAnswer): Promise<{ readonly basis: string; readonly costNanoUsd?: number }>
}

const INPUT = 1_000
const OUTPUT = 100

/** OpenAI and Anthropic under their own names, so that what they publish counts; they serve in the tier of `tell`. */
async function openTiers(
  tell: (asked: JsonObject) => string | undefined = ({ service_tier: tier }) => tier as string | undefined,
  config: Readonly<Record<string, unknown>> = {},
): Promise<TierStage> {
  const provider = await startToldProvider(({ path, body }) => ({ body: answerTo(path, body, tell(body)) }))
  onTestFinished(() => provider[Symbol.asyncDispose]())
  let paid = ''
  let free = ''
  let budget1: Budget | undefined
  const credential = 'provider-key-0123456789'
  const stage = await openMoneyStage({
    config,
    providers: {
      openai: { baseUrl: `${provider.origin}/v1`, credential },
      anthropic: { baseUrl: `${provider.origin}/v1`, credential },
      groq: { baseUrl: `${provider.origin}/openai/v1`, credential, prices: { '*': { input: 1, output: 2 } } },
    },
    async prepare(ledger) {
      const made = await ledger.key({ name: 'paid' })
      paid = made.secret
      free = (await ledger.key({ name: 'free' })).secret
      budget1 = await ledger.budget({ scope: { kind: 'key', id: made.id }, nanoUsd: 100 * DOLLAR })
    },
  })
  if (budget1 === undefined) throw new Error('nothing was prepared')
  return {
    ...stage,
    paid,
    free,
    budget1,
    asked: provider.asked,
    async attempt(answer) {
      expect(answer.error, answer.raw).toBeUndefined()
      const { attempts } = await stage.record(answer)
      expect(attempts).toHaveLength(1)
      return attempts[0] as { readonly basis: string; readonly costNanoUsd?: number }
    },
  }
}

function answerTo(path: string, body: JsonObject, tier: string | undefined): object | string {
  const isStream = body['stream'] === true
  if (path.includes('/messages')) return message(isStream, tier)
  return path.includes('/responses') ? response(isStream, tier) : completion(isStream, tier)
}

/** The last chunk of all, with the usage, leaves the tier out, as some do: it stands in the others. */
function completion(isStream: boolean, tier: string | undefined): object | string {
  const head = { id: 'c', created: 1, model: 'gpt-5', ...(tier === undefined ? {} : { service_tier: tier }) }
  const usage = { prompt_tokens: INPUT, completion_tokens: OUTPUT, total_tokens: INPUT + OUTPUT }
  const message = { role: 'assistant', content: 'hello' }
  if (!isStream)
    return {
      ...head,
      object: 'chat.completion',
      choices: [{ index: 0, message, finish_reason: 'stop' }],
      usage,
    }
  const object = 'chat.completion.chunk'
  const chunks = [
    { ...head, object, choices: [{ index: 0, delta: message, finish_reason: null }] },
    { ...head, object, choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] },
    { id: 'c', created: 1, model: 'gpt-5', object, choices: [], usage },
  ]
  return `${chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join('')}data: [DONE]\n\n`
}

function response(isStream: boolean, tier: string | undefined): object | string {
  const output = [
    {
      type: 'message',
      id: 'msg_1',
      role: 'assistant',
      status: 'completed',
      content: [{ type: 'output_text', text: 'hello', annotations: [] }],
    },
  ]
  const usage = { input_tokens: INPUT, output_tokens: OUTPUT, total_tokens: INPUT + OUTPUT }
  const head = { id: 'resp_1', object: 'response', created_at: 1, model: 'gpt-5' }
  const whole = { ...head, status: 'completed', output, usage, service_tier: tier ?? null }
  if (!isStream) return whole
  const begun = { ...head, status: 'in_progress', output: [], service_tier: 'auto' }
  const item = { ...output[0], status: 'in_progress', content: [] }
  const place = { item_id: 'msg_1', output_index: 0, content_index: 0 }
  const part = { type: 'output_text', text: '', annotations: [] }
  return sse([
    { type: 'response.created', response: begun },
    { type: 'response.output_item.added', output_index: 0, item },
    { type: 'response.content_part.added', ...place, part },
    { type: 'response.output_text.delta', ...place, delta: 'hello' },
    { type: 'response.output_text.done', ...place, text: 'hello' },
    { type: 'response.content_part.done', ...place, part: { ...part, text: 'hello' } },
    { type: 'response.output_item.done', output_index: 0, item: output[0] },
    { type: 'response.completed', response: whole },
  ])
}

/** Anthropic's stream says the tier at its start alone. */
function message(isStream: boolean, tier: string | undefined): object | string {
  const used = { output_tokens: OUTPUT }
  const usage = { input_tokens: INPUT, ...used, ...(tier === undefined ? {} : { service_tier: tier }) }
  return isStream ? messagesStream('hello', usage, used) : messagesAnswer('hello', usage)
}

function sse(events: readonly JsonObject[]): string {
  return eventsOf(...events.map((event, number) => ({ ...event, sequence_number: number })))
}

function priceOf(provider: string, model: string) {
  const prices = modelFacts(provider, model)?.prices
  const cost = (table: { readonly input?: number; readonly output?: number } = {}) =>
    Math.round((INPUT * (table.input ?? Number.NaN) + OUTPUT * (table.output ?? Number.NaN)) / 1_000)
  return {
    standard: cost(prices),
    flex: cost(prices?.classes?.flex),
    priority: cost(prices?.classes?.priority),
  }
}

const gpt5 = priceOf('openai', 'gpt-5')
const haiku = priceOf('anthropic', 'claude-haiku-4-5')

/** Passed through and translated, streamed and not, and as a stream that is folded. */
const WAYS = (['openai-chat', 'openai-responses'] as const).flatMap((client) =>
  (['stream', 'plain', 'fold'] as const).map((mode) => ({ client, mode })),
)

const gpt = (asking: Omit<MoneyAsking, 'model'>): MoneyAsking => ({ ...asking, model: 'openai/gpt-5' })

describe('the price of an answer', () => {
  test('has classes to differ by', () => {
    expect([gpt5.flex < gpt5.standard, gpt5.standard < gpt5.priority, haiku.standard > 0]).toEqual([
      true,
      true,
      true,
    ])
  })

  test.each(WAYS)('is that of the tier it was served in: $client, $mode', async (way) => {
    const stage = await openTiers()
    for (const [tier, cost] of [
      ['priority', gpt5.priority],
      ['flex', gpt5.flex],
      ['default', gpt5.standard],
      [undefined, gpt5.standard],
    ] as const) {
      const body = tier === undefined ? {} : { service_tier: tier }
      const entry = await stage.attempt(await stage.ask(gpt({ ...way, key: stage.paid, body })))
      expect(entry, `${tier}`).toMatchObject({ basis: 'reported', costNanoUsd: cost })
    }
    const spent = gpt5.priority + gpt5.flex + 2 * gpt5.standard
    expect((await stage.standing(stage.budget1)).spent).toBe(spent)
  })

  test.each(WAYS)('is that of another tier where the answer says so: $client, $mode', async (way) => {
    const body = { service_tier: 'priority' }
    const slower = await openTiers(() => 'default')
    const cost = (stage: TierStage, fields: object) =>
      stage.ask(gpt({ ...way, key: stage.paid, body: { ...fields } })).then((answer) => stage.attempt(answer))
    expect(await cost(slower, body)).toMatchObject({ basis: 'reported', costNanoUsd: gpt5.standard })
    const faster = await openTiers(() => 'priority')
    expect(await cost(faster, { service_tier: 'auto' })).toMatchObject({ costNanoUsd: gpt5.priority })
    expect(await cost(faster, {})).toMatchObject({ costNanoUsd: gpt5.priority })
  })

  test('is that of the tier that was asked for where the answer says nothing', async () => {
    const stage = await openTiers(() => undefined)
    for (const way of WAYS) {
      const body = { service_tier: 'priority' }
      const entry = await stage.attempt(await stage.ask(gpt({ ...way, key: stage.paid, body })))
      expect(entry).toMatchObject({ basis: 'reported', costNanoUsd: gpt5.priority })
    }
  })

  test.each(['stream', 'plain', 'fold'] as const)(
    'is that of the tier told to a client of another dialect (%s)',
    async (mode) => {
      const stage = await openTiers(() => 'priority')
      for (const client of ['anthropic-messages', 'gemini'] as const) {
        const entry = await stage.attempt(await stage.ask(gpt({ client, mode, key: stage.paid })))
        expect(entry).toMatchObject({ basis: 'reported', costNanoUsd: gpt5.priority })
      }
    },
  )

  test('leaves out a tier that the translation left out', async () => {
    const stage = await openTiers(() => undefined)
    const body = { service_tier: 'priority', max_tokens: 200 }
    const model = 'anthropic/claude-haiku-4-5'
    const entry = await stage.attempt(
      await stage.ask({ client: 'openai-chat', key: stage.paid, model, body }),
    )
    expect(stage.asked.find(({ method }) => method === 'POST')?.body).not.toHaveProperty('service_tier')
    expect(entry).toMatchObject({ basis: 'reported', costNanoUsd: haiku.standard })
  })
})

describe('a tier that has no price', () => {
  const claude = { client: 'anthropic-messages', model: 'anthropic/claude-haiku-4-5' } as const

  test.each(['stream', 'plain'] as const)(
    'is never charged at the standard price: all that was held is, or nobody knows (%s)',
    async (mode) => {
      const stage = await openTiers(() => 'priority')
      const paid = await stage.attempt(await stage.ask({ ...claude, mode, key: stage.paid }))
      expect(paid.basis).toBe('estimated')
      expect((await stage.standing(stage.budget1)).spent).toBe(paid.costNanoUsd)
      const free = await stage.attempt(await stage.ask({ ...claude, mode, key: stage.free }))
      expect(free.costNanoUsd).toBeUndefined()
    },
  )

  test.each(['stream', 'plain'] as const)('is the standard one by its own words (%s)', async (mode) => {
    const stage = await openTiers(() => 'standard')
    for (const tier of ['auto', 'standard_only']) {
      const body = { service_tier: tier }
      const entry = await stage.attempt(await stage.ask({ ...claude, mode, key: stage.paid, body }))
      expect(entry).toMatchObject({ basis: 'reported', costNanoUsd: haiku.standard })
    }
  })

  test('is refused where a budget pays, and served where none does', async () => {
    const stage = await openTiers()
    const asking = { client: 'openai-chat', model: 'groq/m', body: { service_tier: 'performance' } } as const
    const refused = await stage.ask({ ...asking, key: stage.paid })
    expect(refused.error?.code).toBe('price_unknown')
    expect(refused.error?.message).toContain('service_tier "performance"')
    expect(stage.asked.filter(({ method }) => method === 'POST')).toEqual([])
    const entry = await stage.attempt(await stage.ask({ ...asking, key: stage.free }))
    expect(entry.costNanoUsd).toBeUndefined()
  })

  test('is held and charged at the stated price, or at the usual one where that is more', async () => {
    const unknownPrice = { input: 0.5, output: 10 }
    const stage = await openTiers(undefined, { budgets: { unknownPrice } })
    const asking = { client: 'openai-chat', model: 'groq/m', body: { service_tier: 'performance' } } as const
    const entry = await stage.attempt(await stage.ask({ ...asking, key: stage.paid }))
    expect(entry).toMatchObject({ basis: 'estimated', costNanoUsd: INPUT * 1_000 + OUTPUT * 10_000 })
  })

  test('is bounded by the usual price where it is a slower one', async () => {
    const stage = await openTiers()
    const asking = { client: 'openai-chat', model: 'groq/m', body: { service_tier: 'flex' } } as const
    const entry = await stage.attempt(await stage.ask({ ...asking, key: stage.paid }))
    expect(entry).toMatchObject({ basis: 'estimated', costNanoUsd: INPUT * 1_000 + OUTPUT * 2_000 })
  })

  test('that a provider calls by a word of its own unasked costs what its answers cost', async () => {
    for (const word of ['on_demand', 'house']) {
      const stage = await openTiers(() => word)
      const answer = await stage.ask({ client: 'openai-chat', model: 'groq/m', key: stage.paid })
      expect(await stage.attempt(answer)).toMatchObject({
        basis: 'reported',
        costNanoUsd: INPUT * 1_000 + OUTPUT * 2_000,
      })
    }
  })
})
