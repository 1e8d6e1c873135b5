/** When the periods of budgets begin and end, by the wall clock in UTC: pure, so that a clock that jumps back finds the period it left as it was (fault 132). */

import type { BudgetPeriod } from './budget.ts'

const DAY_MS = 86_400_000
/** 1 January 1970 was a Thursday; weeks begin on Mondays. */
const FIRST_MONDAY_MS = 4 * DAY_MS

/** ms since 1970; 0 for `total`. */
export function periodStart(period: BudgetPeriod, wallMs: number): number {
  switch (period) {
    case 'day':
      return floorTo(wallMs, DAY_MS)
    case 'week':
      return floorTo(wallMs - FIRST_MONDAY_MS, 7 * DAY_MS) + FIRST_MONDAY_MS
    case 'month': {
      const date = new Date(wallMs)
      return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1)
    }
    case 'total':
      return 0
  }
}

/** When the period that began then is over; `undefined` for `total`. */
export function periodEnd(period: BudgetPeriod, startMs: number): number | undefined {
  switch (period) {
    case 'day':
      return startMs + DAY_MS
    case 'week':
      return startMs + 7 * DAY_MS
    case 'month': {
      const date = new Date(startMs)
      return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 1)
    }
    case 'total':
      return undefined
  }
}

function floorTo(ms: number, step: number): number {
  return Math.floor(ms / step) * step
}
