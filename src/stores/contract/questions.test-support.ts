/** Entries and questions about them, drawn at random: stores must answer alike. */

import fc from 'fast-check'
import type { LedgerEntry } from '../../ledger/entry.ts'
import type { SpendDimension, SpendQuery } from '../../reports/report-store.ts'
import { entry, HOUR_MS, nano, ONE_HOUR_MS, unpriced } from './samples.test-support.ts'

const SPAN_MS = 8 * 24 * ONE_HOUR_MS

const word = fc.constantFrom('a', 'b', 'c')
const time = fc.oneof(
  fc.integer({ min: HOUR_MS, max: HOUR_MS + SPAN_MS }),
  // The edges of hours and days.
  fc.integer({ min: 0, max: 8 * 24 }).map((hour) => HOUR_MS + hour * ONE_HOUR_MS),
)
const lines: fc.Arbitrary<Partial<LedgerEntry> & { readonly isPriced: boolean }> = fc.record({
  atMs: time,
  isPriced: fc.boolean(),
  costNanoUsd: fc.integer({ min: 0, max: 1_000 }).map(nano),
  isWaste: fc.boolean(),
  basis: fc.constantFrom('reported', 'counted', 'estimated', 'none'),
  modelId: word,
  attribution: fc.record(
    { keyId: word, endUser: word, sessionId: word, tags: fc.uniqueArray(word) },
    { requiredKeys: ['tags'] },
  ),
})

/** In no order of time. The same seed gives the same entries. */
export function sampleEntries(seed: number, count: number): readonly LedgerEntry[] {
  return fc
    .sample(lines, { numRuns: count, seed })
    .map(({ isPriced, ...fields }, place) => (isPriced ? entry : unpriced)(`x${seed}.${place}`, fields))
}

const DIMENSIONS: readonly SpendDimension[] = [
  'key',
  'end-user',
  'tag',
  'session',
  'model',
  'route',
  'hour',
  'day',
  'month',
]
/** Few conditions, or none: with many of them nothing is left to be added up. */
const wheres: fc.Arbitrary<NonNullable<SpendQuery['where']>> = fc
  .array(
    fc.oneof(
      fc.tuple(fc.constantFrom('key', 'tag', 'end-user', 'session', 'model'), word),
      fc.tuple(fc.constant('key'), fc.subarray(['a', 'b', 'c'])),
    ),
    { maxLength: 2 },
  )
  .map((conditions) => Object.fromEntries(conditions))

export const questions: fc.Arbitrary<SpendQuery> = fc.record({
  fromMs: time,
  untilMs: time,
  by: fc.subarray([...DIMENSIONS], { maxLength: 3 }),
  where: wheres,
  rowsMax: fc.constantFrom(100_000, 4),
})
