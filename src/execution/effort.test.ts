import { describe, expect, test } from 'vitest'
import { GatewayError } from '../errors/gateway-error.ts'
import type { NanoUsd } from '../ledger/prices.ts'
import { RETRY_FLOOR } from '../resilience/retry-budget.ts'
import { createSpendBudgets } from '../resilience/spend-budget.ts'
import { healthKey } from '../routing/planner.ts'
import { ManualClock, wallTarget } from '../upstream/wall.ts'
import { freshDeps } from './deps.test-support.ts'
import { Effort, type EffortInit } from './effort.ts'

const target = wallTarget('http://127.0.0.1:1')
const other = wallTarget('http://127.0.0.1:1', { id: 'other' })
const broken = new GatewayError('upstream_error', '500')
/** Nothing may be retried on these but what the other budget allows. */
const frugal = { share: 0.1, windowMs: 600_000, floorNanoUsd: 100, floorCount: 1 }

interface Asked {
  readonly headers?: Readonly<Record<string, string>>
  readonly tenant?: string
  readonly routeName?: string
}

/** Requests that share one process. */
function createWorld({
  retrySpend = frugal,
  inputCost,
}: {
  retrySpend?: typeof frugal
  inputCost?: number
} = {}) {
  const clock = new ManualClock()
  const fresh = freshDeps(clock)
  const budgets = { ...fresh.budgets, retrySpend: createSpendBudgets(retrySpend) }
  const effort = ({ headers = {}, tenant, routeName }: Asked = {}) =>
    new Effort({
      clock,
      health: fresh.health,
      budgets,
      plan: { attemptsMax: 4, retries: 2, ...(routeName === undefined ? {} : { routeName }) },
      // Sound: nothing else of an envelope is looked at.
      exchange: {
        headers,
        envelope: { modelId: 'smart' } as EffortInit['exchange']['envelope'],
        ...(tenant === undefined ? {} : { tenant }),
      },
      inputCostOf: () => inputCost as NanoUsd | undefined,
    })
  const fails = (one = target) => fresh.health.recordFailure(healthKey(one), broken, clock.nowMs())
  const retriesLeft = (pool: string) => RETRY_FLOOR - budgets.retries.state(pool, clock.nowMs()).retries
  return { clock, budgets, effort, fails, retriesLeft, health: fresh.health }
}

const plenty = { ...frugal, floorNanoUsd: 1e9, floorCount: 1_000 }
const POOL = '\nsmart'

describe('one request', () => {
  test('has as many attempts and second tries as its plan says', () => {
    const effort = createWorld({ retrySpend: plenty }).effort()
    effort.begin(target)
    expect([effort.attempts, effort.attemptsLeft, effort.retriesLeft]).toEqual([0, 4, 2])
    effort.call(target)
    effort.retry()
    effort.call(target)
    expect([effort.attempts, effort.attemptsLeft, effort.retriesLeft]).toEqual([2, 2, 1])
  })

  test('has one more attempt where a call never left', () => {
    const effort = createWorld().effort()
    effort.call(target)
    effort.uncount()
    expect([effort.attempts, effort.attemptsLeft]).toEqual([0, 4])
  })

  test('may always make its first call, whatever the budgets say', () => {
    const { effort, fails, budgets, clock } = createWorld({ retrySpend: plenty })
    fails()
    while (budgets.retries.take(POOL, clock.nowMs()));
    const one = effort()
    expect([one.mayCall(target), one.isSpent, one.retriesLeft]).toEqual([true, true, 0])
    one.call(target)
    expect(one.mayCall(target)).toBe(false)
  })
})

describe('a further call', () => {
  test('is charged to whoever asks, where its target has failed of late', () => {
    const { effort, fails, retriesLeft } = createWorld({ retrySpend: plenty })
    fails()
    const one = effort()
    one.call(target)
    expect(retriesLeft(POOL)).toBe(RETRY_FLOOR)
    one.call(target)
    expect(retriesLeft(POOL)).toBe(RETRY_FLOOR - 1)
  })

  test('is not charged, and is allowed, where its target answers well', () => {
    const { effort, fails, retriesLeft, budgets, clock, health } = createWorld({ retrySpend: plenty })
    fails()
    health.recordSuccess(healthKey(other), clock.nowMs(), clock.nowMs())
    const one = effort()
    one.call(target)
    one.call(other)
    expect(retriesLeft(POOL)).toBe(RETRY_FLOOR)
    while (budgets.retries.take(POOL, clock.nowMs()));
    expect([one.mayCall(target), one.mayCall(other)]).toEqual([false, true])
  })

  test('costs its input again: where that is too much of what is spent, no more of them', () => {
    const { effort, fails } = createWorld({ inputCost: 101 })
    fails()
    const one = effort()
    one.call(target)
    expect([one.isSpent, one.mayCall(target)]).toEqual([false, true])
    one.call(target)
    expect([one.isSpent, one.mayCall(target), one.retriesLeft]).toEqual([true, false, 0])
  })

  test('of one tenant, or for one route, is not charged to another', () => {
    const { effort, fails, retriesLeft } = createWorld({ retrySpend: plenty })
    fails()
    for (const asked of [{ tenant: 'ann' }, { routeName: 'fast' }]) {
      const one = effort(asked)
      one.call(target)
      one.call(target)
    }
    expect(retriesLeft('ann\nsmart')).toBe(RETRY_FLOOR - 1)
    expect(retriesLeft('\nfast')).toBe(RETRY_FLOOR - 1)
    expect(retriesLeft(POOL)).toBe(RETRY_FLOOR)
  })
})

describe('what a client sends again', () => {
  const again = { headers: { 'x-stainless-retry-count': '1' } }

  test('is a second try too: it is charged, and earns no further ones', () => {
    const { effort, fails, budgets, clock } = createWorld()
    fails()
    effort(again).begin(target)
    expect(budgets.retries.state(POOL, clock.nowMs())).toEqual({ requests: 0, retries: 1 })
    effort().begin(target)
    expect(budgets.retries.state(POOL, clock.nowMs())).toEqual({ requests: 1, retries: 1 })
  })

  test('is refused where there was enough of that, and told not to come again', () => {
    const { effort, fails } = createWorld()
    fails()
    for (let count = 0; count < RETRY_FLOOR; count += 1) effort(again).begin(target)
    expect(() => effort(again).begin(target)).toThrow(
      expect.objectContaining({ code: 'retry_budget_spent', isClientRetryable: false }),
    )
    expect(() => effort().begin(target)).not.toThrow()
  })

  test('is not charged where the target it goes to answers well', () => {
    const { effort, budgets, clock, health } = createWorld()
    health.recordSuccess(healthKey(target), clock.nowMs(), clock.nowMs())
    for (let count = 0; count <= RETRY_FLOOR; count += 1) effort(again).begin(target)
    expect(budgets.retries.state(POOL, clock.nowMs()).retries).toBe(0)
  })

  test('for the first time, or by a client that does not count, is a request', () => {
    const { effort, budgets, clock } = createWorld()
    for (const count of ['0', 'many']) effort({ headers: { 'x-stainless-retry-count': count } }).begin(target)
    expect(budgets.retries.state(POOL, clock.nowMs())).toEqual({ requests: 2, retries: 0 })
  })

  test('is charged where nobody can be asked', () => {
    const { effort, budgets, clock } = createWorld()
    effort(again).begin(undefined)
    expect(budgets.retries.state(POOL, clock.nowMs()).retries).toBe(1)
  })
})
