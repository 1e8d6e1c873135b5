/** Everything every store must do: the suites of its ports, and what holds for the store as a whole. */

import { describe, expect, test } from 'vitest'
import { describeBodies } from './bodies.contract.ts'
import { describeCombinations } from './combinations.contract.ts'
import { describeDirectory } from './directory.contract.ts'
import { describeLedger } from './ledger.contract.ts'
import { describeCache, describeJournal } from './recall.contract.ts'
import { describeReleases } from './releases.contract.ts'
import { describeReports } from './reports.contract.ts'
import { type OpenFixture, withStore } from './samples.test-support.ts'
import { describeSeals } from './seals.contract.ts'
import { describeShares } from './shares.contract.ts'
import { describeTransfer } from './transfer.contract.ts'

/** Registers the tests; `open` makes an empty store for each of them. */
export function describeStore(open: OpenFixture): void {
  describeDirectory(open)
  describeLedger(open)
  describeReleases(open)
  describeJournal(open)
  describeCache(open)
  describeBodies(open)
  describeReports(open)
  describeCombinations(open)
  describeSeals(open)
  describeShares(open)
  describeTransfer(open)

  describe('the store', () => {
    test('answers a ping, and closes as often as one likes', () =>
      withStore(open, async (store) => {
        await expect(store.ping()).resolves.toBeUndefined()
        await store.close()
        await store.close()
      }))

    test('SEC-26: is used with the master secret that came first, and with another one from when both are named', () =>
      withStore(open, async (store, { openAnother }) => {
        const other = (await openAnother?.()) ?? store
        expect(await store.matchSecret(['first'])).toBe(true)
        expect(await other.matchSecret(['first'])).toBe(true)
        expect(await other.matchSecret(['foreign'])).toBe(false)
        expect(await other.matchSecret(['foreign', 'second'])).toBe(false)
        expect(await other.matchSecret(['second', 'first'])).toBe(true)
        // What was sealed since could not be opened.
        expect(await store.matchSecret(['first'])).toBe(false)
        expect(await store.matchSecret(['second', 'first'])).toBe(true)
        expect(await store.matchSecret(['second'])).toBe(true)
        expect(await store.matchSecret(['first', 'second'])).toBe(true)
        expect(await store.matchSecret(['first'])).toBe(true)
      }))

    test('SEC-26: of many that come first at one time with secrets of their own, it is used with one', () =>
      withStore(open, async (store, { openAnother }) => {
        const other = (await openAnother?.()) ?? store
        const matched = await Promise.all(
          Array.from({ length: 12 }, (_, place) =>
            (place % 2 === 0 ? store : other).matchSecret([`secret ${place}`]),
          ),
        )
        expect(matched.filter((isMatched) => isMatched)).toHaveLength(1)
      }))

    test('finishes what was asked before it closes', () =>
      withStore(open, async (store) => {
        const asked = [store.directoryRevision(), store.loadBudgets(), store.ping()]
        await store.close()
        expect(await Promise.all(asked)).toHaveLength(3)
      }))
  })
}
