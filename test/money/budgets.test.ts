/** Budgets at the client's door, over HTTP: what is let through, what is refused and how it is said, what is charged. */

import Anthropic from '@anthropic-ai/sdk'
import { ApiError, GoogleGenAI } from '@google/genai'
import OpenAI from 'openai'
import { describe, expect, test } from 'vitest'
import type { Budget, BudgetScope } from '../../src/ledger/budget.ts'
import type { ClientDialect } from '../support/client-answer.ts'
import {
  DOLLAR,
  eventually,
  INPUT_NANO,
  type MadeKey,
  type MoneyPlan,
  type MoneyStage,
  NAMES,
  openMoneyStage,
  OUTPUT_NANO,
} from '../support/money-stage.ts'
import { ALL_CLIENTS, MODES } from '../support/upstreams.ts'

interface KeyedStage extends MoneyStage {
  readonly key1: MadeKey
  readonly budget1: Budget
}

/** With one key and one budget for it. */
async function openKeyed(nanoUsd: number, plan: MoneyPlan = {}): Promise<KeyedStage> {
  let made: { readonly key1: MadeKey; readonly budget1: Budget } | undefined
  const stage = await openMoneyStage({
    ...plan,
    async prepare(ledger) {
      const key1 = await ledger.key({ name: 'laptop' })
      const scope = { kind: 'key', id: key1.id } as const
      const budget1 = await ledger.budget({
        scope,
        nanoUsd,
        name: 'pocket',
        period: 'month',
        owner: 'ada@example.com',
      })
      made = { key1, budget1 }
      await plan.prepare?.(ledger)
    },
  })
  if (made === undefined) throw new Error('nothing was prepared')
  return { ...stage, ...made }
}

const monthStart = () => Date.UTC(new Date().getUTCFullYear(), new Date().getUTCMonth())

describe('fault 117: a budget', () => {
  test('that pays for one request lets one of a hundred at the same time through', async () => {
    const stage = await openKeyed(DOLLAR)
    const { key1 } = stage
    // Of the ceiling each holds more than half of the budget.
    const asking = {
      client: 'openai-chat',
      key: key1.secret,
      body: { max_tokens: 12_000 },
    } as const
    const answers = await Promise.all(Array.from({ length: 100 }, () => stage.ask(asking)))
    const served = answers.filter(({ status }) => status === 200).length
    const refused = answers.filter(
      ({ status, error }) => status === 429 && error?.code === 'budget_exceeded',
    ).length
    expect(served + refused).toBe(100)
    const books = await stage.books(100)
    expect(books.costNanoUsd).toBeLessThanOrEqual(DOLLAR)
    const calls = stage.simulator.calls.filter(({ method }) => method === 'POST')
    expect(calls).toHaveLength(served)
    // What was held at one time never passed the budget: what each was told to keep to, at its price, fits beside the rest.
    const { spent } = await stage.standing(stage.budget1, monthStart())
    expect(spent).toBe(books.costNanoUsd)
  })

  test('of a cent is spent to the end, and never passed', async () => {
    const limit = DOLLAR / 100
    const stage = await openKeyed(limit)
    let served = 0
    for (;;) {
      const answer = await stage.ask({
        client: 'openai-chat',
        key: stage.key1.secret,
        body: { max_tokens: 100 },
      })
      if (answer.status !== 200) {
        expect(answer.error?.code).toBe('budget_exceeded')
        break
      }
      served += 1
      expect(served).toBeLessThan(1_000)
    }
    expect(served).toBeGreaterThan(0)
    const books = await stage.books(served + 1)
    expect(books.costNanoUsd).toBeLessThanOrEqual(limit)
    expect((await stage.standing(stage.budget1, monthStart())).spent).toBe(books.costNanoUsd)
    expect(books.attempts).toHaveLength(served)
  })
})

describe('a budget that is set over the admin API', () => {
  test('holds from that answer on, for the keys that are there and for one that is made after it', async () => {
    const made = { owner: '', project: '', early: '' }
    const stage = await openMoneyStage({
      async prepare(ledger) {
        made.owner = (await ledger.key({ name: 'boss', kind: 'admin', role: 'owner' })).secret
        made.project = await ledger.project('shop')
        made.early = (await ledger.key({ name: 'early', project: made.project })).secret
      },
    })
    const post = async (what: string, body: object) => {
      const answer = await fetch(`${stage.gateway.running.adminUrl}/api/v1/${what}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${made.owner}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
      expect(answer.status).toBe(201)
      // Sound: of what is made, no more than this is looked at.
      return (await answer.json()) as { readonly secret: string }
    }
    const scope = { kind: 'project', id: made.project }
    await post('budgets', { name: 'nothing', scope, period: 'total', limit_nano_usd: 1 })
    const late = await post('keys', { name: 'late', project_id: made.project })
    for (const key of [made.early, late.secret])
      expect((await stage.ask({ client: 'openai-chat', key })).error?.code).toBe('budget_exceeded')
  })
})

describe('the refusal', () => {
  const words =
    /The budget "pocket" (is used up|has no room for this request).*\$0\.000001 a month.*ask ada@example\.com/

  test.each(ALL_CLIENTS)(
    'is said in the words of %s: limit, owner, and not to come again',
    async (client) => {
      const stage = await openKeyed(1_000)
      for (const mode of MODES) {
        const model = `${NAMES[client]}/m`
        const { status, error, headers } = await stage.ask({ client, mode, model, key: stage.key1.secret })
        expect(status).toBe(429)
        expect(error?.message).toMatch(words)
        expect(headers.get('x-should-retry')).toBe('false')
        const waitS = Number(headers.get('retry-after'))
        const now = new Date()
        const endMs = Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1)
        expect(Math.abs(waitS - (endMs - Date.now()) / 1_000)).toBeLessThan(60)
        expect(headers.get('x-holdfast-budget-remaining-usd')).toBe('0.000001')
      }
      const books = await stage.books(3)
      expect(books.attempts).toEqual([])
      expect(books.requests.map(({ code, costNanoUsd, state }) => ({ code, costNanoUsd, state }))).toEqual(
        Array.from({ length: 3 }, () => ({ code: 'budget_exceeded', costNanoUsd: 0, state: 'rejected' })),
      )
      expect(stage.simulator.calls).toEqual([])
    },
  )

  test('is raised once by the official clients, which do not try again', async () => {
    const stage = await openKeyed(1_000)
    const apiKey = stage.key1.secret
    const raised = async (ask: () => PromiseLike<unknown>) => {
      const before = stage.gateway.exchanges.length
      const error = await Promise.resolve(ask()).then(
        () => undefined,
        (thrown: unknown) => thrown,
      )
      expect(stage.gateway.exchanges.length - before).toBe(1)
      return error
    }
    const openai = new OpenAI({ apiKey, baseURL: `${stage.url}/v1`, maxRetries: 3 })
    const messages = [{ role: 'user' as const, content: 'hi' }]
    for (const ask of [
      () => openai.chat.completions.create({ model: 'chat/m', messages }),
      () => openai.chat.completions.create({ model: 'chat/m', messages, stream: true }),
      () => openai.responses.create({ model: 'responses/m', input: 'hi' }),
    ]) {
      const error = await raised(ask)
      expect(error).toBeInstanceOf(OpenAI.RateLimitError)
      expect(error).toMatchObject({ status: 429, code: 'budget_exceeded', type: 'insufficient_quota' })
    }
    const anthropic = new Anthropic({ apiKey, baseURL: stage.url, maxRetries: 3 })
    const refused = await raised(() =>
      anthropic.messages.create({ model: 'messages/m', max_tokens: 99, messages }),
    )
    expect(refused).toMatchObject({ status: 429, error: { error: { type: 'billing_error' } } })
    const google = new GoogleGenAI({ apiKey, httpOptions: { baseUrl: stage.url } })
    const said = await raised(() => google.models.generateContent({ model: 'google/m', contents: 'hi' }))
    expect(said).toBeInstanceOf(ApiError)
    expect(said).toMatchObject({ status: 429 })
  })
})

describe('several budgets', () => {
  const cases: readonly {
    readonly name: string
    readonly scope: (ids: Readonly<Record<string, string>>) => BudgetScope
    readonly headers?: Readonly<Record<string, string>>
  }[] = [
    { name: 'key', scope: ({ key = '' }) => ({ kind: 'key', id: key }) },
    { name: 'project', scope: ({ project = '' }) => ({ kind: 'project', id: project }) },
    { name: 'team', scope: ({ team = '' }) => ({ kind: 'team', id: team }) },
    { name: 'user', scope: ({ user = '' }) => ({ kind: 'user', id: user }) },
    { name: 'everything', scope: () => ({ kind: 'all', id: '' }) },
    { name: 'model', scope: () => ({ kind: 'model', id: 'chat/m' }) },
    { name: 'model by its own name', scope: () => ({ kind: 'model', id: 'm' }) },
    {
      name: 'tag',
      scope: () => ({ kind: 'tag', id: 'app:shop' }),
      headers: { 'x-holdfast-tags': 'app:shop, other' },
    },
    {
      name: 'end user',
      scope: () => ({ kind: 'end-user', id: 'u-17' }),
      headers: { 'x-holdfast-user': 'u-17' },
    },
  ]

  test.each(cases)(
    'that of the $name refuses what the others would pay for, and all are charged alike',
    async (asked) => {
      let key = ''
      const budgets: Budget[] = []
      const stage = await openMoneyStage({
        async prepare(ledger) {
          const team = await ledger.team('red')
          const project = await ledger.project('shop', { team })
          const user = await ledger.user('ada', team)
          const made = await ledger.key({ name: 'laptop', project, user })
          key = made.secret
          const ids = { key: made.id, project, team, user }
          for (const each of cases) {
            const nanoUsd = each.name === asked.name ? DOLLAR / 100 : 100 * DOLLAR
            budgets.push(await ledger.budget({ name: each.name, scope: each.scope(ids), nanoUsd }))
          }
        },
      })
      const headers = Object.assign({}, ...cases.map((each) => each.headers ?? {}))
      const asking = { client: 'openai-chat', key, headers, body: { max_tokens: 20 } } as const
      const first = await stage.ask(asking)
      expect(first.status).toBe(200)
      const { request } = await stage.record(first)
      for (const budget of budgets) expect((await stage.standing(budget)).spent).toBe(request.costNanoUsd)
      const large = await stage.ask({ ...asking, prompt: 'x'.repeat(4_000), body: { max_tokens: 20 } })
      expect(large.status).toBe(429)
      expect(large.error?.message).toContain(`The budget "${asked.name}"`)
    },
  )
})

describe('a budget of a model', () => {
  /** Each with a budget for one name, and how a request reaches the model by others. */
  const reached: readonly { readonly id: string; readonly by: readonly string[]; readonly not: string }[] = [
    { id: 'm', by: ['chat/m', 'messages/m', 'google/m', 'responses/m', 'smart', 'm'], not: 'chat/long' },
    { id: 'messages/m', by: ['messages/m', 'other'], not: 'chat/m' },
    { id: 'smart', by: ['smart'], not: 'chat/m' },
  ]

  test.each(reached)(
    '$id counts it by whatever name it is reached: $by, and nothing else',
    async ({ id, by, not }) => {
      let key = ''
      let budget: Budget | undefined
      const stage = await openMoneyStage({
        config: { routes: { smart: { targets: ['chat/m'] }, other: { targets: ['messages/m'] } } },
        async prepare(ledger) {
          key = (await ledger.key({ name: 'laptop' })).secret
          budget = await ledger.budget({ scope: { kind: 'model', id }, nanoUsd: DOLLAR })
        },
      })
      if (budget === undefined) throw new Error('nothing was prepared')
      const asking = { client: 'openai-chat', key, body: { max_tokens: 20 } } as const
      let due = 0
      for (const model of by) {
        const answer = await stage.ask({ ...asking, model })
        expect([model, answer.status]).toEqual([model, 200])
        due += (await stage.record(answer)).request.costNanoUsd ?? Number.NaN
        expect([model, (await stage.standing(budget)).spent]).toEqual([model, due])
      }
      await stage.record(await stage.ask({ ...asking, model: not }))
      expect((await stage.standing(budget)).spent).toBe(due)
      // And once it is spent, it is by every one of these names.
      await stage.store.putBudget({ ...budget, limitNanoUsd: due as typeof budget.limitNanoUsd }, [])
      await eventually('the new limit is in force', async () => {
        const { status } = await stage.ask({ ...asking, model: id })
        return status === 200 ? undefined : status
      })
      for (const model of by) {
        const { status, error } = await stage.ask({ ...asking, model })
        expect([model, status, error?.code]).toEqual([model, 429, 'budget_exceeded'])
      }
      expect((await stage.ask({ ...asking, model: not })).status).toBe(200)
    },
  )
})

describe('the ceiling', () => {
  test.each(ALL_CLIENTS)(
    'of what is left is told to the provider, and %s reads that it was cut',
    async (client) => {
      // Room for the question and for about a hundred tokens.
      const stage = await openKeyed(2_000 * INPUT_NANO + 100 * OUTPUT_NANO, {
        scenario: { answers: [{ text: 'word '.repeat(3_000) }] },
      })
      const { secret } = stage.key1
      for (const target of ALL_CLIENTS) {
        const { spent } = await stage.standing(stage.budget1, monthStart())
        if (spent > 0) await raiseBudget(stage, spent)
        const before = stage.simulator.calls.length
        const answer = await stage.ask({ client, mode: 'stream', model: `${NAMES[target]}/m`, key: secret })
        expect([target, answer.status]).toEqual([target, 200])
        const { request, attempts } = await stage.record(answer)
        const left = 2_000 * INPUT_NANO + 100 * OUTPUT_NANO
        expect(request.costNanoUsd).toBeLessThanOrEqual(left)
        expect([target, answer.finish]).toEqual([target, LENGTH[client]])
        const [attempt] = attempts
        expect(attempt?.basis).toBe('reported')
        const call = stage.simulator.calls[before]
        const told = ceilingIn(JSON.parse(Buffer.from(call?.body ?? []).toString()))
        expect(told).toBeLessThan(700)
        expect(attempt?.outputTokens).toBeLessThanOrEqual(told)
      }
    },
  )
})

describe('Anthropic’s thinking under a ceiling', () => {
  test.each([
    { room: 3_000, told: { type: 'enabled', budget_tokens: 1_024 } },
    { room: 300, told: { type: 'disabled' } },
  ])('of $room tokens is kept below it, or turned off', async ({ room, told }) => {
    const stage = await openKeyed(2_000 * INPUT_NANO + room * OUTPUT_NANO)
    const body = {
      max_tokens: 30_000,
      thinking: { type: 'enabled', budget_tokens: 20_000 },
      messages: [{ role: 'user', content: 'x'.repeat(1_900) }],
    }
    const answer = await stage.ask({
      client: 'anthropic-messages',
      mode: 'stream',
      model: 'messages/m',
      key: stage.key1.secret,
      body,
    })
    expect(answer.status).toBe(200)
    const sent = JSON.parse(Buffer.from(stage.simulator.calls[0]?.body ?? []).toString())
    expect(sent.max_tokens).toBeLessThanOrEqual(room + 100)
    expect(sent.thinking).toEqual(told)
  })
})

/** How each dialect says that an answer was cut. */
const LENGTH: Readonly<Record<ClientDialect, string>> = {
  'openai-chat': 'length',
  'anthropic-messages': 'max_tokens',
  'openai-responses': 'max_output_tokens',
  gemini: 'MAX_TOKENS',
}

function ceilingIn(body: {
  readonly max_tokens?: number
  readonly max_completion_tokens?: number
  readonly max_output_tokens?: number
  readonly generationConfig?: { readonly maxOutputTokens?: number }
}): number {
  return (
    body.max_tokens ??
    body.max_completion_tokens ??
    body.max_output_tokens ??
    body.generationConfig?.maxOutputTokens ??
    Number.NaN
  )
}

/** So that as much is left as in the beginning. */
async function raiseBudget({ store, key1, budget1, knowsLeft }: KeyedStage, spent: number): Promise<void> {
  // Sound: a sum of nano-dollars.
  const limitNanoUsd = (budget1.limitNanoUsd + spent) as typeof budget1.limitNanoUsd
  await store.putBudget({ ...budget1, limitNanoUsd }, [])
  await knowsLeft(key1.secret, (left) => left === budget1.limitNanoUsd)
}
