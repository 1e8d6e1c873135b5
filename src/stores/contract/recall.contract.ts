/** What every store must do with answers that are kept: those of the journal, and those of the cache. */

import { describe, expect, test } from 'vitest'
import {
  bytes,
  cached,
  HOUR_MS,
  journalRecord,
  ONE_HOUR_MS,
  type OpenFixture,
  withStore,
} from './samples.test-support.ts'

const LATER_MS = HOUR_MS + ONE_HOUR_MS + 1

export function describeJournal(open: OpenFixture): void {
  describe('the journal', () => {
    test('begins a record once: the second is told of the first, whatever it asks', () =>
      withStore(open, async (store) => {
        const first = journalRecord('a')
        expect(await store.openJournal(first, HOUR_MS)).toBeUndefined()
        const second = journalRecord('a', { requestHash: 'other', exchangeId: 'other', nodeId: 'other' })
        expect(await store.openJournal(second, HOUR_MS)).toStrictEqual(first)
        expect(await store.findJournal('a', HOUR_MS)).toStrictEqual(first)
        expect(await store.findJournal('b', HOUR_MS)).toBeUndefined()
      }))

    test('lets exactly one of many that open a record at one time begin it', () =>
      withStore(open, async (store, { openAnother }) => {
        const other = (await openAnother?.()) ?? store
        const answers = await Promise.all(
          Array.from({ length: 12 }, (_, place) =>
            (place % 2 === 0 ? store : other).openJournal(
              journalRecord('a', { exchangeId: `exchange ${place}` }),
              HOUR_MS,
            ),
          ),
        )
        const begun = answers.flatMap((answer, place) => (answer === undefined ? [`exchange ${place}`] : []))
        expect(begun).toHaveLength(1)
        expect((await store.findJournal('a', HOUR_MS))?.exchangeId).toBe(begun[0])
      }))

    test('keeps the answer byte for byte', () =>
      withStore(open, async (store) => {
        const answer = Uint8Array.from({ length: 700 }, (_, place) => place % 256)
        const record = journalRecord('a')
        await store.openJournal(record, HOUR_MS)
        await store.closeJournal('a', record.exchangeId, answer)
        expect(plain(await store.findJournal('a', HOUR_MS))).toEqual({
          ...record,
          state: 'done',
          answer: [...answer],
        })
      }))

    test('closes and frees for nobody but the exchange that opened', () =>
      withStore(open, async (store) => {
        const record = journalRecord('a')
        await store.openJournal(record, HOUR_MS)
        await store.closeJournal('a', 'somebody else', bytes('x'))
        await store.dropJournal('a', 'somebody else')
        await store.closeJournal('unknown', 'x', bytes('x'))
        await store.dropJournal('unknown', 'x')
        expect(await store.findJournal('a', HOUR_MS)).toStrictEqual(record)
        await store.dropJournal('a', record.exchangeId)
        expect(await store.findJournal('a', HOUR_MS)).toBeUndefined()
        expect(await store.openJournal(record, HOUR_MS)).toBeUndefined()
      }))

    test('an expired key is free again', () =>
      withStore(open, async (store) => {
        await store.openJournal(journalRecord('a'), HOUR_MS)
        expect(await store.findJournal('a', LATER_MS)).toBeUndefined()
        const anew = journalRecord('a', { exchangeId: 'anew', expiresAtMs: LATER_MS + ONE_HOUR_MS })
        expect(await store.openJournal(anew, LATER_MS)).toBeUndefined()
        expect(await store.findJournal('a', LATER_MS)).toStrictEqual(anew)
      }))

    test('is swept of what expired, and of the oldest answers beyond its bytes, but never of what is under way', () =>
      withStore(open, async (store) => {
        const close = async (id: string, createdAtMs: number, expiresAtMs: number) => {
          const record = journalRecord(id, { createdAtMs, expiresAtMs })
          await store.openJournal(record, createdAtMs)
          await store.closeJournal(id, record.exchangeId, new Uint8Array(100))
        }
        await close('expired', HOUR_MS, HOUR_MS + 10)
        await store.openJournal(journalRecord('open', { createdAtMs: HOUR_MS + 1 }), HOUR_MS + 1)
        await close('old', HOUR_MS + 2, LATER_MS)
        await close('new', HOUR_MS + 3, LATER_MS)
        expect(await store.sweepJournal(HOUR_MS + 20, 200)).toBe(1)
        expect(await store.sweepJournal(HOUR_MS + 20, 150)).toBe(1)
        const left = await Promise.all(
          ['expired', 'open', 'old', 'new'].map((id) => store.findJournal(id, HOUR_MS + 20)),
        )
        expect(left.map((record) => record?.id)).toEqual([undefined, 'open', undefined, 'new'])
        expect(await store.sweepJournal(HOUR_MS + 20, 150)).toBe(0)
      }))
  })
}

export function describeCache(open: OpenFixture): void {
  describe('the cache', () => {
    test('finds what was put, byte for byte, until it expires', () =>
      withStore(open, async (store) => {
        const entry = cached('a', { answer: Uint8Array.from([0, 255, 128, 10]) })
        await store.putCached(entry)
        expect(plain(await store.findCached('a', HOUR_MS))).toEqual(plain(entry))
        expect(await store.findCached('a', LATER_MS)).toBeUndefined()
        expect(await store.findCached('b', HOUR_MS)).toBeUndefined()
      }))

    test('puts an answer in place of the one with its id', () =>
      withStore(open, async (store) => {
        await store.putCached(cached('a', { partition: 'p', vector: Float32Array.of(1, 0) }))
        await store.putCached(cached('a', { answer: bytes('newer') }))
        expect(plain(await store.findCached('a', HOUR_MS))).toEqual(
          plain(cached('a', { answer: bytes('newer') })),
        )
        expect(await alike(store, Float32Array.of(1, 0), 0.5)).toEqual([])
      }))

    test('finds the most alike of a partition, the best first, none too unlike', () =>
      withStore(open, async (store) => {
        const put = (id: string, partition: string, vector: Float32Array, expiresAtMs = LATER_MS) =>
          store.putCached(cached(id, { partition, vector, expiresAtMs }))
        await put('far', 'p', Float32Array.of(0, 1))
        await put('near', 'p', Float32Array.of(0.8, 0.6))
        await put('same', 'p', Float32Array.of(1, 0))
        await put('other partition', 'q', Float32Array.of(1, 0))
        await put('other length', 'p', Float32Array.of(1, 0, 0))
        await put('expired', 'p', Float32Array.of(1, 0), HOUR_MS - 1)
        await store.putCached(cached('without', { partition: 'p' }))
        const found = await alike(store, Float32Array.of(1, 0), 0.5)
        expect(found.map(({ id }) => id)).toEqual(['same', 'near'])
        expect(found.map(({ similarity }) => Math.round(similarity * 1_000))).toEqual([1_000, 800])
        expect(found[1]?.vector).toEqual(Float32Array.of(0.8, 0.6))
        expect(Array.from(found[1]?.answer ?? [])).toEqual(Array.from(bytes('answer of near')))
        expect((await alike(store, Float32Array.of(1, 0), 0.5, 1)).map(({ id }) => id)).toEqual(['same'])
        expect((await alike(store, Float32Array.of(1, 0), 0.9)).map(({ id }) => id)).toEqual(['same'])
      }))

    test('drops what is one tenant’s, or everything', () =>
      withStore(open, async (store) => {
        for (const id of ['a', 'b']) await store.putCached(cached(id))
        for (const id of ['c', 'd']) await store.putCached(cached(id, { tenant: 'tenant_2' }))
        expect(await store.dropCached('tenant_1')).toBe(2)
        expect(await store.findCached('a', HOUR_MS)).toBeUndefined()
        expect(await store.findCached('c', HOUR_MS)).toBeDefined()
        expect(await store.dropCached()).toBe(2)
        expect(await store.findCached('c', HOUR_MS)).toBeUndefined()
      }))

    test('is swept of what expired, and of the oldest beyond its bytes', () =>
      withStore(open, async (store) => {
        const put = (id: string, createdAtMs: number, expiresAtMs = LATER_MS) =>
          store.putCached(cached(id, { createdAtMs, expiresAtMs, answer: new Uint8Array(100) }))
        await put('expired', HOUR_MS, HOUR_MS + 10)
        await put('old', HOUR_MS + 1)
        await put('new', HOUR_MS + 2)
        await put('newest', HOUR_MS + 3)
        expect(await store.sweepCache(HOUR_MS + 20, 250)).toBe(2)
        const left = await Promise.all(
          ['expired', 'old', 'new', 'newest'].map((id) => store.findCached(id, HOUR_MS)),
        )
        expect(left.map((entry) => entry?.id)).toEqual([undefined, undefined, 'new', 'newest'])
        expect(await store.sweepCache(HOUR_MS + 20, 250)).toBe(0)
      }))
  })
}

function alike(
  store: Parameters<Parameters<typeof withStore>[1]>[0],
  vector: Float32Array,
  similarityMin: number,
  count = 10,
) {
  return store.findAlike({ partition: 'p', vector, similarityMin, count, nowMs: HOUR_MS })
}

/** Bytes as numbers: a Buffer is as good as any Uint8Array. */
function plain(record: { readonly answer?: Uint8Array } | undefined) {
  if (record?.answer === undefined) return record
  return { ...record, answer: [...record.answer] }
}
