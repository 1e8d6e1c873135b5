import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readAllowance, readLength, readMoment, readMoney, readNames, readWhole } from './read-values.ts'
import { CommandRefusal } from './refusal.ts'
import { printable, tableLines } from './table.ts'

describe('money', () => {
  test.each([
    ['0.01', 10_000_000],
    ['$5', 5_000_000_000],
    ['12.50 USD', 12_500_000_000],
    ['0.000000001', 1],
    ['0.1', 100_000_000],
    ['1000000', 1_000_000_000_000_000],
  ])('%s is exact', (text, nanoUsd) => {
    expect(readMoney(text)).toBe(nanoUsd)
  })

  test('every amount with nine decimals is exact: no fraction is rounded', () => {
    const amounts = fc.tuple(fc.integer({ min: 0, max: 999_999 }), fc.integer({ min: 1, max: 999_999_999 }))
    fc.assert(
      fc.property(amounts, ([whole, nano]) => {
        const text = `${whole}.${String(nano).padStart(9, '0')}`
        expect(BigInt(readMoney(text))).toBe(BigInt(whole) * 1_000_000_000n + BigInt(nano))
      }),
    )
  })

  test.each(['', '0', '-1', '1e3', '0.0000000001', '1000000.01', 'five', '1,5', 'NaN', '0x10'])(
    '%j is none',
    (text) => {
      expect(() => readMoney(text)).toThrow(CommandRefusal)
    },
  )

  test.each([
    ['5/day', 5_000_000_000, 'day'],
    ['5 / week', 5_000_000_000, 'week'],
    ['$20 per month', 20_000_000_000, 'month'],
    ['0.01 total', 10_000_000, 'total'],
    ['0.01', 10_000_000, 'total'],
    ['5 USD', 5_000_000_000, 'total'],
    ['5 daily', 5_000_000_000, 'day'],
  ])('%s is an allowance', (text, limitNanoUsd, period) => {
    expect(readAllowance(text)).toEqual({ limitNanoUsd, period })
  })

  test.each(['5/year', '/day', 'day', '5/', '5 day day'])('%j is no allowance', (text) => {
    expect(() => readAllowance(text)).toThrow(CommandRefusal)
  })
})

test.each([
  ['30d', 2_592_000_000],
  ['24h', 86_400_000],
  ['15m', 900_000],
  ['2w', 1_209_600_000],
  ['0', 0],
])('%s is a length of time', (text, ms) => {
  expect(readLength(text)).toBe(ms)
})

test.each(['', '5', '1.5h', '-1d', '99999d', 'd', '1y'])('%j is no length of time', (text) => {
  expect(() => readLength(text)).toThrow(CommandRefusal)
})

test.each(['3651d', '99999999d', `${'9'.repeat(400)}w`])('%s is said to be too long', (text) => {
  expect(() => readLength(text)).toThrow('is too long a time: at most 3650d')
  expect(() => readMoment(text, nowMs)).toThrow('at most 3650d')
})

test('the longest time is taken', () => {
  expect(readLength('3650d')).toBe(315_360_000_000)
})

const nowMs = Date.UTC(2026, 10, 29, 12)
test.each([
  ['2026-11-01', Date.UTC(2026, 10, 1)],
  ['2026-11-01T06:30', Date.UTC(2026, 10, 1, 6, 30)],
  ['2026-11-01 06:30:05Z', Date.UTC(2026, 10, 1, 6, 30, 5)],
  ['2026-11-01T06:30+02:00', Date.UTC(2026, 10, 1, 4, 30)],
  ['7d', Date.UTC(2026, 10, 22, 12)],
])('%s is a moment', (text, atMs) => {
  expect(readMoment(text, nowMs)).toBe(atMs)
})

test.each(['', 'yesterday', '2026-13-01', '2026-02-30', '2026-11-01T25:00', '11/01/2026'])(
  '%j is no moment',
  (text) => {
    expect(() => readMoment(text, nowMs)).toThrow(CommandRefusal)
  },
)

test('names stand apart by commas or spaces, each once', () => {
  expect(readNames(' a, b,a c,,')).toEqual(['a', 'b', 'c'])
  expect(() => readWhole('0', 'rpm')).toThrow('--rpm: "0" is no whole number')
})

test('a whole number that is too large is told the largest, which is taken', () => {
  expect(() => readWhole('99999999999999', 'rpm')).toThrow(
    '--rpm: "99999999999999" is too large: at most 1000000000000',
  )
  expect(readWhole('1000000000000', 'rpm')).toBe(1_000_000_000_000)
})

test('a table stands in columns, and nothing in it moves a terminal', () => {
  expect(
    tableLines(
      [{ title: 'A' }, { title: 'N', isNumber: true }],
      [
        ['x', '1'],
        ['long', '20'],
      ],
    ),
  ).toEqual(['A      N', 'x      1', 'long  20'])
  expect(printable('a\u001b[2Jb\nc\u202e')).toBe('a?[2Jb?c?')
})
