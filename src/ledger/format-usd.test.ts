import { expect, test } from 'vitest'
import { costOf } from './cost-of.ts'
import { formatUsd } from './format-usd.ts'

test.each([
  [0, '0'],
  [41_000, '0.000041'],
  [1, '0.000000001'],
  [1_250_000_000, '1.25'],
  [600_000_000_000_000, '600000'],
])('%d nano-dollars are %s dollars', (tokens, text) => {
  // A thousand trillionths a token: a nano-dollar each.
  expect(formatUsd(costOf({ inputTokens: tokens, outputTokens: 0 }, { input: 1_000, output: 0 }))).toBe(text)
})

test('an amount that is not known is said to be unknown', () => {
  expect(formatUsd(undefined)).toBe('unknown')
})
