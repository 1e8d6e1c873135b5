/** A file that turns out damaged while it is in use, and is built anew with everybody still asking. */

import { closeSync, mkdirSync, openSync, rmdirSync, writeSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type PostableLine, postLines } from '../../ledger/post-lines.ts'
import { StoreUnavailable } from '../../std/store-error.ts'
import { budget, charge, entry, key, note, row } from '../contract/samples.test-support.ts'
import type { Store } from '../store.ts'
import type { LastKnown } from '../last-known.ts'
import type { SqliteStoreOptions } from './sqlite-store.ts'
import { DatabaseFolder } from './sqlite.test-support.ts'

/** Of the snapshot: so many that building a file of them takes longer than many postings. */
const KEYS = 5_000
const PAGE_BYTES = 4_096

let files: DatabaseFolder
let snapshot: LastKnown
beforeEach(async () => {
  files = new DatabaseFolder()
  const store = await files.open()
  await store.changeDirectory([{ type: 'put-key', key: key('key_1') }], [note('key_1')])
  await store.putBudget(budget('bud_1', 1_000_000), [note('bud_1')])
  const { revision, ...others } = await store.loadDirectory()
  snapshot = {
    directory: {
      ...others,
      revision,
      keys: Array.from({ length: KEYS }, (_, place) => key(`key_${place}`)),
    },
    budgets: await store.loadBudgets(),
    standings: await store.standings([charge('bud_1')]),
    budgetsRevision: await store.budgetsRevision(),
    postedUntilMs: 0,
  }
  await store.close()
})
afterEach(() => files.remove())

const post = (store: Store, exchangeId: string) =>
  store.postBooks({
    nodeId: 'node_1',
    entries: [entry(exchangeId, { charges: [charge('bud_1')] })],
    requests: [row(exchangeId)],
  })

/** The page of the audit log: `findDamage` reads it, and no posting does. */
function damage(): void {
  const db = new DatabaseSync(files.path, { readOnly: true })
  const page = Number(
    db.prepare(`SELECT rootpage FROM sqlite_schema WHERE name = 'audit'`).get()?.['rootpage'],
  )
  db.close()
  const file = openSync(files.path, 'r+')
  writeSync(file, Buffer.alloc(PAGE_BYTES, 0xff), 0, PAGE_BYTES, (page - 1) * PAGE_BYTES)
  closeSync(file)
}

const findDamage = (store: Store) => store.auditLines({ limit: 5 })

/** A store whose file is damaged, which nobody has found yet. `onMend` is told when a repair begins. */
async function damaged(options: {
  readonly lastKnown: () => Promise<LastKnown | undefined>
  readonly clock?: SqliteStoreOptions['clock']
  readonly onMend?: () => void
  readonly onRebuilt?: () => void
}) {
  let isOpen = false
  const store = await files.open({
    ...options,
    lastKnown: async () => {
      if (!isOpen) return undefined
      options.onMend?.()
      return options.lastKnown()
    },
  })
  isOpen = true
  damage()
  return store
}

/** Posts every millisecond, whether the one before is answered or not. */
async function postWhile(store: Store, goesOn: () => boolean) {
  const acknowledged: string[] = []
  const refusals: unknown[] = []
  const posts: Promise<unknown>[] = []
  for (let place = 0; goesOn(); place += 1) {
    const id = `during${place}`
    posts.push(
      post(store, id).then(
        () => acknowledged.push(id),
        (error: unknown) => refusals.push(error),
      ),
    )
    await setTimeout(1)
  }
  await Promise.all(posts)
  return { acknowledged, refusals }
}

const missingFrom = async (store: Store, ids: readonly string[]) => {
  const found = await Promise.all(ids.map((id) => store.request(id)))
  return ids.filter((_id, place) => found[place] === undefined)
}

describe('fault 128: a damaged file is built anew while it is in use', () => {
  test('what is acknowledged from then on is in the new file, for this process and for the next', async () => {
    const begun = Promise.withResolvers<void>()
    const store = await damaged({ lastKnown: async () => snapshot, onMend: begun.resolve })
    let isOver = false
    const repaired = findDamage(store)
      .catch((error: unknown) => error)
      .finally(() => (isOver = true))
    await begun.promise
    const { acknowledged, refusals } = await postWhile(store, () => !isOver)
    expect(await repaired).toBeInstanceOf(StoreUnavailable)
    await post(store, 'after')
    const all = [...acknowledged, 'after']
    expect(await missingFrom(store, all)).toEqual([])
    expect(refusals.length).toBeGreaterThan(0)
    for (const refusal of refusals) expect(refusal).toBeInstanceOf(StoreUnavailable)
    expect((await store.loadDirectory()).keys).toHaveLength(KEYS)
    await store.close()
    expect(await missingFrom(await files.open(), all)).toEqual([])
  })

  test('while what is known is read, too', async () => {
    const known = Promise.withResolvers<LastKnown>()
    const begun = Promise.withResolvers<void>()
    const store = await damaged({ lastKnown: () => known.promise, onMend: begun.resolve })
    const repaired = findDamage(store).catch((error: unknown) => error)
    await begun.promise
    await expect(post(store, 'during')).rejects.toThrow(/being built anew/)
    await expect(Array.fromAsync(store.exportAll())).rejects.toThrow(StoreUnavailable)
    await expect(store.backup?.(`${files.folder}/backup.db`)).rejects.toThrow(StoreUnavailable)
    known.resolve(snapshot)
    expect(await repaired).toBeInstanceOf(StoreUnavailable)
    await post(store, 'during')
    expect(await missingFrom(store, ['during'])).toEqual([])
  })

  test('what was on its way to the damaged file is not acknowledged once that is aside', async () => {
    const store = await damaged({ lastKnown: async () => snapshot })
    const db = new DatabaseSync(files.path)
    db.exec(`UPDATE budgets SET record = 'another'`)
    db.close()
    // By the thread that posts: it has the postings behind it when it says so.
    const found = store.loadBudgets().catch((error: unknown) => error)
    const ids = Array.from({ length: 50 }, (_, place) => `a${place}`)
    const told = await Promise.allSettled(ids.map((id) => post(store, id)))
    expect(await found).toBeInstanceOf(StoreUnavailable)
    const acknowledged = ids.filter((_id, place) => told[place]?.status === 'fulfilled')
    expect(await missingFrom(store, acknowledged)).toEqual([])
  })

  test('whoever is told of the new file may ask it at once', async () => {
    const asked = Promise.withResolvers<boolean>()
    let mended: Store | undefined
    const store = await damaged({
      lastKnown: async () => snapshot,
      onRebuilt: () => asked.resolve(mended?.matchSecret(['mark']) ?? false),
    })
    mended = store
    await expect(findDamage(store)).rejects.toThrow(StoreUnavailable)
    expect(await asked.promise).toBe(true)
  })

  test('closing waits for it, and leaves a whole file that nobody has open', async () => {
    const begun = Promise.withResolvers<void>()
    const store = await damaged({ lastKnown: async () => snapshot, onMend: begun.resolve })
    const repaired = findDamage(store).catch((error: unknown) => error)
    await begun.promise
    await store.close()
    expect(await repaired).toBeInstanceOf(StoreUnavailable)
    expect(files.names.filter((name) => /building|fresh|holdfast\.db-(wal|shm)$/.test(name))).toEqual([])
    expect((await (await files.open()).loadDirectory()).keys).toHaveLength(KEYS)
  })
})

describe('fault 128: a damaged file that cannot be built anew while it is in use', () => {
  test('nothing known: unavailable to whoever meets the damage, and all else goes on', async () => {
    const store = await damaged({ lastKnown: async () => undefined })
    await expect(findDamage(store)).rejects.toThrow(/Restore a backup/)
    await expect(findDamage(store)).rejects.toThrow(StoreUnavailable)
    await post(store, 'goes on')
    expect(await missingFrom(store, ['goes on'])).toEqual([])
  })

  test('what is known cannot be read: unavailable, and built when it can', async () => {
    const known = ['{"budgets":', undefined]
    const store = await damaged({
      lastKnown: async () => JSON.parse(known.shift() ?? JSON.stringify(snapshot)) as LastKnown,
    })
    await expect(findDamage(store)).rejects.toThrow(StoreUnavailable)
    await expect(findDamage(store)).rejects.toThrow(/built anew/)
    expect((await store.loadDirectory()).keys).toHaveLength(KEYS)
  })

  test('no line of the books is let go of for it', async () => {
    const store = await damaged({ lastKnown: async () => undefined })
    const refused: PostableLine[] = []
    const posting = postLines([{ entry: entry('a') }], {
      post: async () => void (await findDamage(store)),
      onRefused: (line) => void refused.push(line),
    })
    await expect(posting).rejects.toThrow(StoreUnavailable)
    expect(refused).toEqual([])
  })

  test('cut short between the damaged one and the new one: whoever has leases is told by whoever finishes it', async () => {
    const clock = { wallMs: () => Date.UTC(2026, 10, 30), nowMs: () => 0 }
    let rebuilt = 0
    const store = await damaged({
      clock,
      lastKnown: async () => snapshot,
      onRebuilt: () => (rebuilt += 1),
    })
    const inTheWay = `${files.path}.corrupt-2026-11-30T00-00-00-000Z`
    mkdirSync(inTheWay)
    await expect(findDamage(store)).rejects.toThrow(StoreUnavailable)
    expect(files.names.some((name) => name.includes('.fresh-'))).toBe(true)
    expect(rebuilt).toBe(0)
    rmdirSync(inTheWay)
    await post(store, 'after')
    expect(rebuilt).toBe(1)
    expect((await store.loadDirectory()).keys).toHaveLength(KEYS)
    await post(store, 'once more')
    expect(rebuilt).toBe(1)
  })

  test('the new one cannot be put in its place: nothing is taken by the damaged one until it is', async () => {
    const store = await damaged({ lastKnown: async () => ({ ...snapshot, budgets: known }) })
    // A budget that the new file refuses.
    const known = [
      ...snapshot.budgets,
      { ...budget('bud_2', 1), limitNanoUsd: -1 } as LastKnown['budgets'][number],
    ]
    await expect(findDamage(store)).rejects.toThrow(StoreUnavailable)
    await expect(post(store, 'a')).rejects.toThrow(StoreUnavailable)
    known.pop()
    await expect(post(store, 'a')).resolves.toBeUndefined()
    expect(await missingFrom(store, ['a'])).toEqual([])
    expect((await store.loadDirectory()).keys).toHaveLength(KEYS)
  })
})
