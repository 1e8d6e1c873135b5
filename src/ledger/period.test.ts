import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { BudgetPeriod } from './budget.ts'
import { periodEnd, periodStart } from './period.ts'

const HOUR_MS = 3_600_000
const YEAR_MS = 365 * 24 * HOUR_MS
const BOUNDED: readonly BudgetPeriod[] = ['day', 'week', 'month']
const moments = fc.integer({ min: Date.UTC(1990, 0), max: Date.UTC(2090, 0) })

describe('periods of budgets', () => {
  test('begin at midnight, on Monday and on the first, in UTC', () => {
    // A Sunday.
    const atMs = Date.UTC(2026, 10, 29, 23, 59, 59, 999)
    expect(periodStart('day', atMs)).toBe(Date.UTC(2026, 10, 29))
    expect(periodStart('week', atMs)).toBe(Date.UTC(2026, 10, 23))
    expect(periodStart('month', atMs)).toBe(Date.UTC(2026, 10, 1))
    expect(periodStart('week', atMs + 1)).toBe(Date.UTC(2026, 10, 30))
    expect(periodStart('total', atMs)).toBe(0)
    expect(periodEnd('total', 0)).toBeUndefined()
  })

  test('follow each other without a gap, and hold the moment they are asked for', () => {
    fc.assert(
      fc.property(moments, fc.constantFrom(...BOUNDED), (atMs, period) => {
        const startMs = periodStart(period, atMs)
        const endMs = periodEnd(period, startMs) ?? Number.NaN
        expect(startMs).toBeLessThanOrEqual(atMs)
        expect(endMs).toBeGreaterThan(atMs)
        expect(periodStart(period, endMs - 1)).toBe(startMs)
        expect(periodStart(period, endMs)).toBe(endMs)
      }),
    )
  })

  test('fault 132: a clock that jumps and comes back finds the period it left', () => {
    const jumps = fc.constantFrom(HOUR_MS, -HOUR_MS, YEAR_MS, -YEAR_MS)
    fc.assert(
      fc.property(moments, fc.constantFrom(...BOUNDED), jumps, (atMs, period, jumpMs) => {
        const startMs = periodStart(period, atMs)
        const there = periodStart(period, atMs + jumpMs)
        expect(Math.sign(there - startMs)).not.toBe(-Math.sign(jumpMs))
        expect(periodStart(period, atMs + jumpMs - jumpMs)).toBe(startMs)
      }),
    )
  })

  test('know months of every length', () => {
    const ends = [0, 1, 3].map((month) => periodEnd('month', Date.UTC(2028, month, 1)))
    expect(ends).toEqual([Date.UTC(2028, 1, 1), Date.UTC(2028, 2, 1), Date.UTC(2028, 4, 1)])
    expect(periodEnd('month', Date.UTC(2026, 11, 1))).toBe(Date.UTC(2027, 0, 1))
  })
})
