import { describe, expect, test } from 'vitest'
import { quantile, trendOf } from './process-samples.ts'

const MINUTE_MS = 60_000

/** Each minute one, rising by so much an hour, and swinging by so much to both sides of that in turn. */
function risingBy(perHour: number, swing: number, count = 100) {
  return Array.from({ length: count }, (_, place) => ({
    atMs: place * MINUTE_MS,
    value: 1e8 + (place / 60) * perHour + (place % 2 === 0 ? swing : -swing),
  }))
}
const read = ({ value }: { readonly value: number }) => value

describe('fault 149: the trend', () => {
  test('is the line that fits best, whatever swings around it', () => {
    expect(trendOf(risingBy(7e6, 1e3), read).perHour / 1e6).toBeCloseTo(7, 1)
    expect(trendOf(risingBy(0, 0), read)).toEqual({ perHour: 0, standardError: 0 })
    expect(trendOf([], read)).toEqual({ perHour: 0, standardError: 0 })
    expect(trendOf(risingBy(7, 0, 1), read)).toEqual({ perHour: 0, standardError: 0 })
  })

  test('says how much of it may be chance: more where the samples swing more, less where there are more of them', () => {
    const { standardError } = trendOf(risingBy(7e6, 1e6), read)
    // Of n samples at 1 to n minutes, with swings of s: s / sqrt(n) / (n / sqrt(12)) a minute.
    expect(standardError / 1e6).toBeCloseTo((60 * Math.sqrt(12)) / 100 ** 1.5, 2)
    expect(trendOf(risingBy(7e6, 2e6), read).standardError / standardError).toBeCloseTo(2, 1)
    expect(trendOf(risingBy(7e6, 1e6, 400), read).standardError / standardError).toBeCloseTo(1 / 8, 2)
    expect(trendOf(risingBy(7e6, 1e6, 2), read).standardError).toBe(0)
  })
})

test('a quantile is a value that was seen', () => {
  const values = Array.from({ length: 100 }, (_, place) => place)
  expect([quantile(values, 0.5), quantile(values, 0.99), quantile([], 0.5)]).toEqual([50, 99, 0])
})
