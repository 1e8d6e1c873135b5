import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe } from 'vitest'
import { systemClock } from '../../std/clock.ts'
import { describeStore } from '../contract/store.contract.ts'
import type { Store } from '../store.ts'
import { openSqliteStore } from './sqlite-store.ts'

describe('the SQLite store', () => {
  describeStore(async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-sqlite-'))
    const opened: Store[] = []
    const open = async () => {
      const store = await openSqliteStore({ path: path.join(folder, 'holdfast.db'), clock: systemClock })
      opened.push(store)
      return store
    }
    return {
      store: await open(),
      openAnother: open,
      async dispose() {
        for (const store of opened) await store.close()
        rmSync(folder, { recursive: true })
      },
    }
  })
})
