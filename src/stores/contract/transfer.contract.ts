/** What every store must do to be copied, into itself and into any other. */

import { describe, expect, test } from 'vitest'
import { findBrokenLink } from '../../std/audit.ts'
import { StoreConflict } from '../../std/store-error.ts'
import type { Store } from '../store.ts'
import { copyStore, isTransferable, type Transferable, type TransferChunk } from '../transfer.ts'
import {
  budget,
  bytes,
  cached,
  charge,
  entry,
  HOUR_MS,
  journalRecord,
  key,
  nano,
  note,
  ONE_HOUR_MS,
  type OpenFixture,
  project,
  row,
  sealedBodies,
  team,
  user,
  withStore,
} from './samples.test-support.ts'

const ENTRIES = 1_203

/** `openTarget`: where the copy goes; another kind of store, or the same. */
export function describeTransfer(open: OpenFixture, openTarget: OpenFixture = open): void {
  describe('a copy', () => {
    test('holds everything, and what all of it adds up to', () =>
      withStore(open, (from) =>
        withStore(openTarget, async (to) => {
          await fill(from)
          const totals = await copyStore(transferable(from), transferable(to))
          expect(totals).toMatchObject({
            users: 1,
            teams: 1,
            projects: 1,
            keys: 1,
            budgets: 1,
            spentNanoUsd: ENTRIES,
            leasedNanoUsd: 40,
            entries: ENTRIES,
            entriesNanoUsd: ENTRIES,
            requests: ENTRIES,
            auditLines: 3,
            journal: 2,
            cached: 2,
            bodies: 2,
          })
          expect(await seen(to)).toEqual(await seen(from))
          const { rows } = await to.auditLines({ limit: 10 })
          expect(findBrokenLink(rows.toReversed())).toBeUndefined()
        }),
      ))

    test('made again changes nothing, cut short is finished by the next one', () =>
      withStore(open, (from) =>
        withStore(openTarget, async (to) => {
          await fill(from)
          const chunks = await Array.fromAsync(transferable(from).exportAll())
          expect(await transferable(to).isPartOfCopy()).toBe(false)
          for (const parts of [2, 6]) {
            await expect(transferable(to).importAll(chunks.slice(0, parts))).rejects.toThrow(StoreConflict)
            expect(await transferable(to).isPartOfCopy()).toBe(true)
          }
          await transferable(to).importAll(chunks)
          expect(await transferable(to).isPartOfCopy()).toBe(false)
          const once = await seen(to)
          expect(once).toEqual(await seen(from))
          await transferable(to).importAll(chunks)
          expect(await seen(to)).toEqual(once)
        }),
      ))

    test('goes on where the first one stopped: lines chain, postings and leases count', () =>
      withStore(open, (from) =>
        withStore(openTarget, async (to) => {
          await fill(from)
          await copyStore(transferable(from), transferable(to))
          await to.postBooks({ nodeId: 'node_1', entries: [paid('a0'), paid('later')], requests: [] })
          await to.note(note('later'))
          const [standing] = await to.standings([charge('bud_1')])
          expect(standing).toMatchObject({ spentNanoUsd: ENTRIES + 1, leasedNanoUsd: 39 })
          const { rows } = await to.auditLines({ limit: 10 })
          expect(findBrokenLink(rows.toReversed())).toBeUndefined()
          const before = await from.directoryRevision()
          expect(await to.directoryRevision()).toBeGreaterThanOrEqual(before)
        }),
      ))

    test.each<readonly [string, (store: Store) => Promise<unknown>]>([
      ['another audit log', (store) => store.note(note('its own'))],
      ['spending, and no audit log', (store) => store.postBooks({ nodeId: 'node_1', ...postedElsewhere })],
      [
        'a longer audit log',
        async (store) => {
          for (const what of ['a', 'b', 'c', 'd']) await store.note(note(what))
        },
      ],
    ])('is refused by a store with %s of its own, which takes nothing of it', (_, live) =>
      withStore(open, (from) =>
        withStore(openTarget, async (to) => {
          await fill(from)
          await live(to)
          await expect(copyStore(transferable(from), transferable(to))).rejects.toThrow(
            /a history of its own.*Copy into an empty store/,
          )
          expect((await to.loadDirectory()).keys).toEqual([])
          expect(await to.loadBudgets()).toEqual([])
          expect(await transferable(to).isPartOfCopy()).toBe(false)
        }),
      ),
    )

    test('made again after the store was used is refused, and takes back neither a revocation nor what was spent', () =>
      withStore(open, (from) =>
        withStore(openTarget, async (to) => {
          await fill(from)
          await copyStore(transferable(from), transferable(to))
          await to.changeDirectory(
            [{ type: 'put-key', key: { ...key('key_1'), revokedAtMs: HOUR_MS } }],
            [note('key_1')],
          )
          await to.postBooks({ nodeId: 'node_1', entries: [paid('later')], requests: [] })
          const used = await seen(to)
          await expect(copyStore(transferable(from), transferable(to))).rejects.toThrow(
            /nothing was copied into it \(.*auditLines: 4 here, 3 in the copy\)/,
          )
          expect(await seen(to)).toEqual(used)
        }),
      ))

    test('made again after both stores were used is refused, also where less was spent on this side, and does not shut the store', () =>
      withStore(open, (from) =>
        withStore(openTarget, async (to) => {
          await fill(from)
          await copyStore(transferable(from), transferable(to))
          await to.postBooks({ nodeId: 'node_1', entries: [paid('here')], requests: [] })
          const since = [paid('there'), paid('there too')]
          await from.postBooks({ nodeId: 'node_1', entries: since, requests: [] })
          const used = await seen(to)
          await expect(copyStore(transferable(from), transferable(to))).rejects.toThrow(
            /a history of its own.*entries: 1204 here, 1205 in the copy/,
          )
          expect(await seen(to)).toEqual(used)
          expect(await transferable(to).isPartOfCopy()).toBe(false)
        }),
      ))

    test('that lost a line on the way is refused', () =>
      withStore(open, (from) =>
        withStore(openTarget, async (to) => {
          await fill(from)
          const chunks = await Array.fromAsync(transferable(from).exportAll())
          const shortened = chunks.map(
            (chunk): TransferChunk =>
              chunk.type === 'entries' ? { ...chunk, entries: chunk.entries.slice(1) } : chunk,
          )
          await expect(transferable(to).importAll(shortened)).rejects.toThrow(
            /entries: 1203 there, 1200 here/,
          )
        }),
      ))
  })
}

function transferable(store: Store): Transferable {
  if (!isTransferable(store)) throw new Error(`The ${store.kind} store cannot be copied.`)
  return store
}

const postedElsewhere = { entries: [paid('elsewhere')], requests: [row('elsewhere')] }

function paid(exchangeId: string, atMs = HOUR_MS) {
  return entry(exchangeId, {
    atMs,
    costNanoUsd: nano(1),
    charges: [charge('bud_1')],
    attribution: { keyId: 'key_1', tags: ['a', 'b'], sessionId: 's' },
  })
}

async function fill(store: Store): Promise<void> {
  await store.changeDirectory(
    [
      { type: 'put-user', user: user('usr_1') },
      { type: 'put-team', team: team('team_1') },
      { type: 'put-project', project: project('prj_1') },
      { type: 'put-key', key: key('key_1') },
    ],
    [note('key_1', { after: { name: 'n' } }), note('usr_1')],
  )
  await store.putBudget(budget('bud_1', 1_000_000), [note('bud_1')])
  const entries = Array.from({ length: ENTRIES }, (_, place) =>
    paid(`a${place}`, HOUR_MS + place * 10 * 60_000),
  )
  const requests = entries.map(({ exchangeId, atMs }) => row(exchangeId, { atMs }))
  await store.postBooks({ nodeId: 'node_1', entries, requests })
  const wanted = { needNanoUsd: nano(1), wantNanoUsd: nano(40) }
  await store.lease([{ nodeId: 'node_1', charge: charge('bud_1'), ...wanted }])
  const done = journalRecord('done')
  await store.openJournals([done, journalRecord('open')], HOUR_MS)
  await store.writeJournal({ freed: [], begun: [], kept: [{ ...done, answer: bytes('answer') }] })
  await store.putCached(cached('plain'))
  await store.putBodies([sealedBodies('a0'), sealedBodies('a1')])
  await store.putCached(cached('alike', { partition: 'p', vector: Float32Array.of(0.6, 0.8) }))
}

/** What can be seen of a store from outside. */
async function seen(store: Store) {
  const range = { fromMs: HOUR_MS, untilMs: HOUR_MS + 400 * ONE_HOUR_MS, rowsMax: 1_000 }
  const { revision: _own, ...directory } = await store.loadDirectory()
  const done = await store.findJournal('done', HOUR_MS)
  const [alike] = await store.findAlike({
    partition: 'p',
    vector: Float32Array.of(0.6, 0.8),
    similarityMin: 0.9,
    count: 1,
    nowMs: HOUR_MS,
  })
  return {
    directory,
    budgets: await store.loadBudgets(),
    standings: await store.standings([charge('bud_1')]),
    leases: await store.leasesOf('node_1'),
    byHour: await store.spend({ ...range, by: ['hour', 'key'] }),
    byTag: await store.spend({ ...range, by: ['tag', 'session'] }),
    requests: await store.requests({ limit: 2_000 }),
    request: await store.request('a7'),
    audit: await store.auditLines({ limit: 10 }),
    done: { ...done, answer: [...(done?.answer ?? [])] },
    open: await store.findJournal('open', HOUR_MS),
    plain: [...((await store.findCached('plain', HOUR_MS))?.answer ?? [])],
    alike: alike?.id,
    bodies: [...((await store.findBodies('a1', HOUR_MS))?.sealed ?? [])],
  }
}
