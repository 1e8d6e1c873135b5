/** What every store must do with answers that are kept: those of the journal, and those of the cache. */

import { describe, expect, test } from 'vitest'
import type { JournalRecord } from '../../journal/journal-store.ts'
import type { Store } from '../store.ts'
import {
  bytes,
  cached,
  HOUR_MS,
  journalRecord,
  key,
  note,
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
        expect(await begin(store, first, HOUR_MS)).toBeUndefined()
        const second = journalRecord('a', { requestHash: 'other', exchangeId: 'other', nodeId: 'other' })
        expect(await begin(store, second, HOUR_MS)).toStrictEqual(first)
        expect(await store.findJournal('a', HOUR_MS)).toStrictEqual(first)
        expect(await store.findJournal('b', HOUR_MS)).toBeUndefined()
      }))

    test('lets exactly one of many that open a record at one time begin it', () =>
      withStore(open, async (store, { openAnother }) => {
        const other = (await openAnother?.()) ?? store
        const answers = await Promise.all(
          Array.from({ length: 12 }, (_, place) =>
            begin(
              place % 2 === 0 ? store : other,
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
        await begin(store, record, HOUR_MS)
        await keep(store, record, answer)
        expect(plain(await store.findJournal('a', HOUR_MS))).toEqual({
          ...record,
          state: 'done',
          answer: [...answer],
        })
      }))

    test('an answer counts from when it was kept: it takes its own time, and leaves when its record was begun', () =>
      withStore(open, async (store) => {
        const record = journalRecord('a')
        await begin(store, record, HOUR_MS)
        const expiresAtMs = LATER_MS + ONE_HOUR_MS
        const late = { ...record, createdAtMs: LATER_MS, expiresAtMs }
        await keep(store, late, bytes('x'))
        await keep(store, late, bytes('x'))
        const kept: JournalRecord = { ...record, expiresAtMs, state: 'done', answer: bytes('x') }
        expect(plain(await store.findJournal('a', LATER_MS))).toEqual(plain(kept))
        expect(await store.sweepJournal(LATER_MS, 1)).toBe(0)
        expect(await store.sweepJournal(expiresAtMs, 1)).toBe(1)
      }))

    test('puts a record back that was gone when its answer came, and takes no key from another', () =>
      withStore(open, async (store) => {
        const times = { createdAtMs: LATER_MS, expiresAtMs: LATER_MS + ONE_HOUR_MS }
        await begin(store, journalRecord('expired', { exchangeId: 'other' }), HOUR_MS)
        await begin(store, journalRecord('taken', { exchangeId: 'other', ...times }), LATER_MS)
        for (const id of ['swept', 'expired', 'taken'])
          await keep(store, journalRecord(id, times), bytes('answer'))
        for (const id of ['swept', 'expired']) {
          const record = journalRecord(id, { ...times, state: 'done', answer: bytes('answer') })
          expect(plain(await store.findJournal(id, LATER_MS))).toEqual(plain(record))
        }
        expect(await store.findJournal('taken', LATER_MS)).toMatchObject({
          exchangeId: 'other',
          state: 'open',
        })
        // Their bytes are counted.
        expect(await store.sweepJournal(LATER_MS, 6)).toBe(1)
      }))

    test('closes and frees for nobody but the exchange that opened', () =>
      withStore(open, async (store) => {
        const record = journalRecord('a')
        await begin(store, record, HOUR_MS)
        await keep(store, journalRecord('a', { exchangeId: 'somebody else' }), bytes('x'))
        await free(store, 'a', 'somebody else')
        await free(store, 'unknown', 'x')
        expect(await store.findJournal('a', HOUR_MS)).toStrictEqual(record)
        await free(store, 'a', record.exchangeId)
        expect(await store.findJournal('a', HOUR_MS)).toBeUndefined()
        expect(await begin(store, record, HOUR_MS)).toBeUndefined()
      }))

    test('an expired key is free again', () =>
      withStore(open, async (store) => {
        await begin(store, journalRecord('a'), HOUR_MS)
        expect(await store.findJournal('a', LATER_MS)).toBeUndefined()
        const anew = journalRecord('a', { exchangeId: 'anew', expiresAtMs: LATER_MS + ONE_HOUR_MS })
        expect(await begin(store, anew, LATER_MS)).toBeUndefined()
        expect(await store.findJournal('a', LATER_MS)).toStrictEqual(anew)
      }))

    test('is swept of what expired, and of the oldest answers beyond its bytes, but never of a key that was used', () =>
      withStore(open, async (store) => {
        const close = async (id: string, createdAtMs: number, expiresAtMs: number) => {
          const record = journalRecord(id, { createdAtMs, expiresAtMs })
          await begin(store, record, createdAtMs)
          await keep(store, record, new Uint8Array(100))
        }
        await close('expired', HOUR_MS, HOUR_MS + 10)
        await begin(store, journalRecord('open', { createdAtMs: HOUR_MS + 1 }), HOUR_MS + 1)
        await close('old', HOUR_MS + 2, LATER_MS)
        await close('new', HOUR_MS + 3, LATER_MS)
        expect(await store.sweepJournal(HOUR_MS + 20, 200)).toBe(1)
        expect(await store.sweepJournal(HOUR_MS + 20, 150)).toBe(1)
        const left = await Promise.all(
          ['expired', 'open', 'old', 'new'].map((id) => store.findJournal(id, HOUR_MS + 20)),
        )
        expect(left.map((record) => record?.id)).toEqual([undefined, 'open', 'old', 'new'])
        expect(left.map((record) => record?.answer?.length)).toEqual([undefined, undefined, undefined, 100])
        expect(await store.sweepJournal(HOUR_MS + 20, 150)).toBe(0)
        const bare = journalRecord('old', { createdAtMs: HOUR_MS + 2, expiresAtMs: LATER_MS })
        const second = journalRecord('old', { exchangeId: 'second' })
        expect(await begin(store, second, HOUR_MS + 20)).toStrictEqual(bare)
        expect(await store.sweepJournal(LATER_MS, 150)).toBe(3)
        expect(await store.findJournal('old', HOUR_MS)).toBeUndefined()
      }))

    test('counts its bytes anew where answers made room', () =>
      withStore(open, async (store) => {
        for (const [place, id] of ['a', 'b', 'c'].entries()) {
          const record = journalRecord(id, { createdAtMs: HOUR_MS + place })
          await begin(store, record, HOUR_MS + place)
          await keep(store, record, new Uint8Array(100))
          expect(await store.sweepJournal(HOUR_MS + place, 100)).toBe(place === 0 ? 0 : 1)
        }
        expect((await store.findJournal('c', HOUR_MS))?.answer).toHaveLength(100)
        expect(await store.sweepJournal(HOUR_MS + 3, 100)).toBe(0)
      }))

    test('begins many at once, and tells each of its own', () =>
      withStore(open, async (store) => {
        const known = journalRecord('b')
        await begin(store, known, HOUR_MS)
        const asked = ['c', 'a', 'b'].map((id) => journalRecord(id, { exchangeId: `anew ${id}` }))
        expect(await store.openJournals(asked, HOUR_MS)).toStrictEqual([undefined, undefined, known])
        expect((await store.findJournal('a', HOUR_MS))?.exchangeId).toBe('anew a')
      }))

    test('takes what was begun elsewhere, frees before it begins, and a second time does nothing', () =>
      withStore(open, async (store) => {
        const freed = journalRecord('freed')
        await begin(store, freed, HOUR_MS)
        await begin(store, journalRecord('taken'), HOUR_MS)
        const changes = {
          freed: [freed],
          begun: [
            journalRecord('freed', { exchangeId: 'anew' }),
            journalRecord('taken', { exchangeId: 'too late', state: 'done', answer: bytes('x') }),
            journalRecord('done', { state: 'done', answer: bytes('done') }),
            journalRecord('open'),
          ],
          kept: [],
        } as const
        await store.writeJournal(changes)
        await store.writeJournal(changes)
        expect(await store.findJournal('freed', HOUR_MS)).toStrictEqual(changes.begun[0])
        expect(await store.findJournal('taken', HOUR_MS)).toStrictEqual(journalRecord('taken'))
        expect(plain(await store.findJournal('done', HOUR_MS))).toEqual(plain(changes.begun[2]))
        expect(await store.findJournal('open', HOUR_MS)).toStrictEqual(journalRecord('open'))
      }))

    test('keeps the answer of a record that was begun by the same change before, and nobody was told', () =>
      withStore(open, async (store) => {
        const record = journalRecord('a')
        await store.writeJournal({ freed: [], begun: [record], kept: [] })
        const done = { ...record, state: 'done', answer: bytes('answer') } as const
        await store.writeJournal({ freed: [], begun: [done], kept: [] })
        expect(plain(await store.findJournal('a', HOUR_MS))).toEqual(plain(done))
      }))

    test('what was begun elsewhere takes the place of what had expired by then', () =>
      withStore(open, async (store) => {
        await begin(store, journalRecord('a'), HOUR_MS)
        await keep(store, journalRecord('a'), bytes('old'))
        const times = { createdAtMs: LATER_MS, expiresAtMs: LATER_MS + ONE_HOUR_MS }
        const anew = journalRecord('a', { exchangeId: 'anew', ...times })
        await store.writeJournal({ freed: [], begun: [anew], kept: [] })
        expect(await store.findJournal('a', LATER_MS)).toStrictEqual(anew)
        expect(await store.sweepJournal(LATER_MS, 0)).toBe(0)
      }))

    test('lists its ids page by page, where a store does', () =>
      withStore(open, async (store) => {
        if (store.listJournal === undefined) return
        const records = Array.from({ length: 5_001 }, (_, place) => journalRecord(`id ${place}`))
        await store.writeJournal({ freed: [], begun: records, kept: [] })
        const first = await store.listJournal(0)
        const second = await store.listJournal(first.next ?? 0)
        expect(first.expireAtMs).toBe(HOUR_MS + ONE_HOUR_MS)
        expect([...first.ids, ...second.ids]).toEqual(records.map(({ id }) => id))
        expect(second.next).toBeUndefined()
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
        expect(await store.dropCached([], 'tenant_1')).toBe(2)
        expect(await store.findCached('a', HOUR_MS)).toBeUndefined()
        expect(await store.findCached('c', HOUR_MS)).toBeDefined()
        expect(await store.dropCached([])).toBe(2)
        expect(await store.findCached('c', HOUR_MS)).toBeUndefined()
      }))

    test('drops with a line of the audit log, and a revision of the directory by which others hear of it', () =>
      withStore(open, async (store) => {
        await store.putCached(cached('a'))
        await store.changeDirectory([{ type: 'put-key', key: key('key_1') }], [note('key_1')])
        const before = await store.directoryRevision()
        await store.dropCached([note('cache')])
        expect(await store.directoryRevision()).toBeGreaterThan(before)
        expect((await store.loadDirectory()).keys.map(({ id }) => id)).toEqual(['key_1'])
        const { rows } = await store.auditLines({ limit: 10 })
        expect(rows.map(({ subject }) => subject)).toEqual(['cache', 'key_1'])
      }))

    test('keeps no answer that was begun before answers were removed, whosever, and by whichever process', () =>
      withStore(open, async (store, { openAnother }) => {
        const other = (await openAnother?.()) ?? store
        await store.changeDirectory([{ type: 'put-key', key: key('key_1') }], [])
        const before = await other.directoryRevision()
        expect(await other.putCached({ ...cached('a'), sinceRevision: before })).toBe(true)
        await store.dropCached([note('cache')], 'tenant_2')
        expect(await other.putCached({ ...cached('b'), sinceRevision: before })).toBe(false)
        expect(await other.putCached({ ...cached('a', { answer: bytes('x') }), sinceRevision: before })).toBe(
          false,
        )
        expect(plain(await store.findCached('a', HOUR_MS))).toEqual(plain(cached('a')))
        expect(await store.findCached('b', HOUR_MS)).toBeUndefined()
        const after = await other.directoryRevision()
        // What else is changed in the directory removes nothing.
        await store.changeDirectory([{ type: 'put-key', key: key('key_2') }], [])
        expect(await other.putCached({ ...cached('b'), sinceRevision: after })).toBe(true)
        expect(plain(await store.findCached('b', HOUR_MS))).toEqual(plain(cached('b')))
        await store.dropCached([])
        expect(await other.putCached({ ...cached('b'), sinceRevision: after })).toBe(false)
      }))

    test('keeps no answer that was begun at a revision which the store does not have: it was put back to a backup', () =>
      withStore(open, async (store) => {
        const revision = await store.directoryRevision()
        expect(await store.putCached({ ...cached('a'), sinceRevision: revision + 1 })).toBe(false)
        expect(await store.putCached({ ...cached('a'), sinceRevision: revision })).toBe(true)
      }))

    test('has nothing of before when all is removed, whatever was being kept at that moment', () =>
      withStore(open, async (store, { openAnother }) => {
        const other = (await openAnother?.()) ?? store
        const sinceRevision = await store.directoryRevision()
        const ids = Array.from({ length: 40 }, (_, place) => `id ${place}`)
        const putting = ids.map((id) => other.putCached({ ...cached(id), sinceRevision }))
        await Promise.all([store.dropCached([]), ...putting])
        const left = await Promise.all(ids.map((id) => store.findCached(id, HOUR_MS)))
        expect(left.filter((answer) => answer !== undefined)).toEqual([])
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

async function begin(store: Store, record: JournalRecord, nowMs: number) {
  const [known] = await store.openJournals([record], nowMs)
  return known
}

function keep(store: Store, record: JournalRecord, answer: Uint8Array) {
  return store.writeJournal({ freed: [], begun: [], kept: [{ ...record, state: 'done', answer }] })
}

function free(store: Store, id: string, exchangeId: string) {
  return store.writeJournal({ freed: [{ id, exchangeId }], begun: [], kept: [] })
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
