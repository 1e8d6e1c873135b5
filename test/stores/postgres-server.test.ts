/** What only a real server can show: TLS, the steps of the schema, lines that cannot be changed, values at the edges. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import {
  budget,
  charge,
  entry,
  key,
  nano,
  note,
  row,
} from '../../src/stores/contract/samples.test-support.ts'
import { type Migration, MIGRATIONS } from '../../src/stores/postgres/migrations.ts'
import type { PostgresStoreOptions } from '../../src/stores/postgres/postgres-store.ts'
import { StoreSchemaError, StoreUnavailable } from '../../src/std/store-error.ts'
import { GOOD, KEY, OTHER_HOST } from '../../src/upstream/certificates.test-support.ts'
import { type PostgresServer, skipsPostgres, startPostgres } from '../support/postgres-server.ts'
import { openStore, postgresStage } from './postgres.test-support.ts'

const isSkipped = skipsPostgres()

describe.skipIf(isSkipped)('the schema in PostgreSQL', () => {
  const stage = postgresStage()

  async function opened(url: string, options: Partial<PostgresStoreOptions> = {}) {
    const store = await openStore(url, options)
    onTestFinished(() => store.close())
    return store
  }

  async function query(url: string, text: string): Promise<readonly Record<string, unknown>[]> {
    const client = new Client({ connectionString: url })
    await client.connect()
    try {
      return (await client.query(text)).rows
    } finally {
      await client.end()
    }
  }

  const NEXT = MIGRATIONS.length + 1
  const second: Migration = {
    version: NEXT,
    name: 'a second step',
    text: 'ALTER TABLE holdfast.budgets ADD COLUMN remark text;',
  }

  test('is made once where several nodes start at one time', async () => {
    const url = await stage.server.createDatabase()
    const told: unknown[] = []
    const nodes = await Promise.all(
      [1, 2, 3, 4].map(() => opened(url, { onMigrated: (done) => told.push(done) })),
    )
    await Promise.all(nodes.map((store) => store.ping()))
    expect(told).toEqual([{ from: 0, to: MIGRATIONS.length }])
  })

  test('is brought from one version to the next with everything in it, and a copy of how it was', async () => {
    const url = await stage.server.createDatabase()
    const before = await opened(url)
    await before.putBudget(budget('bud_1', 1_000), [note('bud_1')])
    await before.postBooks({
      nodeId: 'n',
      entries: [entry('a', { charges: [charge('bud_1')] })],
      requests: [row('a')],
    })
    const told: unknown[] = []
    const after = await opened(url, {
      migrations: [...MIGRATIONS, second],
      onMigrated: (done) => told.push(done),
    })
    expect(await after.loadBudgets()).toEqual([budget('bud_1', 1_000)])
    expect(told).toEqual([{ from: NEXT - 1, to: NEXT, copy: `holdfast_before_${NEXT}` }])
    const [kept] = await query(url, `SELECT spent FROM holdfast_before_${NEXT}.standings`)
    expect(kept).toEqual({ spent: '100' })
  })

  test('stays as it was where a step fails', async () => {
    const url = await stage.server.createDatabase()
    const before = await opened(url)
    await before.putBudget(budget('bud_1', 1_000), [])
    const broken = { ...second, text: `${second.text} SELECT no_such_function();` }
    const after = await opened(url, { migrations: [...MIGRATIONS, broken] })
    await expect(after.ping()).rejects.toThrow(/no_such_function/)
    expect(await query(url, 'SELECT max(version) AS version FROM holdfast.migrations')).toEqual([
      { version: NEXT - 1 },
    ])
    expect(await query(url, `SELECT 1 FROM pg_namespace WHERE nspname = 'holdfast_before_${NEXT}'`)).toEqual(
      [],
    )
    expect(await before.loadBudgets()).toHaveLength(1)
  })

  test('of a newer version is refused, and nothing of it touched', async () => {
    const url = await stage.server.createDatabase()
    await (await opened(url, { migrations: [...MIGRATIONS, second] })).ping()
    const older = await opened(url)
    const refusal = older.ping()
    await expect(refusal).rejects.toBeInstanceOf(StoreSchemaError)
    await expect(refusal).rejects.toThrow(`at schema ${NEXT}, this version of Holdfast knows ${NEXT - 1}`)
  })

  test('made by a step of another text is refused', async () => {
    const url = await stage.server.createDatabase()
    await (await opened(url)).ping()
    const [first] = MIGRATIONS
    const changed = MIGRATIONS.map((step) =>
      step === first ? { ...step, text: `${step.text}\n-- changed` } : step,
    )
    await expect((await opened(url, { migrations: changed })).ping()).rejects.toThrow(/made by another build/)
  })

  test.each(['entries', 'requests', 'audit'])(
    'SEC-55: no line of %s is changed or removed',
    async (table) => {
      const url = await stage.server.createDatabase()
      const store = await opened(url)
      await store.note(note('x'))
      await store.postBooks({ nodeId: 'n', entries: [entry('a')], requests: [row('a')] })
      for (const statement of [
        `UPDATE holdfast.${table} SET at_ms = 0`,
        `DELETE FROM holdfast.${table}`,
        `TRUNCATE holdfast.${table}`,
      ])
        await expect(query(url, statement)).rejects.toThrow(/append-only/)
    },
  )

  test('takes what clients put into text: the character 0, half a surrogate pair, and every escape beside them', async () => {
    const store = await opened(await stage.server.createDatabase())
    const tag = 'a\0b\ud800c\\u0000d"\u{1f600}'
    const attribution = { tags: [tag], endUser: '\0', sessionId: '\\\0' }
    await store.postBooks({
      nodeId: 'n',
      entries: [entry('a', { attribution })],
      requests: [row('a', { attribution, message: 'x\0' })],
    })
    const kept = 'a\ufffdb\ufffdc\\u0000d"\u{1f600}'
    const found = await store.request('a')
    expect(found?.request.attribution).toEqual({ tags: [kept], endUser: '\ufffd', sessionId: '\\\ufffd' })
    expect(found?.request.message).toBe('x\ufffd')
    expect((await store.requests({ tag, limit: 10 })).rows).toHaveLength(1)
    expect((await store.requests({ endUser: '\0', limit: 10 })).rows).toHaveLength(1)
    await store.changeDirectory([{ type: 'put-key', key: key('key_1', { name: 'n\0' }) }], [note('x\0')])
    expect((await store.loadDirectory()).keys[0]?.name).toBe('n\ufffd')
  })

  test('says it where a sum is beyond what is counted exactly, rather than round it', async () => {
    const url = await stage.server.createDatabase()
    const store = await opened(url)
    await store.putBudget(budget('bud_1', 1_000), [])
    await query(url, `INSERT INTO holdfast.standings VALUES ('bud_1', 0, 9007199254740993, 0)`)
    await expect(store.standings([charge('bud_1')])).rejects.toThrow(RangeError)
    await store.ping()
  })

  test('holds its pool to the connections it was given', async () => {
    const url = await stage.server.createDatabase()
    const store = await opened(url, { connectionsMax: 3 })
    await store.putBudget(budget('bud_1', 1_000), [])
    const asks = Array.from({ length: 40 }, () =>
      store.lease([{ nodeId: 'n', charge: charge('bud_1'), needNanoUsd: nano(1), wantNanoUsd: nano(1) }]),
    )
    await Promise.all(asks)
    const [count] = await query(
      url,
      `SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = 'holdfast' AND datname = current_database()`,
    )
    expect(count?.['n']).toBeLessThanOrEqual(3)
  })

  test('a store that is closed says so, and one whose server was never there says that', async () => {
    const store = await opened(await stage.server.createDatabase())
    await store.close()
    await expect(store.ping()).rejects.toThrow(/closed/)
    const nowhere = await opened('postgres://u:secret@127.0.0.1:1/x')
    const refusal = await nowhere.ping().then(
      () => undefined,
      (error: unknown) => error,
    )
    expect(refusal).toBeInstanceOf(StoreUnavailable)
    expect(String(refusal)).toContain('127.0.0.1:1/x refuses connections')
    expect(String(refusal)).not.toContain('secret')
  })
})

describe.skipIf(isSkipped)('TLS to PostgreSQL', () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-tls-'))
  const authority = join(folder, 'good.pem')
  const otherAuthority = join(folder, 'other.pem')
  const servers: PostgresServer[] = []
  let good = ''
  let otherHost = ''

  beforeAll(async () => {
    writeFileSync(authority, GOOD)
    writeFileSync(otherAuthority, OTHER_HOST)
    const started = await Promise.all(
      [GOOD, OTHER_HOST].map((certificate) => startPostgres({ tls: { key: KEY, certificate } })),
    )
    servers.push(...started)
    ;[good = '', otherHost = ''] = await Promise.all(started.map((server) => server.createDatabase()))
  })

  afterAll(async () => {
    for (const server of servers) await server[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true, force: true })
  })

  async function ping(url: string): Promise<string> {
    const store = await openStore(url)
    onTestFinished(() => store.close())
    return store.ping().then(
      () => 'answered',
      (error: unknown) => String(error),
    )
  }

  test('SEC-8: a certificate of the authority that the address names is taken', async () => {
    expect(await ping(`${good}?sslmode=verify-full&sslrootcert=${authority}`)).toBe('answered')
    const [used] = await tlsOf(`${good}?sslmode=verify-full&sslrootcert=${authority}`)
    expect(used).toBe(true)
  })

  test('SEC-8: a certificate of anybody else, or for another host, is refused', async () => {
    expect(await ping(`${good}?sslmode=require`)).toMatch(/certificate/)
    expect(await ping(`${good}?sslmode=verify-full&sslrootcert=${otherAuthority}`)).toMatch(/certificate/)
    expect(await ping(`${otherHost}?sslmode=verify-full&sslrootcert=${otherAuthority}`)).toMatch(/altnames/)
  })

  test('SEC-8: a server without TLS is refused where TLS is asked for', async () => {
    const plain = await startPostgres()
    onTestFinished(() => plain[Symbol.asyncDispose]())
    expect(await ping(`${await plain.createDatabase()}?sslmode=require`)).toMatch(/does not support SSL/)
  })

  test('SEC-8: the environment does not change what the address says', async () => {
    process.env['PGSSLMODE'] = 'no-verify'
    onTestFinished(() => void delete process.env['PGSSLMODE'])
    expect(await ping(`${good}?sslmode=require`)).toMatch(/certificate/)
  })

  /** Whether the connections of the store are encrypted, as the server sees them. */
  async function tlsOf(url: string): Promise<readonly unknown[]> {
    const store = await openStore(url)
    onTestFinished(() => store.close())
    await store.ping()
    const client = new Client({ connectionString: good, ssl: false })
    await client.connect()
    const { rows } = await client.query(
      `SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'holdfast' AND datname = current_database()`,
    )
    await client.end()
    return rows.map(({ ssl }: { ssl: unknown }) => ssl)
  }
})
