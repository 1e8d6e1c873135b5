/**
 * Where a page of usage begins. Its rows are sums, so they have no place of their own to go on from: a cursor holds the time
 * that is looked at and how many rows were shown of it.
 */

import { invalid } from './problem.ts'

/** Rows before a page, at most: the store sums and sorts all of them again for each page. */
export const USAGE_OFFSET_MAX = 50_000

export interface UsagePlace {
  /** ms since 1970; until is the first moment that is not looked at. */
  readonly fromMs: number
  readonly untilMs: number
  /** Rows that came before. */
  readonly offset: number
}

export function writeUsageCursor({ fromMs, untilMs, offset }: UsagePlace): string {
  return `${fromMs}_${untilMs}_${offset}`
}

/** Throws `invalid_request` for what no page gave, and for a place too far down. */
export function readUsageCursor(cursor: string): UsagePlace {
  // Fifteen digits are beyond the last year that a query can name, and before the last that a date can hold.
  const words = /^(-?\d{1,15})_(-?\d{1,15})_(\d{1,9})$/.exec(cursor)
  const [fromMs = 0, untilMs = 0, offset = 0] = words?.slice(1).map(Number) ?? []
  const place = { fromMs, untilMs, offset }
  if (fromMs >= untilMs || offset === 0 || writeUsageCursor(place) !== cursor)
    throw invalid('cursor', 'This is none that a page gave.')
  if (offset > USAGE_OFFSET_MAX)
    throw invalid(
      'cursor',
      `No page begins after more than ${USAGE_OFFSET_MAX} rows: narrow the time or the filters.`,
    )
  return place
}
