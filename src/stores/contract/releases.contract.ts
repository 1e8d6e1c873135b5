/** What every store must do with the leases of a node that is gone: tell of them, take them back, and keep the sums right whatever comes of it later. */

import { describe, expect, test } from 'vitest'
import { NO_FILLS } from '../../admission/limit-share-store.ts'
import { NODE_MS } from '../../admission/split-shares.ts'
import type { Store } from '../store.ts'
import {
  budget,
  charge,
  entry,
  HOUR_MS,
  nano,
  note,
  type OpenFixture,
  row,
  withStore,
} from './samples.test-support.ts'

const GONE = 'node_1'
const OTHER = 'node_2'

export function describeReleases(open: OpenFixture): void {
  describe('leases of a node that is gone', () => {
    test('are told by budget, period and node, with those of a removed budget', () =>
      withStore(open, async (store) => {
        await putBudgets(store)
        expect(await store.leases()).toEqual([])
        await lease(store, OTHER, 'bud_2', 7)
        await lease(store, GONE, 'bud_2', 5, HOUR_MS)
        await lease(store, OTHER, 'bud_1', 30)
        await lease(store, GONE, 'bud_1', 70)
        await store.putBudget(budget('bud_2', 100, { removedAtMs: HOUR_MS }), [])
        expect(await store.leases()).toStrictEqual([
          { ...charge('bud_1'), nodeId: GONE, nanoUsd: 70 },
          { ...charge('bud_1'), nodeId: OTHER, nanoUsd: 30 },
          { ...charge('bud_2'), nodeId: OTHER, nanoUsd: 7 },
          { ...charge('bud_2', HOUR_MS), nodeId: GONE, nanoUsd: 5 },
        ])
      }))

    test('go back all at once, with a line of the audit log and a revision, and are there for others', () =>
      withStore(open, async (store) => {
        await putBudgets(store)
        await lease(store, GONE, 'bud_1', 70)
        await lease(store, OTHER, 'bud_1', 30)
        await lease(store, GONE, 'bud_2', 5, HOUR_MS)
        const revision = await store.budgetsRevision()
        expect(await release(store, GONE)).toStrictEqual({
          type: 'released',
          leases: [
            { ...charge('bud_1'), nodeId: GONE, nanoUsd: 70 },
            { ...charge('bud_2', HOUR_MS), nodeId: GONE, nanoUsd: 5 },
          ],
        })
        expect(await store.leasesOf(GONE)).toEqual([])
        expect(await standing(store)).toMatchObject({ leasedNanoUsd: 30, spentNanoUsd: 0 })
        expect(await store.standings([charge('bud_2', HOUR_MS)])).toMatchObject([{ leasedNanoUsd: 0 }])
        expect(await store.budgetsRevision()).toBeGreaterThan(revision)
        const { rows } = await store.auditLines({ limit: 1 })
        expect(rows).toMatchObject([
          {
            atMs: HOUR_MS,
            actor: 'cli',
            action: 'release-lease',
            subject: GONE,
            before: { nanoUsd: 75, leases: 2, largest: [{ budgetId: 'bud_1', nanoUsd: 70 }, { nanoUsd: 5 }] },
            after: { isForced: false },
          },
        ])
        expect(await lease(store, OTHER, 'bud_1', 70)).toBe(70)
      }))

    test('of which it has none leave no trace', () =>
      withStore(open, async (store) => {
        await putBudgets(store)
        await lease(store, OTHER, 'bud_1', 30)
        const revision = await store.budgetsRevision()
        expect(await release(store, GONE)).toStrictEqual({ type: 'released', leases: [] })
        expect(await store.budgetsRevision()).toBe(revision)
        expect(await store.releases(GONE)).toBe(0)
        expect((await store.auditLines({ limit: 1 })).rows).toEqual([])
        expect(await standing(store)).toMatchObject({ leasedNanoUsd: 30 })
      }))

    test('are counted by the node that they were taken from, so that it finds out', () =>
      withStore(open, async (store) => {
        await putBudgets(store)
        for (const times of [1, 2]) {
          await lease(store, GONE, 'bud_1', 10)
          await release(store, GONE)
          expect(await store.releases(GONE)).toBe(times)
        }
        expect(await store.releases(OTHER)).toBe(0)
      }))

    test('stay while the store heard of it of late, unless that is wanted', () =>
      withStore(open, async (store) => {
        await putBudgets(store)
        await lease(store, GONE, 'bud_1', 70)
        await seen(store, GONE)
        const refused = await release(store, GONE)
        expect(refused).toEqual({ type: 'seen', seenMsAgo: expect.any(Number) })
        if (refused.type !== 'seen') return
        expect(refused.seenMsAgo).toBeGreaterThanOrEqual(0)
        expect(refused.seenMsAgo).toBeLessThan(NODE_MS)
        const [told] = await store.leases()
        expect(told?.seenMsAgo).toBeGreaterThanOrEqual(0)
        expect(told?.seenMsAgo).toBeLessThan(NODE_MS)
        expect(await standing(store)).toMatchObject({ leasedNanoUsd: 70 })
        expect(await store.releases(GONE)).toBe(0)
        expect((await store.auditLines({ limit: 1 })).rows).toEqual([])
        expect(await release(store, GONE, true)).toMatchObject({
          type: 'released',
          leases: [{ nanoUsd: 70 }],
        })
        expect(await standing(store)).toMatchObject({ leasedNanoUsd: 0 })
        expect((await store.auditLines({ limit: 1 })).rows).toMatchObject([{ after: { isForced: true } }])
      }))

    test('go back where it said that it stops', () =>
      withStore(open, async (store) => {
        await putBudgets(store)
        await lease(store, GONE, 'bud_1', 70)
        await seen(store, GONE)
        await seen(store, OTHER)
        await seen(store, GONE, true)
        expect(await release(store, GONE)).toMatchObject({ type: 'released' })
      }))

    test('are gone for it when it comes back: what it posts is spent in full, and nothing is below 0', () =>
      withStore(open, async (store) => {
        await putBudgets(store)
        await lease(store, GONE, 'bud_1', 70)
        await lease(store, OTHER, 'bud_1', 20)
        await release(store, GONE)
        await post(store, 'a', 40)
        await post(store, 'a', 40)
        expect(await standing(store)).toMatchObject({ spentNanoUsd: 40, leasedNanoUsd: 20 })
        await store.returnLease(GONE, charge('bud_1'), nano(30))
        expect(await standing(store)).toMatchObject({ spentNanoUsd: 40, leasedNanoUsd: 20 })
        expect(await lease(store, GONE, 'bud_1', 70)).toBe(40)
        await post(store, 'b', 50)
        expect(await standing(store)).toMatchObject({ spentNanoUsd: 90, leasedNanoUsd: 20 })
        expect(await store.leases()).toMatchObject([{ nodeId: OTHER, nanoUsd: 20 }])
      }))

    test('go back once, whoever releases them, while it leases and others spend', () =>
      withStore(open, async (store, { openAnother }) => {
        const other = (await openAnother?.()) ?? store
        await store.putBudget(budget('bud_1', 1_000), [])
        await lease(store, GONE, 'bud_1', 400)
        const answers = await Promise.all(
          Array.from({ length: 12 }, async (_, at) => {
            await lease(at % 2 === 0 ? store : other, OTHER, 'bud_1', 10)
            await (at % 2 === 0 ? other : store).putBudget(budget('bud_2', at), [note('bud_2')])
            await post(store, `x${at}`, 5, OTHER)
            return release(at % 2 === 0 ? store : other, GONE)
          }),
        )
        const released = answers.flatMap((answer) => (answer.type === 'released' ? answer.leases : []))
        expect(released).toMatchObject([{ nodeId: GONE, nanoUsd: 400 }])
        expect(await standing(store)).toMatchObject({ spentNanoUsd: 60, leasedNanoUsd: 60 })
        expect(await store.leases()).toMatchObject([{ nodeId: OTHER, nanoUsd: 60 }])
      }))
  })
}

async function putBudgets(store: Store): Promise<void> {
  await store.putBudget(budget('bud_1', 100), [])
  await store.putBudget(budget('bud_2', 100), [])
}

async function lease(store: Store, nodeId: string, id: string, nanoUsd: number, startMs = 0) {
  const ask = { nodeId, charge: charge(id, startMs), needNanoUsd: nano(1), wantNanoUsd: nano(nanoUsd) }
  return (await store.lease([ask]))[0]?.grantedNanoUsd
}

function release(store: Store, nodeId: string, isForced = false) {
  return store.releaseNode({ nodeId, isForced, atMs: HOUR_MS, actor: 'cli' })
}

let turn = 0

/** As a node says every second that it lives, or at last that it stops. */
async function seen(store: Store, nodeId: string, isLeaving = false): Promise<void> {
  turn += 1
  const parties = [{ party: `key:${nodeId}`, share: 0, returned: NO_FILLS, wants: undefined }]
  await store.renewShares({ nodeId, turn, holdMs: 5_000, isLeaving, parties })
}

function post(store: Store, exchangeId: string, cost: number, nodeId = GONE): Promise<void> {
  const entries = [entry(exchangeId, { costNanoUsd: nano(cost), charges: [charge('bud_1')] })]
  return store.postBooks({ nodeId, entries, requests: [row(exchangeId)] })
}

async function standing(store: Store) {
  return (await store.standings([charge('bud_1')]))[0]
}
