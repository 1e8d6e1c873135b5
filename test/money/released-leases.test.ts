/** A node whose leases were given back for it, and which lives after all. */

import { expect, test } from 'vitest'
import { BudgetAccounts } from '../../src/ledger/budget-accounts.ts'
import { BudgetWatch } from '../../src/ledger/budget-watch.ts'
import type { Charge } from '../../src/ledger/entry.ts'
import type { Hold } from '../../src/ledger/hold.ts'
import { ManualClock } from '../../src/std/manual-clock.test-support.ts'
import { StoreUnavailable } from '../../src/std/store-error.ts'
import { budget, entry, nano } from '../../src/stores/contract/samples.test-support.ts'
import { createMemoryStore } from '../../src/stores/memory/memory-store.ts'

const LIMIT = 1_000
const BUDGET = budget('bud_1', LIMIT)
const CHARGE: Charge = { budgetId: BUDGET.id, periodStartMs: 0 }
const ask = (nanoUsd: number) => ({ atMostNanoUsd: nano(nanoUsd), atLeastNanoUsd: nano(nanoUsd) })

/** Two nodes that look after the budgets every second, of which the first can be cut off from the store. */
async function stage() {
  const clock = new ManualClock()
  const store = createMemoryStore({ isShared: true, clock })
  await store.putBudget(BUDGET, [])
  const notices: string[] = []
  let isCutOff = false
  const cut = { ...store, lease: heard(store.lease), budgetsRevision: heard(store.budgetsRevision) }
  function heard<Asked extends readonly unknown[], Said>(say: (...asked: Asked) => Promise<Said>) {
    return async (...asked: Asked) => {
      if (isCutOff) throw new StoreUnavailable('cut off', { wasAsked: false })
      return say(...asked)
    }
  }
  const node = async (nodeId: string, own: typeof store) => {
    const times = { wallMs: () => clock.wallMs(), nowMs: () => clock.nowMs() }
    const accounts = new BudgetAccounts({ store: own, nodeId, isShared: true, ...times })
    const onNotice = ({ name }: { readonly name: string }) => void notices.push(`${nodeId} ${name}`)
    await new BudgetWatch({ clock, store: own, accounts, onNotice }).start()
    return accounts
  }
  const [first, second] = [await node('node_1', cut), await node('node_2', store)]
  return {
    store,
    first,
    second,
    notices,
    setCutOff: (isIt: boolean) => void (isCutOff = isIt),
    release: () => store.releaseNode({ nodeId: 'node_1', isForced: false, atMs: 0, actor: 'cli' }),
    standing: async () => (await store.standings([CHARGE]))[0],
    async pass(seconds: number) {
      for (let second_ = 0; second_ < seconds; second_ += 1) {
        clock.advance(1_000)
        for (let turn = 0; turn < 100; turn += 1) await Promise.resolve()
      }
    },
    async post(accounts: BudgetAccounts, id: string, cost: number) {
      const entries = [entry(id, { costNanoUsd: nano(cost), charges: [CHARGE] })]
      await store.postBooks({ nodeId: accounts.nodeId, entries, requests: [] })
      accounts.posted([CHARGE], nano(cost))
    },
  }
}

async function hold(accounts: BudgetAccounts, nanoUsd: number): Promise<Hold> {
  const answer = await accounts.hold([BUDGET], ask(nanoUsd))
  if (answer.type !== 'held') throw new Error(`it was ${answer.type}`)
  return answer
}

test('finds within a second that its lease is gone, and spends no more of it', async () => {
  const { store, first, second, notices, release, standing, pass } = await stage()
  const own = await hold(first, 600)
  own.settle(nano(0))
  expect(await store.leasesOf('node_1')).toMatchObject([{ nanoUsd: 620 }])
  expect(await release()).toMatchObject({ leases: [{ nanoUsd: 620 }] })
  await hold(second, 1_000)
  await pass(1)
  expect(notices).toEqual(['node_1 leases_released'])
  expect(await first.hold([BUDGET], ask(1))).toMatchObject({ type: 'spent' })
  expect(await standing()).toMatchObject({ leasedNanoUsd: 1_000, spentNanoUsd: 0 })
  expect(await store.leasesOf('node_1')).toEqual([])
  await pass(120)
  expect(notices).toHaveLength(1)
})

test('settles what was under way: it is spent in full, and until it is posted nothing more is leased', async () => {
  const { store, first, second, release, standing, pass, post } = await stage()
  const running = await hold(first, 600)
  await release()
  await pass(1)
  expect(first.heldNanoUsd).toBe(600)
  expect(await first.hold([BUDGET], ask(1))).toMatchObject({ type: 'unavailable' })
  running.settle(nano(500))
  expect(await first.hold([BUDGET], ask(1))).toMatchObject({ type: 'unavailable' })
  await post(first, 'running', 500)
  expect(first.heldNanoUsd).toBe(0)
  expect(await standing()).toMatchObject({ spentNanoUsd: 500, leasedNanoUsd: 0 })
  const again = await hold(first, 400)
  expect(await store.leasesOf('node_1')).toMatchObject([{ nanoUsd: 420 }])
  expect(await second.hold([BUDGET], ask(81))).toMatchObject({ type: 'spent' })
  again.settle(nano(400))
  await post(first, 'again', 400)
  await pass(120)
  expect(await standing()).toMatchObject({ spentNanoUsd: 900, leasedNanoUsd: 0 })
})

test('cut off from the store it spends at most what was given back, until it hears of it', async () => {
  const { first, second, setCutOff, release, standing, pass, post } = await stage()
  const before = await hold(first, 300)
  before.settle(nano(0))
  setCutOff(true)
  await release()
  const others = await hold(second, LIMIT)
  const twice = await hold(first, 200)
  expect(await first.hold([BUDGET], ask(121))).toMatchObject({ type: 'unavailable' })
  setCutOff(false)
  await pass(1)
  others.settle(nano(LIMIT))
  twice.settle(nano(200))
  await post(second, 'others', LIMIT)
  await post(first, 'twice', 200)
  expect(await standing()).toMatchObject({ spentNanoUsd: LIMIT + 200, leasedNanoUsd: 0 })
  expect(await first.hold([BUDGET], ask(1))).toMatchObject({ type: 'spent' })
})

test('gives back what it was granted after that, before it heard of it', async () => {
  const { store, first, release, pass } = await stage()
  const before = await hold(first, 100)
  before.settle(nano(0))
  await release()
  const after = await hold(first, 200)
  after.settle(nano(0))
  expect(await store.leasesOf('node_1')).toMatchObject([{ nanoUsd: 100 }])
  await pass(1)
  expect(await first.hold([BUDGET], ask(LIMIT))).toMatchObject({ type: 'spent' })
  await pass(120)
  expect(await store.leasesOf('node_1')).toEqual([])
})

test('takes no grant for its own that was on its way when it heard of it', async () => {
  const { store, first, second, release, pass } = await stage()
  const granted = Promise.withResolvers<void>()
  const inner = store.lease
  // What it is granted comes back only after the release was heard of.
  const slow = {
    ...store,
    lease: (asks: Parameters<typeof inner>[0]) =>
      inner(asks).then(async (grants) => (await granted.promise, grants)),
  }
  const late = new BudgetAccounts({
    store: slow,
    nodeId: 'node_1',
    isShared: true,
    wallMs: () => 0,
    nowMs: () => 0,
  })
  late.replace([BUDGET])
  const asking = late.hold([BUDGET], ask(100))
  await pass(0)
  await release()
  late.loseLeases()
  await hold(second, LIMIT)
  granted.resolve()
  expect(await asking).toMatchObject({ type: 'unavailable' })
  expect(first.heldNanoUsd).toBe(0)
})
