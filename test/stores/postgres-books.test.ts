/**
 * Reports of a PostgreSQL store while its books are on their way from postings into blocks: exact at every moment, whoever
 * posts, builds, dies, or was of an older version.
 */

import { spawn } from 'node:child_process'
import { join } from 'node:path'
import fc from 'fast-check'
import { Client } from 'pg'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { LedgerEntry } from '../../src/ledger/entry.ts'
import type { SpendQuery } from '../../src/reports/report-store.ts'
import { entry, HOUR_MS, ONE_HOUR_MS } from '../../src/stores/contract/samples.test-support.ts'
import { questions, sampleEntries } from '../../src/stores/contract/questions.test-support.ts'
import { createMemoryStore } from '../../src/stores/memory/memory-store.ts'
import { BUILD_LOCK } from '../../src/stores/postgres/block-builder.ts'
import { entryRow } from '../../src/stores/postgres/book-rows.ts'
import { MIGRATIONS } from '../../src/stores/postgres/migrations.ts'
import type { Store } from '../../src/stores/store.ts'
import { systemClock } from '../../src/std/clock.ts'
import type { Notice } from '../../src/std/notice.ts'
import { skipsPostgres } from '../support/postgres-server.ts'
import { eventually, openStore, postgresStage } from './postgres.test-support.ts'

/** Whatever is done behind a posting is done in a moment. */
const WITHIN_MS = 20_000
const QUERIES = 60
const EVERYTHING = { fromMs: 0, untilMs: 4_000_000_000_000, rowsMax: 100_000 }
/** One for each way in which a report is answered. */
const WAYS: Readonly<Record<string, SpendQuery>> = {
  days: { ...EVERYTHING, by: [] },
  'days and parts of days': { ...EVERYTHING, fromMs: HOUR_MS + 1, by: ['tag'] },
  columns: { ...EVERYTHING, by: ['session'] },
  'columns by hour': { ...EVERYTHING, by: ['key', 'hour'] },
}

describe.skipIf(skipsPostgres())('books on their way into blocks', () => {
  const stage = postgresStage()

  async function opened(url: string): Promise<Store> {
    const store = await openStore(url)
    onTestFinished(() => store.close())
    return store
  }

  test('two nodes post, blocks are made, and each report counts every entry once at every moment', {
    timeout: 60_000,
  }, async () => {
    const url = await stage.server.createDatabase()
    const nodes = await Promise.all([opened(url), opened(url)])
    const asking = await opened(url)
    await asking.loadBudgets()
    let begun = 0
    let posted = 0
    const post = async (store: Store, node: number) => {
      for (let batch = 0; batch < 60; batch += 1) {
        const entries = batchOf(`${node}.${batch}`, 400)
        begun += entries.length
        await store.postBooks({ nodeId: `node_${node}`, entries, requests: [] })
        posted += entries.length
      }
    }
    const work = Promise.all(nodes.map((store, node) => post(store, node)))
    const state = { isOver: false }
    void work.finally(() => (state.isOver = true))
    let looks = 0
    while (!state.isOver) {
      for (const [way, query] of Object.entries(WAYS)) {
        const least = posted
        const counted = await entriesOf(asking, query)
        expect({ way, counted, isExact: counted >= least && counted <= begun }).toMatchObject({
          isExact: true,
        })
        looks += 1
      }
    }
    await work
    for (const [way, query] of Object.entries(WAYS))
      expect({ way, counted: await entriesOf(asking, query) }).toEqual({ way, counted: begun })
    expect(looks).toBeGreaterThan(8)
    const [made] = await ask(
      url,
      'SELECT count(*)::int AS blocks, sum(entries)::int AS entries FROM holdfast.blocks',
    )
    expect(made?.['blocks']).toBeGreaterThan(1)
    expect(made?.['entries']).toBeGreaterThan(begun / 2)
  })

  test('says of any question what a store says that reads every entry', { timeout: 60_000 }, async () => {
    const url = await stage.server.createDatabase()
    const memory = createMemoryStore()
    const store = await opened(url)
    // In no order of time; some of it in blocks, some not.
    for (let batch = 0; batch < 5; batch += 1) {
      const entries = sampleEntries(batch, batch === 3 ? 5_200 : 150)
      for (const each of [memory, store]) await each.postBooks({ nodeId: 'node_1', entries, requests: [] })
      if (batch === 3) await eventually(WITHIN_MS, async () => (await countIn(url, 'blocks')) > 0)
    }
    expect(await countIn(url, 'posted')).toBe(1)
    await compare(store, memory)
  })

  test('a process that is killed while it makes a block loses nothing, and the next one makes it', {
    timeout: 60_000,
  }, async () => {
    const url = await stage.server.createDatabase()
    const node = spawn(process.execPath, [join(import.meta.dirname, 'posting-node.ts'), url], {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, HOLDFAST_FAILPOINT: 'building:2' },
    })
    const signal = await new Promise((resolve) => node.once('close', (_code, by) => resolve(by)))
    expect(signal).toBe('SIGKILL')
    const store = await opened(url)
    const [kept] = await ask(url, 'SELECT count(*)::int AS entries FROM holdfast.entries')
    const total = Number(kept?.['entries'])
    expect(total).toBeGreaterThan(5_000)
    for (const [way, query] of Object.entries(WAYS))
      expect({ way, counted: await entriesOf(store, query) }).toEqual({ way, counted: total })
    const before = await countIn(url, 'blocks')
    await store.postBooks({ nodeId: 'node_1', entries: batchOf('after', 5_000), requests: [] })
    await eventually(WITHIN_MS, async () => (await countIn(url, 'posted')) === 0)
    expect(await countIn(url, 'blocks')).toBeGreaterThanOrEqual(before)
    for (const [way, query] of Object.entries(WAYS))
      expect({ way, counted: await entriesOf(store, query) }).toEqual({ way, counted: total + 5_000 })
  })

  test('a database of schema 4 answers the same after the upgrade, before and after its entries are in blocks', {
    timeout: 60_000,
  }, async () => {
    const url = await stage.server.createDatabase()
    const before = await openStore(url, { migrations: MIGRATIONS.slice(0, 4) })
    await before.loadBudgets()
    await before.close()
    const memory = createMemoryStore()
    const old = sampleEntries(1, 700)
    await memory.postBooks({ nodeId: 'node_1', entries: old, requests: [] })
    await postAsSchema4(url, old)
    // While somebody else has the lock, no blocks are made.
    const other = new Client({ connectionString: url })
    await other.connect()
    await other.query(`SELECT pg_advisory_lock(${BUILD_LOCK})`)
    await compare(await opened(url), memory)
    expect(await countIn(url, 'blocks')).toBe(0)
    await other.end()
    const store = await opened(url)
    // After a few postings what was there before begins to get into blocks.
    for (const each of [memory, store])
      for (let seed = 2; seed < 14; seed += 1)
        await each.postBooks({ nodeId: 'node_1', entries: sampleEntries(seed, 30), requests: [] })
    await compare(store, memory)
    await eventually(
      WITHIN_MS,
      async () => (await ask(url, 'SELECT is_done FROM holdfast.backlog'))[0]?.['is_done'] === true,
    )
    expect(await countIn(url, 'blocks')).toBe(1)
    await compare(store, memory)
  })

  test('a store closes within seconds while a block that is being made hangs, and the block is made another time', async () => {
    const url = await stage.server.createDatabase()
    const store = await openStore(url)
    await store.loadBudgets()
    await using locker = await stage.server.lockTable(url, 'holdfast.days')
    await store.postBooks({ nodeId: 'node_1', entries: batchOf('a', 5_000), requests: [] })
    await eventually(
      WITHIN_MS,
      async () => (await ask(url, 'SELECT FROM pg_locks WHERE NOT granted')).length > 0,
    )
    const startedMs = performance.now()
    await store.close()
    expect(performance.now() - startedMs).toBeLessThan(3_000)
    await locker.unlock()
    const again = await opened(url)
    expect(await entriesOf(again, { ...EVERYTHING, by: [] })).toBe(5_000)
    await again.postBooks({ nodeId: 'node_1', entries: batchOf('b', 5_000), requests: [] })
    await eventually(WITHIN_MS, async () => (await countIn(url, 'posted')) === 0)
    expect(await entriesOf(again, { ...EVERYTHING, by: [] })).toBe(10_000)
  })

  test('blocks that cannot be made are told of once, and reports stay right', async () => {
    const url = await stage.server.createDatabase()
    const notices: Notice[] = []
    const waited = { ms: 0 }
    const clock = { ...systemClock, nowMs: () => systemClock.nowMs() + waited.ms }
    const store = await openStore(url, { clock, onNotice: (notice) => notices.push(notice) })
    onTestFinished(() => store.close())
    await store.loadBudgets()
    await stage.server.run('ALTER TABLE holdfast.days ADD CONSTRAINT never CHECK (entries < 0)', url)
    let posted = 0
    const post = async () => {
      const entries = batchOf(`${posted}`, 5_000)
      await store.postBooks({ nodeId: 'node_1', entries, requests: [] })
      posted += entries.length
      waited.ms += 6_000
    }
    await eventually(WITHIN_MS, async () => {
      if (notices.length === 0) await post()
      return notices.length > 0
    })
    expect(notices.map(({ name }) => name)).toEqual(['blocks_behind'])
    expect(await entriesOf(store, { ...EVERYTHING, by: [] })).toBe(posted)
    await stage.server.run('ALTER TABLE holdfast.days DROP CONSTRAINT never', url)
    // A step that failed a moment ago is made again by a later posting.
    await eventually(WITHIN_MS, async () => {
      const isDone = (await countIn(url, 'posted')) === 0
      if (!isDone) await post()
      return isDone
    })
    expect(await entriesOf(store, { ...EVERYTHING, by: [] })).toBe(posted)
    expect(notices).toHaveLength(1)
  })

  test('an older version that still posts after the upgrade is refused, and what it has is posted later', async () => {
    const url = await stage.server.createDatabase()
    await (await opened(url)).loadBudgets()
    await expect(postAsSchema4(url, [entry('late')])).rejects.toThrow(/"holdfast.sums" does not exist/)
    expect(await countIn(url, 'entries')).toBe(0)
  })
})

/** Entries of an hour each, in a session of ten. */
function batchOf(prefix: string, count: number): readonly LedgerEntry[] {
  return Array.from({ length: count }, (_, place) =>
    entry(`${prefix}.${place}`, {
      atMs: HOUR_MS + place * ONE_HOUR_MS + 1,
      attribution: {
        keyId: `key_${place % 7}`,
        sessionId: `${prefix}.${Math.floor(place / 10)}`,
        tags: ['one'],
      },
    }),
  )
}

async function compare(store: Store, memory: Store): Promise<void> {
  for (const [place, query] of fc.sample(questions, { numRuns: QUERIES, seed: 7 }).entries()) {
    const rows = async (from: Store) => (await from.spend(query)).map((row) => JSON.stringify(row)).sort()
    expect({ place, query, rows: await rows(store) }).toEqual({ place, query, rows: await rows(memory) })
  }
}

async function entriesOf(store: Store, query: SpendQuery): Promise<number> {
  return (await store.spend(query)).reduce((sum, { entries }) => sum + entries, 0)
}

/** As the version before wrote them: a row each, and sums of hours. */
async function postAsSchema4(url: string, entries: readonly LedgerEntry[]): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    await client.query('BEGIN')
    const columns = `exchange_id, attempt, at_ms, key, project, team, "user", end_user, session, tags, route, model,
      target, provider, cost, is_waste, basis, input_tokens, output_tokens, record`
    await client.query(
      `INSERT INTO holdfast.entries (${columns})
       SELECT ${columns} FROM json_populate_recordset(NULL::holdfast.entries, $1::json)`,
      [JSON.stringify(entries.map(entryRow))],
    )
    await client.query(`
      INSERT INTO holdfast.sums
      SELECT at_ms / 3600000 * 3600000, md5(ROW(key, project, team, "user", tags, route, model, target, provider)::text),
        key, project, team, "user", tags, route, model, target, provider, count(*), coalesce(sum(cost), 0),
        coalesce(sum(cost) FILTER (WHERE is_waste), 0),
        coalesce(sum(cost) FILTER (WHERE basis IN ('counted', 'estimated')), 0),
        count(*) FILTER (WHERE cost IS NULL AND basis <> 'none'),
        coalesce(sum(input_tokens), 0), coalesce(sum(output_tokens), 0)
      FROM holdfast.entries GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11`)
    await client.query('COMMIT')
  } finally {
    await client.end()
  }
}

async function ask(url: string, text: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    // Sound: rows are objects by the names of their columns.
    return (await client.query(text)).rows as Record<string, unknown>[]
  } finally {
    await client.end()
  }
}

async function countIn(url: string, table: string): Promise<number> {
  const [row] = await ask(url, `SELECT count(*)::int AS count FROM holdfast.${table}`)
  return Number(row?.['count'])
}
