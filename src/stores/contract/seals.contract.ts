/** What every store must say of what is kept sealed in it. */

import { describe, expect, test } from 'vitest'
import { SEALED_KINDS, type SealedKind } from '../../reports/sealed-store.ts'
import { SEAL_HEADER_BYTES } from '../../std/sealer.ts'
import type { Store } from '../store.ts'
import {
  cached,
  HOUR_MS,
  journalRecord,
  type OpenFixture,
  sealedBodies,
  withStore,
} from './samples.test-support.ts'

/** A piece whose seal begins with `key`. */
const sealed = (key: number, length = 60) =>
  Uint8Array.from({ length }, (_, place) => (place < SEAL_HEADER_BYTES ? key : place % 251))

interface Piece {
  readonly id: string
  readonly sealed: Uint8Array
  readonly expiresAtMs: number
}

async function put(store: Store, kind: SealedKind, pieces: readonly Piece[]): Promise<void> {
  for (const { id, sealed: bytes, expiresAtMs } of pieces) {
    const fields = { createdAtMs: HOUR_MS, expiresAtMs }
    if (kind === 'cache') await store.putCached(cached(id, { ...fields, answer: bytes }))
    if (kind === 'bodies') await store.putBodies([sealedBodies(id, { ...fields, sealed: bytes })])
    if (kind !== 'answers') continue
    const record = journalRecord(id, fields)
    await store.openJournals([record], HOUR_MS)
    await store.writeJournal({ freed: [], begun: [], kept: [{ ...record, answer: bytes }] })
  }
}

/** All that it says, added up: how many and until when, by the first byte. */
async function countAll(store: Store, kind: SealedKind, nowMs: number) {
  const found: Record<number, { count: number; expireAtMs: number }> = {}
  let calls = 0
  let place: number | undefined
  do {
    const { counts, next } = await store.countSeals({ kind, nowMs, ...(place !== undefined && { place }) })
    for (const { header, count, expireAtMs } of counts) {
      expect(header).toHaveLength(SEAL_HEADER_BYTES)
      const key = header[0] ?? -1
      const before = found[key] ?? { count: 0, expireAtMs: 0 }
      found[key] = { count: before.count + count, expireAtMs: Math.max(before.expireAtMs, expireAtMs) }
    }
    place = next
    calls += 1
  } while (place !== undefined && calls < 1_000)
  return found
}

export function describeSeals(open: OpenFixture): void {
  describe.each(SEALED_KINDS)('what is kept sealed: %s', (kind) => {
    test('is counted by the beginning of its seals, with when the last of each expires', () =>
      withStore(open, async (store) => {
        expect(await countAll(store, kind, HOUR_MS)).toEqual({})
        await put(store, kind, [
          { id: 'a', sealed: sealed(1), expiresAtMs: HOUR_MS + 10 },
          { id: 'b', sealed: sealed(2), expiresAtMs: HOUR_MS + 20 },
          { id: 'c', sealed: sealed(1), expiresAtMs: HOUR_MS + 30 },
          { id: 'd', sealed: sealed(2, 5_000), expiresAtMs: HOUR_MS + 15 },
        ])
        expect(await countAll(store, kind, HOUR_MS)).toEqual({
          1: { count: 2, expireAtMs: HOUR_MS + 30 },
          2: { count: 2, expireAtMs: HOUR_MS + 20 },
        })
        // What has expired does not count, swept or not.
        expect(await countAll(store, kind, HOUR_MS + 15)).toEqual({
          1: { count: 1, expireAtMs: HOUR_MS + 30 },
          2: { count: 1, expireAtMs: HOUR_MS + 20 },
        })
        expect(await countAll(store, kind, HOUR_MS + 30)).toEqual({})
        for (const other of SEALED_KINDS.filter((one) => one !== kind))
          expect(await countAll(store, other, HOUR_MS)).toEqual({})
      }))

    test('is counted whole, be it large', () =>
      withStore(open, async (store) => {
        const large = Array.from({ length: 8 }, (_, at) => ({
          id: `large ${at}`,
          sealed: sealed(at % 2, 1_500_000),
          expiresAtMs: HOUR_MS + 1 + at,
        }))
        await put(store, kind, large)
        expect(await countAll(store, kind, HOUR_MS)).toEqual({
          0: { count: 4, expireAtMs: HOUR_MS + 7 },
          1: { count: 4, expireAtMs: HOUR_MS + 8 },
        })
      }))
  })

  test('a request under way has no seal yet', () =>
    withStore(open, async (store) => {
      await store.openJournals([journalRecord('open')], HOUR_MS)
      expect(await countAll(store, 'answers', HOUR_MS)).toEqual({})
    }))
}
