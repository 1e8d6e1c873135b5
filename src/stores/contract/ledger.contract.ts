/** What every store must do with budgets and books: post once, never lease more than there is, lose nothing. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { LedgerEntry } from '../../ledger/entry.ts'
import { StoreConflict } from '../../std/store-error.ts'
import type { Store } from '../store.ts'
import {
  budget,
  byId,
  charge,
  entry,
  HOUR_MS,
  nano,
  note,
  type OpenFixture,
  row,
  unpriced,
  withStore,
} from './samples.test-support.ts'

const NODE = 'node_1'
const OTHER_NODE = 'node_2'

export function describeLedger(open: OpenFixture): void {
  describe('budgets', () => {
    test('are given back as they were put, those removed too, at a revision that grows', () =>
      withStore(open, async (store) => {
        const before = await store.budgetsRevision()
        const all = budget('bud_1', 1_000_000_000_000_000, { owner: 'Ada', removedAtMs: HOUR_MS })
        const daily = budget('bud_2', 0, { scope: { kind: 'tag', id: 'team:a "b"' }, period: 'day' })
        await store.putBudget(budget('bud_1', 7), [])
        const between = await store.budgetsRevision()
        await store.putBudget(all, [note('bud_1')])
        await store.putBudget(daily, [])
        expect(between).toBeGreaterThan(before)
        expect(await store.budgetsRevision()).toBeGreaterThan(between)
        expect(byId(await store.loadBudgets())).toStrictEqual([all, daily])
      }))

    test('are changed by one of many that saw the same revision, and the others leave no trace', () =>
      withStore(open, async (store, { openAnother }) => {
        const other = (await openAnother?.()) ?? store
        await store.putBudget(budget('bud_1', 1), [])
        const revision = await store.budgetsRevision()
        const settled = await Promise.allSettled(
          Array.from({ length: 8 }, (_, place) =>
            (place % 2 === 0 ? store : other).putBudget(
              budget('bud_1', 100 + place),
              [note(`change ${place}`)],
              revision,
            ),
          ),
        )
        const lost = settled.filter((one) => one.status === 'rejected')
        for (const { reason } of lost) expect(reason).toBeInstanceOf(StoreConflict)
        const won = settled.findIndex(({ status }) => status === 'fulfilled')
        expect(lost).toHaveLength(7)
        expect(await store.loadBudgets()).toStrictEqual([budget('bud_1', 100 + won)])
        const { rows } = await store.auditLines({ limit: 10 })
        expect(rows.map(({ subject }) => subject)).toEqual([`change ${won}`])
        await store.putBudget(budget('bud_1', 5), [], await store.budgetsRevision())
        expect((await store.loadBudgets())[0]?.limitNanoUsd).toBe(5)
      }))

    test('stand at nothing in a period nobody touched, and are told in the order asked', () =>
      withStore(open, async (store) => {
        await store.putBudget(budget('bud_1', 5), [])
        await store.putBudget(budget('bud_2', 6), [])
        const standings = await store.standings([charge('bud_2', 10), charge('bud_1'), charge('unknown')])
        expect(standings).toStrictEqual([
          standing('bud_2', { limit: 6, periodStartMs: 10 }),
          standing('bud_1', { limit: 5 }),
        ])
      }))
  })

  describe('leases', () => {
    test('are granted as far as there is room, or not at all where there is less than needed', () =>
      withStore(open, async (store) => {
        await store.putBudget(budget('bud_1', 100), [])
        const grants = await store.lease([
          ask(NODE, 10, 70),
          ask(OTHER_NODE, 40, 50),
          ask(OTHER_NODE, 10, 50),
          ask(NODE, 1, 50),
        ])
        expect(grants.map(({ grantedNanoUsd }) => grantedNanoUsd)).toEqual([70, 0, 30, 0])
        expect(grants.map(({ standing }) => standing?.leasedNanoUsd)).toEqual([70, 70, 100, 100])
        expect(await store.leasesOf(NODE)).toStrictEqual([{ ...charge('bud_1'), nanoUsd: 70 }])
        expect(await store.leasesOf(OTHER_NODE)).toStrictEqual([{ ...charge('bud_1'), nanoUsd: 30 }])
      }))

    test('of a budget that is gone, or never was, are refused without a standing', () =>
      withStore(open, async (store) => {
        await store.putBudget(budget('bud_1', 100, { removedAtMs: HOUR_MS }), [])
        const unknown = { nodeId: NODE, charge: charge('no'), needNanoUsd: nano(1), wantNanoUsd: nano(1) }
        const refused = { grantedNanoUsd: 0, standing: undefined }
        expect(await store.lease([ask(NODE, 1, 1), unknown])).toEqual([refused, refused])
        expect(await store.leasesOf(NODE)).toEqual([])
      }))

    test('of each period are apart', () =>
      withStore(open, async (store) => {
        await store.putBudget(budget('bud_1', 100), [])
        const grants = await store.lease([ask(NODE, 1, 100, 0), ask(NODE, 1, 100, 86_400_000)])
        expect(grants.map(({ grantedNanoUsd }) => grantedNanoUsd)).toEqual([100, 100])
        expect(await store.leasesOf(NODE)).toHaveLength(2)
      }))

    test('go back as far as the node has them', () =>
      withStore(open, async (store) => {
        await store.putBudget(budget('bud_1', 100), [])
        await store.lease([ask(NODE, 1, 60), ask(OTHER_NODE, 1, 40)])
        await store.returnLease(NODE, charge('bud_1'), nano(0))
        expect(await standingOf(store)).toMatchObject({ leasedNanoUsd: 100 })
        await store.returnLease(NODE, charge('bud_1'), nano(10))
        expect(await standingOf(store)).toMatchObject({ leasedNanoUsd: 90 })
        await store.returnLease(NODE, charge('bud_1'), nano(1_000))
        await store.returnLease(NODE, charge('bud_1'), nano(1_000))
        await store.returnLease('node_3', charge('bud_1'), nano(1_000))
        expect(await standingOf(store)).toMatchObject({ leasedNanoUsd: 40 })
        expect(await store.leasesOf(NODE)).toEqual([])
        expect(await store.leasesOf(OTHER_NODE)).toHaveLength(1)
      }))

    test('are not granted where the limit was lowered below what is spent and leased', () =>
      withStore(open, async (store) => {
        await store.putBudget(budget('bud_1', 100), [])
        await store.lease([ask(NODE, 1, 80)])
        await store.putBudget(budget('bud_1', 50), [])
        const [grant] = await store.lease([ask(NODE, 0, 10)])
        expect(grant).toStrictEqual({
          grantedNanoUsd: 0,
          standing: standing('bud_1', { limit: 50, leased: 80 }),
        })
      }))

    test('fault 117: asked for by many at one time never pass the limit, and leave nothing over', () =>
      withStore(open, async (store, { openAnother }) => {
        const other = (await openAnother?.()) ?? store
        await store.putBudget(budget('bud_1', 1_000), [])
        const grants = await Promise.all(
          Array.from({ length: 100 }, (_, place) =>
            (place % 2 === 0 ? store : other).lease([ask(`node_${place % 4}`, 7, 13)]),
          ),
        )
        const granted = grants.flat().reduce((sum, { grantedNanoUsd }) => sum + grantedNanoUsd, 0)
        // 76 grants of 13 leave 12, which is more than the 7 that the next one needs.
        expect(granted).toBe(1_000)
        expect(await standingOf(store)).toMatchObject({ leasedNanoUsd: 1_000, spentNanoUsd: 0 })
      }))
  })

  describe('the books', () => {
    test('charge what was spent to every budget, out of the lease of the node', () =>
      withStore(open, async (store) => {
        await store.putBudget(budget('bud_1', 1_000), [])
        await store.putBudget(budget('bud_2', 500), [])
        await store.lease([ask(NODE, 1, 300), ask(OTHER_NODE, 1, 200)])
        await post(store, [charged('a', 120, ['bud_1', 'bud_2'])])
        expect(await store.standings([charge('bud_1'), charge('bud_2')])).toStrictEqual([
          standing('bud_1', { limit: 1_000, spent: 120, leased: 380 }),
          standing('bud_2', { limit: 500, spent: 120 }),
        ])
        expect(await store.leasesOf(NODE)).toStrictEqual([{ ...charge('bud_1'), nanoUsd: 180 }])
        expect(await store.leasesOf(OTHER_NODE)).toStrictEqual([{ ...charge('bud_1'), nanoUsd: 200 }])
      }))

    test('charge in full what is more than the lease, and take nothing from other nodes', () =>
      withStore(open, async (store) => {
        await store.putBudget(budget('bud_1', 1_000), [])
        await store.lease([ask(NODE, 1, 50), ask(OTHER_NODE, 1, 30)])
        await post(store, [charged('a', 80, ['bud_1'])])
        expect(await standingOf(store)).toStrictEqual(
          standing('bud_1', { limit: 1_000, spent: 80, leased: 30 }),
        )
        expect(await store.leasesOf(NODE)).toEqual([])
      }))

    test('pass over what was posted before, in one batch or in another, by any node', () =>
      withStore(open, async (store) => {
        await store.putBudget(budget('bud_1', 1_000), [])
        const first = charged('a', 10, ['bud_1'])
        const second = { ...first, attempt: 2 }
        const rows = [row('a')]
        await post(store, [first, first], rows)
        await post(store, [first, second], [...rows, row('b')])
        await store.postBooks({ nodeId: OTHER_NODE, entries: [second, first], requests: [row('b')] })
        await post(
          store,
          [{ ...first, costNanoUsd: nano(500), atMs: HOUR_MS + 5 }],
          [row('a', { status: 500 })],
        )
        expect(await standingOf(store)).toMatchObject({ spentNanoUsd: 20 })
        expect((await store.request('a'))?.attempts).toStrictEqual([first, second])
        expect((await store.request('a'))?.request).toStrictEqual(row('a'))
        expect((await store.requests({ limit: 10 })).rows).toHaveLength(2)
      }))

    test('charge nothing for an attempt whose price is not known', () =>
      withStore(open, async (store) => {
        await store.putBudget(budget('bud_1', 1_000), [])
        await post(store, [unpriced('a', { charges: [charge('bud_1')] })])
        expect(await standingOf(store)).toMatchObject({ spentNanoUsd: 0 })
      }))

    test('take a charge to a budget that was removed, or that nobody knows', () =>
      withStore(open, async (store) => {
        await store.putBudget(budget('bud_1', 1_000, { removedAtMs: HOUR_MS }), [])
        await post(store, [charged('a', 10, ['bud_1', 'unknown'])], [row('a')])
        expect(await standingOf(store)).toMatchObject({ spentNanoUsd: 10 })
        expect((await store.request('a'))?.attempts).toHaveLength(1)
      }))

    test.each([0.5, -1, Number.NaN, 2 ** 53])(
      'refuse a batch with a sum of %s nano-dollars, and post none of it',
      (costNanoUsd) =>
        withStore(open, async (store) => {
          await store.putBudget(budget('bud_1', 1_000), [])
          const batch = [charged('a', 10, ['bud_1']), charged('b', costNanoUsd, ['bud_1'])]
          await expect(post(store, batch, [row('a')])).rejects.toThrow(RangeError)
          expect(await standingOf(store)).toMatchObject({ spentNanoUsd: 0 })
          expect(await store.request('a')).toBeUndefined()
        }),
    )

    test('give back every field of an entry and of a row, absent fields absent', () =>
      withStore(open, async (store) => {
        const attribution = {
          keyId: 'key_1',
          keyName: 'k "1"',
          projectId: 'prj_1',
          teamId: 'team_1',
          userId: 'usr_1',
          endUser: 'Zoë \u{1f600}',
          sessionId: 's',
          tags: ['a', 'b:c'],
        }
        const full = entry('full', {
          attribution,
          route: 'r',
          outcome: 'failed',
          code: 'upstream_overloaded',
          upstreamStatus: 529,
          message: 'Busy: "later".',
          firstTokenMs: 3.5,
          cacheReadTokens: 0,
          cacheWriteTokens: 1,
          reasoningTokens: 2,
          basis: 'estimated',
          isWaste: true,
          charges: [charge('bud_1', 5), charge('bud_2')],
        })
        const fullRow = row('full', {
          attribution,
          modelId: 'm',
          route: 'r',
          target: 't/m',
          code: 'c',
          message: 'why',
          stream: true,
          firstTokenMs: 1.5,
          overheadMs: 0.25,
          inputTokens: 0,
          outputTokens: 5,
          costNanoUsd: nano(9_007_199_254_740_991),
          recall: 'hit',
          isSimulated: true,
        })
        await post(store, [full, entry('bare')], [fullRow, row('bare')])
        expect(await store.request('full')).toStrictEqual({ request: fullRow, attempts: [full] })
        expect(await store.request('bare')).toStrictEqual({ request: row('bare'), attempts: [entry('bare')] })
      }))

    test('are kept whole when many batches are posted at one time', () =>
      withStore(open, async (store, { openAnother }) => {
        const other = (await openAnother?.()) ?? store
        await store.putBudget(budget('bud_1', 1_000_000), [])
        await Promise.all(
          Array.from({ length: 20 }, (_, batch) => {
            const entries = Array.from({ length: 10 }, (_, place) =>
              // Each is posted twice, by two batches.
              charged(`x${Math.floor(batch / 2)}.${place}`, 3, ['bud_1']),
            )
            return (batch % 2 === 0 ? store : other).postBooks({ nodeId: NODE, entries, requests: [] })
          }),
        )
        expect(await standingOf(store)).toMatchObject({ spentNanoUsd: 300 })
      }))

    test('hold against a model: leases, posts, returns, releases and posts made again, by two nodes in any order', () =>
      withStore(open, async (store) => {
        let run = 0
        await fc.assert(
          fc.asyncProperty(
            fc.integer({ min: 0, max: 300 }),
            fc.array(steps, { maxLength: 25 }),
            async (limit, walk) => {
              run += 1
              const { told, expected } = await walkWithModel(store, `bud_m${run}`, limit, walk)
              expect(told).toStrictEqual(expected)
            },
          ),
          { numRuns: 40 },
        )
      }))
  })
}

type Step =
  | { readonly type: 'lease'; readonly node: number; readonly need: number; readonly want: number }
  | { readonly type: 'post'; readonly node: number; readonly cost: number }
  | { readonly type: 'return'; readonly node: number; readonly nanoUsd: number }
  | { readonly type: 'release'; readonly node: number }
  | { readonly type: 'post-again' }

const node = fc.integer({ min: 0, max: 1 })
const small = fc.integer({ min: 0, max: 120 })

const steps: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ type: fc.constant('lease' as const), node, need: small, want: small }),
  fc.record({ type: fc.constant('post' as const), node, cost: small }),
  fc.record({ type: fc.constant('return' as const), node, nanoUsd: small }),
  fc.record({ type: fc.constant('release' as const), node }),
  fc.record({ type: fc.constant('post-again' as const) }),
)

/** What the store told after each step, and what a model of two counters says it must have told. */
async function walkWithModel(store: Store, id: string, limit: number, walk: readonly Step[]) {
  const told: unknown[] = []
  const expected: unknown[] = []
  await store.putBudget(budget(id, limit), [])
  const leases = [0, 0]
  const posted: { readonly nodeId: string; readonly entries: readonly LedgerEntry[] }[] = []
  let spent = 0
  const leased = () => (leases[0] ?? 0) + (leases[1] ?? 0)
  for (const step of walk) {
    switch (step.type) {
      case 'lease': {
        const nodeId = `${id} node ${step.node}`
        const [grant] = await store.lease([
          { nodeId, charge: charge(id), needNanoUsd: nano(step.need), wantNanoUsd: nano(step.want) },
        ])
        const room = limit - spent - leased()
        const granted = room >= step.need ? Math.max(0, Math.min(room, step.want)) : 0
        leases[step.node] = (leases[step.node] ?? 0) + granted
        told.push({ granted: grant?.grantedNanoUsd, isWithin: granted === 0 || spent + leased() <= limit })
        expected.push({ granted, isWithin: true })
        break
      }
      case 'post': {
        const entries = [charged(`${id}.${posted.length}`, step.cost, [id])]
        const batch = { nodeId: `${id} node ${step.node}`, entries }
        posted.push(batch)
        await store.postBooks({ ...batch, requests: [] })
        spent += step.cost
        leases[step.node] = Math.max(0, (leases[step.node] ?? 0) - step.cost)
        break
      }
      case 'return':
        await store.returnLease(`${id} node ${step.node}`, charge(id), nano(step.nanoUsd))
        leases[step.node] = Math.max(0, (leases[step.node] ?? 0) - step.nanoUsd)
        break
      case 'release':
        await store.releaseNode({ nodeId: `${id} node ${step.node}`, isForced: false, atMs: 0, actor: 'cli' })
        leases[step.node] = 0
        break
      case 'post-again':
        for (const batch of posted) await store.postBooks({ ...batch, requests: [] })
    }
    told.push(await store.standings([charge(id)]))
    expected.push([standing(id, { limit, spent, leased: leased() })])
  }
  for (const [place, lease] of leases.entries()) {
    told.push(await store.leasesOf(`${id} node ${place}`))
    expected.push(lease === 0 ? [] : [{ ...charge(id), nanoUsd: lease }])
  }
  return { told, expected }
}

function ask(nodeId: string, need: number, want: number, periodStartMs = 0) {
  return {
    nodeId,
    charge: charge('bud_1', periodStartMs),
    needNanoUsd: nano(need),
    wantNanoUsd: nano(want),
  }
}

function charged(exchangeId: string, cost: number, budgetIds: readonly string[]): LedgerEntry {
  return entry(exchangeId, { costNanoUsd: nano(cost), charges: budgetIds.map((id) => charge(id)) })
}

function post(
  store: Store,
  entries: readonly LedgerEntry[],
  requests: Parameters<Store['postBooks']>[0]['requests'] = [],
): Promise<void> {
  return store.postBooks({ nodeId: NODE, entries, requests })
}

async function standingOf(store: Store) {
  return (await store.standings([charge('bud_1')]))[0]
}

function standing(
  budgetId: string,
  {
    limit,
    spent = 0,
    leased = 0,
    periodStartMs = 0,
  }: {
    readonly limit: number
    readonly spent?: number
    readonly leased?: number
    readonly periodStartMs?: number
  },
) {
  return {
    ...charge(budgetId, periodStartMs),
    limitNanoUsd: limit,
    spentNanoUsd: spent,
    leasedNanoUsd: leased,
  }
}
