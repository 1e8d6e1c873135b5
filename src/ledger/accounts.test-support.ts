/** Accounts of nodes over one store of books in memory, and the time that goes by for them. */

import type { Budget } from './budget.ts'
import { BudgetAccounts } from './budget-accounts.ts'
import { LedgerBench, nano } from './ledger.test-support.ts'

export const HOUR_MS = 3_600_000
export const YEAR_MS = 365 * 24 * HOUR_MS
export const START_MS = Date.UTC(2026, 10, 30, 12)

export interface AccountsStage {
  readonly store: LedgerBench
  readonly time: { wallMs: number; nowMs: number }
  node(id: string, isShared?: boolean): BudgetAccounts
}

export function accountsStage(budgets: readonly Budget[]): AccountsStage {
  const store = new LedgerBench()
  for (const { id, limitNanoUsd } of budgets) store.setLimit(id, limitNanoUsd)
  const time = { wallMs: START_MS, nowMs: 0 }
  return {
    store,
    time,
    node(nodeId, isShared = true) {
      const accounts = new BudgetAccounts({
        store,
        nodeId,
        isShared,
        wallMs: () => time.wallMs,
        nowMs: () => time.nowMs,
      })
      accounts.replace(budgets)
      return accounts
    },
  }
}

export const ask = (atMost: number, atLeast = atMost) => ({
  atMostNanoUsd: nano(atMost),
  atLeastNanoUsd: nano(atLeast),
})
