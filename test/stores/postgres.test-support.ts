/**
 * One PostgreSQL for the tests of a file, and an empty database for each of them. A database is emptied and used again: a
 * new one for each test is eight megabytes of files, and a slow disk takes minutes to remove a hundred of them.
 */

import { afterAll, beforeAll } from 'vitest'
import type { OpenFixture } from '../../src/stores/contract/samples.test-support.ts'
import { openPostgresStore, type PostgresStoreOptions } from '../../src/stores/postgres/postgres-store.ts'
import type { Store } from '../../src/stores/store.ts'
import { systemClock } from '../../src/std/clock.ts'
import { type PostgresServer, type PostgresServerOptions, startPostgres } from '../support/postgres-server.ts'

export interface PostgresStage {
  readonly server: PostgresServer
  readonly openFixture: OpenFixture
}

/** Registers the start and the stop; the server is there once a test runs. */
export function postgresStage(options: PostgresServerOptions = {}): PostgresStage {
  let server: PostgresServer | undefined
  beforeAll(async () => {
    server = await startPostgres(options)
  })
  afterAll(() => server?.[Symbol.asyncDispose]())
  const started = () => {
    if (server === undefined) throw new Error('The server of the tests has not started.')
    return server
  }
  const free: string[] = []
  return {
    get server() {
      return started()
    },
    openFixture: async () => {
      const url = free.pop() ?? (await started().createDatabase())
      const opened: Store[] = []
      const open = async () => {
        const store = await openStore(url)
        opened.push(store)
        return store
      }
      return {
        store: await open(),
        openAnother: open,
        dispose: async () => {
          for (const store of opened) await store.close()
          await started().run('DROP SCHEMA IF EXISTS holdfast CASCADE', url)
          free.push(url)
        },
      }
    },
  }
}

export function openStore(url: string, options: Partial<PostgresStoreOptions> = {}): Promise<Store> {
  return openPostgresStore({ url, clock: systemClock, ...options })
}

/** Looks again and again until it is so; throws where it is not within so long. */
export async function eventually(withinMs: number, holds: () => boolean | Promise<boolean>): Promise<void> {
  const untilMs = performance.now() + withinMs
  while (!(await holds())) {
    if (performance.now() > untilMs) throw new Error(`It did not come true within ${withinMs} ms.`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
