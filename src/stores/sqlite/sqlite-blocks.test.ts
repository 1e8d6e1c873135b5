import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { LedgerEntry } from '../../ledger/entry.ts'
import type { SpendQuery, SpendRow } from '../../reports/report-store.ts'
import { entry, HOUR_MS, nano, ONE_HOUR_MS } from '../contract/samples.test-support.ts'
import type { Store } from '../store.ts'
import { DatabaseFolder } from './sqlite.test-support.ts'

let files: DatabaseFolder
beforeEach(() => {
  files = new DatabaseFolder()
})
afterEach(() => files.remove())

const SPAN_MS = 60 * ONE_HOUR_MS
const RANGE = { fromMs: HOUR_MS + 7, untilMs: HOUR_MS + SPAN_MS - 7, rowsMax: 1_000 }
const QUERIES: readonly SpendQuery[] = [
  { ...RANGE, by: ['session'] },
  { ...RANGE, by: ['day', 'end-user'] },
  { ...RANGE, by: ['tag', 'end-user'] },
  { ...RANGE, by: ['team', 'hour'] },
  { ...RANGE, by: ['tag'], where: { tag: 't1' } },
  { ...RANGE, by: ['model', 'tag', 'day'] },
  { ...RANGE, by: ['hour'], where: { session: 's3' } },
  { ...RANGE, by: [], where: { 'end-user': 'u2' } },
]

function entriesOf(count: number, from = 0): readonly LedgerEntry[] {
  return Array.from({ length: count }, (_, place) => {
    const number = from + place
    return entry(`x${number}`, {
      atMs: HOUR_MS + Math.floor((number * SPAN_MS) / 20_000),
      costNanoUsd: nano(number % 977),
      modelId: `m${number % 4}`,
      attribution: {
        teamId: `t${number % 3}`,
        tags: [`t${number % 5}`, 'all'],
        sessionId: `s${number % 50}`,
        ...(number % 4 === 0 ? {} : { endUser: `u${number % 9}` }),
      },
    })
  })
}

async function post(store: Store, entries: readonly LedgerEntry[]): Promise<void> {
  for (let from = 0; from < entries.length; from += 2_500)
    await store.postBooks({ nodeId: 'node_1', entries: entries.slice(from, from + 2_500), requests: [] })
}

async function ask(store: Store): Promise<readonly (readonly SpendRow[])[]> {
  return Promise.all(QUERIES.map((query) => store.spend(query)))
}

function withFile<Result>(use: (db: DatabaseSync) => Result): Result {
  const db = new DatabaseSync(files.path)
  try {
    return use(db)
  } finally {
    db.close()
  }
}

function count(sql: string): number {
  return withFile((db) => Number(Object.values(db.prepare(sql).get() ?? {})[0]))
}

const IN_BLOCKS = 'SELECT coalesce(sum(entries), 0) FROM blocks'

/** As a file of the schema before was: without blocks, and with sums by end user and by session. */
function makeOld(): void {
  withFile((db) => {
    const columns = 'entries, cost_nano, waste_nano, estimated_nano, unpriced, input_tokens, output_tokens'
    for (const [kind, column] of [
      [2, 'end_user'],
      [3, 'session'],
    ] as const)
      db.exec(`INSERT INTO value_hours (kind, hour, value, origin, ${columns})
        SELECT ${kind}, at_ms / 3600000, coalesce('=' || ${column}, ''), origin, count(*), sum(cost_nano), 0, 0, 0,
          sum(input_tokens), sum(output_tokens) FROM entries GROUP BY 2, 3, 4`)
    db.exec('DROP TABLE blocks; DELETE FROM migrations WHERE version > 5; PRAGMA user_version = 5')
  })
}

describe('blocks of entries', () => {
  test('are made of what is posted, thousands at a time, and a report is the same before and after', async () => {
    const store = await files.open()
    const entries = entriesOf(20_000)
    await post(store, entries.slice(0, 4_000))
    await post(store, entries.slice(4_000))
    const answers = await ask(store)
    await store.close()
    expect(count(IN_BLOCKS)).toBeGreaterThan(15_000)
    expect(count('SELECT count(*) FROM blocks WHERE entries < 5000')).toBeLessThanOrEqual(1)
    withFile((db) => db.exec('DELETE FROM blocks'))
    const again = await files.open()
    expect(await ask(again)).toEqual(answers)
  })

  test('get into a file of the schema before step by step, and its reports are what they were', async () => {
    const store = await files.open()
    await post(store, entriesOf(20_000))
    const answers = await ask(store)
    await store.close()
    makeOld()
    const upgraded = await files.open()
    expect(await ask(upgraded)).toEqual(answers)
    await vi.waitFor(() => expect(count(IN_BLOCKS)).toBe(20_000), { timeout: 20_000 })
    expect(await ask(upgraded)).toEqual(answers)
    expect(count('SELECT count(*) FROM value_hours WHERE kind <> 1')).toBe(0)
    expect(count('SELECT count(*) FROM value_hours WHERE kind = 1')).toBeGreaterThan(0)
    // What comes now is added to them.
    await post(upgraded, entriesOf(5_000, 20_000))
    expect((await upgraded.spend({ ...RANGE, untilMs: HOUR_MS * 2, by: [] }))[0]?.entries).toBe(24_999)
  })

  test('of a file that is closed meanwhile are left for the next time', async () => {
    const store = await files.open()
    await post(store, entriesOf(20_000))
    const answers = await ask(store)
    await store.close()
    makeOld()
    await (await files.open()).close()
    const again = await files.open()
    expect(await ask(again)).toEqual(answers)
    await vi.waitFor(() => expect(count(IN_BLOCKS)).toBe(20_000), { timeout: 20_000 })
  })

  test('go along into a backup, which answers the same', async () => {
    const store = await files.open()
    await post(store, entriesOf(8_000))
    const answers = await ask(store)
    await store.backup?.(`${files.folder}/backup.db`)
    const copy = await files.open({ path: `${files.folder}/backup.db` })
    expect(await ask(copy)).toEqual(answers)
    await post(copy, entriesOf(6_000, 8_000))
    await post(store, entriesOf(6_000, 8_000))
    expect(await ask(copy)).toEqual(await ask(store))
  })

  test('of another format are refused with what to do, and made anew of the entries afterwards', async () => {
    const store = await files.open()
    await post(store, entriesOf(12_000))
    const answers = await ask(store)
    await store.close()
    withFile((db) => db.exec("UPDATE blocks SET numbers = CAST(x'0900' || substr(numbers, 3) AS BLOB)"))
    const damaged = await files.open()
    await expect(damaged.spend({ ...RANGE, by: ['session'] })).rejects.toThrow(
      /has the format 9, and this version of Holdfast reads format 1.*DELETE FROM blocks/,
    )
    // Sums of hours and days are not touched by it.
    expect(await damaged.spend({ ...RANGE, by: ['model'] })).toHaveLength(4)
    await damaged.close()
    withFile((db) => db.exec('DELETE FROM blocks'))
    const mended = await files.open()
    expect(await ask(mended)).toEqual(answers)
    await vi.waitFor(() => expect(count(IN_BLOCKS)).toBe(12_000), { timeout: 20_000 })
    expect(await ask(mended)).toEqual(answers)
  })
})
