/** The same crashes over a real PostgreSQL, which outlives them. The long form: `npm run crashes -- --store postgres`. */

import { describe, expect, test } from 'vitest'
import { crashLoop } from '../../sim/crash/crash-loop.ts'
import { skipsPostgres, startPostgres } from '../support/postgres-server.ts'

describe.skipIf(skipsPostgres())('over PostgreSQL', () => {
  test('faults 111, 123, 124: nothing is lost and nothing counted twice in 60 crashes (I1, I5, I6)', {
    timeout: 300_000,
  }, async () => {
    await using server = await startPostgres()
    const url = await server.createDatabase()
    const { wrong, crashes, books } = await crashLoop({
      seed: 3,
      crashes: 60,
      store: { kind: 'postgres', url },
    })
    expect(wrong).toEqual([])
    expect(crashes).toBe(60)
    expect(books.states['completed']).toBeGreaterThan(50)
    expect(books.states['orphaned']).toBeGreaterThan(10)
  })
})
