/** Changes a budget that is there: decided over what the store has, and decided anew where any budget was changed meanwhile. */

import type { AuditNote } from '../std/audit.ts'
import { StoreConflict } from '../std/store-error.ts'
import type { Budget } from './budget.ts'
import type { LedgerStore } from './ledger-store.ts'

/** Somebody else may be faster this often: more than the admin API does at one time. */
const TRIES_MAX = 20

export interface BudgetEdit {
  readonly budget: Budget
  /** Absent: it is as it should be, and nothing is stored. */
  readonly note?: AuditNote
}

/**
 * The budget as it is then: a change takes none back that was made while it was decided. Rejects with `StoreConflict` where
 * others are faster every time.
 */
export async function changeBudget(
  store: Pick<LedgerStore, 'loadBudgets' | 'budgetsRevision' | 'putBudget'>,
  decide: (budgets: readonly Budget[]) => BudgetEdit,
): Promise<Budget> {
  for (let tries = 1; ; tries += 1) {
    // Before the budgets are: they may be newer than it, and never older.
    const revision = await store.budgetsRevision()
    const { budget, note } = decide(await store.loadBudgets())
    if (note === undefined) return budget
    try {
      await store.putBudget(budget, [note], revision)
      return budget
    } catch (error) {
      if (!(error instanceof StoreConflict) || tries === TRIES_MAX) throw error
    }
  }
}
