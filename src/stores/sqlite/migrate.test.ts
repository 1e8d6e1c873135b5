import { once } from 'node:events'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { StoreSchemaError } from '../../std/store-error.ts'
import { Database } from './database.ts'
import { migrate } from './migrate.ts'
import { MIGRATIONS, type Migration } from './schema.ts'
import { DatabaseFolder } from './sqlite.test-support.ts'
import { sealedRecord } from './values.ts'

const NEXT = (MIGRATIONS.at(-1)?.version ?? 0) + 1

let files: DatabaseFolder
beforeEach(() => {
  files = new DatabaseFolder()
})
afterEach(() => files.remove())

function migrateTo(migrations: readonly Migration[]): void {
  const db = new Database({ path: files.path, readOnly: false })
  try {
    migrate({ db, path: files.path, migrations, wallMs: 1 })
  } finally {
    db.close()
  }
}

function inspect(path: string, sql: string): unknown {
  const db = new DatabaseSync(path, { readOnly: true })
  try {
    return Object.values(db.prepare(sql).get() ?? {})[0]
  } finally {
    db.close()
  }
}

const version = (path = files.path) => inspect(path, 'PRAGMA user_version')
const broken: Migration = {
  version: NEXT,
  name: 'broken',
  sql: 'CREATE TABLE half (id INTEGER); INSERT INTO half VALUES (1); DROP TABLE budgets; SELECT no_such_function();',
}

const OLD_RECORD = {
  id: 'a',
  requestHash: 'h',
  exchangeId: 'x',
  nodeId: 'n',
  state: 'done',
  createdAtMs: 1,
  expiresAtMs: 9,
} as const

/** As the second version kept them. */
function keepRecords(db: Database): void {
  const add = 'INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?, ?)'
  for (const { id, state, answer } of [
    { id: 'b', state: 'done', answer: Buffer.from('kept') },
    { id: 'a', state: 'open', answer: null },
  ])
    db.run(add, id, 'x', 1, 9, answer === null ? 0 : 1, JSON.stringify({ ...OLD_RECORD, id, state }), answer)
}

describe('fault 129: migrations', () => {
  test('bring a file of every earlier version to this one, and keep what it held', async () => {
    for (let from = 1; from < MIGRATIONS.length; from += 1) {
      const earlier = new DatabaseFolder()
      const db = new Database({ path: earlier.path, readOnly: false })
      migrate({ db, path: earlier.path, migrations: MIGRATIONS.slice(0, from), wallMs: 1 })
      db.run('INSERT INTO directory VALUES (?, ?, ?)', 'team', 'team_1', sealedRecord({ id: 'team_1' }))
      if (from === 2) keepRecords(db)
      db.close()
      const store = await earlier.open()
      expect((await store.loadDirectory()).teams).toEqual([{ id: 'team_1' }])
      if (from === 2) {
        expect(await store.findJournal('a', 1)).toEqual({ ...OLD_RECORD, state: 'open' })
        expect(await store.findJournal('b', 1)).toEqual({
          ...OLD_RECORD,
          id: 'b',
          answer: new Uint8Array(Buffer.from('kept')),
        })
        expect(await store.sweepJournal(1, 4)).toBe(0)
        expect(await store.sweepJournal(1, 3)).toBe(1)
      }
      await store.sweepJournal(1, 1)
      expect(earlier.names).toContain(`holdfast.db.before-v${MIGRATIONS.length}`)
      expect(version(`${earlier.path}.before-v${MIGRATIONS.length}`)).toBe(from)
      await earlier.remove()
    }
  })

  test('are not made again, and make no copy of a file that is new or up to date', async () => {
    await (await files.open()).close()
    await (await files.open()).close()
    expect(files.names).toEqual(['holdfast.db'])
    expect(inspect(files.path, 'SELECT count(*) FROM migrations')).toBe(MIGRATIONS.length)
  })

  test('refuse a newer schema, naming both versions and what to do, and touch nothing', async () => {
    await (await files.open()).close()
    migrateTo([
      ...MIGRATIONS,
      { version: NEXT, name: 'later', sql: 'CREATE TABLE later (id INTEGER) STRICT' },
    ])
    const opening = files.open()
    await expect(opening).rejects.toThrow(StoreSchemaError)
    await expect(opening).rejects.toThrow(
      `has schema ${NEXT}, and this version of Holdfast knows schemas up to ${NEXT - 1}. Start the newer version again, or restore`,
    )
    expect(version()).toBe(NEXT)
  })

  test('refuse a file made with another step of the same number', async () => {
    await (await files.open()).close()
    const db = new DatabaseSync(files.path)
    db.exec("UPDATE migrations SET checksum = 'other' WHERE version = 1")
    db.close()
    await expect(files.open()).rejects.toThrow(/another step 1/)
  })

  test('refuse a database of somebody else', async () => {
    const db = new DatabaseSync(files.path)
    db.exec('CREATE TABLE notes (id INTEGER); PRAGMA user_version = 7')
    db.close()
    await expect(files.open()).rejects.toThrow(/not one of Holdfast/)
  })

  test('that fail half-way leave the old schema whole', async () => {
    await (await files.open()).close()
    expect(() => migrateTo([...MIGRATIONS, broken])).toThrow('no_such_function')
    expect(version()).toBe(NEXT - 1)
    expect(inspect(files.path, "SELECT count(*) FROM sqlite_schema WHERE name = 'half'")).toBe(0)
    const store = await files.open()
    expect(await store.loadBudgets()).toEqual([])
  })

  test('killed half-way leave the old schema whole', async () => {
    const store = await files.open()
    await store.note({ atMs: 1, actor: 'cli', action: 'a', subject: 's' })
    await store.close()
    const child = await files.run(`
      import { DatabaseSync } from 'node:sqlite'
      const db = new DatabaseSync(process.argv[1])
      db.exec('PRAGMA cache_spill = 1; PRAGMA cache_size = 1; BEGIN IMMEDIATE')
      db.exec(${JSON.stringify(broken.sql.replace('SELECT no_such_function();', 'PRAGMA user_version = 99;'))})
      db.exec("CREATE TABLE big AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) SELECT i, randomblob(500) AS b FROM n")
      process.stdout.write('ready')
      setInterval(() => {}, 1000)
    `)
    child.kill('SIGKILL')
    await once(child, 'exit')
    const again = await files.open()
    expect((await again.auditLines({ limit: 5 })).rows).toHaveLength(1)
    expect(await again.loadBudgets()).toEqual([])
    expect(version()).toBe(NEXT - 1)
  })
})
