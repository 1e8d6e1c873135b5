import { expect, onTestFinished, test, vi } from 'vitest'
import { madeKey } from '../keys/directory.test-support.ts'
import { budgetOf } from '../ledger/ledger.test-support.ts'
import { systemIds } from '../std/ids.ts'
import { ManualClock } from '../std/manual-clock.test-support.ts'
import { StoreUnavailable } from '../std/store-error.ts'
import { createTelemetry } from '../telemetry/telemetry.ts'
import { openInMemory } from './keeping.ts'

test('a key that was made elsewhere comes into force with the budgets that were made before it, or not at all', async () => {
  const parts = { clock: new ManualClock(), ids: systemIds, telemetry: createTelemetry() }
  const { store, directory, books, stop } = await openInMemory(parts, {})
  onTestFinished(stop)
  await store.putBudget(budgetOf('bud_1', 1_000), [])
  await store.changeDirectory([{ type: 'put-key', key: madeKey().record }], [])
  vi.spyOn(store, 'loadBudgets').mockRejectedValueOnce(new StoreUnavailable('away'))
  await expect(directory?.refresh()).rejects.toThrow('The budgets cannot be read')
  expect(directory?.current?.keys).toEqual([])
  await directory?.refresh()
  expect(directory?.current?.keys).toHaveLength(1)
  expect(books.accounts.isEmpty).toBe(false)
})

test('a revocation that was made elsewhere does not wait for budgets that cannot be read', async () => {
  const parts = { clock: new ManualClock(), ids: systemIds, telemetry: createTelemetry() }
  const { store, directory, stop } = await openInMemory(parts, {})
  onTestFinished(stop)
  const { record } = madeKey()
  await store.changeDirectory([{ type: 'put-key', key: record }], [])
  await directory?.refresh()
  vi.spyOn(store, 'budgetsRevision').mockRejectedValue(new StoreUnavailable('away'))
  await store.changeDirectory([{ type: 'put-key', key: { ...record, revokedAtMs: 1 } }], [])
  await directory?.refresh()
  expect(directory?.current?.keys[0]?.revokedAtMs).toBe(1)
})
