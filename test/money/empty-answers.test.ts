/** What an attempt costs whose answer came to its end with nothing in it: its provider was asked, and is paid for it. */

import { expect, onTestFinished, test } from 'vitest'
import type { JsonObject } from '../../src/std/json.ts'
import type { ClientDialect } from '../support/client-answer.ts'
import { DOLLAR, INPUT_NANO, type MoneyStage, NAMES, openMoneyStage, PRICE } from '../support/money-stage.ts'
import { eventsOf, type ProvidersAnswer, startToldProvider } from '../support/told-provider.ts'
import type { Mode } from '../support/upstreams.ts'

interface Paid extends MoneyStage {
  readonly paying: string
  /** From here on the provider `told` answers so. */
  tell(answer: ProvidersAnswer): void
  spent(): Promise<number>
}

async function openPaid(dialect: ClientDialect = 'openai-chat'): Promise<Paid> {
  let answer: ProvidersAnswer = { body: '' }
  const told = await startToldProvider(() => answer)
  onTestFinished(() => told[Symbol.asyncDispose]())
  let key = ''
  let standing: (() => Promise<{ readonly spent: number }>) | undefined
  const stage = await openMoneyStage({
    async prepare(ledger) {
      const made = await ledger.key({ name: 'laptop' })
      key = made.secret
      const budget = await ledger.budget({ scope: { kind: 'key', id: made.id }, nanoUsd: 100 * DOLLAR })
      standing = () => ledger.standing(budget)
    },
    config: {
      routes: {
        alone: { targets: ['told/m'], retries: 0 },
        careful: { targets: ['told/m', `${NAMES[dialect]}/m`], retries: 0, policyFallback: true },
      },
    },
    providers: {
      told: {
        dialect,
        baseUrl: `${told.origin}${dialect === 'gemini' ? '/v1beta' : '/v1'}`,
        credential: 'provider-key-0123456789',
        models: ['m'],
        breaker: false,
        prices: { m: PRICE },
      },
    },
  })
  return {
    ...stage,
    paying: key,
    tell: (next) => {
      answer = next
    },
    spent: async () => (await standing?.())?.spent ?? 0,
  }
}

const TOLD = 9
const COUNTED = { prompt_tokens: TOLD, completion_tokens: 0, total_tokens: TOLD }
const ZEROS = { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 }

/** An answer of OpenAI's that says nothing, in one piece or as events. */
function silent(finish: string, usage: JsonObject | undefined, mode: Mode): ProvidersAnswer {
  const facts = { id: 'x', created: 1, model: 'm' }
  const counted = usage === undefined ? {} : { usage }
  if (mode === 'plain') {
    const message = { role: 'assistant', content: '' }
    const choices = [{ index: 0, message, finish_reason: finish }]
    return { body: { ...facts, object: 'chat.completion', choices, ...counted } }
  }
  const chunk = (choices: JsonObject[], more = {}) => ({
    ...facts,
    object: 'chat.completion.chunk',
    choices,
    ...more,
  })
  return {
    body: eventsOf(
      chunk([{ index: 0, delta: { role: 'assistant', content: '' }, finish_reason: null }]),
      chunk([{ index: 0, delta: {}, finish_reason: finish }]),
      ...(usage === undefined ? [] : [chunk([], counted)]),
      '[DONE]',
    ),
  }
}

const NO_CHOICES = { id: 'x', object: 'chat.completion', created: 1, model: 'm', choices: [] }

test('an empty answer costs what its provider told, also where it has not even a choice', async () => {
  const stage = await openPaid()
  const answers: readonly (readonly [Mode, ProvidersAnswer])[] = [
    ['plain', silent('stop', COUNTED, 'plain')],
    ['stream', silent('stop', COUNTED, 'stream')],
    ['fold', silent('stop', COUNTED, 'fold')],
    ['plain', { body: { ...NO_CHOICES, usage: COUNTED } }],
  ]
  for (const [mode, answer] of answers) {
    stage.tell(answer)
    const told = await stage.ask({ client: 'openai-chat', mode, key: stage.paying, model: 'alone' })
    expect(told.error?.code).toBe('empty_response')
    const { attempts } = await stage.record(told)
    expect(attempts).toMatchObject([
      {
        basis: 'reported',
        inputTokens: TOLD,
        outputTokens: 0,
        costNanoUsd: TOLD * INPUT_NANO,
        isWaste: true,
      },
    ])
  }
  expect(await stage.spent()).toBe(answers.length * TOLD * INPUT_NANO)
})

test('an empty answer whose provider told nothing, or nothing but zeros, costs the input as it is counted here', async () => {
  const stage = await openPaid()
  const answers = (mode: Mode): readonly ProvidersAnswer[] => [
    silent('stop', undefined, mode),
    silent('stop', ZEROS, mode),
    // Not a byte: its status says that the request was taken.
    { headers: { 'content-type': mode === 'plain' ? 'application/json' : 'text/event-stream' }, body: '' },
    ...(mode === 'plain' ? [{ body: NO_CHOICES }, { body: {} }] : []),
  ]
  let spent = 0
  for (const mode of ['plain', 'stream', 'fold'] as const) {
    for (const answer of answers(mode)) {
      stage.tell(answer)
      const told = await stage.ask({ client: 'openai-chat', mode, key: stage.paying, model: 'alone' })
      expect(told.error?.code).toBe('empty_response')
      const { attempts } = await stage.record(told)
      const [{ inputTokens = 0, costNanoUsd } = {}] = attempts
      expect(attempts).toMatchObject([{ basis: 'counted', outputTokens: 0, isWaste: true }])
      expect(inputTokens).toBeGreaterThan(0)
      expect(costNanoUsd).toBe(inputTokens * INPUT_NANO)
      spent += inputTokens * INPUT_NANO
    }
  }
  expect(await stage.spent()).toBe(spent)
})

test('an answer that a filter took costs its input where another target is asked instead, and a refusal costs nothing', async () => {
  const stage = await openPaid()
  const first = async (mode: Mode, answer: ProvidersAnswer) => {
    stage.tell(answer)
    const told = await stage.ask({ client: 'openai-chat', mode, key: stage.paying, model: 'careful' })
    expect(told.status).toBe(200)
    const { attempts } = await stage.record(told)
    expect(attempts).toHaveLength(2)
    expect(attempts[0]).toMatchObject({ code: 'content_policy' })
    return attempts[0]
  }
  for (const mode of ['plain', 'stream', 'fold'] as const) {
    const filtered = (usage: JsonObject | undefined) => first(mode, silent('content_filter', usage, mode))
    expect(await filtered(COUNTED)).toMatchObject({ basis: 'reported', costNanoUsd: TOLD * INPUT_NANO })
    const counted = await filtered(undefined)
    expect(counted).toMatchObject({ basis: 'counted', outputTokens: 0, isWaste: true })
    expect(counted?.costNanoUsd).toBe((counted?.inputTokens ?? 0) * INPUT_NANO)
    expect(counted?.inputTokens).toBeGreaterThan(0)
    // A filter before the model takes nothing, and says so.
    expect(await filtered(ZEROS)).toMatchObject({ basis: 'reported', costNanoUsd: 0 })
    const error = { message: 'Rejected by the safety system.', code: 'content_policy_violation' }
    const refused = await first(mode, { status: 400, body: { error } })
    expect(refused).toMatchObject({ basis: 'none', costNanoUsd: 0, isWaste: false })
  }
})

test('a filter that stopped the request and tells nothing but zeros costs nothing, in whichever form it is told', async () => {
  const stage = await openPaid()
  for (const mode of ['plain', 'stream', 'fold'] as const) {
    stage.tell(silent('content_filter', ZEROS, mode))
    const told = await stage.ask({ client: 'openai-chat', mode, key: stage.paying, model: 'alone' })
    expect(told.status).toBe(200)
    const { attempts } = await stage.record(told)
    expect(attempts).toMatchObject([{ outcome: 'completed', basis: 'reported', costNanoUsd: 0 }])
  }
  expect(await stage.spent()).toBe(0)
})

test('a prompt that Gemini blocks costs what it told where another target is asked instead', async () => {
  const stage = await openPaid('gemini')
  const usageMetadata = { promptTokenCount: TOLD, totalTokenCount: TOLD }
  const blocked = { promptFeedback: { blockReason: 'SAFETY' }, usageMetadata }
  for (const mode of ['plain', 'stream'] as const) {
    stage.tell({ body: mode === 'plain' ? blocked : eventsOf(blocked) })
    const told = await stage.ask({ client: 'gemini', mode, key: stage.paying, model: 'careful' })
    const { attempts } = await stage.record(told)
    expect(attempts[0]).toMatchObject({ code: 'content_policy', basis: 'reported', inputTokens: TOLD })
    expect(attempts[0]?.costNanoUsd).toBe(TOLD * INPUT_NANO)
  }
})
