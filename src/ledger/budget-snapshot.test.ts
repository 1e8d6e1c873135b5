import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { readBudgetSnapshot, writeBudgetSnapshot } from './budget-snapshot.ts'
import { budgetOf, nano } from './ledger.test-support.ts'

const BUDGET = budgetOf('bud_1', 1_000, { owner: 'ops' })
const STANDING = {
  budgetId: BUDGET.id,
  periodStartMs: 0,
  limitNanoUsd: nano(1_000),
  spentNanoUsd: nano(10),
  leasedNanoUsd: nano(0),
}

let path: string
beforeEach(() => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-snapshot-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  path = join(folder, 'budgets.json')
})

test('is read as it was written; where there is none, nothing is known', async () => {
  expect(await readBudgetSnapshot(path)).toBeUndefined()
  const snapshot = { revision: 4, budgets: [BUDGET], standings: [STANDING], postedUntilMs: 17 }
  await writeBudgetSnapshot(path, snapshot)
  expect(await readBudgetSnapshot(path)).toEqual(snapshot)
})

test('of an earlier version it says nothing of a revision, and takes nothing for posted', async () => {
  writeFileSync(path, JSON.stringify({ budgets: [BUDGET], standings: [STANDING] }))
  expect(await readBudgetSnapshot(path)).toMatchObject({
    revision: 0,
    postedUntilMs: 0,
    standings: [STANDING],
  })
})

test.each([
  ['text', 'nothing of the kind'],
  ['a limit that is none', JSON.stringify({ budgets: [{ ...BUDGET, limitNanoUsd: -1 }], standings: [] })],
  [
    'a part of a dollar that is none',
    JSON.stringify({ budgets: [], standings: [{ ...STANDING, spentNanoUsd: 0.5 }] }),
  ],
])('%s is refused in words, and not counted with', async (_, text) => {
  writeFileSync(path, text)
  await expect(readBudgetSnapshot(path)).rejects.toThrow(
    /is not a snapshot of budgets that this version can read/,
  )
})
