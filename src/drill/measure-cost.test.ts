import { expect, test } from 'vitest'
import { measureCost, usualPrices } from './measure-cost.ts'
import { anAttempt } from './reports.test-support.ts'

const broken = { outcome: 'failed', isWaste: true, usageSource: 'unknown' } as const
/** Without a price. */
function unpriced(more: Parameters<typeof anAttempt>[1] = {}) {
  const { costNanoUsd: _, ...rest } = anAttempt('r', more)
  return rest
}

test('adds up money, and takes a call that broke off at the usual price of its target', () => {
  const attempts = [
    anAttempt('a', { costNanoUsd: 1_000 }),
    anAttempt('b', { costNanoUsd: 3_000 }),
    unpriced(broken),
  ]
  expect(measureCost(attempts, usualPrices(attempts))).toEqual({
    basis: 'money',
    total: 6_000,
    waste: 2_000,
    extraShare: 1 / 3,
  })
})

test('does not count refusals, which cost nothing', () => {
  const attempts = [anAttempt('a'), unpriced({ outcome: 'failed', usageSource: 'none' })]
  expect(measureCost(attempts, usualPrices(attempts))).toMatchObject({
    total: 1_000,
    waste: 0,
    extraShare: 0,
  })
})

test('counts calls where a target has no known price', () => {
  const attempts = [
    anAttempt('a'),
    unpriced({ target: 'own/model' }),
    unpriced({ ...broken, target: 'own/model' }),
  ]
  expect(measureCost(attempts, usualPrices(attempts))).toEqual({
    basis: 'calls',
    total: 3,
    waste: 1,
    extraShare: 1 / 3,
  })
})

test('has no share of nothing', () => {
  expect(measureCost([], new Map())).toEqual({ basis: 'money', total: 0, waste: 0 })
})

test('takes usual prices of whole answers only', () => {
  const attempts = [anAttempt('a', { costNanoUsd: 100 }), anAttempt('b', { ...broken, costNanoUsd: 900 })]
  expect([...usualPrices(attempts)]).toEqual([['openai/gpt-5', 100]])
})
