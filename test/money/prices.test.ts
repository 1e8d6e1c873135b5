/** What a request costs a budget whatever it asks for: models without a price, other operations, answers that cost nothing. */

import { describe, expect, test } from 'vitest'
import type { Budget } from '../../src/ledger/budget.ts'
import type { NanoUsd } from '../../src/ledger/prices.ts'
import {
  DOLLAR,
  INPUT_NANO,
  type MoneyPlan,
  type MoneyStage,
  NAMES,
  openMoneyStage,
  OUTPUT_NANO,
  PRICE,
} from '../support/money-stage.ts'
import { ALL_CLIENTS } from '../support/upstreams.ts'

interface Bounded extends MoneyStage {
  readonly key1: string
  readonly budget1: Budget
  post(path: string, body: object | string, headers?: Readonly<Record<string, string>>): Promise<Told>
}

interface Told {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

async function openBounded(plan: MoneyPlan = {}, nanoUsd = 10 * DOLLAR): Promise<Bounded> {
  let key1 = ''
  let budget1: Budget | undefined
  const stage = await openMoneyStage({
    ...plan,
    async prepare(ledger) {
      const made = await ledger.key({ name: 'laptop' })
      key1 = made.secret
      budget1 = await ledger.budget({ scope: { kind: 'key', id: made.id }, nanoUsd })
      await plan.prepare?.(ledger)
    },
  })
  if (budget1 === undefined) throw new Error('nothing was prepared')
  const post: Bounded['post'] = async (path, body, headers = {}) => {
    const response = await fetch(stage.url + path, {
      method: 'POST',
      headers: { authorization: `Bearer ${key1}`, 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    })
    return { status: response.status, headers: response.headers, text: await response.text() }
  }
  return { ...stage, key1, budget1, post }
}

const calls = ({ simulator }: MoneyStage) => simulator.calls.filter(({ method }) => method === 'POST')

describe('fault 91: a model without a known price', () => {
  test.each(ALL_CLIENTS)(
    'is refused where a budget pays, in the words of %s, and served where none does',
    async (client) => {
      let free = ''
      const stage = await openBounded({
        isPriced: false,
        prepare: async (ledger) => void ({ secret: free } = await ledger.key({ name: 'free' })),
      })
      const model = `${NAMES[client]}/m`
      const refused = await stage.ask({ client, key: stage.key1, model })
      expect(refused.error?.code).toBe('price_unknown')
      expect(refused.headers.get('x-should-retry')).toBe('false')
      expect(refused.error?.message).toContain(`providers.${NAMES[client]}.prices`)
      expect(calls(stage)).toEqual([])
      const served = await stage.ask({ client, key: free, model })
      expect(served.status).toBe(200)
      const { request, attempts } = await stage.record(served)
      expect(request.costNanoUsd).toBeUndefined()
      expect(attempts[0]?.costNanoUsd).toBeUndefined()
    },
  )

  test('is charged at the stated price where there is one, in the store too', async () => {
    const stage = await openBounded({
      isPriced: false,
      config: { budgets: { unknownPrice: { input: 100, output: 200 } } },
    })
    for (const client of ALL_CLIENTS) {
      const answer = await stage.ask({ client, key: stage.key1, model: `${NAMES[client]}/m` })
      expect(answer.status).toBe(200)
      const { request, attempts } = await stage.record(answer)
      const [entry] = attempts
      expect(entry?.basis).toBe('estimated')
      const due = (entry?.inputTokens ?? 0) * 100_000 + (entry?.outputTokens ?? 0) * 200_000
      expect(entry?.costNanoUsd).toBe(due)
      expect(request.costNanoUsd).toBe(due)
    }
    const { costNanoUsd } = await stage.books(4)
    expect(costNanoUsd).toBeGreaterThan(0)
    expect((await stage.standing(stage.budget1)).spent).toBe(costNanoUsd)
  })
})

describe('SEC-47: no way around a budget', () => {
  const sold: readonly (readonly [string, string, object])[] = [
    ['pictures', '/v1/images/generations', { model: 'chat/m', prompt: 'a cat' }],
    ['speech', '/v1/audio/speech', { model: 'chat/m', input: 'hi', voice: 'alloy' }],
    [
      'batches',
      '/v1/batches',
      { input_file_id: 'file-1', endpoint: '/v1/chat/completions', completion_window: '24h' },
    ],
    [
      'Anthropic’s batches',
      '/v1/messages/batches',
      { requests: [{ custom_id: '1', params: { model: 'm', max_tokens: 5, messages: [] } }] },
    ],
    ['reranking', '/v1/rerank', { model: 'chat/m', query: 'q', documents: ['a'] }],
  ]

  test.each(sold)(
    '%s are refused where a budget pays, an assumed price or none',
    async (_what, path, body) => {
      for (const config of [{}, { budgets: { unknownPrice: { input: 1, output: 1 } } }]) {
        const stage = await openBounded({ config })
        const { status, text, headers } = await stage.post(path, body)
        expect(text).toContain('price_unknown')
        expect(text).toContain('not reckoned in tokens')
        expect(headers.get('x-should-retry')).toBe('false')
        expect(status).toBeGreaterThanOrEqual(400)
        expect(calls(stage)).toEqual([])
      }
    },
  )

  test('embeddings are paid for by their tokens, counting costs nothing', async () => {
    const stage = await openBounded()
    const embedded = await stage.post('/v1/embeddings', { model: 'chat/m', input: 'hello there' })
    expect([embedded.status, embedded.text]).toEqual([200, expect.any(String)])
    const { attempts } = await stage.record(embedded)
    expect(attempts[0]).toMatchObject({ basis: 'reported' })
    expect(attempts[0]?.costNanoUsd).toBe((attempts[0]?.inputTokens ?? Number.NaN) * INPUT_NANO)
    const counted = await stage.post('/v1/messages/count_tokens', {
      model: 'messages/m',
      messages: [{ role: 'user', content: 'hi' }],
    })
    expect(counted.status).toBe(200)
    expect((await stage.record(counted)).request.costNanoUsd).toBe(0)
    await stage.books(2)
    expect((await stage.standing(stage.budget1)).spent).toBe(attempts[0]?.costNanoUsd)
  })

  test('embeddings beyond the budget are refused before anybody is asked', async () => {
    const stage = await openBounded({}, 1_000)
    const { status, text } = await stage.post('/v1/embeddings', { model: 'chat/m', input: 'x'.repeat(5_000) })
    expect(status).toBe(429)
    expect(text).toContain('budget_exceeded')
    expect(calls(stage)).toEqual([])
  })

  test('SEC-51, SEC-37: nothing that a request says sets its price, its limit, its role or who pays', async () => {
    const stage = await openBounded({}, 1_000)
    const [victim] = [await stage.key({ name: 'victim' })]
    const words = {
      price: 0,
      cost: 0,
      budget: 1e9,
      limit: 1e9,
      role: 'owner',
      admin: true,
      key_id: victim.id,
      user: victim.id,
    }
    const metadata = Object.fromEntries(Object.entries(words).map(([name, value]) => [name, String(value)]))
    const names = [
      ...Object.keys(words).flatMap((name) => [`x-holdfast-${name}`, `x-litellm-${name}`, `x-${name}`]),
      'x-holdfast-key-id',
      'x-holdfast-project',
      'x-holdfast-team',
      'x-holdfast-budget',
      'x-holdfast-internal-cost',
      'x-portkey-virtual-key',
      'x-litellm-spend',
    ]
    const headers = Object.fromEntries(names.map((name) => [name, victim.id]))
    for (const client of ALL_CLIENTS) {
      const model = `${NAMES[client]}/m`
      const answer = await stage.ask({
        client,
        key: stage.key1,
        model,
        headers,
        body: { ...words, metadata },
      })
      expect([client, answer.status]).not.toEqual([client, 200])
    }
    const paths = [
      '/v1/chat/completions',
      '//v1/chat/completions',
      '/openai/v1/chat/completions',
      '/v1/v1/chat/completions',
      '/v1/completions',
      '/chat/completions',
    ]
    for (const path of paths) {
      const { status } = await stage.post(
        path,
        { model: 'chat/m', prompt: 'hi', messages: [{ role: 'user', content: 'hi' }] },
        headers,
      )
      expect([path, status]).toEqual([path, 429])
    }
    for (const path of [
      '/v1/x/../chat/completions',
      '/v1/chat%2fcompletions',
      '/v1/chat/completions;x=1',
      '/v1/chat\\completions',
    ]) {
      const { status } = await stage.post(path, { model: 'chat/m', messages: [] }, headers)
      expect([path, status >= 400]).toEqual([path, true])
    }
    expect(calls(stage)).toEqual([])
    const { requests } = await stage.books(ALL_CLIENTS.length + paths.length)
    expect(requests.map(({ attribution }) => attribution.keyName)).toEqual(requests.map(() => 'laptop'))
  })
})

describe('an answer that is given again', () => {
  test('costs nothing, takes nothing of a budget, and stands in the books as what it is', async () => {
    const stage = await openBounded({
      config: { cache: { default: true }, routes: { smart: { targets: ['chat/m'] } } },
    })
    const { key1 } = stage
    const first = await stage.ask({ client: 'openai-chat', key: key1, model: 'smart' })
    await stage.record(first)
    const { spent } = await stage.standing(stage.budget1)
    expect(spent).toBeGreaterThan(0)
    const hit = await stage.ask({ client: 'openai-chat', key: key1, model: 'smart' })
    expect(hit.headers.get('x-holdfast-cache')).toBe('HIT')
    expect(hit.headers.get('x-holdfast-cost-usd')).toBe('0')
    const { request, attempts } = await stage.record(hit)
    expect([request.recall, request.costNanoUsd, attempts]).toEqual(['hit', 0, []])
    const keyed = { client: 'openai-chat', key: key1, headers: { 'idempotency-key': 'a' } } as const
    const made = await stage.record(await stage.ask(keyed))
    const again = await stage.record(await stage.ask(keyed))
    expect([again.request.recall, again.request.costNanoUsd, again.attempts]).toEqual(['replayed', 0, []])
    expect((await stage.standing(stage.budget1)).spent).toBe(spent + (made.request.costNanoUsd ?? 0))
    // Even a budget that is spent pays for what costs nothing.
    expect(calls(stage)).toHaveLength(2)
  })
})

test('I6: a budget that is changed under a running request holds nothing once the request is over', async () => {
  const stage = await openBounded({
    scenario: { pace: { perTokenMs: 40 }, answers: [{ text: 'word '.repeat(60) }] },
  })
  let isOver = false
  const running = stage
    .ask({ client: 'openai-chat', mode: 'stream', key: stage.key1 })
    .finally(() => void (isOver = true))
  await stage.simulator.nextCall()
  const limitNanoUsd = (DOLLAR / 2) as NanoUsd
  await stage.store.putBudget({ ...stage.budget1, limitNanoUsd }, [])
  await stage.knowsLeft(stage.key1, (left) => left <= limitNanoUsd)
  expect(isOver).toBe(false)
  const answer = await running
  expect(answer.status).toBe(200)
  const { request } = await stage.record(answer)
  const spent = request.costNanoUsd ?? Number.NaN
  const { headers } = await stage.post('/v1/embeddings', { model: 'chat/m', input: '' })
  // The next one holds a little of it, and pays for it.
  const remaining = Number(headers.get('x-holdfast-budget-remaining-usd')) * DOLLAR
  expect(remaining).toBeGreaterThan(limitNanoUsd - spent - 5_000_000)
  await stage.books(2)
  await stage.gateway.running.stop(0)
  expect((await stage.standing(stage.budget1)).leased).toBe(0)
})

describe('every attempt has an entry of its own', () => {
  test('the loser of a race is waste, and paid for', async () => {
    const stage = await openBounded({
      scenario: { pace: { firstTokenMs: 400, perTokenMs: 1 } },
      config: {
        routes: { raced: { targets: ['chat/m', 'messages/m'], hedge: { after: '50ms', share: '100%' } } },
      },
    })
    const answer = await stage.ask({ client: 'openai-chat', mode: 'stream', key: stage.key1, model: 'raced' })
    expect(answer.status).toBe(200)
    const { request, attempts } = await stage.record(answer)
    expect(attempts).toHaveLength(2)
    const [loser] = attempts.filter(({ isWaste }) => isWaste)
    const [winner] = attempts.filter(({ isWaste }) => !isWaste)
    expect(loser?.outcome).toBe('cancelled')
    expect(['counted', 'estimated']).toContain(loser?.basis)
    expect(winner?.basis).toBe('reported')
    expect(request.costNanoUsd).toBe((loser?.costNanoUsd ?? 0) + (winner?.costNanoUsd ?? 0))
    await stage.books(1)
    expect((await stage.standing(stage.budget1)).spent).toBe(request.costNanoUsd)
  })

  test('the stream that broke off and the one that went on with it are both paid for', async () => {
    const stage = await openBounded({
      scenario: {
        answers: [{ text: 'one two three four five six seven eight nine ten eleven twelve' }],
        faults: [{ fault: 'cut-stream', dialect: 'openai-chat', first: 1 }],
      },
      config: { routes: { kept: { targets: ['chat/m', 'messages/m'], retries: 1 } } },
    })
    const answer = await stage.ask({ client: 'openai-chat', mode: 'stream', key: stage.key1, model: 'kept' })
    const { request, attempts } = await stage.record(answer)
    expect(request.state).toBe('rescued')
    expect(attempts.map(({ basis, isWaste }) => ({ basis, isWaste }))).toEqual([
      { basis: 'counted', isWaste: true },
      { basis: 'reported', isWaste: false },
    ])
    expect(request.costNanoUsd).toBe(attempts.reduce((sum, { costNanoUsd = 0 }) => sum + costNanoUsd, 0))
  })
})

describe('Claude Code’s notices', () => {
  test.each([
    { used: 0.3, status: 'allowed', threshold: null },
    { used: 0.8, status: 'allowed_warning', threshold: '0.75' },
    { used: 0.96, status: 'allowed_warning', threshold: '0.95' },
  ])('at $used of the budget', async ({ used, status, threshold }) => {
    const stage = await openBounded()
    const first = await stage.ask({ client: 'anthropic-messages', key: stage.key1, model: 'messages/m' })
    const { costNanoUsd = 0 } = (await stage.record(first)).request
    const limit = Math.round(costNanoUsd / used)
    await stage.store.putBudget({ ...stage.budget1, limitNanoUsd: limit as NanoUsd }, [])
    await stage.knowsLeft(stage.key1, (left) => left === limit - costNanoUsd)
    const counted = await stage.post(
      '/v1/messages/count_tokens',
      { model: 'messages/m', messages: [{ role: 'user', content: 'hi' }] },
      { 'anthropic-version': '2023-06-01' },
    )
    expect(counted.status).toBe(200)
    const { headers } = counted
    expect(headers.get('x-holdfast-budget-remaining-usd')).toBe(String((limit - costNanoUsd) / 1e9))
    expect(headers.get('anthropic-ratelimit-unified-status')).toBe(status)
    expect(headers.get('anthropic-ratelimit-unified-overage-surpassed-threshold')).toBe(threshold)
    expect(Number(headers.get('anthropic-ratelimit-unified-overage-utilization'))).toBeCloseTo(used, 2)
  })
})

test('the price of the stage is what the tests reckon with', () => {
  expect([PRICE.input * 1_000, PRICE.output * 1_000]).toEqual([INPUT_NANO, OUTPUT_NANO])
})
