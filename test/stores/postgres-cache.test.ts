/** Answers that are kept while others are removed, each caught by a lock halfway: what a clearing covers does not come back. */

import { describe, expect, onTestFinished, test } from 'vitest'
import { cached, HOUR_MS, note } from '../../src/stores/contract/samples.test-support.ts'
import { type PostgresServer, skipsPostgres } from '../support/postgres-server.ts'
import { eventually, openStore, postgresStage } from './postgres.test-support.ts'

const SOON_MS = 10_000

describe.skipIf(skipsPostgres())('answers in PostgreSQL that are kept while the cache is emptied', () => {
  const stage = postgresStage()

  async function twoNodes(server: PostgresServer) {
    const url = await server.createDatabase()
    const [keeping, emptying] = [await openStore(url), await openStore(url)]
    onTestFinished(async () => {
      await keeping.close()
      await emptying.close()
    })
    await emptying.dropCached([note('cache')])
    const sinceRevision = await keeping.directoryRevision()
    const put = () => keeping.putCached({ ...cached('a'), sinceRevision })
    /** Until so many statements or transactions are under way, the lock of the test among them. */
    const underWay = (count: number) =>
      eventually(SOON_MS, async () => (await server.transactions(url)).open === count)
    return { url, keeping, emptying, put, underWay }
  }

  test('are refused at once while it is not over', async () => {
    const { server } = stage
    const { url, keeping, emptying, put, underWay } = await twoNodes(server)
    await using audit = await server.lockTable(url, 'holdfast.audit')
    // Its answers are removed and its line is not written yet.
    const emptied = emptying.dropCached([note('cache')])
    await underWay(2)
    expect(await put()).toBe(false)
    await audit.unlock()
    await emptied
    expect(await keeping.findCached('a', HOUR_MS)).toBeUndefined()
  })

  test('are removed where they came first and were not there yet', async () => {
    const { server } = stage
    const { url, keeping, emptying, put, underWay } = await twoNodes(server)
    await using counters = await server.lockTable(url, 'holdfast.counters')
    // It waits to see whether anything was removed.
    const putting = put()
    await underWay(2)
    const emptied = emptying.dropCached([note('cache')])
    await underWay(3)
    await counters.unlock()
    expect(await putting).toBe(true)
    expect(await emptied).toBe(1)
    expect(await keeping.findCached('a', HOUR_MS)).toBeUndefined()
  })
})
