/** What clients and the log are told that a request cost: what the books have, and how sure that is. */

import { describe, expect, test } from 'vitest'
import { formatUsd } from '../../src/ledger/usd.ts'
import type { NanoUsd } from '../../src/ledger/prices.ts'
import type { ClientAnswer, ClientDialect } from '../support/client-answer.ts'
import { DOLLAR, type MoneyPlan, type MoneyStage, NAMES, openMoneyStage } from '../support/money-stage.ts'
import { ALL_CLIENTS, MODES, type Mode } from '../support/upstreams.ts'

interface Telling extends MoneyStage {
  readonly paying: string
}

async function openTelling(plan: MoneyPlan = {}, hasBudget = true): Promise<Telling> {
  let paying = ''
  const stage = await openMoneyStage({
    ...plan,
    async prepare(ledger) {
      const made = await ledger.key({ name: 'laptop' })
      paying = made.secret
      if (hasBudget)
        await ledger.budget({ scope: { kind: 'key', id: made.id }, nanoUsd: 100 * DOLLAR, name: 'mine' })
    },
  })
  return { ...stage, paying }
}

const toldOf = ({ headers }: ClientAnswer) => [
  headers.get('x-holdfast-cost-usd'),
  headers.get('x-holdfast-cost-basis'),
]

/** What the books and the log line have of it. */
async function keptOf(stage: Telling, answer: ClientAnswer) {
  const { request, attempts } = await stage.record(answer)
  const line = await stage.gateway.exchange((one) => one.exchangeId === request.exchangeId)
  return { request, attempts, line: { costNanoUsd: line.costNanoUsd, costBasis: line.costBasis } }
}

// Sound: a row of the books holds whole nano-dollars.
const usd = (nanoUsd: number | undefined) => formatUsd(nanoUsd as NanoUsd | undefined)

test.each([true, false])(
  'an answer that reports its usage tells its cost so (budget: %s)',
  async (hasBudget) => {
    const stage = await openTelling({}, hasBudget)
    for (const client of ALL_CLIENTS) {
      const answer = await stage.ask({ client, key: stage.paying, model: `${NAMES[client]}/m` })
      const { request, line } = await keptOf(stage, answer)
      expect(request.costNanoUsd).toBeGreaterThan(0)
      expect(toldOf(answer)).toEqual([usd(request.costNanoUsd), 'reported'])
      expect(line).toEqual({ costNanoUsd: request.costNanoUsd, costBasis: 'reported' })
    }
  },
)

test.each([true, false])(
  'an answer that says nothing of its usage tells what the books estimate (budget: %s)',
  async (hasBudget) => {
    const stage = await openTelling({ scenario: { faults: [{ fault: 'usage(kind=missing)' }] } }, hasBudget)
    for (const client of ALL_CLIENTS) {
      const answer = await stage.ask({ client, key: stage.paying, model: `${NAMES[client]}/m` })
      expect(answer.status).toBe(200)
      const { request, attempts, line } = await keptOf(stage, answer)
      expect(attempts).toMatchObject([{ basis: 'estimated', costNanoUsd: request.costNanoUsd }])
      expect(toldOf(answer)).toEqual([usd(request.costNanoUsd), 'estimated'])
      expect(line).toEqual({ costNanoUsd: request.costNanoUsd, costBasis: 'estimated' })
    }
  },
)

test('the basis is that of the attempt whose cost is known least surely', async () => {
  const stage = await openTelling({
    scenario: { faults: [{ fault: 'cut-stream', model: 'long' }] },
    config: { routes: { smart: { targets: ['chat/long', 'messages/m'], retries: 0 } } },
  })
  const answer = await stage.ask({
    client: 'openai-chat',
    mode: 'fold',
    key: stage.paying,
    model: 'smart',
  })
  expect(answer.status).toBe(200)
  const { request, attempts, line } = await keptOf(stage, answer)
  expect(attempts.map(({ basis }) => basis)).toEqual(['counted', 'reported'])
  expect(toldOf(answer)).toEqual([usd(request.costNanoUsd), 'counted'])
  expect(line).toEqual({ costNanoUsd: request.costNanoUsd, costBasis: 'counted' })
})

test('what nobody knows the price of is unknown, and has no basis', async () => {
  const stage = await openTelling({ isPriced: false }, false)
  const answer = await stage.ask({ client: 'openai-chat', key: stage.paying })
  const { request, line } = await keptOf(stage, answer)
  expect(request.costNanoUsd).toBeUndefined()
  expect(toldOf(answer)).toEqual(['unknown', null])
  expect(line).toEqual({ costNanoUsd: undefined, costBasis: undefined })
})

describe('an error', () => {
  const routes = { smart: { targets: ['chat/m', 'messages/m'], retries: 0 } }
  const ask = (stage: Telling, client: ClientDialect, mode: Mode = 'plain') =>
    stage.ask({ client, mode, key: stage.paying, model: 'smart' })

  test('tells what the attempts before it cost, as its log line does', async () => {
    const stage = await openTelling({
      scenario: { faults: [{ fault: 'empty-answer' }] },
      config: { routes },
    })
    for (const client of ALL_CLIENTS) {
      for (const mode of MODES) {
        const answer = await ask(stage, client, mode)
        expect(answer.error?.code).toBe('empty_response')
        const { request, attempts, line } = await keptOf(stage, answer)
        // How many there are is bounded by a budget of retries for all requests.
        expect(new Set(attempts.map(({ basis }) => basis))).toEqual(new Set(['reported']))
        expect(request.costNanoUsd).toBeGreaterThan(0)
        expect(toldOf(answer)).toEqual([usd(request.costNanoUsd), 'reported'])
        expect(line).toEqual({ costNanoUsd: request.costNanoUsd, costBasis: 'reported' })
      }
    }
  })

  test('tells what was counted of attempts that broke off', async () => {
    const stage = await openTelling({ scenario: { faults: [{ fault: 'cut-stream' }] }, config: { routes } })
    const answer = await ask(stage, 'openai-chat', 'fold')
    expect(answer.error?.code).toBe('upstream_truncated')
    const { request, line } = await keptOf(stage, answer)
    expect(request.costNanoUsd).toBeGreaterThan(0)
    expect(toldOf(answer)).toEqual([usd(request.costNanoUsd), 'counted'])
    expect(line).toEqual({ costNanoUsd: request.costNanoUsd, costBasis: 'counted' })
  })

  test('tells that refusals cost nothing, and nothing of a cost where nobody was asked', async () => {
    const stage = await openTelling({
      scenario: { faults: [{ fault: 'status(status=500)' }] },
      config: { routes },
    })
    const refused = await ask(stage, 'openai-chat')
    expect(refused.error?.attempts).toHaveLength(2)
    expect(toldOf(refused)).toEqual(['0', 'none'])
    expect((await keptOf(stage, refused)).line).toEqual({ costNanoUsd: 0, costBasis: 'none' })
    const unknown = await stage.ask({ client: 'openai-chat', key: stage.paying, model: 'nobody/x' })
    expect(unknown.status).toBe(404)
    expect(toldOf(unknown)).toEqual([null, null])
  })
})
