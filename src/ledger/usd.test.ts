import fc from 'fast-check'
import { expect, test } from 'vitest'
import { BUDGET_NANO_USD_MAX } from './budget.ts'
import { costOf } from './cost-of.ts'
import { formatUsd, readUsd, writeUsd } from './usd.ts'

test.each([
  [0, '0.000000000'],
  [1, '0.000000001'],
  [41_000, '0.000041000'],
  [1_000_000_000, '1.000000000'],
  [BUDGET_NANO_USD_MAX, '1000000.000000000'],
])('%i billionths are %s', (nanoUsd, said) => {
  expect(writeUsd(nanoUsd)).toBe(said)
})

test('what is said is read back exactly', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: BUDGET_NANO_USD_MAX }), (nanoUsd) => {
      expect(readUsd(writeUsd(nanoUsd))).toBe(nanoUsd)
    }),
  )
})

test.each(['12', '12.5', '0.000000001', '0012'])('reads %s', (text) => {
  expect(readUsd(text)).toBe(Math.round(Number(text) * 1e9))
})

test.each([
  '',
  ' 1',
  '1 ',
  '-1',
  '+1',
  '1e3',
  '0x1',
  '1.',
  '.5',
  '1,5',
  '1.0000000001',
  '1000001',
  '1000000.000000001',
  'NaN',
  '٣',
])('SEC-48: %j is no amount', (text) => {
  expect(readUsd(text)).toBeUndefined()
})

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
