import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { ManualClock } from '../std/manual-clock.test-support.ts'
import { StoreUnavailable } from '../std/store-error.ts'
import { BudgetAccounts } from './budget-accounts.ts'
import { BudgetWatch } from './budget-watch.ts'
import { budgetOf, LedgerBench, nano } from './ledger.test-support.ts'

const BUDGET = budgetOf('bud_1', 1_000)

test('budgets are in force, and said to be, though nobody can tell how they stand', async () => {
  const accounts = new BudgetAccounts({
    store: new LedgerBench(),
    nodeId: 'node_1',
    isShared: true,
    wallMs: () => 0,
    nowMs: () => 0,
  })
  const store = {
    budgetsRevision: async () => 1,
    loadBudgets: async () => [BUDGET],
    releases: async () => 0,
    standings: async () => Promise.reject(new StoreUnavailable('too slow')),
  }
  const notices: string[] = []
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-budgets-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const watch = new BudgetWatch({
    clock: new ManualClock(),
    store,
    accounts,
    snapshotPath: path.join(folder, 'budgets.json'),
    onNotice: ({ name }) => void notices.push(name),
  })
  expect(await watch.look()).toBe(true)
  expect(accounts.isEmpty).toBe(false)
  await expect.poll(() => notices).toEqual(['budgets_snapshot_unwritable'])
})

async function stage() {
  const clock = new ManualClock()
  const ledger = new LedgerBench()
  ledger.setLimit(BUDGET.id, BUDGET.limitNanoUsd)
  const accounts = new BudgetAccounts({
    store: ledger,
    nodeId: 'node_1',
    isShared: true,
    wallMs: () => clock.wallMs(),
    nowMs: () => clock.nowMs(),
  })
  let isAway = false
  const store = {
    async budgetsRevision() {
      if (isAway) throw new StoreUnavailable('away')
      return 1
    },
    loadBudgets: async () => [BUDGET],
    releases: async () => 0,
    standings: async () => ledger.standings(),
  }
  const watch = new BudgetWatch({ clock, store, accounts, onNotice() {} })
  await watch.start()
  const hold = await accounts.hold([BUDGET], { atMostNanoUsd: nano(400), atLeastNanoUsd: nano(400) })
  if (hold.type === 'held') hold.settle(nano(0))
  return {
    setAway: (isIt: boolean) => void (isAway = isIt),
    leased: () => ledger.standings()[0]?.leasedNanoUsd,
    async pass(seconds: number) {
      for (let second = 0; second < seconds; second += 1) {
        clock.advance(1_000)
        for (let turn = 0; turn < 30; turn += 1) await Promise.resolve()
      }
    },
  }
}

test('an idle lease goes back while the store answers, and is kept at hand while it does not', async () => {
  const { setAway, leased, pass } = await stage()
  setAway(true)
  await pass(60)
  expect(leased()).toBe(420)
  setAway(false)
  await pass(1)
  expect(leased()).toBe(0)
})
