import fc from 'fast-check'
import { expect, test } from 'vitest'
import { BUDGET_NANO_USD_MAX } from '../../ledger/budget.ts'
import { readUsd, sayUsd } from './money.ts'

test.each([
  [0, '0.000000000'],
  [1, '0.000000001'],
  [41_000, '0.000041000'],
  [1_000_000_000, '1.000000000'],
  [BUDGET_NANO_USD_MAX, '1000000.000000000'],
])('%i billionths are %s', (nanoUsd, said) => {
  expect(sayUsd(nanoUsd)).toBe(said)
})

test('what is said is read back exactly', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: BUDGET_NANO_USD_MAX }), (nanoUsd) => {
      expect(readUsd(sayUsd(nanoUsd))).toBe(nanoUsd)
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
