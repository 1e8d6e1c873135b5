/** The store in a real PostgreSQL does what every store must do, and is copied to and from the other durable one. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe } from 'vitest'
import type { OpenFixture } from '../../src/stores/contract/samples.test-support.ts'
import { describeStore } from '../../src/stores/contract/store.contract.ts'
import { describeTransfer } from '../../src/stores/contract/transfer.contract.ts'
import { openSqliteStore } from '../../src/stores/sqlite/sqlite-store.ts'
import { systemClock } from '../../src/std/clock.ts'
import { skipsPostgres } from '../support/postgres-server.ts'
import { postgresStage } from './postgres.test-support.ts'

describe.skipIf(skipsPostgres())('the postgres store', () => {
  const stage = postgresStage()

  describeStore(stage.openFixture)

  describe('from SQLite to PostgreSQL', () => {
    describeTransfer(openSqlite, stage.openFixture)
  })

  describe('from PostgreSQL to SQLite', () => {
    describeTransfer(stage.openFixture, openSqlite)
  })
})

const openSqlite: OpenFixture = async () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-sqlite-'))
  const store = await openSqliteStore({ path: join(folder, 'holdfast.db'), clock: systemClock })
  return {
    store,
    dispose: async () => {
      await store.close()
      rmSync(folder, { recursive: true })
    },
  }
}
