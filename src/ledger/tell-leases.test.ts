/** What a node tells a store that may not know its leases: a standby that took over, or a backup that was put back. */

import { expect, test } from 'vitest'
import { accountsStage, ask } from './accounts.test-support.ts'
import { DOUBT_MS } from './budget-account.ts'
import { budgetOf, entryOf, nano } from './ledger.test-support.ts'

const BUDGET = budgetOf('bud_1', 1_000)

async function stage() {
  const { store, node, time } = accountsStage([BUDGET])
  const accounts = node('node_1', false)
  const hold = async (nanoUsd: number) => {
    const answer = await accounts.hold([BUDGET], ask(nanoUsd))
    if (answer.type !== 'held') throw new Error(`nothing was held: ${answer.type}`)
    return answer
  }
  return { store, accounts, time, hold }
}

test('is all that is leased: free, held, spent and not posted', async () => {
  const { accounts, hold } = await stage()
  const first = await hold(100)
  await hold(200)
  first.settle(nano(40))
  const [told] = accounts.tellLeases()
  expect(told).toMatchObject({ budgetId: 'bud_1', nanoUsd: 1_000 })
  expect(accounts.tellLeases()).toHaveLength(1)
})

test('what the store had posted already, and nobody heard of, is no lease for ever', async () => {
  const { store, accounts, time, hold } = await stage()
  const one = await hold(100)
  one.settle(nano(40))
  const entry = entryOf('x', { costNanoUsd: nano(40), charges: one.charges })
  const post = () => store.postBooks({ nodeId: 'node_1', entries: [entry], requests: [] })
  store.troubles.push('unanswered')
  await expect(post()).rejects.toThrow(/nobody knows/)
  for (const { nanoUsd, ...charge } of accounts.tellLeases()) store.setLease('node_1', charge, nanoUsd)
  expect(store.standings()).toMatchObject([{ spentNanoUsd: 40, leasedNanoUsd: 1_000 }])
  // Posted again, it is passed over there.
  await post()
  accounts.posted(entry.charges, nano(40))
  for (let minute = 0; minute < 3; minute += 1) {
    time.nowMs += DOUBT_MS + 1
    await accounts.returnIdle()
  }
  expect(store.standings()).toMatchObject([{ spentNanoUsd: 40, leasedNanoUsd: 960 }])
})

test('after it money is held and spent as before', async () => {
  const { store, accounts, hold } = await stage()
  const one = await hold(100)
  for (const { nanoUsd, ...charge } of accounts.tellLeases()) store.setLease('node_1', charge, nanoUsd)
  one.settle(nano(100))
  const two = await hold(900)
  two.settle(nano(900))
  expect((await accounts.hold([BUDGET], ask(1))).type).toBe('spent')
})
