import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  closeSync,
  copyFileSync,
  fstatSync,
  openSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { StoreUnavailable } from '../../std/store-error.ts'
import {
  budget,
  cached,
  charge,
  entry,
  HOUR_MS,
  key,
  nano,
  note,
  row,
} from '../contract/samples.test-support.ts'
import type { Store } from '../store.ts'
import type { Notice } from '../../std/notice.ts'
import type { LastKnown } from '../last-known.ts'
import { DatabaseFolder } from './sqlite.test-support.ts'

const NOBODY = 65_534

let files: DatabaseFolder
let notices: Notice[]
beforeEach(() => {
  files = new DatabaseFolder()
  notices = []
})
afterEach(() => files.remove())

const onNotice = (notice: Notice) => void notices.push(notice)

function post(store: Store, exchangeId: string): Promise<void> {
  return store.postBooks({
    nodeId: 'node_1',
    entries: [entry(exchangeId, { charges: [charge('bud_1')] })],
    requests: [row(exchangeId)],
  })
}

/** A store with a key, a budget and something spent of it; what a node would know of it beside the file. */
async function filled(): Promise<{ readonly store: Store; readonly snapshot: LastKnown }> {
  const store = await files.open({ lastKnown: async () => undefined })
  await store.changeDirectory([{ type: 'put-key', key: key('key_1') }], [note('key_1')])
  await store.putBudget(budget('bud_1', 1_000), [note('bud_1')])
  for (let place = 0; place < 200; place += 1) await post(store, `a${place}`)
  return {
    store,
    snapshot: {
      directory: await store.loadDirectory(),
      budgets: await store.loadBudgets(),
      standings: await store.standings([charge('bud_1')]),
      budgetsRevision: await store.budgetsRevision(),
      postedUntilMs: 0,
    },
  }
}

function overwrite(path: string, from: number, bytes: Uint8Array): void {
  const file = openSync(path, 'r+')
  writeSync(file, bytes, 0, bytes.length, from)
  closeSync(file)
}

describe('fault 126: a disk that takes nothing', () => {
  test('full: says so, keeps what it has, does nothing by half, and goes on when there is room', async () => {
    const store = await files.open({ bytesMax: 600_000 })
    await store.putBudget(budget('bud_1', 1_000_000), [])
    await post(store, 'first')
    const fill = async () => {
      for (let place = 0; ; place += 1)
        await store.putCached(cached(`c${place}`, { answer: new Uint8Array(20_000) }))
    }
    await expect(fill()).rejects.toThrow(StoreUnavailable)
    const many = Array.from({ length: 500 }, (_, place) => entry(`b${place}`, { charges: [charge('bud_1')] }))
    const batch = { nodeId: 'node_1', entries: many, requests: [row('b0')] }
    await expect(store.postBooks(batch)).rejects.toThrow(/the disk is full/)
    expect((await store.standings([charge('bud_1')]))[0]?.spentNanoUsd).toBe(100)
    expect(await store.request('b0')).toBeUndefined()
    expect(await store.request('first')).toBeDefined()
    await store.dropCached([])
    await store.postBooks(batch)
    expect((await store.standings([charge('bud_1')]))[0]?.spentNanoUsd).toBe(50_100)
  })

  test('read-only: says so, goes on reading, and writes again when it may', () =>
    asNobody(async () => {
      const { store } = await filled()
      await store.close()
      chmodSync(files.path, 0o400)
      const again = await files.open()
      await expect(post(again, 'later')).rejects.toThrow(/read-only/)
      expect((await again.loadDirectory()).keys).toHaveLength(1)
      chmodSync(files.path, 0o600)
      await post(again, 'later')
      expect(await again.request('later')).toBeDefined()
    }))

  test('a folder that is not there yet: the store opens by itself once it is', async () => {
    const path = `${files.folder}/later/holdfast.db`
    const store = await files.open({ path })
    await expect(store.ping()).rejects.toThrow(StoreUnavailable)
    execFileSync('mkdir', [`${files.folder}/later`])
    await store.ping()
    await post(store, 'a')
    expect(await store.request('a')).toBeDefined()
  })
})

describe('fault 127: a file that another process has locked', () => {
  test('posting is refused within a moment, reading goes on, and all is well when the lock is gone', async () => {
    const { store } = await filled()
    const other = await files.run(`
      import { DatabaseSync } from 'node:sqlite'
      const db = new DatabaseSync(process.argv[1])
      db.exec('BEGIN EXCLUSIVE')
      process.stdout.write('ready')
      process.stdin.on('data', () => { db.exec('COMMIT'); process.exit() })
    `)
    const start = performance.now()
    await expect(post(store, 'later')).rejects.toThrow(/another process has locked the file/)
    await expect(post(store, 'later')).rejects.toThrow(StoreUnavailable)
    expect(performance.now() - start).toBeLessThan(2_000)
    expect((await store.loadDirectory()).keys).toHaveLength(1)
    expect(await store.request('a7')).toBeDefined()
    const another = await files.open()
    expect((await another.loadDirectory()).keys).toHaveLength(1)
    other.stdin?.write('go')
    await once(other, 'exit')
    await post(store, 'later')
    await post(another, 'later')
    expect((await store.standings([charge('bud_1')]))[0]?.spentNanoUsd).toBe(20_100)
  })
})

describe('fault 128: a damaged file', () => {
  const damages: readonly (readonly [string, (path: string) => void])[] = [
    ['a zeroed header', (path) => overwrite(path, 0, new Uint8Array(4_096))],
    [
      'text in its place',
      (path) => writeFileSync(path, 'this is no database, but somebody’s notes\n'.repeat(50)),
    ],
    ['flipped bytes in every page', (path) => flip(path)],
    ['half of it cut off', (path) => truncateSync(path, Math.floor(statSync(path).size / 2))],
  ]

  test.each(damages)(
    '%s: it is moved aside, and a new one holds the keys and budgets known last',
    async (_, damage) => {
      const { store, snapshot } = await filled()
      await store.close()
      damage(files.path)
      const damaged = readFileSync(files.path)
      const again = await files.open({ lastKnown: async () => snapshot, onNotice })
      expect((await again.loadDirectory()).keys).toEqual(snapshot.directory.keys)
      expect(await again.loadBudgets()).toEqual(snapshot.budgets)
      expect((await again.standings([charge('bud_1')]))[0]?.spentNanoUsd).toBe(20_000)
      await post(again, 'goes on')
      expect(notices.map(({ name, level }) => [name, level])).toEqual([['store_rebuilt', 'error']])
      const aside = files.names.find((name) => /\.corrupt-[0-9TZ-]+$/.test(name)) ?? ''
      expect(readFileSync(`${files.folder}/${aside}`).equals(damaged)).toBe(true)
      expect((await again.auditLines({ limit: 5 })).rows.map(({ action }) => action)).toEqual([
        'restore-snapshot',
      ])
    },
  )

  test.each(damages)(
    '%s: without anything known beside it, it is refused and left as it is',
    async (_, damage) => {
      const { store } = await filled()
      await store.close()
      damage(files.path)
      const damaged = readFileSync(files.path)
      await expect(files.open()).rejects.toThrow(/The database is damaged.*Restore a backup/)
      await expect(files.open({ lastKnown: async () => undefined })).rejects.toThrow(/damaged/)
      expect(readFileSync(files.path).equals(damaged)).toBe(true)
      expect(files.names.filter((name) => name.includes('corrupt'))).toEqual([])
    },
  )

  test('a write-ahead log that was cut off: the keys come back from what was known last', async () => {
    const { store, snapshot } = await filled()
    // A copy of the files as a kill leaves them, with everything still in the log.
    const other = `${files.folder}/killed.db`
    copyFileSync(files.path, other)
    copyFileSync(`${files.path}-wal`, `${other}-wal`)
    await store.close()
    truncateSync(`${other}-wal`, 32 + 4_120)
    const again = await files.open({ path: other, lastKnown: async () => snapshot, onNotice })
    expect((await again.loadDirectory()).keys).toEqual(snapshot.directory.keys)
    expect((await again.standings([charge('bud_1')]))[0]?.spentNanoUsd).toBe(20_000)
    expect(notices.map(({ name }) => name)).toEqual(['store_behind'])
  })

  test('an older copy in its place: what was spent since stays spent, once', async () => {
    const { store, snapshot } = await filled()
    const older = `${files.folder}/older.db`
    await store.backup?.(older)
    const lost = entry('lost', { atMs: 5, charges: [charge('bud_1')] })
    await store.postBooks({ nodeId: 'node_1', entries: [lost], requests: [row('lost')] })
    const standings = await store.standings([charge('bud_1')])
    await store.close()
    const known = { ...snapshot, standings, postedUntilMs: 10 }
    const again = await files.open({ path: older, lastKnown: async () => known, onNotice })
    expect(notices.map(({ name }) => name)).toEqual(['store_behind'])
    const spent = async () => (await again.standings([charge('bud_1')]))[0]?.spentNanoUsd
    expect(await spent()).toBe(20_100)
    // From the log of the gateway, which has both: one is in what was known, the other came later.
    const later = entry('later', { atMs: 10, charges: [charge('bud_1')] })
    const batch = { nodeId: 'node_1', entries: [lost, later], requests: [] }
    await again.postBooks({ ...batch, postedUntilMs: 10 })
    expect(await spent()).toBe(20_200)
    expect(await again.request('lost')).toBeUndefined()
    const told = await again.spend({ fromMs: 0, untilMs: HOUR_MS * 2, by: [], rowsMax: 5 })
    expect(told[0]?.costNanoUsd).toBe(20_200)
    // Of another node, which had not posted it.
    const other = entry('other', { atMs: 5, charges: [charge('bud_1')] })
    await again.postBooks({ nodeId: 'node_2', entries: [other], requests: [] })
    expect(await spent()).toBe(20_300)
    await again.close()
    notices.length = 0
    await files.open({ path: older, lastKnown: async () => known, onNotice })
    expect(notices).toEqual([])
  })

  test('damaged while it is in use: refused as unavailable once, and built anew', async () => {
    const { store, snapshot } = await filled()
    await store.close()
    const again = await files.open({ lastKnown: async () => snapshot, onNotice })
    // Pages that this connection has not read yet.
    flip(files.path)
    const spend = () => again.spend({ fromMs: 0, untilMs: HOUR_MS * 2, by: ['tag'], rowsMax: 5 })
    const tries = async () => {
      for (let place = 0; place < 20; place += 1) {
        await spend()
        await post(again, `b${place}`)
      }
    }
    await expect(tries()).rejects.toThrow(StoreUnavailable)
    await post(again, 'goes on')
    expect((await again.loadDirectory()).keys).toEqual(snapshot.directory.keys)
    expect(notices.map(({ name }) => name)).toContain('store_rebuilt')
  })
})

describe('append-only', () => {
  test.each(['entries', 'requests', 'audit'])(
    'the table of %s refuses changes and removals',
    async (table) => {
      const { store } = await filled()
      await store.close()
      const db = new DatabaseSync(files.path)
      expect(() => db.exec(`DELETE FROM ${table}`)).toThrow('append-only')
      const column = { entries: 'cost_nano', requests: 'status', audit: 'sequence' }[table]
      expect(() => db.exec(`UPDATE ${table} SET ${column} = 0`)).toThrow('append-only')
      db.close()
    },
  )
})

describe('a backup', () => {
  test('is whole, private, and loses nothing that was posted before it, while posting goes on', async () => {
    const { store } = await filled()
    const target = `${files.folder}/backup.db`
    const posted: string[] = []
    const posting = (async () => {
      for (let place = 0; place < 300; place += 1) {
        await post(store, `during${place}`)
        posted.push(`during${place}`)
      }
    })()
    while (posted.length < 20) await store.ping()
    const before = [...posted]
    await store.backup?.(target)
    await posting
    expect(statSync(target).mode & 0o777).toBe(0o600)
    const copy = await files.open({ path: target })
    expect(await copy.loadDirectory()).toEqual(await store.loadDirectory())
    expect((await copy.auditLines({ limit: 10 })).rows).toEqual((await store.auditLines({ limit: 10 })).rows)
    for (const id of ['a0', 'a199', ...before]) expect(await copy.request(id)).toBeDefined()
    const [standing] = await copy.standings([charge('bud_1')])
    const [all] = await copy.spend({ fromMs: 0, untilMs: HOUR_MS * 2, by: [], rowsMax: 1 })
    expect(all?.costNanoUsd).toBe(standing?.spentNanoUsd)
  })

  test('is made anew over an older one', async () => {
    const { store } = await filled()
    const target = `${files.folder}/backup.db`
    await store.backup?.(target)
    await post(store, 'later')
    await store.backup?.(target)
    const copy = await files.open({ path: target })
    expect(await copy.request('later')).toBeDefined()
  })
})

test('a kill loses nothing that was posted', async () => {
  const store = await files.open()
  await store.putBudget(budget('bud_1', 1_000_000), [])
  await store.close()
  const child = await files.run(`
    import { openSqliteStore } from './sqlite-store.ts'
    import { systemClock } from '../../std/clock.ts'
    import { charge, entry, row } from '../contract/samples.test-support.ts'
    const store = await openSqliteStore({ path: process.argv[1], clock: systemClock })
    for (let place = 0; ; place += 1) {
      const entries = [entry('k' + place, { charges: [charge('bud_1')] })]
      await store.postBooks({ nodeId: 'node_1', entries, requests: [row('k' + place)] })
      process.stdout.write(place + '\\n')
    }
  `)
  let told = ''
  child.stdout?.on('data', (bytes: Buffer) => {
    told += bytes.toString()
    if (told.split('\n').length > 50) child.kill('SIGKILL')
  })
  await once(child, 'close')
  const last = Math.max(...told.split('\n').slice(0, -1).map(Number))
  const again = await files.open()
  const [standing] = await again.standings([charge('bud_1')])
  const [all] = await again.spend({ fromMs: 0, untilMs: HOUR_MS * 2, by: [], rowsMax: 1 })
  expect(all?.entries).toBeGreaterThanOrEqual(last + 1)
  expect(standing?.spentNanoUsd).toBe(all?.costNanoUsd)
  expect(await again.request(`k${last}`)).toBeDefined()
  expect(nano(all?.costNanoUsd ?? 0)).toBe((all?.entries ?? 0) * 100)
})

/** Root may write everything: so not as root. */
async function asNobody(work: () => Promise<void>): Promise<void> {
  const isRoot = process.geteuid?.() === 0
  if (isRoot) {
    chownSync(files.folder, NOBODY, NOBODY)
    process.seteuid?.(NOBODY)
  }
  try {
    await work()
  } finally {
    if (isRoot) process.seteuid?.(0)
  }
}

/** Bytes in the middle of every page but the first, as a bad disk leaves them. */
function flip(path: string): void {
  const file = openSync(path, 'r+')
  const pages = fstatSync(file).size / 4_096
  for (let page = 1; page < pages; page += 1)
    writeSync(
      file,
      Uint8Array.from({ length: 64 }, (_, place) => (place * 37 + page) % 256),
      0,
      64,
      page * 4_096,
    )
  closeSync(file)
}
