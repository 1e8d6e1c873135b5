/** What is published of a model bounds what is held for a request only where its provider is made to keep to it. */

import { expect, onTestFinished, test } from 'vitest'
import { modelFacts } from '../../src/providers/model-facts.ts'
import { DOLLAR, type MoneyStage, openMoneyStage } from '../support/money-stage.ts'
import { type AskedOfProvider, startToldProvider, type Telling } from '../support/told-provider.ts'

interface BoundedStage extends MoneyStage {
  readonly paid: string
  readonly free: string
  readonly posts: () => readonly AskedOfProvider[]
}

/** OpenAI and Anthropic under their own names, so that what is published of them counts. */
async function openBounded(tell: Telling, nanoUsd = 100 * DOLLAR): Promise<BoundedStage> {
  const provider = await startToldProvider(tell)
  onTestFinished(() => provider[Symbol.asyncDispose]())
  let paid = ''
  let free = ''
  const address = { baseUrl: `${provider.origin}/v1`, credential: 'provider-key-0123456789' }
  const stage = await openMoneyStage({
    providers: { openai: address, anthropic: address },
    async prepare(ledger) {
      const made = await ledger.key({ name: 'paid' })
      paid = made.secret
      free = (await ledger.key({ name: 'free' })).secret
      await ledger.budget({ scope: { kind: 'key', id: made.id }, nanoUsd })
    },
  })
  return { ...stage, paid, free, posts: () => provider.asked.filter(({ method }) => method === 'POST') }
}

const facts = (provider: string, model: string) => modelFacts(provider, model) ?? {}

const completion: Telling = () => ({
  body: {
    id: 'c',
    object: 'chat.completion',
    created: 1,
    model: 'm',
    choices: [{ index: 0, message: { role: 'assistant', content: 'hello' }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 10, completion_tokens: 1, total_tokens: 11 },
  },
})
const BEYOND = 1_000_000
const gpt = { client: 'openai-chat', model: 'openai/gpt-3.5-turbo', body: { max_tokens: BEYOND } } as const

test('SEC-49: a ceiling beyond what the model is published to write is lowered to what is held for', async () => {
  const stage = await openBounded(completion)
  const { outputTokensMax } = facts('openai', 'gpt-3.5-turbo')
  expect(outputTokensMax).toBeLessThan(BEYOND)
  // The provider's own word for it.
  const request = async (body: Readonly<Record<string, unknown>>) => {
    const answer = await stage.ask({ ...gpt, body, key: stage.paid })
    await stage.record(answer)
    return stage.posts().at(-1)?.body
  }
  expect(await request({ max_tokens: BEYOND })).toMatchObject({ max_completion_tokens: outputTokensMax })
  expect(await request({ max_tokens: 100 })).toMatchObject({ max_completion_tokens: 100 })
  // It would refuse what is usually held where nobody names a ceiling.
  expect(await request({ max_tokens: undefined, max_completion_tokens: undefined })).toMatchObject({
    max_completion_tokens: outputTokensMax,
  })
})

test('where no budget pays, the ceiling passes as the client has it', async () => {
  const stage = await openBounded(completion)
  await stage.ask({ ...gpt, key: stage.free })
  expect(stage.posts().at(-1)?.body).toMatchObject({ max_completion_tokens: BEYOND })
})

test('fault 80: an answer is ended at the lowered ceiling, not at that of the client', async () => {
  const delta = { role: 'assistant', content: 'on and on '.repeat(10_000) }
  const chunk = {
    id: 'c',
    object: 'chat.completion.chunk',
    created: 1,
    model: 'm',
    choices: [{ index: 0, delta, finish_reason: null }],
  }
  const stage = await openBounded(() => ({ body: `data: ${JSON.stringify(chunk)}\n\n`, isOpen: true }))
  const answer = await stage.ask({ ...gpt, mode: 'stream', key: stage.paid })
  expect([answer.finish, answer.hasTerminal]).toEqual(['length', true])
  const { request } = await stage.record(answer)
  expect(request).toMatchObject({ state: 'truncated', code: 'budget_exceeded' })
})

/** A million tokens of window for those who ask for it, at another price beyond the usual window. */
const message: Telling = () => ({
  body: {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'claude-sonnet-4-5',
    content: [{ type: 'text', text: 'hello' }],
    stop_reason: 'end_turn',
    stop_sequence: null,
    usage: { input_tokens: 400_000, output_tokens: 10 },
  },
})

test('SEC-49: a window that ends where a dearer price begins does not bound what is held for the input', async () => {
  const { contextTokens = 0, prices } = facts('anthropic', 'claude-sonnet-4-5')
  const dearer = prices?.tiers?.at(-1)
  expect(dearer?.aboveInputTokens).toBeGreaterThanOrEqual(contextTokens)
  const cost = Math.round((400_000 * (dearer?.input ?? 0) + 10 * (dearer?.output ?? 0)) / 1_000)
  const asking = {
    client: 'anthropic-messages',
    model: 'anthropic/claude-sonnet-4-5',
    prompt: 'word '.repeat(100_000),
    headers: { 'anthropic-beta': 'context-1m-2025-08-07' },
    body: { max_tokens: 10 },
  } as const
  // What it costs is more than the budget, which would pay for the usual window.
  const poor = await openBounded(message, cost - 1)
  const refused = await poor.ask({ ...asking, key: poor.paid })
  expect(refused.error?.code).toBe('budget_exceeded')
  expect(poor.posts()).toEqual([])
  const rich = await openBounded(message)
  const answer = await rich.ask({ ...asking, key: rich.paid })
  const { attempts } = await rich.record(answer)
  expect(attempts).toMatchObject([{ basis: 'reported', costNanoUsd: cost }])
})
