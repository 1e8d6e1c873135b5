import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { LedgerEntry } from '../../ledger/entry.ts'
import type { SpendDimension, SpendQuery } from '../../reports/report-store.ts'
import { entry, HOUR_MS, nano, ONE_HOUR_MS, unpriced } from '../contract/samples.test-support.ts'
import { SPEND_BOUNDS } from '../columns/passes.ts'
import { createMemoryStore } from '../memory/memory-store.ts'
import { Database } from './database.ts'
import { spendRows } from './sqlite-spend.ts'
import { DatabaseFolder } from './sqlite.test-support.ts'

const SPAN_MS = 8 * 24 * ONE_HOUR_MS
const QUERIES = 150

let files: DatabaseFolder
beforeEach(() => {
  files = new DatabaseFolder()
})
afterEach(() => files.remove())

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
  .array(fc.tuple(fc.constantFrom('key', 'tag', 'end-user', 'session', 'model'), word), { maxLength: 2 })
  .map((conditions) => Object.fromEntries(conditions))
const queries: fc.Arbitrary<SpendQuery> = fc.record({
  fromMs: time,
  untilMs: time,
  by: fc.subarray([...DIMENSIONS], { maxLength: 3 }),
  where: wheres,
  rowsMax: fc.constantFrom(100_000, 4),
})

/** Ways to answer one question: as it comes; from sums where they tell; from columns, in several passes. */
const BOUNDS = [SPEND_BOUNDS, { columnsMax: 0, passMax: 50 }, { columnsMax: 1_000_000, passMax: 50 }]

test('reports are the same as those of a store that reads every entry, whatever is summed up beforehand', async () => {
  const memory = createMemoryStore()
  let store = await files.open()
  // Six batches in no order of time: of days that are summed up already, too.
  for (let batch = 0; batch < 6; batch += 1) {
    const entries = fc
      .sample(lines, { numRuns: 60, seed: batch })
      .map(({ isPriced, ...fields }, place) => (isPriced ? entry : unpriced)(`x${batch}.${place}`, fields))
    const books = { nodeId: 'node_1', entries, requests: [] }
    await memory.postBooks(books)
    await store.postBooks(books)
    // The first posting of a connection makes the sums; what is posted later in it stays without.
    if (batch % 2 === 0) continue
    await store.close()
    store = await files.open()
  }
  const db = new Database({ path: files.path, readOnly: true })
  try {
    for (const [place, query] of fc.sample(queries, { numRuns: QUERIES, seed: 7 }).entries()) {
      const rows = await memory.spend(query)
      expect({ place, query, rows: await store.spend(query) }).toEqual({ place, query, rows })
      for (const bounds of BOUNDS)
        expect({ place, query, bounds, rows: spendRows(db, query, bounds) }).toEqual({
          place,
          query,
          bounds,
          rows,
        })
    }
  } finally {
    db.close()
  }
})
