/** Money of which PostgreSQL did not say whether it granted it, or took it back: it goes back once the server can be asked, and is never spent twice. */

import { describe, expect, onTestFinished, test } from 'vitest'
import { DOUBT_MS } from '../../src/ledger/budget-account.ts'
import { BudgetAccounts, IDLE_MS } from '../../src/ledger/budget-accounts.ts'
import type { HoldAnswer } from '../../src/ledger/hold.ts'
import { budget, charge, nano } from '../../src/stores/contract/samples.test-support.ts'
import type { Store } from '../../src/stores/store.ts'
import { skipsPostgres } from '../support/postgres-server.ts'
import { type Direction, type FaultProxy, startFaultProxy } from '../support/tcp-fault-proxy.ts'
import { eventually, openStore, postgresStage } from './postgres.test-support.ts'

const LIMIT = 1_000
const NODE = 'node_1'
const limited = budget('bud_1', LIMIT)
/** Not found in time, it is not there. */
const PATIENCE_MS = 10_000
const WALL_MS = Date.UTC(2026, 10, 17)

interface Doubting {
  /** Of the node whose way to the server is spoiled. */
  readonly accounts: BudgetAccounts
  /** Straight at the server. */
  readonly direct: Store
  readonly proxy: FaultProxy
  /** That pass in this direction while it is done, over a connection that is new. */
  bytesOf(direction: Direction, act: () => Promise<void>): Promise<number>
  /** The server is at nothing any more that somebody asked of it. */
  rest(): Promise<void>
  /** A transaction has done what it is for, and its end is on the way. */
  ending(): Promise<boolean>
  /** From now on every connection is cut after so many bytes; the node has a new one, and a good one until then. */
  cut(direction: Direction, afterBytes: number): Promise<void>
  /** So much time of the accounts goes by, and what they look after then is done. */
  pass(ms: number): Promise<void>
  /** In the server, by that node. */
  leased(): Promise<number>
}

describe.skipIf(skipsPostgres())('fault 130: money in doubt over a real PostgreSQL', () => {
  const stage = postgresStage()

  async function doubting(): Promise<Doubting> {
    const { server } = stage
    const url = await server.createDatabase()
    const proxy = await startFaultProxy(server)
    const direct = await openStore(url)
    const store = await openStore(server.via(url, proxy.port))
    onTestFinished(async () => {
      server.resume()
      await proxy.set()
      await store.close()
      await direct.close()
      await proxy[Symbol.asyncDispose]()
    })
    await direct.putBudget(limited, [])
    // It looks at the schema once.
    await store.loadBudgets()
    let nowMs = 0
    const accounts = new BudgetAccounts({
      store,
      nodeId: NODE,
      isShared: true,
      wallMs: () => WALL_MS,
      nowMs: () => nowMs,
    })
    accounts.replace([limited])
    /** A statement that a connection has seen before takes fewer bytes. */
    const anew = async () => {
      proxy.resetAll()
      await eventually(PATIENCE_MS, () =>
        store.ping().then(
          () => true,
          () => false,
        ),
      )
    }
    return {
      accounts,
      direct,
      proxy,
      bytesOf: async (direction, act) => {
        await anew()
        const before = proxy.passed[direction]
        await act()
        return proxy.passed[direction] - before
      },
      rest: () => eventually(PATIENCE_MS, async () => (await server.transactions(url)).open === 0),
      ending: async () => (await server.transactions(url)).wrote > 0,
      cut: async (direction, afterBytes) => {
        await anew()
        await proxy.set({ type: 'cut', direction, afterBytes, how: 'reset' })
      },
      pass: async (ms) => {
        nowMs += ms
        await accounts.returnIdle()
      },
      leased: async () => (await direct.leasesOf(NODE)).reduce((sum, { nanoUsd }) => sum + nanoUsd, 0),
    }
  }

  const ask = (nanoUsd: number) => ({ atMostNanoUsd: nano(nanoUsd), atLeastNanoUsd: nano(nanoUsd) })

  /** Nothing was spent: the attempt was given up. */
  function giveUp(accounts: BudgetAccounts, answer: HoldAnswer): void {
    if (answer.type !== 'held') return
    answer.settle(nano(0))
    accounts.posted(answer.charges, nano(0))
  }

  test.each(['up', 'down'] as const)(
    'a grant that is cut %s after any of its last bytes leaves nothing leased once all is quiet',
    async (direction) => {
      const { accounts, direct, proxy, cut, rest, pass, leased, bytesOf } = await doubting()
      const bytes = await bytesOf(direction, async () =>
        giveUp(accounts, await accounts.hold([limited], ask(300))),
      )
      await pass(DOUBT_MS + 1)
      let doubted = 0
      for (const afterBytes of lastOf(bytes)) {
        await cut(direction, afterBytes)
        const answer = await accounts.hold([limited], ask(300))
        await rest()
        const granted = await leased()
        if (answer.type === 'unavailable' && granted > 0) doubted += 1
        // Whatever the server has, no more is spent than was told.
        if (answer.type === 'held') expect(granted).toBeGreaterThanOrEqual(300)
        giveUp(accounts, answer)
        await proxy.set()
        await pass(DOUBT_MS + 1)
        expect({ afterBytes, leased: await leased() }).toEqual({ afterBytes, leased: 0 })
      }
      expect(doubted).toBeGreaterThan(0)
      // All of it can be spent again, by another node too.
      const all = { charge: charge('bud_1'), needNanoUsd: nano(LIMIT), wantNanoUsd: nano(LIMIT) }
      expect(await direct.lease([{ nodeId: 'node_2', ...all }])).toMatchObject([{ grantedNanoUsd: LIMIT }])
    },
  )

  test.each(['up', 'down'] as const)(
    'a return that is cut %s after any of its last bytes is spent by nobody, and free once all is quiet',
    async (direction) => {
      const { accounts, proxy, cut, rest, pass, leased, bytesOf } = await doubting()
      const spare = async () => giveUp(accounts, await accounts.hold([limited], ask(300)))
      await spare()
      const bytes = await bytesOf(direction, () => pass(IDLE_MS + 1))
      expect(await leased()).toBe(0)
      const after = { taken: 0, kept: 0 }
      for (const afterBytes of lastOf(bytes)) {
        await spare()
        const before = await leased()
        await cut(direction, afterBytes)
        await pass(IDLE_MS + 1)
        await rest()
        const between = await leased()
        expect([0, before]).toContain(between)
        after[between === 0 ? 'taken' : 'kept'] += 1
        await proxy.set()
        // What the server still has is not given out a second time.
        const everything = await accounts.hold([limited], ask(LIMIT))
        expect({ afterBytes, type: everything.type }).toEqual({
          afterBytes,
          type: between === 0 ? 'held' : 'spent',
        })
        giveUp(accounts, everything)
        await pass(DOUBT_MS + 1)
        expect({ afterBytes, leased: await leased() }).toEqual({ afterBytes, leased: 0 })
      }
      expect(Math.min(after.taken, after.kept)).toBeGreaterThan(0)
    },
  )

  test('a grant in doubt goes back while an attempt is under way and another is settled and not posted', async () => {
    const { accounts, proxy, cut, rest, pass, leased, bytesOf } = await doubting()
    const whole = await bytesOf('down', async () =>
      giveUp(accounts, await accounts.hold([limited], ask(300))),
    )
    await pass(DOUBT_MS + 1)
    const holds = [await accounts.hold([limited], ask(100)), await accounts.hold([limited], ask(100))]
    const before = await leased()
    // The server has granted it, and the last byte of its answer is lost.
    await cut('down', whole - 1)
    expect(await accounts.hold([limited], ask(300))).toMatchObject({ type: 'unavailable' })
    await rest()
    expect(await leased()).toBeGreaterThan(before)
    await proxy.set()
    const [running, settled] = holds
    if (settled?.type === 'held') settled.settle(nano(70))
    await pass(DOUBT_MS + 1)
    expect([running?.type, settled?.type, await leased()]).toEqual(['held', 'held', 100 + 70])
  })

  test('what a server that stood still grants after everybody has left goes back', async () => {
    const { accounts, proxy, rest, ending, pass, leased } = await doubting()
    const { server } = stage
    // Its end is on the way while the transaction waits for it.
    await proxy.set({ type: 'latency', upMs: 150 })
    const answer = accounts.hold([limited], ask(500))
    await eventually(PATIENCE_MS, ending)
    server.pause()
    const before = proxy.passed.up
    await eventually(PATIENCE_MS, async () => proxy.passed.up > before)
    // It is not told that everybody has left.
    await proxy.set({ type: 'hang' })
    expect(await answer).toMatchObject({ type: 'unavailable' })
    await proxy.set()
    server.resume()
    await rest()
    expect(await leased()).toBeGreaterThanOrEqual(500)
    await pass(DOUBT_MS + 1)
    expect(await leased()).toBe(0)
    expect(await accounts.hold([limited], ask(LIMIT))).toMatchObject({ type: 'held', nanoUsd: LIMIT })
  })
})

/** From a good deal before the last byte to one beyond it: what ends a transaction is a few bytes long. */
function lastOf(bytes: number): readonly number[] {
  return Array.from({ length: 20 }, (_, place) => Math.max(0, bytes + 4 - place * 4))
}
