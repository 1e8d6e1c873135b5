import { describe, expect, test } from 'vitest'
import {
  createSpendBudget,
  createSpendBudgets,
  HEDGE_SPEND_SHARE,
  RETRY_SPEND_SHARE,
  SPEND_WINDOW_MS,
} from './spend-budget.ts'

const BUCKET_MS = SPEND_WINDOW_MS / 10
/** Prices that are not prices. */
const unpriced = [undefined, -1, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]

const createBudget = (floors: { floorNanoUsd?: number; floorCount?: number } = {}) =>
  createSpendBudget({
    share: RETRY_SPEND_SHARE,
    windowMs: SPEND_WINDOW_MS,
    floorNanoUsd: 0,
    floorCount: 0,
    ...floors,
  })

test('retried input may cost a tenth of the spend of ten minutes, and hedges a fiftieth', () => {
  expect([RETRY_SPEND_SHARE, HEDGE_SPEND_SHARE, SPEND_WINDOW_MS]).toEqual([0.1, 0.02, 600_000])
})

describe('extra calls that have a price', () => {
  test('may begin until they cost more than the share and the floor', () => {
    const budget = createBudget({ floorNanoUsd: 50 })
    budget.noteSpend(1_000, 0)
    budget.noteExtra(149, 0)
    expect(budget.mayExtra(0)).toBe(true)
    budget.noteExtra(1, 0)
    expect(budget.mayExtra(0)).toBe(true)
    budget.noteExtra(1, 0)
    expect(budget.mayExtra(0)).toBe(false)
    budget.noteSpend(10, 0)
    expect(budget.mayExtra(0)).toBe(true)
  })

  test('pass the share by one of them at most', () => {
    const budget = createBudget()
    budget.noteSpend(1_000, 0)
    budget.noteExtra(1_000_000, 0)
    expect(budget.mayExtra(0)).toBe(false)
  })

  test('have one before anything was spent, and no second', () => {
    const budget = createBudget()
    expect(budget.mayExtra(0)).toBe(true)
    budget.noteExtra(1, 0)
    expect(budget.mayExtra(0)).toBe(false)
  })

  test('are refused once the spend is forgotten, until they are forgotten too', () => {
    const budget = createBudget()
    budget.noteSpend(1_000, 0)
    budget.noteExtra(100, 0)
    expect(budget.mayExtra(SPEND_WINDOW_MS - 1)).toBe(true)
    expect(budget.mayExtra(SPEND_WINDOW_MS)).toBe(false)
    expect(budget.mayExtra(SPEND_WINDOW_MS + BUCKET_MS - 1)).toBe(false)
    expect(budget.mayExtra(SPEND_WINDOW_MS + BUCKET_MS)).toBe(true)
  })

  test('may be free, which is a price', () => {
    const budget = createBudget()
    for (let count = 0; count < 5; count += 1) {
      budget.noteSpend(0, 0)
      budget.noteExtra(0, 0)
    }
    expect(budget.mayExtra(0)).toBe(true)
  })
})

describe('extra calls whose price is not known', () => {
  test.each(unpriced)('keep the share in calls: one in ten where they cost %s', (price) => {
    const budget = createBudget()
    for (let count = 0; count < 9; count += 1) budget.noteSpend(price, 0)
    expect(budget.mayExtra(0)).toBe(false)
    budget.noteSpend(price, 0)
    expect(budget.mayExtra(0)).toBe(true)
    budget.noteExtra(price, 0)
    expect(budget.mayExtra(0)).toBe(false)
  })

  test.each(unpriced)('have their floor where nothing was delivered and they cost %s', (price) => {
    const budget = createBudget({ floorCount: 2 })
    budget.noteExtra(price, 0)
    expect(budget.mayExtra(0)).toBe(true)
    budget.noteExtra(price, 0)
    expect(budget.mayExtra(0)).toBe(false)
  })

  test('are forgotten a tenth of the window after it', () => {
    const budget = createBudget({ floorCount: 1 })
    budget.noteExtra(undefined, 0)
    expect(budget.mayExtra(SPEND_WINDOW_MS + BUCKET_MS - 1)).toBe(false)
    expect(budget.mayExtra(SPEND_WINDOW_MS + BUCKET_MS)).toBe(true)
  })

  test('do not pay for those that have one, nor the other way round', () => {
    const priced = createBudget({ floorCount: 5 })
    for (let count = 0; count < 100; count += 1) priced.noteSpend(undefined, 0)
    priced.noteExtra(1, 0)
    expect(priced.mayExtra(0)).toBe(false)
    const counted = createBudget({ floorNanoUsd: 1_000 })
    counted.noteSpend(1_000_000, 0)
    counted.noteExtra(undefined, 0)
    expect(counted.mayExtra(0)).toBe(false)
  })
})

describe('SEC-44: pools', () => {
  const options = { share: RETRY_SPEND_SHARE, windowMs: SPEND_WINDOW_MS, floorNanoUsd: 10, floorCount: 0 }

  test('do not pay for one another', () => {
    const budgets = createSpendBudgets(options)
    budgets.of('theirs', 0).noteExtra(1_000, 0)
    expect(budgets.of('theirs', 0).mayExtra(0)).toBe(false)
    expect(budgets.of('ours', 0).mayExtra(0)).toBe(true)
    budgets.of('ours', 0).noteSpend(1_000_000, 0)
    expect(budgets.of('theirs', 0).mayExtra(0)).toBe(false)
  })

  test('beyond the bound share one budget, until one that is kept is idle', () => {
    const budgets = createSpendBudgets(options, 2)
    for (const pool of ['a', 'b']) budgets.of(pool, 0).noteSpend(1, 0)
    budgets.of('c', 0).noteExtra(1_000, 0)
    expect(budgets.of('d', 0).mayExtra(0)).toBe(false)
    expect(budgets.of('a', 0).mayExtra(0)).toBe(true)
    expect(budgets.of('e', 2 * SPEND_WINDOW_MS).mayExtra(2 * SPEND_WINDOW_MS)).toBe(true)
  })
})
