import { expect, test } from 'vitest'
import type { BudgetStanding } from '../ledger/ledger-store.ts'
import { budgetOf, nano } from '../ledger/ledger.test-support.ts'
import { type LastKnown, missingIn } from './last-known.ts'

const BUDGET = budgetOf('bud_1', 1_000)
const spent = (nanoUsd: number, periodStartMs = 0): BudgetStanding => ({
  budgetId: BUDGET.id,
  periodStartMs,
  limitNanoUsd: nano(1_000),
  spentNanoUsd: nano(nanoUsd),
  leasedNanoUsd: nano(0),
})
const KNOWN: LastKnown = {
  directory: { revision: 3, users: [], teams: [], projects: [], keys: [] },
  budgetsRevision: 2,
  budgets: [BUDGET],
  standings: [spent(10), spent(20, 86_400_000)],
  postedUntilMs: 5,
}

test('a store that has all of it, or more, is given nothing', () => {
  const store = { directoryRevision: 3, budgetsRevision: 2, standings: KNOWN.standings }
  expect(missingIn(store, KNOWN)).toBeUndefined()
  const further = { directoryRevision: 4, budgetsRevision: 9, standings: [spent(11), spent(20, 86_400_000)] }
  expect(missingIn(further, KNOWN)).toBeUndefined()
})

test('what is behind is given, and nothing of what is newer there', () => {
  const missing = missingIn(
    { directoryRevision: 4, budgetsRevision: 1, standings: [spent(9), spent(20, 86_400_000)] },
    KNOWN,
  )
  expect(missing?.known).toMatchObject({
    directory: { revision: 0 },
    budgets: [BUDGET],
    budgetsRevision: 2,
    standings: [spent(10)],
  })
  expect(missing?.reason).toBe(
    'this node knew revision 2 of the budgets, and it is at 1; more spent of 1 budgets than it has',
  )
})

test('keys alone are given without the budgets, which are newer there', () => {
  const missing = missingIn({ directoryRevision: 2, budgetsRevision: 5, standings: KNOWN.standings }, KNOWN)
  expect(missing?.known).toMatchObject({ directory: { revision: 3 }, budgets: [], standings: [] })
})

test('a budget that the store does not know at all lacks everything that was spent of it', () => {
  const missing = missingIn({ directoryRevision: 3, budgetsRevision: 2, standings: [] }, KNOWN)
  expect(missing?.known.standings).toEqual(KNOWN.standings)
})
