/** What a node may spend of its leases, and what becomes of it when budgets change under running requests. */

import { describe, expect, test } from 'vitest'
import { createMemoryStore } from '../../src/stores/memory/memory-store.ts'
import type { Budget, BudgetId } from '../../src/ledger/budget.ts'
import { BudgetAccounts } from '../../src/ledger/budget-accounts.ts'
import type { Hold } from '../../src/ledger/hold.ts'
import { periodEnd, periodStart } from '../../src/ledger/period.ts'
import type { NanoUsd } from '../../src/ledger/prices.ts'

const budgetOf = (limit: number): Budget => ({
  // Sound: values made here.
  id: 'bud_1' as BudgetId,
  limitNanoUsd: limit as NanoUsd,
  name: 'pocket',
  scope: { kind: 'all', id: '' },
  period: 'total',
  createdAtMs: 0,
})

// Sound: as above.
const ask = (nanoUsd: number) => ({ atMostNanoUsd: nanoUsd as NanoUsd, atLeastNanoUsd: nanoUsd as NanoUsd })

async function open(limit: number, wallMs: () => number = () => 0) {
  const store = createMemoryStore()
  const accounts = new BudgetAccounts({
    store,
    nodeId: 'n',
    isShared: false,
    wallMs,
    nowMs: () => 0,
  })
  const put = async (budget: Budget) => {
    await store.putBudget(budget, [])
    accounts.replace([budget])
  }
  await put(budgetOf(limit))
  const hold = async (budget: Budget, nanoUsd: number): Promise<Hold> => {
    const answer = await accounts.hold([budget], ask(nanoUsd))
    if (answer.type !== 'held') throw new Error(`it is ${answer.type}`)
    return answer
  }
  const spent = (budget: Budget) => accounts.standingsOf([budget]).map(({ spentNanoUsd }) => spentNanoUsd)
  return { store, accounts, put, hold, spent }
}

test('I6: what is held when a limit changes is given back all the same', async () => {
  const { accounts, put, hold, spent } = await open(1_000)
  const held = await hold(budgetOf(1_000), 400)
  await put(budgetOf(800))
  expect(accounts.heldNanoUsd).toBe(400)
  // Sound: nano-dollars.
  held.settle(100 as NanoUsd)
  expect(accounts.heldNanoUsd).toBe(0)
  await hold(budgetOf(800), 1)
  expect(spent(budgetOf(800))).toEqual([101])
})

test('what was given back is free, for whoever asks how a budget stands', async () => {
  const { put, hold, spent } = await open(1_000)
  const held = await hold(budgetOf(1_000), 400)
  // Sound: nano-dollars.
  held.settle(400 as NanoUsd)
  expect(spent(budgetOf(1_000))).toEqual([400])
  await put(budgetOf(2_000))
  expect(spent(budgetOf(2_000))).toEqual([400])
})

describe('fault 132: the clock', () => {
  const at = (text: string) => Date.parse(text)

  test.each([
    ['day', '2026-03-29T23:59:59.999Z', '2026-03-29T00:00:00Z', '2026-03-30T00:00:00Z'],
    ['week', '2026-03-29T23:59:59.999Z', '2026-03-23T00:00:00Z', '2026-03-30T00:00:00Z'],
    ['week', '2026-03-30T00:00:00Z', '2026-03-30T00:00:00Z', '2026-04-06T00:00:00Z'],
    ['month', '2028-02-29T12:00:00Z', '2028-02-01T00:00:00Z', '2028-03-01T00:00:00Z'],
    ['month', '2026-12-31T23:59:59Z', '2026-12-01T00:00:00Z', '2027-01-01T00:00:00Z'],
  ] as const)('a %s that holds %s begins at %s and ends at %s', (period, now, start, end) => {
    expect(periodStart(period, at(now))).toBe(at(start))
    expect(periodEnd(period, at(start))).toBe(at(end))
  })

  test('gives a new day its own money, takes back nothing of the old one, and what began before midnight counts there', async () => {
    let now = at('2026-11-29T23:59:50Z')
    const daily: Budget = { ...budgetOf(1_000), period: 'day' }
    const { store, accounts, put, hold, spent } = await open(1_000, () => now)
    await put(daily)
    const early = await hold(daily, 900)
    now = at('2026-11-30T00:00:10Z')
    expect(spent(daily)).toEqual([])
    const late = await hold(daily, 1_000)
    // Sound: nano-dollars, as below.
    early.settle(900 as NanoUsd)
    late.settle(200 as NanoUsd)
    expect(early.charges).toEqual([{ budgetId: daily.id, periodStartMs: at('2026-11-29T00:00:00Z') }])
    expect(late.charges).toEqual([{ budgetId: daily.id, periodStartMs: at('2026-11-30T00:00:00Z') }])
    expect(spent(daily)).toEqual([200])
    // An hour back, over midnight: the old day is as it was left, neither fresh nor negative.
    now = at('2026-11-29T23:30:00Z')
    expect(spent(daily)).toEqual([900])
    await expect(hold(daily, 101)).rejects.toThrow('spent')
    // A year on and back again.
    now = at('2027-11-29T12:00:00Z')
    await accounts.returnIdle()
    const far = await hold(daily, 1_000)
    far.settle(0 as NanoUsd)
    now = at('2026-11-30T01:00:00Z')
    await accounts.returnIdle()
    expect(accounts.heldNanoUsd).toBe(0)
    const left = await store.leasesOf('n')
    expect(left.every(({ nanoUsd }) => nanoUsd >= 0)).toBe(true)
  })
})
