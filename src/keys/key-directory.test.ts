import type { Notice } from '../std/notice.ts'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { GatewayError } from '../errors/gateway-error.ts'
import { ManualClock } from '../std/manual-clock.test-support.ts'
import { Secret } from '../std/secret.ts'
import { StoreUnavailable } from '../std/store-error.ts'
import { createDirectoryKeyring, type DirectoryKeyring, FIRST_KEY_WAIT_MS } from './directory-keyring.ts'
import { createSnapshotFile, type DirectorySnapshot } from './directory-snapshot.ts'
import {
  EMPTY,
  madeKey,
  madeProject,
  madeUser,
  PEPPER,
  ScriptedDirectoryStore,
} from './directory.test-support.ts'
import {
  KeyDirectory,
  type KeyDirectoryOptions,
  LOOK_AGAIN_MS,
  LOOK_WAIT_MS,
  POLL_MS,
  REFRESH_TIMEOUT_MS,
} from './key-directory.ts'
import type { Directory } from './records.ts'
import { mintKey } from './virtual-key.ts'

class MemorySnapshot implements DirectorySnapshot {
  held: Directory | undefined
  writes = 0
  isBroken = false
  constructor(held?: Directory) {
    this.held = held
  }
  async read(): Promise<Directory | undefined> {
    if (this.isBroken) throw new Error('The snapshot is broken.')
    return this.held
  }
  async write(directory: Directory): Promise<void> {
    this.writes += 1
    if (this.isBroken) throw new Error('The disk is full.')
    this.held = directory
  }
}

let clock: ManualClock
let notices: Notice[]
beforeEach(() => {
  clock = new ManualClock()
  notices = []
})

function open(store: ScriptedDirectoryStore, more: Partial<KeyDirectoryOptions> = {}) {
  const directory = new KeyDirectory({
    clock,
    store,
    peppers: [PEPPER],
    notify: (notice) => notices.push(notice),
    ...more,
  })
  return { directory, ring: createDirectoryKeyring([], directory) }
}

/** One that has read its store. */
async function started(store = new ScriptedDirectoryStore(STOCKED)) {
  const opened = open(store)
  await opened.directory.start()
  return { store, ...opened }
}

/** The next load tells of what is there now, once the function that this gives back is called. */
function holdLoad(store: ScriptedDirectoryStore): () => void {
  const { promise, resolve } = Promise.withResolvers<Directory>()
  const read = store.directory
  vi.spyOn(store, 'loadDirectory').mockReturnValueOnce(promise)
  return () => resolve(read)
}

/** What a key in the form of ours is told that nobody made. */
function guessed(ring: DirectoryKeyring): Promise<string> {
  return codeOf(() => ring.authenticate(mintKey('data').reveal()))
}

/** Lets everything happen that needs no time. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 30; turn += 1) await Promise.resolve()
}

async function pass(ms: number): Promise<void> {
  clock.advance(ms)
  await settle()
}

const noticed = () => notices.map(({ name }) => name)

async function codeOf(act: () => unknown): Promise<string> {
  try {
    await act()
    return 'let in'
  } catch (error) {
    return error instanceof GatewayError ? error.code : String(error)
  }
}

const known = madeKey({ name: 'known' })
const STOCKED: Directory = { ...EMPTY, revision: 4, keys: [known.record] }

describe('the directory', () => {
  test('is loaded at the start, and again only when its revision changed', async () => {
    const store = new ScriptedDirectoryStore(STOCKED)
    const { directory, ring } = open(store)
    expect(await directory.start()).toBe('store')
    expect(ring.authenticate(known.key)).toMatchObject({ keyName: 'known' })
    await pass(POLL_MS)
    await pass(POLL_MS)
    expect([store.asked, store.loads]).toEqual([3, 1])
    store.put({ type: 'put-user', user: madeUser('usr_1') })
    await pass(POLL_MS)
    expect([store.asked, store.loads]).toEqual([4, 2])
    expect(directory.current?.users).toHaveLength(1)
  })

  test('SEC-12: a revocation made elsewhere holds after one poll, one made here at once', async () => {
    const { store, directory, ring } = await started()
    store.putKey({ ...known.record, revokedAtMs: 1 })
    expect(ring.authenticate(known.key)).toMatchObject({ keyName: 'known' })
    await pass(POLL_MS)
    expect(await codeOf(() => ring.authenticate(known.key))).toBe('unauthenticated')
    store.putKey(known.record)
    await directory.refresh()
    expect(ring.authenticate(known.key)).toMatchObject({ keyName: 'known' })
  })

  test('refresh holds what was changed before it, though a look was under way', async () => {
    const { store, directory } = await started()
    const early = directory.refresh()
    await Promise.resolve()
    await Promise.resolve()
    store.put({ type: 'put-project', project: madeProject('prj_1') })
    const late = [directory.refresh(), directory.refresh()]
    await Promise.all([early, ...late])
    expect(directory.current?.projects).toHaveLength(1)
    expect(store.asked).toBe(3)
  })

  test('tells whoever wants to know, and survives a listener that fails', async () => {
    const store = new ScriptedDirectoryStore(STOCKED)
    const { directory } = open(store)
    const seen: number[] = []
    directory.onChange(() => {
      throw new Error('no')
    })
    const end = directory.onChange(({ revision }) => seen.push(revision))
    await directory.start()
    store.putKey(madeKey().record)
    await pass(POLL_MS)
    end()
    store.putKey(madeKey().record)
    await pass(POLL_MS)
    expect(seen).toEqual([4, 5])
    expect(noticed()).toContain('directory_listener_failed')
  })

  test('is looked after no more once it is stopped', async () => {
    const { store, directory } = await started()
    await directory.stop()
    await pass(10 * POLL_MS)
    expect(store.asked).toBe(1)
    expect(clock.pendingTimers).toBe(0)
  })
})

describe('a key made elsewhere a moment ago', () => {
  test('works at once: its first request asks the store', async () => {
    const { store, ring } = await started()
    const { key, record } = madeKey({ name: 'new' })
    store.putKey(record)
    const answer = ring.authenticate(key)
    expect(answer).toBeInstanceOf(Promise)
    expect(await answer).toMatchObject({ keyName: 'new' })
    expect(ring.authenticate(key)).toMatchObject({ keyName: 'new' })
  })

  test('works at once though it is the first, and closes the gateway to everyone else', async () => {
    const { store, ring } = await started(new ScriptedDirectoryStore())
    expect(ring.authenticate('any')).toEqual({})
    expect(await ring.authenticate(mintKey('data').reveal())).toEqual({})
    const { key, record } = madeKey({ name: 'first' })
    store.putKey(record)
    expect(await ring.authenticate(key)).toMatchObject({ keyName: 'first' })
    expect(await codeOf(() => ring.authenticate('any'))).toBe('unauthenticated')
    expect(await codeOf(() => ring.authenticate(undefined))).toBe('unauthenticated')
  })

  test('fault 130: is not let in as anyone, though it is the first, while the store does not answer', async () => {
    const { store, ring } = await started(new ScriptedDirectoryStore())
    const { key, record } = madeKey({ name: 'first' })
    store.putKey(record)
    store.state = 'hanging'
    const told = codeOf(() => ring.authenticate(key))
    await pass(FIRST_KEY_WAIT_MS)
    expect(await told).toBe('keys_unavailable')
    expect(ring.authenticate('any')).toEqual({})
  })

  test('works at once for the admin API too', async () => {
    const { store, ring } = await started()
    const { key, record } = madeKey({ kind: 'admin', role: 'owner' })
    store.putKey(record)
    expect(await ring.authenticateAdmin(key)).toMatchObject({ role: 'owner' })
  })

  test('the store is asked for unknown keys once in 250 ms, however many come, and never for a guess', async () => {
    const { store, ring } = await started()
    const before = store.asked
    const guesses = ['guess', 'sk-hf-', `sk-hf-${'a'.repeat(38)}`, mintKey('admin').reveal()]
    for (const guess of guesses) expect(() => ring.authenticate(guess)).toThrow(GatewayError)
    expect(store.asked).toBe(before)
    const guess = () => guessed(ring)
    const [first, ...others] = Array.from({ length: 1_000 }, guess)
    expect(await first).toBe('unauthenticated')
    await pass(LOOK_AGAIN_MS - 1)
    expect(store.asked).toBe(before + 1)
    await pass(1)
    expect(new Set(await Promise.all(others))).toEqual(new Set(['unauthenticated']))
    expect(store.asked).toBe(before + 2)
    await pass(LOOK_AGAIN_MS)
    expect(await guess()).toBe('unauthenticated')
    expect(store.asked).toBe(before + 3)
    expect(clock.pendingTimers).toBe(1)
  })

  test.each(['data', 'admin'] as const)(
    'works though the store was asked for another %s key a moment before it was made, or is being asked',
    async (kind) => {
      const { store, ring } = await started()
      const present = (key: string): unknown =>
        kind === 'data' ? ring.authenticate(key) : ring.authenticateAdmin(key)
      const made = (name: string) => madeKey(kind === 'data' ? { name } : { name, kind, role: 'owner' })
      const unknown = codeOf(() => present(mintKey(kind).reveal()))
      const [first, second] = [made('first'), made('second')]
      store.putKey(first.record)
      const whileAsked = codeOf(() => present(first.key))
      expect(await unknown).toBe('unauthenticated')
      store.putKey(second.record)
      const after = codeOf(() => present(second.key))
      await settle()
      await pass(LOOK_AGAIN_MS)
      expect([await whileAsked, await after]).toEqual(['let in', 'let in'])
      expect(store.asked).toBe(3)
    },
  )

  test.each(['away', 'hanging'] as const)(
    'is told that the store does not answer where it is %s a moment after it was asked',
    async (state) => {
      const { store, ring } = await started()
      expect(await guessed(ring)).toBe('unauthenticated')
      store.state = state
      const told = guessed(ring)
      await settle()
      await pass(LOOK_AGAIN_MS + LOOK_WAIT_MS)
      expect(await told).toBe('keys_unavailable')
    },
  )

  test('asks a store no more that is about to be closed', async () => {
    const { store, directory, ring } = await started()
    const guess = () => guessed(ring)
    expect(await guess()).toBe('unauthenticated')
    const waiting = guess()
    await settle()
    await directory.stop()
    await pass(LOOK_AGAIN_MS + LOOK_WAIT_MS)
    expect(await waiting).toBe('keys_unavailable')
    expect(await guess()).toBe('keys_unavailable')
    expect(store.asked).toBe(2)
    expect(clock.pendingTimers).toBe(0)
  })

  test('a key that is known not to be good asks nothing', async () => {
    const revoked = madeKey({ revokedAtMs: 1 })
    const store = new ScriptedDirectoryStore({ ...STOCKED, keys: [revoked.record] })
    const { directory, ring } = open(store)
    await directory.start()
    expect(() => ring.authenticate(revoked.key)).toThrow(GatewayError)
    expect(store.asked).toBe(1)
  })

  test('fault 130: waits 50 ms for a store that hangs, and is not told that it is unknown', async () => {
    const { store, ring } = await started()
    store.state = 'hanging'
    let code: string | undefined
    void guessed(ring).then((told) => (code = told))
    await pass(LOOK_WAIT_MS - 1)
    expect(code).toBeUndefined()
    await pass(1)
    expect(code).toBe('keys_unavailable')
    expect(ring.authenticate(known.key)).toMatchObject({ keyName: 'known' })
    expect(await codeOf(() => ring.authenticate('guess'))).toBe('unauthenticated')
  })
})

describe('fault 130: while the store is away', () => {
  test('every key that was known is good, and the poll goes on until the store is back', async () => {
    const { store, directory, ring } = await started()
    store.state = 'away'
    for (let polls = 0; polls < 20; polls += 1) await pass(POLL_MS)
    expect(ring.authenticate(known.key)).toMatchObject({ keyName: 'known' })
    expect(directory.isStoreAway).toBe(true)
    expect(noticed()).toEqual(['directory_away'])
    expect(await guessed(ring)).toBe('keys_unavailable')
    store.state = 'well'
    store.putKey({ ...known.record, name: 'renamed' })
    await pass(POLL_MS)
    expect(ring.authenticate(known.key)).toMatchObject({ keyName: 'renamed' })
    expect(noticed()).toEqual(['directory_away', 'directory_back'])
    expect(directory.isStoreAway).toBe(false)
  })

  test('a store that hangs ends no poll: it is back within ten seconds', async () => {
    const { store, directory } = await started()
    store.state = 'hanging'
    await pass(POLL_MS)
    await pass(REFRESH_TIMEOUT_MS)
    expect(directory.isStoreAway).toBe(true)
    store.state = 'well'
    store.putKey(madeKey().record)
    await pass(POLL_MS)
    await pass(REFRESH_TIMEOUT_MS)
    await pass(POLL_MS)
    expect(directory.isStoreAway).toBe(false)
    expect(directory.current?.revision).toBe(5)
  })

  test('takes over a change that the store took before it stopped answering, and nothing twice', async () => {
    const { store, directory, ring } = await started()
    const { key, record } = madeKey({ name: 'new' })
    store.state = 'hanging'
    directory.take([{ type: 'put-key', key: record }], STOCKED.revision + 1)
    expect(ring.authenticate(key)).toMatchObject({ keyName: 'new' })
    directory.take([{ type: 'put-key', key: { ...record, name: 'other' } }], STOCKED.revision + 1)
    expect(ring.authenticate(key)).toMatchObject({ keyName: 'new' })
    directory.take([{ type: 'put-key', key: { ...record, revokedAtMs: 1 } }], STOCKED.revision + 2)
    expect(() => ring.authenticate(key)).toThrow(GatewayError)
    expect(noticed()).toEqual([])
  })

  test('SEC-12: a look that was under way does not bring back a key that was revoked since it began', async () => {
    const { store, directory, ring } = await started()
    const { key, record } = madeKey()
    store.putKey(record)
    const answer = holdLoad(store)
    const look = directory.refresh()
    await settle()
    directory.take([{ type: 'put-key', key: record }], STOCKED.revision + 1)
    directory.take([{ type: 'put-key', key: { ...record, revokedAtMs: 1 } }], STOCKED.revision + 2)
    answer()
    await look
    expect(await codeOf(() => ring.authenticate(key))).toBe('unauthenticated')
    expect(noticed()).toEqual([])
  })

  test('a store that went back while a change was taken is noticed by the next look', async () => {
    const { store, directory } = await started()
    store.directory = { ...STOCKED, revision: 2 }
    const answer = holdLoad(store)
    const look = directory.refresh()
    await settle()
    directory.take([], STOCKED.revision + 1)
    answer()
    await look
    expect(directory.current?.revision).toBe(STOCKED.revision + 1)
    await directory.refresh()
    expect(directory.current?.revision).toBe(2)
    expect(noticed()).toEqual(['directory_went_back'])
  })

  test('a store that hangs is one that does not answer', async () => {
    const { store, directory } = await started()
    store.state = 'hanging'
    const look = directory.refresh().catch((error: unknown) => error)
    await pass(REFRESH_TIMEOUT_MS)
    expect(await look).toBeInstanceOf(StoreUnavailable)
  })

  test('refresh says so', async () => {
    const { store, directory } = await started()
    store.state = 'away'
    await expect(directory.refresh()).rejects.toThrow('The database does not answer.')
  })
})

describe('the snapshot', () => {
  test('is written after every change', async () => {
    const snapshot = new MemorySnapshot()
    const store = new ScriptedDirectoryStore(STOCKED)
    const { directory } = open(store, { snapshot })
    await directory.start()
    await settle()
    expect(snapshot.held).toEqual(STOCKED)
    store.putKey(madeKey().record)
    await pass(POLL_MS)
    await pass(POLL_MS)
    expect(snapshot.held?.revision).toBe(5)
    expect(snapshot.writes).toBe(2)
  })

  test('faults 130 and 148: lets a gateway start and know its keys while the store is away', async () => {
    const store = new ScriptedDirectoryStore({ ...STOCKED, revision: 9 })
    store.state = 'away'
    const { directory, ring } = open(store, { snapshot: new MemorySnapshot(STOCKED) })
    expect(await directory.start()).toBe('snapshot')
    expect(ring.authenticate(known.key)).toMatchObject({ keyName: 'known' })
    expect(() => ring.authenticate('guess')).toThrow(GatewayError)
    store.state = 'well'
    await pass(POLL_MS)
    expect(directory.current?.revision).toBe(9)
  })

  test('fault 148: without it and without the store nobody is let in, keys of the file apart', async () => {
    const store = new ScriptedDirectoryStore()
    store.state = 'away'
    const { directory, ring } = open(store, { snapshot: new MemorySnapshot() })
    expect(await directory.start()).toBe('nothing')
    expect(await codeOf(() => ring.authenticate(undefined))).toBe('unauthenticated')
    expect(await codeOf(() => ring.authenticate(known.key))).toBe('keys_unavailable')
    const withFile = createDirectoryKeyring(
      [{ name: 'file', key: new Secret('sk-laptop-7f3a9c51e8b2d604') }],
      directory,
    )
    expect(withFile.authenticate('sk-laptop-7f3a9c51e8b2d604')).toEqual({ keyName: 'file' })
    store.state = 'well'
    await pass(POLL_MS)
    expect(ring.authenticate(undefined)).toEqual({})
  })

  test('counts for nothing against a store that answers, though both are of one revision', async () => {
    const store = new ScriptedDirectoryStore({ ...STOCKED, keys: [{ ...known.record, name: 'stored' }] })
    const { directory, ring } = open(store, { snapshot: new MemorySnapshot(STOCKED) })
    expect(await directory.start()).toBe('store')
    expect(ring.authenticate(known.key)).toMatchObject({ keyName: 'stored' })
  })

  test('that cannot be read or written is noticed once, and stops nothing', async () => {
    const snapshot = new MemorySnapshot()
    snapshot.isBroken = true
    const store = new ScriptedDirectoryStore(STOCKED)
    const { directory, ring } = open(store, { snapshot })
    expect(await directory.start()).toBe('store')
    store.putKey(madeKey().record)
    await pass(POLL_MS)
    expect(noticed()).toEqual(['directory_snapshot_unreadable', 'directory_snapshot_unwritable'])
    expect(ring.authenticate(known.key)).toMatchObject({ keyName: 'known' })
  })
})

describe('fault 128: a store that lost its keys', () => {
  test('is given them back where the snapshot is its own', async () => {
    const store = new ScriptedDirectoryStore()
    const { directory, ring } = open(store, {
      snapshot: new MemorySnapshot({ ...STOCKED, users: [madeUser('usr_1')] }),
      restoresEmptyStore: true,
    })
    expect(await directory.start()).toBe('store')
    expect(ring.authenticate(known.key)).toMatchObject({ keyName: 'known' })
    expect(store.directory).toMatchObject({ keys: [known.record], users: [{ id: 'usr_1' }] })
    expect(store.notes).toEqual(['restore-directory'])
    expect(noticed()).toEqual(['directory_restored'])
  })

  test('is left alone where it may be another one, and the keys stay in force, loudly and once', async () => {
    const store = new ScriptedDirectoryStore()
    const snapshot = new MemorySnapshot(STOCKED)
    const { directory, ring } = open(store, { snapshot })
    expect(await directory.start()).toBe('snapshot')
    await pass(POLL_MS)
    expect(ring.authenticate(known.key)).toMatchObject({ keyName: 'known' })
    expect(store.directory).toEqual(EMPTY)
    expect(snapshot.held).toEqual(STOCKED)
    expect(noticed()).toEqual(['directory_lost'])
  })

  test('a restored backup counts, and is noticed', async () => {
    const store = new ScriptedDirectoryStore({ ...STOCKED, revision: 9 })
    const { directory } = open(store)
    await directory.start()
    store.directory = STOCKED
    await pass(POLL_MS)
    expect(directory.current?.revision).toBe(4)
    expect(noticed()).toEqual(['directory_went_back'])
  })
})

describe('the snapshot file', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'hf-snapshot-'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  test('gives back what was written, is for this user alone, and leaves nothing beside it', async () => {
    const file = path.join(folder, 'directory.json')
    const snapshot = createSnapshotFile(file)
    expect(await snapshot.read()).toBeUndefined()
    const full: Directory = {
      revision: 3,
      // Sound: an id of a test.
      teams: [
        { id: 'team_1' as Directory['teams'][number]['id'], name: 'core', createdAtMs: 1, archivedAtMs: 2 },
      ],
      users: [madeUser('usr_1', { email: 'a@b.example', role: 'owner', disabledAtMs: 4 })],
      projects: [madeProject('prj_1', { limits: { tokensPerMinute: 5 }, archivedAtMs: 9 })],
      keys: [
        madeKey({
          kind: 'admin',
          role: 'viewer',
          scopes: { routes: ['a*'], models: ['m'], operations: ['chat'] },
          limits: { requestsPerMinute: 1, concurrentRequests: 2 },
          expiresAtMs: 7,
          revokedAtMs: 8,
          replacedBy: known.record.id,
        }).record,
        madeKey({ keepBodies: true, otherHashes: [{ hash: 'another', hashedUnder: 'ab' }] }).record,
        known.record,
      ],
    }
    await snapshot.write(EMPTY)
    await snapshot.write(full)
    expect(await snapshot.read()).toEqual(full)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(readdirSync(folder)).toEqual(['directory.json'])
    expect(readFileSync(file, 'utf8')).not.toContain(known.key)
  })

  test.each([
    '',
    'no json',
    '{}',
    '{"version":2,"directory":{}}',
    '{"version":1,"directory":{"revision":1}}',
  ])('that holds %j is refused by its name', async (text) => {
    const file = path.join(folder, 'directory.json')
    writeFileSync(file, text)
    await expect(createSnapshotFile(file).read()).rejects.toThrow(/directory\.json is not a snapshot/)
  })

  test('stays the old one where the new one cannot be written', async () => {
    const file = path.join(folder, 'none', 'directory.json')
    await expect(createSnapshotFile(file).write(EMPTY)).rejects.toThrow(/ENOENT/)
  })
})
