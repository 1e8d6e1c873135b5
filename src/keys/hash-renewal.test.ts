import { beforeEach, describe, expect, test } from 'vitest'
import { GatewayError } from '../errors/gateway-error.ts'
import { systemIds } from '../std/ids.ts'
import { ManualClock } from '../std/manual-clock.test-support.ts'
import type { Notice } from '../std/notice.ts'
import { StoreUnavailable } from '../std/store-error.ts'
import { createDirectoryKeyring, type DirectoryKeyring } from './directory-keyring.ts'
import { EMPTY, madeKey, ScriptedDirectoryStore } from './directory.test-support.ts'
import { HashRenewal, RENEWAL_BATCH_MAX, RENEWAL_GATHER_MS, RENEWALS_MAX } from './hash-renewal.ts'
import { createKey, revokeKey, rotateKey } from './key-changes.ts'
import { KeyDirectory } from './key-directory.ts'
import { hashersOf, hashesOf, type Peppers, standingOf } from './key-hashes.ts'
import type { KeyId, KeyRecord } from './records.ts'

const OLD = new Uint8Array(32).fill(1)
const NEW = new Uint8Array(32).fill(2)
const markOf = (pepper: Uint8Array) => hashersOf([pepper])[0].mark

let clock: ManualClock
let notices: Notice[]
beforeEach(() => {
  clock = new ManualClock()
  notices = []
})

interface Node {
  readonly directory: KeyDirectory
  readonly ring: DirectoryKeyring
}

/** A gateway that is given these secrets. */
async function node(store: ScriptedDirectoryStore, ...peppers: Peppers): Promise<Node> {
  const directory = new KeyDirectory({ clock, store, peppers, notify: (notice) => notices.push(notice) })
  await directory.start()
  return { directory, ring: createDirectoryKeyring([], directory) }
}

async function pass(ms: number): Promise<void> {
  clock.advance(ms)
  for (let turn = 0; turn < 60; turn += 1) await Promise.resolve()
}

/** Long enough for a first try that fails, and one after it. */
const TWO_TRIES_MS = RENEWAL_GATHER_MS + 1_000

const stocked = (...records: readonly KeyRecord[]) =>
  new ScriptedDirectoryStore({ ...EMPTY, revision: 1, keys: records })
const keyIn = (store: ScriptedDirectoryStore, { id }: KeyRecord) => {
  const found = store.directory.keys.find((key) => key.id === id)
  if (found === undefined) throw new Error('There is no such key.')
  return found
}
const nameOf = async ({ ring }: Node, key: string) => (await ring.authenticate(key)).keyName
const renewals = (store: ScriptedDirectoryStore) =>
  store.notes.filter((action) => action === 'renew-key-hashes').length

describe('a key that is used after a rotation of the master secret', () => {
  test('is let in at once, and gets its hash under the newest one with one write, the old one beside it', async () => {
    const { key, record } = madeKey({ name: 'laptop' }, OLD)
    const store = stocked(record)
    const both = await node(store, NEW, OLD)
    const holder = both.ring.authenticate(key)
    expect(holder).toMatchObject({ keyName: 'laptop' })
    expect(keyIn(store, record)).toEqual(record)
    for (let use = 0; use < 5; use += 1) await nameOf(both, key)
    await pass(RENEWAL_GATHER_MS)
    expect(renewals(store)).toBe(1)
    expect(keyIn(store, record)).toEqual({ ...record, ...hashesOf(key, hashersOf([NEW, OLD])) })

    // Used on and on, it is written no more, and the old secret may go, or stay alone with another gateway.
    for (let use = 0; use < 5; use += 1) {
      await nameOf(both, key)
      await pass(RENEWAL_GATHER_MS)
    }
    expect(renewals(store)).toBe(1)
    const given: readonly Peppers[] = [[NEW], [OLD], [OLD, NEW]]
    for (const peppers of given) expect(await nameOf(await node(store, ...peppers), key)).toBe('laptop')
  })

  test('of the admin API as well', async () => {
    const { key, record } = madeKey({ kind: 'admin', role: 'owner' }, OLD)
    const store = stocked(record)
    const { ring } = await node(store, NEW, OLD)
    await ring.authenticateAdmin(key)
    await pass(RENEWAL_GATHER_MS)
    expect(standingOf(keyIn(store, record), [markOf(NEW)])).toBe('newest')
  })

  test('is not written for being shown where it is worth nothing', async () => {
    const revoked = madeKey({ revokedAtMs: 1 }, OLD)
    const expired = madeKey({ expiresAtMs: 1 }, OLD)
    const admin = madeKey({ kind: 'admin', role: 'owner' }, OLD)
    const store = stocked(revoked.record, expired.record, admin.record)
    const { ring } = await node(store, NEW, OLD)
    for (const { key } of [revoked, expired, admin])
      expect(() => ring.authenticate(key)).toThrow(GatewayError)
    await pass(TWO_TRIES_MS)
    expect(renewals(store)).toBe(0)
  })

  test('is not brought back to life by a gateway that has not heard of its revocation', async () => {
    const { key, record } = madeKey({}, OLD)
    const store = stocked(record)
    const both = await node(store, NEW, OLD)
    await nameOf(both, key)
    await pass(RENEWAL_GATHER_MS - 1)
    // After the last look at the store, and before the write.
    store.putKey({ ...record, revokedAtMs: 7 })
    await pass(1)
    await pass(TWO_TRIES_MS)
    expect(keyIn(store, record)).toEqual({ ...record, revokedAtMs: 7 })
    expect(renewals(store)).toBe(0)
  })

  test('waits for a store that is away or hangs, while requests go on', async () => {
    for (const state of ['away', 'hanging'] as const) {
      const { key, record } = madeKey({ name: state }, OLD)
      const store = stocked(record)
      const both = await node(store, NEW, OLD)
      store.state = state
      expect(await nameOf(both, key)).toBe(state)
      for (let second = 0; second < 20; second += 1) {
        await pass(1_000)
        expect(await nameOf(both, key)).toBe(state)
      }
      store.state = 'well'
      // A write that hung is over when the store says so.
      if (state === 'hanging') continue
      for (let second = 0; second < 60; second += 1) await pass(1_000)
      expect(standingOf(keyIn(store, record), [markOf(NEW)])).toBe('newest')
      expect(renewals(store)).toBe(1)
    }
  })

  test('is written once by two gateways that see it at one time', async () => {
    const made = Array.from({ length: 3 }, () => madeKey({}, OLD))
    const store = stocked(...made.map(({ record }) => record))
    const nodes = [await node(store, NEW, OLD), await node(store, NEW, OLD)]
    for (const one of nodes) for (const { key } of made) await nameOf(one, key)
    for (let second = 0; second < 10; second += 1) await pass(1_000)
    expect(renewals(store)).toBe(1)
    for (const { record } of made) expect(standingOf(keyIn(store, record), [markOf(NEW)])).toBe('newest')
  })

  test('that an earlier version made is noted to stand under the secret by which it was known', async () => {
    const made = madeKey({}, OLD)
    const { hashedUnder: _, ...record } = made.record
    const store = stocked(record)
    expect(standingOf(record, [markOf(OLD)])).toBe('newest')
    expect(standingOf(record, [markOf(NEW), markOf(OLD)])).toBe('unsaid')
    await nameOf(await node(store, OLD), made.key)
    await pass(RENEWAL_GATHER_MS)
    expect(keyIn(store, record)).toEqual(made.record)
    expect(standingOf(keyIn(store, record), [markOf(NEW), markOf(OLD)])).toBe('older')
  })

  test('loses the hashes under secrets that nobody has any more, so that they do not become many', async () => {
    const { key, record } = madeKey({}, OLD)
    const store = stocked(record)
    const peppers = Array.from({ length: 6 }, (_, at) => new Uint8Array(32).fill(10 + at))
    let before: Uint8Array = OLD
    for (const pepper of peppers) {
      await nameOf(await node(store, pepper, before), key)
      await pass(RENEWAL_GATHER_MS)
      before = pepper
    }
    expect(keyIn(store, record).hashedUnder).toBe(markOf(before))
    expect(keyIn(store, record).otherHashes?.map(({ hashedUnder }) => hashedUnder)).toEqual([
      markOf(peppers.at(-2) ?? OLD),
    ])
  })
})

describe('while two gateways are restarted one after the other', () => {
  const context = (peppers: Peppers) => ({ nowMs: clock.wallMs(), actor: 'cli', ids: systemIds, peppers })

  test('each knows the keys that the other makes, rotates and has renewed', async () => {
    const { key: first, record } = madeKey({ name: 'first' }, OLD)
    const store = stocked(record)
    const before = await node(store, OLD)
    const after = await node(store, NEW, OLD)

    const byAfter = createKey(store.directory, { name: 'by after' }, context([NEW, OLD]))
    store.put(...byAfter.changes)
    const byBefore = createKey(store.directory, { name: 'by before' }, context([OLD]))
    store.put(...byBefore.changes)
    const rotated = rotateKey(store.directory, { key: byAfter.key.id }, context([OLD]))
    store.put(...rotated.changes)
    await pass(1_000)
    const keys = [first, ...[byAfter, byBefore, rotated].map(({ secret }) => secret.reveal())]
    for (const one of [before, after])
      for (const key of keys) expect(await nameOf(one, key)).toMatch(/first|by/)
    for (let second = 0; second < 10; second += 1) await pass(1_000)
    expect(renewals(store)).toBe(1)
    const last = await node(store, NEW)
    for (const one of [before, after, last])
      for (const key of keys) expect(await nameOf(one, key)).toMatch(/first|by/)

    store.put(...revokeKey(store.directory, rotated.key.id, context([OLD])).changes)
    await pass(1_000)
    for (const one of [before, after, last])
      expect(() => one.ring.authenticate(rotated.secret.reveal())).toThrow(GatewayError)
  })

  test('a rotated key takes no hash of the one before it along', () => {
    const made = createKey(EMPTY, { name: 'k' }, context([NEW, OLD]))
    const directory = { ...EMPTY, keys: [made.key] }
    const { key } = rotateKey(directory, { key: 'k' }, context([OLD]))
    expect(key).not.toHaveProperty('otherHashes')
    expect(key.hash).not.toBe(made.key.hash)
  })

  test('SEC-21: no line of the audit log holds a hash', () => {
    const made = createKey(EMPTY, { name: 'k' }, context([NEW, OLD]))
    const text = JSON.stringify(made.notes)
    for (const { hash } of [made.key, ...(made.key.otherHashes ?? [])]) expect(text).not.toContain(hash)
    expect(text).not.toContain(markOf(NEW))
  })
})

describe('keys under a master secret that was taken out', () => {
  test('are told of by name and number, and known again when it is given again', async () => {
    const made = Array.from({ length: 12 }, (_, at) => madeKey({ name: `key-${at}` }, OLD))
    const gone = [madeKey({ revokedAtMs: 1 }, OLD), madeKey({ expiresAtMs: 1 }, OLD)]
    const good = madeKey({}, NEW)
    const store = stocked(...[...made, ...gone, good].map(({ record }) => record))
    const { ring } = await node(store, NEW)
    expect(notices).toMatchObject([{ level: 'warn', name: 'keys_under_missing_secret', facts: { keys: 12 } }])
    expect(notices[0]?.message).toContain('12 (key-0, key-1,')
    expect(notices[0]?.message).toContain('key-9 and 2 more')
    await expect(async () => ring.authenticate(made[0]?.key)).rejects.toThrow(GatewayError)

    // Told once, not with every change.
    store.putKey({ ...good.record, revokedAtMs: 1 })
    await pass(1_000)
    expect(notices).toHaveLength(1)

    notices = []
    expect(await nameOf(await node(store, NEW, OLD), made[0]?.key ?? '')).toBe('key-0')
    expect(notices).toEqual([])
  })

  test('are told of by the snapshot where the store is away, and not where the store knows better', async () => {
    const { record } = madeKey({ name: 'laptop' }, OLD)
    const snapshot = { read: async () => ({ ...EMPTY, revision: 1, keys: [record] }), write: async () => {} }
    const begin = async (store: ScriptedDirectoryStore) => {
      notices = []
      const notify = (notice: Notice) => notices.push(notice)
      await new KeyDirectory({ clock, store, peppers: [NEW], snapshot, notify }).start()
      return notices.map(({ name }) => name)
    }
    expect(await begin(stocked({ ...record, revokedAtMs: 1 }))).toEqual([])
    const away = stocked(record)
    away.state = 'away'
    expect(await begin(away)).toEqual(['directory_away', 'keys_under_missing_secret'])
  })

  test('are not told of where there are none', async () => {
    const { record } = madeKey({}, NEW)
    const { hashedUnder: _, ...earlier } = madeKey({}, NEW).record
    await node(stocked(record, earlier), NEW)
    expect(notices).toEqual([])
  })
})

describe('renewals', () => {
  const hashes = hashesOf('k', hashersOf([NEW]))

  test('are tried ever more rarely while the store does not take them', async () => {
    const { record } = madeKey({}, OLD)
    let tries = 0
    const renewal = new HashRenewal({
      clock,
      store: {
        changeDirectory: async () => {
          tries += 1
          throw new StoreUnavailable('The disk is full.')
        },
      },
      known: () => ({ ...EMPTY, keys: [record] }),
      refresh: async () => {},
    })
    renewal.note(record.id, () => hashes)
    for (let second = 0; second < 600; second += 1) await pass(1_000)
    expect(tries).toBeGreaterThan(10)
    expect(tries).toBeLessThan(20)
  })

  test('are written some at a time, and no more of them wait than there is room for', async () => {
    const { record } = madeKey({}, OLD)
    const made = Array.from({ length: RENEWALS_MAX + 1 }, (_, at) => ({
      ...record,
      // Sound: an id of a test.
      id: `key_${at}` as KeyId,
    }))
    const directory = { ...EMPTY, keys: made }
    const sizes: number[] = []
    const renewal = new HashRenewal({
      clock,
      store: {
        changeDirectory: async (changes) => sizes.push(changes.length),
      },
      known: () => directory,
      refresh: async () => {},
    })
    let asked = 0
    for (const { id } of made)
      renewal.note(id, () => {
        asked += 1
        return hashes
      })
    expect(asked).toBe(RENEWALS_MAX)
    for (let write = 0; write < 25; write += 1) await pass(RENEWAL_GATHER_MS)
    expect(sizes).toHaveLength(RENEWALS_MAX / RENEWAL_BATCH_MAX)
    expect(Math.max(...sizes)).toBe(RENEWAL_BATCH_MAX)
    renewal.stop()
    renewal.note(record.id, () => hashes)
    await pass(RENEWAL_GATHER_MS)
    expect(sizes).toHaveLength(RENEWALS_MAX / RENEWAL_BATCH_MAX)
  })
})
