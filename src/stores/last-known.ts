/**
 * What a node knew of its store, in files beside it. A store that knows less than that lost what was written last: a backup
 * was put back, a standby took over, a disk forgot. It is brought up to it, so that no key, revocation or budget is undone,
 * and nothing that was spent can be spent again.
 */

import type { Directory } from '../keys/records.ts'
import type { Budget } from '../ledger/budget.ts'
import type { Charge } from '../ledger/entry.ts'
import type { BudgetStanding } from '../ledger/ledger-store.ts'

export interface LastKnown {
  readonly directory: Directory
  readonly budgetsRevision: number
  readonly budgets: readonly Budget[]
  /** Of the budgets in force, in their periods then. */
  readonly standings: readonly BudgetStanding[]
  /** What was settled before it, ms since 1970, is in the standings. */
  readonly postedUntilMs: number
}

/** How a store stands that may be behind. */
export interface StoreStanding {
  readonly directoryRevision: number
  readonly budgetsRevision: number
  /** Of what was asked, those that there are. */
  readonly standings: readonly BudgetStanding[]
}

export interface Missing {
  /** What the store is to be given: nothing of what it has as it should be. */
  readonly known: LastKnown
  /** In words, for the operator and the audit log. */
  readonly reason: string
}

/** What of it the store does not have; `undefined` where it has everything. */
export function missingIn(store: StoreStanding, known: LastKnown): Missing | undefined {
  const spent = new Map(store.standings.map((one) => [nameOf(one), one.spentNanoUsd]))
  const standings = known.standings.filter((one) => one.spentNanoUsd > (spent.get(nameOf(one)) ?? 0))
  const isDirectory = known.directory.revision > store.directoryRevision
  const isBudgets = known.budgetsRevision > store.budgetsRevision
  const said = [
    ...(isDirectory
      ? [`revision ${known.directory.revision} of the keys, and it is at ${store.directoryRevision}`]
      : []),
    ...(isBudgets
      ? [`revision ${known.budgetsRevision} of the budgets, and it is at ${store.budgetsRevision}`]
      : []),
    ...(standings.length > 0 ? [`more spent of ${standings.length} budgets than it has`] : []),
  ]
  if (said.length === 0) return undefined
  return {
    known: {
      ...known,
      standings,
      ...(isDirectory ? {} : { directory: NO_DIRECTORY }),
      ...(isBudgets ? {} : { budgets: [], budgetsRevision: 0 }),
    },
    reason: `this node knew ${said.join('; ')}`,
  }
}

/** Of which a store takes nothing. */
const NO_DIRECTORY: Directory = { revision: 0, users: [], teams: [], projects: [], keys: [] }

/** Of an operator who is told what became of the store. */
export const STORE_BEHIND =
  'Keys and budgets were put back as this node knew them, and what was spent counts as the larger of both; reports lack what the store lost.'

function nameOf({ budgetId, periodStartMs }: Charge): string {
  return `${budgetId}\n${periodStartMs}`
}
