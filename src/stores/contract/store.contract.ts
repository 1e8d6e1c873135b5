/** Everything every store must do: the suites of its ports, and what holds for the store as a whole. */

import { describe, expect, test } from 'vitest'
import { describeDirectory } from './directory.contract.ts'
import { describeLedger } from './ledger.contract.ts'
import { describeCache, describeJournal } from './recall.contract.ts'
import { describeReports } from './reports.contract.ts'
import { type OpenFixture, withStore } from './samples.test-support.ts'
import { describeTransfer } from './transfer.contract.ts'

/** Registers the tests; `open` makes an empty store for each of them. */
export function describeStore(open: OpenFixture): void {
  describeDirectory(open)
  describeLedger(open)
  describeJournal(open)
  describeCache(open)
  describeReports(open)
  describeTransfer(open)

  describe('the store', () => {
    test('answers a ping, and closes as often as one likes', () =>
      withStore(open, async (store) => {
        await expect(store.ping()).resolves.toBeUndefined()
        await store.close()
        await store.close()
      }))

    test('finishes what was asked before it closes', () =>
      withStore(open, async (store) => {
        const asked = [store.directoryRevision(), store.loadBudgets(), store.ping()]
        await store.close()
        expect(await Promise.all(asked)).toHaveLength(3)
      }))
  })
}
