/** What is known of a store beside its file, and what is done with it where the file is damaged or behind. */

import type { Directory } from '../../keys/records.ts'
import type { Budget } from '../../ledger/budget.ts'
import type { BudgetStanding } from '../../ledger/ledger-store.ts'

export interface Snapshot {
  readonly directory: Directory
  readonly budgets: readonly Budget[]
  readonly standings: readonly BudgetStanding[]
}
