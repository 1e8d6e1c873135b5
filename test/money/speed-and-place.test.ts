/** What an answer of Anthropic's costs that is made faster, or in the United States alone: as the answer tells, or as was asked. */

import { describe, expect, onTestFinished, test } from 'vitest'
import type { Budget } from '../../src/ledger/budget.ts'
import { modelFacts } from '../../src/providers/model-facts.ts'
import type { JsonObject } from '../../src/std/json.ts'
import type { ClientAnswer } from '../support/client-answer.ts'
import { DOLLAR, openMoneyStage } from '../support/money-stage.ts'
import { messagesAnswer, messagesStream } from '../support/told-answers.ts'
import { startToldProvider } from '../support/told-provider.ts'

const INPUT = 1_000
const OUTPUT = 100
const OPUS = 'claude-opus-4-8'
const HAIKU = 'claude-haiku-4-5'
/** Dollars for a million tokens, here as nano-dollars for what an answer uses. */
const priceOf = (input: number, output: number) => INPUT * input * 1_000 + OUTPUT * output * 1_000
const inUs = (nanoUsd: number) => (nanoUsd * 11) / 10
const opus = { usual: priceOf(5, 25), fast: priceOf(10, 50) }

/** Anthropic's stream says how it serves at its start alone. */
function message({ stream }: JsonObject, words: JsonObject): object | string {
  const used = { output_tokens: OUTPUT }
  const usage = { input_tokens: INPUT, service_tier: 'standard', ...used, ...words }
  return stream === true ? messagesStream('hello', usage, used) : messagesAnswer('hello', usage)
}

interface Asking {
  readonly isPaid?: boolean
  readonly model?: string
  readonly mode?: 'plain' | 'stream'
}

/** A provider that tells `words` of how it served; what is asked of it says so with further fields. */
async function openAnthropic(
  words: JsonObject,
  { nanoUsd = 100 * DOLLAR, ...config }: { nanoUsd?: number; budgets?: JsonObject } = {},
) {
  const provider = await startToldProvider(({ body }) => ({ body: message(body, words) }))
  onTestFinished(() => provider[Symbol.asyncDispose]())
  let paid = ''
  let free = ''
  let budget1: Budget | undefined
  const stage = await openMoneyStage({
    config,
    providers: {
      anthropic: {
        baseUrl: `${provider.origin}/v1`,
        credential: 'provider-key-0123456789',
        prices: {
          'claude-sold-apart': { input: 1, output: 2, classes: { fast: { input: 4, output: 8 } } },
        },
      },
    },
    async prepare(ledger) {
      const made = await ledger.key({ name: 'paid' })
      paid = made.secret
      free = (await ledger.key({ name: 'free' })).secret
      budget1 = await ledger.budget({ scope: { kind: 'key', id: made.id }, nanoUsd })
    },
  })
  if (budget1 === undefined) throw new Error('nothing was prepared')
  const budget = budget1
  const ask = (body: JsonObject, { isPaid = true, model = OPUS, mode = 'plain' }: Asking = {}) =>
    stage.ask({
      client: 'anthropic-messages',
      model: `anthropic/${model}`,
      mode,
      key: isPaid ? paid : free,
      body,
    })
  return {
    asked: provider.asked,
    ask,
    spent: async () => (await stage.standing(budget)).spent,
    async attempt(answer: ClientAnswer) {
      expect(answer.error, answer.raw).toBeUndefined()
      const { attempts } = await stage.record(answer)
      expect(attempts).toHaveLength(1)
      return attempts[0]
    },
  }
}

const FAST = { speed: 'fast' }
const IN_US = { inference_geo: 'us' }

describe('an answer that is made faster', () => {
  test.each(['plain', 'stream'] as const)('costs what is published of it (%s)', async (mode) => {
    const stage = await openAnthropic(FAST)
    const entry = await stage.attempt(await stage.ask(FAST, { mode }))
    expect(entry).toMatchObject({ basis: 'reported', costNanoUsd: opus.fast })
    expect(await stage.spent()).toBe(opus.fast)
    expect(stage.asked.find(({ method }) => method === 'POST')?.body).toMatchObject(FAST)
  })

  test.each(['plain', 'stream'] as const)('costs the usual price where it tells that (%s)', async (mode) => {
    const stage = await openAnthropic({ speed: 'standard' })
    expect(await stage.attempt(await stage.ask(FAST, { mode }))).toMatchObject({ costNanoUsd: opus.usual })
  })

  test('costs what was asked for where it tells nothing of its speed', async () => {
    const stage = await openAnthropic({})
    expect(await stage.attempt(await stage.ask(FAST))).toMatchObject({ costNanoUsd: opus.fast })
  })

  test('costs what the file says of the model', async () => {
    const stage = await openAnthropic(FAST)
    const entry = await stage.attempt(await stage.ask(FAST, { model: 'claude-sold-apart' }))
    expect(entry).toMatchObject({ basis: 'reported', costNanoUsd: priceOf(4, 8) })
  })

  test('of a model that nobody sells so is refused where a budget pays, and has no sum where none does', async () => {
    const stage = await openAnthropic(FAST)
    const refused = await stage.ask(FAST, { model: HAIKU })
    expect(refused.error?.message).toContain('speed "fast"')
    expect(refused.status).toBe(400)
    expect(stage.asked.filter(({ method }) => method === 'POST')).toEqual([])
    const entry = await stage.attempt(await stage.ask(FAST, { model: HAIKU, isPaid: false }))
    expect(entry?.costNanoUsd).toBeUndefined()
  })
})

describe('an answer that is made in the United States alone', () => {
  test.each(['plain', 'stream'] as const)('costs a tenth more (%s)', async (mode) => {
    const stage = await openAnthropic(IN_US)
    const entry = await stage.attempt(await stage.ask(IN_US, { mode }))
    expect(entry).toMatchObject({ basis: 'reported', costNanoUsd: inUs(opus.usual) })
    const both = await stage.attempt(await stage.ask({ ...IN_US, ...FAST }, { mode }))
    expect(both).toMatchObject({ basis: 'reported', costNanoUsd: inUs(opus.fast) })
  })

  test('costs so where nobody asked for it', async () => {
    const stage = await openAnthropic({ inference_geo: 'us' })
    expect(await stage.attempt(await stage.ask({}))).toMatchObject({ costNanoUsd: inUs(opus.usual) })
  })

  test('SEC-49: is held at that price unless it asks for another place', async () => {
    // 335 tokens of output, and a token of input for each of some 130 bytes, are held at just below 10 million nano-dollars.
    const ceilings = async (body: JsonObject) => {
      const stage = await openAnthropic(IN_US, { nanoUsd: DOLLAR / 100 })
      await stage.attempt(await stage.ask({ max_tokens: 335, ...body }))
      return stage.asked.find(({ method }) => method === 'POST')?.body['max_tokens']
    }
    expect(await ceilings({ inference_geo: 'global' })).toBe(335)
    expect(await ceilings({ inference_geo: 'us' })).toBeLessThan(335)
    expect(await ceilings({})).toBeLessThan(335)
  })

  test('costs the usual price where it tells another place', async () => {
    const stage = await openAnthropic({ inference_geo: 'global' })
    expect(await stage.attempt(await stage.ask(IN_US))).toMatchObject({ costNanoUsd: opus.usual })
  })

  test('is refused where a budget pays and nobody knows the place', async () => {
    const stage = await openAnthropic({ inference_geo: 'moon' })
    const refused = await stage.ask({ inference_geo: 'moon' })
    expect(refused.error?.message).toContain('inference_geo "moon"')
    const entry = await stage.attempt(await stage.ask({ inference_geo: 'moon' }, { isPaid: false }))
    expect(entry?.costNanoUsd).toBeUndefined()
  })

  test('is charged at the stated price where nobody knows the place', async () => {
    const unknownPrice = { input: 20, output: 100 }
    const stage = await openAnthropic({ inference_geo: 'moon' }, { budgets: { unknownPrice } })
    const entry = await stage.attempt(await stage.ask({ inference_geo: 'moon' }))
    expect(entry).toMatchObject({ basis: 'estimated', costNanoUsd: priceOf(20, 100) })
  })
})

test('the model has the prices that this file reckons with', () => {
  const { prices } = modelFacts('anthropic', OPUS) ?? {}
  expect(prices).toMatchObject({ input: 5_000_000, output: 25_000_000 })
  expect(prices?.classes?.fast).toMatchObject({ input: 10_000_000, output: 50_000_000 })
  expect(modelFacts('anthropic', HAIKU)?.prices?.classes).toBeUndefined()
})
