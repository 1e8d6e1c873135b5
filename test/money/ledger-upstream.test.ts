/** I5: what the ledger says was spent is what the provider charged; I6: nothing stays held once all is over. */

import { readdirSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { disown, removeFolder } from '../../src/app/book-folders.ts'
import type { NanoUsd } from '../../src/ledger/prices.ts'
import {
  INPUT_NANO,
  type MoneyPlan,
  type MoneyStage,
  openMoneyStage,
  OUTPUT_NANO,
  PRICE,
} from '../support/money-stage.ts'
import { startCountingUpstream, type CountingUpstream, type Manner } from '../support/counting-upstream.ts'
import type { ClientDialect } from '../support/client-answer.ts'
import type { Mode } from '../support/upstreams.ts'

const MANNERS: readonly Manner[] = ['whole', 'refuse', 'cut', 'mute', 'slow', 'greedy']
const BUDGET = 1_000_000_000_000

interface Counted {
  readonly stage: MoneyStage
  readonly upstream: CountingUpstream
  readonly key: string
  standing(): Promise<{ readonly spent: number; readonly leased: number }>
}

async function openCounted(plan: MoneyPlan = {}, nanoUsd = BUDGET): Promise<Counted> {
  const upstream = await startCountingUpstream()
  const models = ['m', ...MANNERS.map((manner) => `m-${manner}`)]
  const provider = (dialect: string) => ({
    dialect,
    baseUrl: `${upstream.origin}/v1`,
    credential: 'provider-key-0123456789',
    models,
    breaker: false,
    prices: Object.fromEntries(models.map((model) => [model, PRICE])),
  })
  let key = ''
  let standing: Counted['standing'] | undefined
  const stage = await openMoneyStage({
    ...plan,
    providers: { counted: provider('openai-chat'), claude: provider('anthropic-messages') },
    async prepare(ledger) {
      const made = await ledger.key({ name: 'laptop' })
      key = made.secret
      const budget = await ledger.budget({ scope: { kind: 'key', id: made.id }, nanoUsd })
      standing = () => ledger.standing(budget)
      await plan.prepare?.(ledger)
    },
  })
  if (standing === undefined) throw new Error('nothing was prepared')
  return { stage, upstream, key, standing }
}

const CLIENTS: readonly ClientDialect[] = ['openai-chat', 'anthropic-messages', 'openai-responses', 'gemini']
const MODES: readonly Mode[] = ['plain', 'stream', 'fold']
const PROVIDERS = ['counted', 'claude']

test('I5: the sum of hundreds of mixed requests is what their providers charged, to the nano-dollar', async () => {
  const { stage, upstream, key, standing } = await openCounted({
    config: {
      routes: {
        fallback: { targets: ['counted/m-refuse', 'claude/m'], retries: 1 },
        retried: { targets: ['claude/m-refuse', 'counted/m'], retries: 0 },
      },
    },
  })
  const models = [
    ...PROVIDERS.flatMap((name) => ['m', 'm-refuse', 'm-greedy'].map((model) => `${name}/${model}`)),
    'fallback',
    'retried',
  ]
  const asks = CLIENTS.flatMap((client) =>
    MODES.flatMap((mode) => models.map((model) => ({ client, mode, model }))),
  )
  let sent = 0
  for (const round of [0, 1, 2]) {
    const answers = await Promise.all(
      asks.map((asking) => stage.ask({ ...asking, key, prompt: `Round ${round}. `.repeat(1 + (round % 5)) })),
    )
    sent += answers.length
    expect(answers.filter(({ status }) => ![200, 503, 529].includes(status)).map(({ raw }) => raw)).toEqual(
      [],
    )
  }
  const books = await stage.books(sent)
  expect(books.requests).toHaveLength(sent)
  expect(books.attempts).toHaveLength(upstream.calls.length)
  expect(books.attempts.filter(({ costNanoUsd }) => costNanoUsd === undefined)).toEqual([])
  expect(new Set(books.attempts.map(({ basis }) => basis))).toEqual(new Set(['reported', 'none']))
  expect(books.costNanoUsd).toBe(upstream.costNanoUsd)
  expect((await standing()).spent).toBe(upstream.costNanoUsd)
  const summed = books.requests.reduce((sum, { costNanoUsd = Number.NaN }) => sum + costNanoUsd, 0)
  expect(summed).toBe(books.costNanoUsd)
  const [spend] = await stage.store.spend({ fromMs: 0, untilMs: Date.now() + 3_600_000, by: [], rowsMax: 1 })
  expect(spend?.costNanoUsd).toBe(upstream.costNanoUsd)
})

test('what breaks off is counted or estimated, never less than the truth by more than a third, and within what was held', async () => {
  const { stage, upstream, key } = await openCounted()
  const breaking = ['m-cut', 'm-mute']
  let sent = 0
  for (const provider of PROVIDERS) {
    for (const model of breaking) {
      for (const mode of MODES) {
        for (let round = 0; round < 4; round += 1) {
          const before = upstream.calls.length
          const answer = await stage.ask({ client: 'openai-chat', mode, model: `${provider}/${model}`, key })
          sent += 1
          const { attempts } = await stage.record(answer)
          const calls = upstream.calls.slice(before)
          expect(attempts).toHaveLength(calls.length)
          for (const [place, call] of calls.entries()) {
            const entry = attempts[place]
            const said = { provider, model, mode, basis: entry?.basis, ...call, booked: entry?.costNanoUsd }
            expect(said.basis, JSON.stringify(said)).not.toBe('none')
            expect(entry?.costNanoUsd ?? 0, JSON.stringify(said)).toBeGreaterThanOrEqual(
              call.costNanoUsd * (2 / 3),
            )
            if (entry?.basis === 'counted')
              expect(entry.costNanoUsd ?? 0, JSON.stringify(said)).toBeLessThanOrEqual(call.costNanoUsd * 3)
          }
        }
      }
    }
  }
  expect((await stage.books(sent)).requests).toHaveLength(sent)
})

test('a client that leaves pays for what was made until then, and the place and the money are given back', async () => {
  const { stage, upstream, key, standing } = await openCounted()
  for (const provider of PROVIDERS) {
    const before = upstream.calls.length
    const leaving = new AbortController()
    const response = await stage.send(
      { client: 'openai-chat', mode: 'stream', model: `${provider}/m-slow`, key },
      leaving.signal,
    )
    const reader = response.body?.getReader()
    for (let chunk = 0; chunk < 3; chunk += 1) await reader?.read()
    leaving.abort()
    const { request, attempts } = await stage.record(response)
    expect(request.state).toBe('client_gone')
    const call = upstream.calls[before]
    const [entry] = attempts
    expect(entry?.outcome).toBe('cancelled')
    expect(entry?.basis).toBe('counted')
    expect(entry?.costNanoUsd).toBeGreaterThan(0)
    // It stops at once: what is made while the news travels is a few tokens. Three bytes count as one of them.
    expect(call?.isLeft).toBe(true)
    expect(entry?.outputTokens ?? 0).toBeLessThanOrEqual((call?.outputTokens ?? 0) * (5 / 3) + 1)
    expect(entry?.outputTokens ?? 0).toBeGreaterThanOrEqual((call?.outputTokens ?? 0) - 10)
  }
  const { costNanoUsd } = await stage.books(2)
  expect((await standing()).spent).toBe(costNanoUsd)
})

test('a provider that passes the ceiling is charged as it says, and what the budget is passed by is that and no more', async () => {
  const upstreamBudget = 400 * INPUT_NANO + 100 * OUTPUT_NANO
  const { stage, upstream, key, standing } = await openCounted({}, upstreamBudget)
  let answer = await stage.ask({ client: 'openai-chat', model: 'counted/m-greedy', key })
  for (let asked = 0; answer.status === 200; asked += 1) {
    expect(asked).toBeLessThan(50)
    answer = await stage.ask({ client: 'openai-chat', model: 'counted/m-greedy', key })
  }
  expect(answer.error?.code).toBe('budget_exceeded')
  await stage.record(answer)
  const { spent } = await standing()
  expect(spent).toBe(upstream.costNanoUsd)
  const beyond = upstream.calls.reduce(
    (sum, { outputTokens, ceiling = 0 }) => sum + Math.max(0, outputTokens - ceiling) * OUTPUT_NANO,
    0,
  )
  expect(spent).toBeLessThanOrEqual(upstreamBudget + beyond)
})

test('I6: once all is over nothing is held, and a clean end gives every lease back', async () => {
  const { stage, key, standing } = await openCounted()
  const asks = ['m', 'm-refuse', 'm-cut', 'm-mute'].flatMap((model) =>
    CLIENTS.map((client) => ({ client, model: `counted/${model}`, mode: 'stream' as const, key })),
  )
  const leaving = new AbortController()
  const gone = stage.send(
    { client: 'openai-chat', mode: 'stream', model: 'claude/m-slow', key },
    leaving.signal,
  )
  await Promise.all(asks.map((asking) => stage.ask(asking)))
  await gone
  leaving.abort()
  const { costNanoUsd } = await stage.books(asks.length + 1)
  await stage.gateway.running.stop(0)
  expect(await standing()).toEqual({ spent: costNanoUsd, leased: 0 })
})

test('I6: what was leased when nobody waited for it any more goes back at the end too', async () => {
  const { stage, key, standing } = await openCounted()
  await stage.ask({ client: 'openai-chat', model: 'counted/m', key })
  const { costNanoUsd } = await stage.books(1)
  const [nodeId = ''] = readdirSync(`${stage.path}.books`)
  const [budget] = await stage.store.loadBudgets()
  if (budget === undefined) throw new Error('there is no budget')
  // All of it is leased already; what goes back and is leased behind the gateway's back is what got lost.
  const charge = { budgetId: budget.id, periodStartMs: 0 }
  const lost = 5_000_000 as NanoUsd
  await stage.store.putBudget({ ...budget, limitNanoUsd: (BUDGET + lost) as NanoUsd }, [])
  const [grant] = await stage.store.lease([{ nodeId, charge, needNanoUsd: lost, wantNanoUsd: lost }])
  expect(grant?.grantedNanoUsd).toBe(lost)
  await stage.gateway.running.stop(0)
  expect(await standing()).toEqual({ spent: costNanoUsd, leased: 0 })
})

test('a gateway whose books another one brought in spends nothing more of its budgets', async () => {
  const { stage, upstream, key, standing } = await openCounted()
  const asking = { client: 'openai-chat', model: 'counted/m', key } as const
  expect((await stage.ask(asking)).status).toBe(200)
  const { costNanoUsd } = await stage.books(1)
  const [nodeId = ''] = readdirSync(`${stage.path}.books`)
  const folder = { nodeId, path: path.join(`${stage.path}.books`, nodeId) }
  disown(folder)
  for (const lease of await stage.store.leasesOf(nodeId))
    await stage.store.returnLease(nodeId, lease, lease.nanoUsd)
  removeFolder(folder)
  const reasons = async () => JSON.stringify(await (await fetch(`${stage.gateway.url}/readyz`)).json())
  // The next sign of life is due within five seconds.
  await expect.poll(reasons).toContain('brought in by another process')
  expect((await stage.ask(asking)).status).toBe(503)
  expect(upstream.calls).toHaveLength(1)
  expect(await standing()).toEqual({ spent: costNanoUsd, leased: 0 })
})
