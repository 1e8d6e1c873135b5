import { expect, test } from 'vitest'
import type { BudgetStanding } from '../ledger/ledger-store.ts'
import { budgetOf, nano } from '../ledger/ledger.test-support.ts'
import type { Directory, UserRecord } from '../keys/records.ts'
import { isOfSameStore, type LastKnown, missingIn, type Stored } from './last-known.ts'

const BUDGET = budgetOf('bud_1', 1_000)
const spent = (nanoUsd: number, periodStartMs = 0): BudgetStanding => ({
  budgetId: BUDGET.id,
  periodStartMs,
  limitNanoUsd: nano(1_000),
  spentNanoUsd: nano(nanoUsd),
  leasedNanoUsd: nano(0),
})
const USER = { id: 'user_1', name: 'ada', role: 'member', isService: false, createdAtMs: 1 } as UserRecord
const KNOWN: LastKnown = {
  directory: { revision: 3, users: [USER], teams: [], projects: [], keys: [] },
  budgetsRevision: 2,
  budgets: [BUDGET],
  standings: [spent(10), spent(20, 86_400_000)],
  postedUntilMs: 5,
}

const NOBODY: Directory = { revision: 3, users: [], teams: [], projects: [], keys: [] }
const STORED: Stored = {
  directory: KNOWN.directory,
  budgetsRevision: 2,
  budgets: KNOWN.budgets,
  standings: KNOWN.standings,
}

test('a store that has all of it, or more, is given nothing', () => {
  expect(missingIn(STORED, KNOWN)).toBeUndefined()
  const further = {
    directory: { ...STORED.directory, revision: 4, users: [{ ...USER, name: 'Ada' }] },
    budgetsRevision: 9,
    budgets: [{ ...BUDGET, limitNanoUsd: nano(7) }],
    standings: [spent(11), spent(20, 86_400_000)],
  }
  expect(missingIn(further, KNOWN)).toBeUndefined()
})

test('what was spent beyond what it has is given, and nothing of what is newer there', () => {
  const missing = missingIn({ ...STORED, standings: [spent(9), spent(20, 86_400_000)] }, KNOWN)
  expect(missing?.known).toMatchObject({ directory: { users: [] }, budgets: [], standings: [spent(10)] })
  expect(missing?.reason).toBe(
    'What was written last is missing from the store: this node knew more spent of 1 budgets than it has.',
  )
})

test('records of an older store count as they were known', () => {
  const older = {
    ...STORED,
    directory: { ...STORED.directory, revision: 2, users: [{ ...USER, name: 'before' }] },
    budgetsRevision: 1,
    budgets: [{ ...BUDGET, limitNanoUsd: nano(5) }],
  }
  expect(missingIn(older, KNOWN)?.known).toMatchObject({
    directory: { revision: 4, users: [USER] },
    budgets: [BUDGET],
    budgetsRevision: 3,
    standings: [],
  })
})

test('a record that is not there was lost, whatever the revisions say, and those of the store stay as they are', () => {
  const changed = { ...STORED, directory: { ...NOBODY, revision: 8 }, budgetsRevision: 8, budgets: [] }
  expect(missingIn(changed, KNOWN)?.known).toMatchObject({
    directory: { revision: 9, users: [USER] },
    budgets: [BUDGET],
    budgetsRevision: 9,
  })
})

test.each([2, 3, 8])('what was ended here or there is ended, the store being at revision %i', (revision) => {
  const ended = { ...KNOWN, directory: { ...KNOWN.directory, users: [{ ...USER, disabledAtMs: 5 }] } }
  const stored = { ...STORED, directory: { ...STORED.directory, revision } }
  expect(missingIn(stored, ended)?.known.directory.users).toMatchObject([{ disabledAtMs: 5 }])
  const there = { ...STORED, directory: { ...ended.directory, revision } }
  expect(missingIn(there, KNOWN)?.known.directory.users ?? []).toEqual([])
  const removed = [{ ...BUDGET, removedAtMs: 9 }]
  expect(
    missingIn({ ...STORED, budgetsRevision: revision }, { ...KNOWN, budgets: removed })?.known.budgets,
  ).toEqual(removed)
})

test('a store is another one where it has records, and none that are known', () => {
  expect(isOfSameStore({ directory: NOBODY, budgets: [] }, KNOWN)).toBe(true)
  expect(isOfSameStore({ directory: NOBODY, budgets: [BUDGET] }, KNOWN)).toBe(true)
  const others = [{ ...USER, id: 'user_2' as UserRecord['id'] }]
  expect(isOfSameStore({ directory: { ...NOBODY, users: others }, budgets: [] }, KNOWN)).toBe(false)
})

test('a budget that the store does not know at all lacks everything that was spent of it', () => {
  expect(missingIn({ ...STORED, standings: [] }, KNOWN)?.known.standings).toEqual(KNOWN.standings)
})
