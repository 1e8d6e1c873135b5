import { describe, expect, test } from 'vitest'
import { accountsStage, ask, HOUR_MS, START_MS } from './accounts.test-support.ts'
import type { Budget } from './budget.ts'
import { DOUBT_MS } from './budget-account.ts'
import { BudgetAccounts } from './budget-accounts.ts'
import type { Hold } from './hold.ts'
import { budgetOf, entryOf, LedgerBench, nano } from './ledger.test-support.ts'

async function held(accounts: BudgetAccounts, budgets: readonly Budget[], asked: ReturnType<typeof ask>) {
  const answer = await accounts.hold(budgets, asked)
  if (answer.type !== 'held') throw new Error(`nothing was held: ${answer.type}`)
  return answer
}

describe('the accounts of a node', () => {
  test('SEC-50: a hundred at once with money for one: one is let through, and nothing is reserved afterwards', async () => {
    const budget = budgetOf('bud_1', 100)
    const { store, node } = accountsStage([budget])
    const accounts = node('node_1', false)
    const answers = await Promise.all(
      Array.from({ length: 100 }, async () => accounts.hold([budget], ask(100))),
    )
    const holds = answers.filter((answer) => answer.type === 'held')
    expect(holds).toHaveLength(1)
    expect(answers.filter(({ type }) => type === 'spent')).toHaveLength(99)
    holds[0]?.settle(nano(0))
    expect(accounts.heldNanoUsd).toBe(0)
    await accounts.returnAll()
    expect(store.standings()).toMatchObject([{ spentNanoUsd: 0, leasedNanoUsd: 0 }])
  })

  test('every level has to have room, and a refusal takes nothing of the others', async () => {
    const wide = budgetOf('bud_wide', 1_000)
    const narrow = budgetOf('bud_narrow', 10)
    const { node } = accountsStage([wide, narrow])
    const accounts = node('node_1')
    expect(await accounts.hold([narrow, wide], ask(20))).toMatchObject({ type: 'spent', budget: narrow })
    expect(accounts.heldNanoUsd).toBe(0)
    expect(await accounts.hold([narrow, wide], ask(20, 5))).toMatchObject({ type: 'held', nanoUsd: 10 })
  })

  test('a request that needs more than there is does not keep out those that need less', async () => {
    const budget = budgetOf('bud_1', 1_000)
    const { node } = accountsStage([budget])
    await held(node('node_2'), [budget], ask(600))
    const accounts = node('node_1')
    expect(await accounts.hold([budget], ask(500))).toMatchObject({ type: 'spent' })
    expect(await accounts.hold([budget], ask(100))).toMatchObject({ type: 'held' })
  })

  test('what is held when budgets are read again is given back all the same', async () => {
    const budget = budgetOf('bud_1', 1_000)
    const { store, node } = accountsStage([budget])
    const accounts = node('node_1', false)
    const hold = await held(accounts, [budget], ask(400))
    // Another budget was made: all of them are read anew.
    accounts.replace([{ ...budget }, budgetOf('bud_2', 5)])
    hold.settle(nano(100))
    expect(accounts.heldNanoUsd).toBe(0)
    expect(await accounts.hold([budget], ask(900))).toMatchObject({ type: 'held' })
    expect(store.standings()[0]?.leasedNanoUsd).toBe(1_000)
  })

  test('a limit that is lowered while money is held counts from then on', async () => {
    const budget = budgetOf('bud_1', 1_000)
    const { store, node } = accountsStage([budget])
    const accounts = node('node_1', false)
    const hold = await held(accounts, [budget], ask(800))
    const lowered = budgetOf('bud_1', 100)
    store.setLimit('bud_1', 100)
    accounts.replace([lowered])
    hold.settle(nano(10))
    await store.postBooks({
      nodeId: 'node_1',
      entries: [entryOf('x', { costNanoUsd: nano(10), charges: hold.charges })],
      requests: [],
    })
    await Promise.resolve()
    expect(await accounts.hold([lowered], ask(91))).toMatchObject({ type: 'spent' })
    expect(await accounts.hold([lowered], ask(90))).toMatchObject({ type: 'held' })
  })

  test('what a removed budget had leased goes back, though its last request ends later', async () => {
    const budget = budgetOf('bud_1', 1_000)
    const { store, node } = accountsStage([budget])
    const accounts = node('node_1', false)
    const hold = await held(accounts, [budget], ask(400))
    accounts.replace([{ ...budget, removedAtMs: START_MS }])
    hold.settle(nano(0))
    await accounts.returnIdle()
    expect(store.standings()[0]?.leasedNanoUsd).toBe(0)
  })

  test('which budgets there are is not known before they were read, where they are waited for', () => {
    const { store } = accountsStage([])
    const options = { store, nodeId: 'node_1', isShared: false, wallMs: () => START_MS, nowMs: () => 0 }
    const waiting = new BudgetAccounts({ ...options, awaitsBudgets: true })
    expect([waiting.isKnown, waiting.isEmpty]).toEqual([false, true])
    // That there are none is knowledge too.
    waiting.replace([])
    expect([waiting.isKnown, waiting.isEmpty]).toEqual([true, true])
    expect(new BudgetAccounts(options).isKnown).toBe(true)
  })

  describe('of a store that was made anew, which knows of no lease', () => {
    /** The store of the accounts can be put in the place of another. */
    function rebuilt(budget: Budget, spentBefore: number) {
      const stores = [new LedgerBench(), new LedgerBench()] as const
      for (const store of stores) store.setLimit(budget.id, budget.limitNanoUsd)
      let current: LedgerBench = stores[0]
      const accounts = new BudgetAccounts({
        store: {
          lease: (asks) => current.lease(asks),
          returnLease: (...back) => current.returnLease(...back),
          leasesOf: (nodeId) => current.leasesOf(nodeId),
        },
        nodeId: 'node_1',
        isShared: false,
        wallMs: () => START_MS,
        nowMs: () => 0,
      })
      accounts.replace([budget])
      const spend = async (store: LedgerBench, id: string, costNanoUsd: number, { charges }: Hold) =>
        store.postBooks({
          nodeId: 'node_1',
          entries: [entryOf(id, { costNanoUsd: nano(costNanoUsd), charges })],
          requests: [],
        })
      const [, anew] = stores
      return {
        accounts,
        anew,
        spend,
        async rebuild() {
          const charge = { budgetId: budget.id, periodStartMs: 0 }
          await anew.postBooks({
            nodeId: 'another',
            entries: [entryOf('before', { costNanoUsd: nano(spentBefore), charges: [charge] })],
            requests: [],
          })
          current = anew
          accounts.forgetLeases()
        },
      }
    }

    test('what lay free is gone: nothing is spent of it that the store did not grant again', async () => {
      const budget = budgetOf('bud_1', 1_000)
      const { accounts, anew, rebuild } = rebuilt(budget, 900)
      const hold = await held(accounts, [budget], ask(100))
      hold.settle(nano(100))
      accounts.posted(hold.charges, nano(100))
      await rebuild()
      // Of 900 that lay free before, the new store knows that 100 are left.
      expect(await accounts.hold([budget], ask(101))).toMatchObject({ type: 'spent' })
      expect(await accounts.hold([budget], ask(100))).toMatchObject({ type: 'held' })
      expect(anew.standings()).toMatchObject([{ spentNanoUsd: 900, leasedNanoUsd: 100 }])
    })

    test('what is held is settled as ever, nothing is leased beside it, and a limit is not passed', async () => {
      const budget = budgetOf('bud_1', 1_000)
      const { accounts, anew, spend, rebuild } = rebuilt(budget, 0)
      const running = await held(accounts, [budget], ask(600))
      await rebuild()
      expect(accounts.heldNanoUsd).toBe(600)
      // The store would grant the whole limit again, beside what is under way.
      expect(await accounts.hold([budget], ask(1))).toMatchObject({ type: 'unavailable' })
      expect(anew.standings()).toMatchObject([{ spentNanoUsd: 0, leasedNanoUsd: 0 }])
      running.settle(nano(500))
      // It does not have it yet, and would grant too much.
      expect(await accounts.hold([budget], ask(1))).toMatchObject({ type: 'unavailable' })
      await spend(anew, 'running', 500, running)
      accounts.posted(running.charges, nano(500))
      expect(accounts.heldNanoUsd).toBe(0)
      expect(await accounts.hold([budget], ask(501))).toMatchObject({ type: 'spent' })
      expect(await accounts.hold([budget], ask(500))).toMatchObject({ type: 'held' })
      const used = anew.standings().map(({ spentNanoUsd, leasedNanoUsd }) => spentNanoUsd + leasedNanoUsd)
      expect(used).toEqual([1_000])
    })

    test('what was settled before and is not posted keeps it locked, refused or not', async () => {
      const budget = budgetOf('bud_1', 1_000)
      const { accounts, rebuild } = rebuilt(budget, 0)
      const settled = await held(accounts, [budget], ask(600))
      settled.settle(nano(600))
      await rebuild()
      expect(await accounts.hold([budget], ask(1))).toMatchObject({ type: 'unavailable' })
      accounts.stranded(settled.charges, nano(600))
      accounts.posted(settled.charges, nano(600))
      expect(await accounts.hold([budget], ask(1))).toMatchObject({ type: 'held' })
    })

    test('of several requests under way the last unlocks it, and twice forgotten is once', async () => {
      const budget = budgetOf('bud_1', 1_000)
      const { accounts, rebuild } = rebuilt(budget, 0)
      const [one, other] = [
        await held(accounts, [budget], ask(100)),
        await held(accounts, [budget], ask(100)),
      ]
      await rebuild()
      accounts.forgetLeases()
      one.settle(nano(0))
      one.settle(nano(0))
      expect(await accounts.hold([budget], ask(1))).toMatchObject({ type: 'unavailable' })
      other.settle(nano(0))
      expect(await accounts.hold([budget], ask(1_000))).toMatchObject({ type: 'held' })
    })
  })

  test('the store is asked once for every level together', async () => {
    const budgets = ['bud_1', 'bud_2', 'bud_3'].map((id) => budgetOf(id, 1_000))
    const { store, node } = accountsStage(budgets)
    const accounts = node('node_1')
    store.troubles.push('none', 'unheard')
    expect(await accounts.hold(budgets, ask(10))).toMatchObject({ type: 'held' })
  })

  test('fault 111: where the store does not answer, all that wait for it are told so, and none asks again', async () => {
    const budget = budgetOf('bud_1', 1_000)
    const { store, node } = accountsStage([budget])
    const accounts = node('node_1')
    store.troubles.push('unheard')
    const answers = await Promise.all(
      Array.from({ length: 10 }, async () => accounts.hold([budget], ask(10))),
    )
    expect(answers.every(({ type }) => type === 'unavailable')).toBe(true)
    expect(await accounts.hold([budget], ask(10))).toMatchObject({ type: 'held' })
  })

  describe('of a store that does not answer', () => {
    const budget = budgetOf('bud_1', 1_000)

    /** A node that used 20 of a lease of 420, which lie idle from then on. */
    async function idle() {
      const at = accountsStage([budget])
      const accounts = at.node('node_1')
      const hold = await held(accounts, [budget], ask(400))
      const settle = async (costNanoUsd: number) => {
        hold.settle(nano(costNanoUsd))
        await at.store.postBooks({
          nodeId: 'node_1',
          entries: [entryOf('x', { costNanoUsd: nano(costNanoUsd), charges: hold.charges })],
          requests: [],
        })
        accounts.posted(hold.charges, nano(costNanoUsd))
      }
      await settle(20)
      at.time.nowMs += 31_000
      const pass = async (ms: number) => {
        at.time.nowMs += ms
        await accounts.returnIdle()
      }
      /** Done before the store says what the node has leased, though it was asked, or before that is known. */
      const whileAsked = (when: 'asked' | 'answered', act: () => unknown) => {
        const { store } = at
        const { leasesOf } = store
        store.leasesOf = async (nodeId) => {
          store.leasesOf = leasesOf
          if (when === 'asked') await act()
          const leases = await store.leasesOf(nodeId)
          if (when === 'answered') await act()
          return leases
        }
      }
      return { ...at, accounts, pass, whileAsked, leased: () => at.store.standings()[0]?.leasedNanoUsd }
    }

    test('a lease that it was not asked to take back is spent of as before, and goes back later', async () => {
      const { accounts, store, pass, leased } = await idle()
      store.troubles.push('refused')
      await pass(0)
      expect(leased()).toBe(400)
      // It has still not been asked: the money comes from the lease at hand.
      store.troubles.push('unheard')
      const hold = await held(accounts, [budget], ask(400))
      hold.settle(nano(0))
      store.troubles.length = 0
      await pass(31_000)
      expect(leased()).toBe(0)
    })

    test('a lease that it was not asked to take back is not spent of once its limit was lowered', async () => {
      const { accounts, store, pass, leased } = await idle()
      const lowered = budgetOf('bud_1', 100)
      store.setLimit('bud_1', 100)
      store.troubles.push('refused')
      accounts.replace([lowered])
      for (let turn = 0; turn < 10; turn += 1) await Promise.resolve()
      await pass(0)
      expect(leased()).toBe(0)
      expect(await accounts.hold([lowered], ask(81))).toMatchObject({ type: 'spent' })
      expect(await accounts.hold([lowered], ask(80))).toMatchObject({ type: 'held' })
    })

    test('a limit that is changed while the lease is on its way back counts, though the store is not asked', async () => {
      const { accounts, store, leased } = await idle()
      const lowered = budgetOf('bud_1', 100)
      store.setLimit('bud_1', 100)
      store.troubles.push('refused')
      const returning = accounts.returnIdle()
      accounts.replace([lowered])
      await returning
      expect(leased()).toBe(400)
      expect(await accounts.hold([lowered], ask(1))).toMatchObject({ type: 'spent' })
      await accounts.returnIdle()
      expect(leased()).toBe(0)
    })

    test.each(['unheard', 'unanswered'] as const)(
      'what came of a return is asked once all is quiet, where it was %s',
      async (trouble) => {
        const { accounts, store, pass, leased } = await idle()
        store.troubles.push(trouble)
        await pass(0)
        // In doubt it is not spent a second time.
        expect(await accounts.hold([budget], ask(981))).toMatchObject({ type: 'spent' })
        const before = leased()
        await pass(DOUBT_MS)
        expect(leased()).toBe(before)
        await pass(1)
        expect(leased()).toBe(0)
        expect(await accounts.hold([budget], ask(980))).toMatchObject({ type: 'held' })
      },
    )

    test('what came of an ask for a lease is asked once all is quiet', async () => {
      const { accounts, store, pass, leased } = await idle()
      await pass(0)
      store.troubles.push('unanswered')
      expect(await accounts.hold([budget], ask(10))).toMatchObject({ type: 'unavailable' })
      expect(leased()).toBe(30)
      await pass(DOUBT_MS + 1)
      expect(leased()).toBe(0)
    })

    test('a budget that is dry for money in doubt gets it back, though it is asked for again and again', async () => {
      const { store, time, node } = accountsStage([budget])
      const accounts = node('node_1', false)
      ;(await held(accounts, [budget], ask(1))).settle(nano(0))
      accounts.posted([{ budgetId: budget.id, periodStartMs: 0 }], nano(0))
      store.troubles.push('unheard')
      store.setLimit('bud_1', 900)
      const changed = budgetOf('bud_1', 900)
      accounts.replace([changed])
      const answers: string[] = []
      for (let second = 0; second < 63; second += 1) {
        time.nowMs += 1_000
        await accounts.returnIdle()
        answers.push((await accounts.hold([changed], ask(900))).type)
      }
      expect(new Set(answers.slice(0, 59))).toEqual(new Set(['spent']))
      expect(answers).toContain('held')
    })

    test('what is owed is no part of what is in doubt, and nothing leased since goes back with it', async () => {
      const { store, time, node } = accountsStage([budget])
      const accounts = node('node_1', false)
      const holds = [await held(accounts, [budget], ask(300)), await held(accounts, [budget], ask(300))]
      const turns = async () => {
        for (let turn = 0; turn < 10; turn += 1) await Promise.resolve()
      }
      store.troubles.push('unanswered')
      store.setLimit('bud_1', 2_000)
      const raised = budgetOf('bud_1', 2_000)
      accounts.replace([raised])
      await turns()
      // Each is recalled as it ends, and the store is not asked.
      store.troubles.push('refused', 'refused')
      for (const hold of holds) hold.settle(nano(0))
      for (const { charges } of holds) accounts.posted(charges, nano(0))
      await turns()
      const hold = await held(accounts, [raised], ask(1_400))
      hold.settle(nano(0))
      accounts.posted(hold.charges, nano(0))
      time.nowMs += DOUBT_MS + 1
      store.troubles.push('refused', 'none', 'none', 'none')
      await accounts.returnIdle()
      expect(store.standings()[0]?.leasedNanoUsd).toBe(1_400)
      expect(await accounts.hold([raised], ask(1_400))).toMatchObject({ type: 'held' })
    })

    test('what is in doubt goes back while an attempt is held, and settled and not posted, and will never be', async () => {
      const { accounts, store, pass, leased } = await idle()
      /** Of 400 that lie idle the store does not say whether it took them back. */
      const doubted = async () => {
        await held(accounts, [budget], ask(400)).then((hold) => hold.settle(nano(0)))
        store.troubles.push('unheard')
        await pass(31_000)
      }
      store.troubles.push('unheard')
      await pass(0)
      expect(leased()).toBe(400)
      const hold = await held(accounts, [budget], ask(100))
      await pass(DOUBT_MS + 1)
      expect(leased()).toBe(100)
      hold.settle(nano(70))
      await doubted()
      expect(leased()).toBeGreaterThan(70)
      await pass(DOUBT_MS + 1)
      expect(leased()).toBe(70)
      accounts.stranded(hold.charges, nano(70))
      accounts.posted(hold.charges, nano(70))
      await doubted()
      await pass(DOUBT_MS + 1)
      expect(leased()).toBe(70)
    })

    test('what the store says is believed though requests hold and settle meanwhile', async () => {
      const { accounts, store, pass, leased, whileAsked } = await idle()
      store.troubles.push('unheard')
      await pass(0)
      const hold = await held(accounts, [budget], ask(100))
      whileAsked('answered', async () => {
        hold.settle(nano(60))
        const other = await held(accounts, [budget], ask(40))
        other.settle(nano(1))
        await held(accounts, [budget], ask(39))
      })
      await pass(DOUBT_MS + 1)
      expect(leased()).toBe(60 + 1 + 39)
      expect(await accounts.hold([budget], ask(1_000 - 20 - 100))).toMatchObject({ type: 'held' })
    })

    test('it is not believed where it was asked for more meanwhile', async () => {
      const { accounts, store, pass, leased, whileAsked } = await idle()
      store.troubles.push('unheard')
      await pass(0)
      await held(accounts, [budget], ask(100))
      whileAsked('answered', () => held(accounts, [budget], ask(100)))
      await pass(DOUBT_MS + 1)
      expect(leased()).toBe(400 + 100 + 120)
      await pass(0)
      expect(leased()).toBe(100 + 120)
    })

    test.each(['asked', 'answered'] as const)(
      'what is posted while it is %s makes no difference but that the rest goes back later',
      async (when) => {
        const { accounts, store, pass, leased, whileAsked } = await idle()
        store.troubles.push('unheard')
        await pass(0)
        const [hold] = [await held(accounts, [budget], ask(100)), await held(accounts, [budget], ask(50))]
        whileAsked(when, async () => {
          hold.settle(nano(100))
          const entries = [entryOf('y', { costNanoUsd: nano(100), charges: hold.charges })]
          await store.postBooks({ nodeId: 'node_1', entries, requests: [] })
          accounts.posted(hold.charges, nano(100))
        })
        await pass(DOUBT_MS + 1)
        expect(leased()).toBe(when === 'asked' ? 100 + 50 : 50)
        await pass(0)
        expect(leased()).toBe(50)
      },
    )

    test('while it is never known whether it has what went to it, it gives back what is surely too much', async () => {
      const { accounts, store, pass, leased } = await idle()
      store.troubles.push('unheard')
      await pass(0)
      const hold = await held(accounts, [budget], ask(100))
      hold.settle(nano(100))
      const entries = [entryOf('y', { costNanoUsd: nano(100), charges: hold.charges })]
      const post = async () => store.postBooks({ nodeId: 'node_1', entries, requests: [] })
      store.troubles.push('unanswered')
      await expect(post()).rejects.toThrow('nobody knows')
      await pass(DOUBT_MS + 1)
      expect(leased()).toBe(100)
      await post()
      accounts.posted(hold.charges, nano(100))
      await pass(0)
      expect(leased()).toBe(0)
    })

    test('a doubt that is young neither goes back nor holds up an older one', async () => {
      const { accounts, store, pass, leased } = await idle()
      store.troubles.push('unheard')
      await pass(0)
      const running = await held(accounts, [budget], ask(100))
      await pass(DOUBT_MS)
      // Another, of which nobody knows yet whether it was granted.
      store.troubles.push('unanswered')
      expect(await accounts.hold([budget], ask(200))).toMatchObject({ type: 'unavailable' })
      expect(leased()).toBe(400 + 100 + 220)
      await pass(1)
      expect(leased()).toBe(100 + 220)
      await pass(DOUBT_MS)
      expect(leased()).toBe(100)
      running.settle(nano(0))
    })

    test('what may be on its way back does not go back for an older doubt', async () => {
      const { accounts, store, pass, leased } = await idle()
      store.troubles.push('unanswered')
      await pass(0)
      await held(accounts, [budget], ask(400)).then((hold) => hold.settle(nano(0)))
      store.troubles.push('unheard')
      await pass(31_000)
      expect(leased()).toBe(420)
      await pass(DOUBT_MS - 31_000 + 1)
      expect(leased()).toBe(420)
      // It is asked again a minute after there was nothing to be had.
      await pass(DOUBT_MS - 1)
      expect(leased()).toBe(420)
      await pass(1)
      expect(leased()).toBe(0)
    })

    test('what was spent and is not posted does not go back, though the store took back what is in doubt', async () => {
      const { accounts, store, pass, leased } = await idle()
      store.troubles.push('unanswered')
      await pass(0)
      expect(leased()).toBe(0)
      const hold = await held(accounts, [budget], ask(100))
      hold.settle(nano(100))
      await pass(DOUBT_MS + 1)
      expect(leased()).toBe(100)
    })

    test.each(['lease', 'returnLease'] as const)(
      'it is not asked while a %s is on its way',
      async (operation) => {
        const { accounts, store, pass, time, leased } = await idle()
        store.troubles.push('unanswered')
        await pass(0)
        const spare = await held(accounts, [budget], ask(50))
        time.nowMs += DOUBT_MS
        const answered = Promise.withResolvers<void>()
        const original: (...asked: never[]) => Promise<unknown> = store[operation]
        Object.assign(store, {
          [operation]: async (...asked: never[]) => {
            Object.assign(store, { [operation]: original })
            // A grant is known to nobody yet; a return has not come to the store.
            if (operation === 'returnLease') await answered.promise
            const answer = await original.apply(store, asked)
            await answered.promise
            return answer
          },
        })
        const raised = budgetOf('bud_1', 2_000)
        const asking = operation === 'lease' ? accounts.hold([budget], ask(300)) : undefined
        if (operation === 'returnLease') accounts.replace([raised])
        for (let turn = 0; turn < 10; turn += 1) await Promise.resolve()
        const before = leased()
        await pass(1)
        expect(leased()).toBe(before)
        answered.resolve()
        await asking
        await pass(0)
        expect(leased()).toBe(operation === 'lease' ? before : 50)
        spare.settle(nano(0))
      },
    )

    test('nothing comes back of a store that was made anew while the lease went back', async () => {
      const { accounts, store } = await idle()
      store.troubles.push('refused')
      const returning = accounts.returnIdle()
      accounts.forgetLeases()
      await returning
      store.troubles.push('unheard')
      expect(await accounts.hold([budget], ask(1))).toMatchObject({ type: 'unavailable' })
    })

    test('nor of one that was made anew as it was known that it did not go back', async () => {
      const { accounts, store } = await idle()
      const { returnLease } = store
      store.returnLease = async (...back) => {
        store.returnLease = returnLease
        store.troubles.push('refused')
        try {
          return await store.returnLease(...back)
        } finally {
          // After whoever waits for it has heard, and before anybody else.
          queueMicrotask(() => queueMicrotask(() => accounts.forgetLeases()))
        }
      }
      await accounts.returnIdle()
      store.troubles.push('unheard')
      expect(await accounts.hold([budget], ask(1))).toMatchObject({ type: 'unavailable' })
    })
  })

  test('midnight comes between the asking and the taking, and the money is still there', async () => {
    const budget = budgetOf('bud_1', 1_000, { period: 'day' })
    const { time, node, store } = accountsStage([budget])
    const accounts = node('node_1')
    const asking = accounts.hold([budget], ask(100))
    time.wallMs += 24 * HOUR_MS
    await accounts.returnIdle()
    const hold = await asking
    expect(hold).toMatchObject({ type: 'held' })
    if (hold.type === 'held') hold.settle(nano(0))
    await accounts.returnIdle()
    expect(store.standings().map(({ leasedNanoUsd }) => leasedNanoUsd)).toEqual([0])
  })
})
