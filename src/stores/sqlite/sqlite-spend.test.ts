import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { questions, sampleEntries } from '../contract/questions.test-support.ts'
import { SPEND_BOUNDS } from '../columns/passes.ts'
import { createMemoryStore } from '../memory/memory-store.ts'
import { Database } from './database.ts'
import { spendRows } from './sqlite-spend.ts'
import { DatabaseFolder } from './sqlite.test-support.ts'

const QUERIES = 150

let files: DatabaseFolder
beforeEach(() => {
  files = new DatabaseFolder()
})
afterEach(() => files.remove())

/** Ways to answer one question: as it comes; from sums where they tell; from columns, in several passes. */
const BOUNDS = [SPEND_BOUNDS, { columnsMax: 0, passMax: 50 }, { columnsMax: 1_000_000, passMax: 50 }]

test('reports are the same as those of a store that reads every entry, whatever is summed up beforehand', async () => {
  const memory = createMemoryStore()
  let store = await files.open()
  // Six batches in no order of time: of days that are summed up already, too.
  for (let batch = 0; batch < 6; batch += 1) {
    const entries = sampleEntries(batch, 60)
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
    for (const [place, query] of fc.sample(questions, { numRuns: QUERIES, seed: 7 }).entries()) {
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
