import { describe, expect, test } from 'vitest'
import { hashersOf, hashesOf } from '../keys/key-hashes.ts'
import type { Directory, KeyId, KeyRecord } from '../keys/records.ts'
import type { SealCount, SealedKind } from './sealed-store.ts'
import { describeSecretStatus, KEYS_NAMED_MAX, readSecretStatus } from './secret-status.ts'

const NOW = 1_000_000
const OLD = new Uint8Array(32).fill(1)
const NEW = new Uint8Array(32).fill(2)
const GONE = new Uint8Array(32).fill(3)

/** Seals of these tests begin with the place of their secret; 9 is none at hand. */
const sealer = { placeOf: ([place]: Uint8Array) => (place === 9 ? undefined : place) }
const seal = (place: number, count: number, expireAtMs: number): SealCount => ({
  header: Uint8Array.of(place),
  count,
  expireAtMs,
})

let made = 0
function key(name: string, pepper: Uint8Array, fields: Partial<KeyRecord> = {}): KeyRecord {
  made += 1
  return {
    // Sound: an id of a test.
    id: `key_${made}` as KeyId,
    kind: 'data',
    name,
    ...hashesOf(name, hashersOf([pepper])),
    hint: 'wxyz',
    scopes: {},
    createdAtMs: 1,
    ...fields,
  }
}

interface Kept {
  readonly keys?: readonly KeyRecord[]
  /** Of each kind, what the store says at each call. */
  readonly seals?: Partial<Record<SealedKind, readonly (readonly SealCount[])[]>>
  readonly peppers?: Parameters<typeof hashersOf>[0]
}

function statusOf({ keys = [], seals = {}, peppers = [NEW, OLD] }: Kept) {
  const directory: Directory = { revision: 1, users: [], teams: [], projects: [], keys }
  return readSecretStatus({
    store: {
      async countSeals({ kind, place = 0, nowMs }) {
        expect(nowMs).toBe(NOW)
        const calls = seals[kind] ?? []
        return { counts: calls[place] ?? [], ...(place + 1 < calls.length && { next: place + 1 }) }
      },
    },
    directory,
    peppers,
    sealer,
    nowMs: NOW,
  })
}

describe('the status of a rotation', () => {
  test('counts what an older secret opens, wherever the store goes on, and until when', async () => {
    const status = await statusOf({
      seals: {
        cache: [[seal(0, 5, NOW + 90), seal(1, 2, NOW + 10)], [seal(1, 1, NOW + 30)], [seal(9, 4, NOW + 80)]],
        bodies: [[seal(1, 7, NOW + 20)]],
      },
    })
    expect(status.sealed).toEqual([
      { kind: 'answers', older: 0, missing: 0 },
      { kind: 'cache', older: 3, olderUntilMs: NOW + 30, missing: 4 },
      { kind: 'bodies', older: 7, olderUntilMs: NOW + 20, missing: 0 },
    ])
    expect(status.olderSecrets).toEqual({ type: 'needed-until', atMs: NOW + 30 })
  })

  test('an older secret is needed for keys that never end; those that end, end their need', async () => {
    const ending = key('ending', OLD, { expiresAtMs: NOW + 50 })
    const seals = { bodies: [[seal(1, 1, NOW + 20)]] }
    expect(await statusOf({ keys: [ending], seals })).toMatchObject({
      olderKeys: [{ name: 'ending' }],
      olderSecrets: { type: 'needed-until', atMs: NOW + 50 },
    })
    expect(await statusOf({ keys: [ending, key('endless', OLD)], seals })).toMatchObject({
      olderSecrets: { type: 'needed-by-keys' },
    })
  })

  test('keys that are revoked, expired or under the newest secret as well need no older one', async () => {
    const both = key('both', NEW, { ...hashesOf('both', hashersOf([NEW, OLD])) })
    const swapped = key('swapped', OLD, { ...hashesOf('swapped', hashersOf([OLD, NEW])) })
    const keys = [key('r', OLD, { revokedAtMs: 1 }), key('e', OLD, { expiresAtMs: NOW }), both, swapped]
    expect(await statusOf({ keys })).toMatchObject({
      keys: 2,
      olderKeys: [],
      missingKeys: [],
      olderSecrets: { type: 'unneeded' },
    })
  })

  test('a key of an earlier version counts as older, and as known where there is one secret alone', async () => {
    const { hashedUnder: _, ...earlier } = key('earlier', OLD)
    expect(await statusOf({ keys: [earlier] })).toMatchObject({
      olderKeys: [{ name: 'earlier' }],
      olderSecrets: { type: 'needed-by-keys' },
    })
    expect(await statusOf({ keys: [earlier], peppers: [OLD] })).toMatchObject({
      olderKeys: [],
      missingKeys: [],
      olderSecrets: { type: 'none' },
    })
  })

  test('names keys that no secret at hand knows, and no hash, key or secret', async () => {
    const many = Array.from({ length: KEYS_NAMED_MAX + 1 }, (_, at) => key(`k${at}`, GONE))
    const status = describeSecretStatus(await statusOf({ keys: [...many, key('old', OLD)] }))
    expect(status).toMatchObject({
      secrets: 2,
      keys: KEYS_NAMED_MAX + 2,
      older_secrets: 'needed-by-keys',
      keys_under_older: { count: 1, keys: [{ name: 'old', kind: 'data', hint: 'wxyz', expires_at: null }] },
      keys_under_missing: { count: KEYS_NAMED_MAX + 1 },
    })
    expect(status.keys_under_missing.keys).toHaveLength(KEYS_NAMED_MAX)
    const text = JSON.stringify(status)
    for (const { hash, hashedUnder = '' } of many.slice(0, 3)) {
      expect(text).not.toContain(hash)
      expect(text).not.toContain(hashedUnder)
    }
  })
})
