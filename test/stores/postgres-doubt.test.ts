/** Money of which PostgreSQL did not say whether it granted it, or took it back: it goes back once the server can be asked, and is never spent twice. */

import { describe, expect, onTestFinished, test } from 'vitest'
import { DOUBT_MS } from '../../src/ledger/budget-account.ts'
import { BudgetAccounts, type HoldAnswer } from '../../src/ledger/budget-accounts.ts'
import { budget, charge, nano } from '../../src/stores/contract/samples.test-support.ts'
import type { Store } from '../../src/stores/store.ts'
import { skipsPostgres } from '../support/postgres-server.ts'
import { type Direction, type FaultProxy, startFaultProxy } from '../support/tcp-fault-proxy.ts'
import { openStore, postgresStage } from './postgres.test-support.ts'

const LIMIT = 1_000
const NODE = 'node_1'
const limited = budget('bud_1', LIMIT)
/** From the first byte of an answer to beyond its last: its end, which says that it counts, is a few bytes long. */
const CUTS = Array.from({ length: 45 }, (_, place) => place * 8)
const WALL_MS = Date.UTC(2026, 10, 17)
/** Not found in time, it is not there. */
const PATIENCE_MS = 10_000

interface Doubting {
  /** Of the node whose way to the server is spoiled. */
  readonly accounts: BudgetAccounts
  /** Straight at the server. */
  readonly direct: Store
  readonly proxy: FaultProxy
  /** From now on every connection is cut after so many bytes; the node had a good one until then. */
  cut(direction: Direction, afterBytes: number): Promise<void>
  /** So much time of the accounts goes by, and what they look after then is done. */
  pass(ms: number): Promise<void>
  /** In the server, by any node. */
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
    let nowMs = 0
    const accounts = new BudgetAccounts({
      store,
      nodeId: NODE,
      isShared: true,
      wallMs: () => WALL_MS,
      nowMs: () => nowMs,
    })
    accounts.replace([limited])
    return {
      accounts,
      direct,
      proxy,
      cut: async (direction, afterBytes) => {
        await store.ping()
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
    accounts.posted(answer.charges)
  }

  test('an answer that is cut after any number of bytes leaves nothing leased once all is quiet', async () => {
    const { accounts, direct, proxy, cut, pass, leased } = await doubting()
    let doubted = 0
    for (const direction of ['up', 'down'] as const) {
      for (const afterBytes of CUTS) {
        await cut(direction, afterBytes)
        const answer = await accounts.hold([limited], ask(300))
        const granted = await leased()
        if (answer.type === 'unavailable' && granted > 0) doubted += 1
        // Whatever the server has, no more is spent than was told.
        if (answer.type === 'held') expect(granted).toBeGreaterThanOrEqual(300)
        giveUp(accounts, answer)
        await proxy.set()
        await pass(DOUBT_MS + 1)
        expect({ direction, afterBytes, leased: await leased() }).toEqual({
          direction,
          afterBytes,
          leased: 0,
        })
      }
    }
    expect(doubted).toBeGreaterThan(0)
    // All of it can be spent again, by another node too.
    const all = {
      nodeId: 'node_2',
      charge: charge('bud_1'),
      needNanoUsd: nano(LIMIT),
      wantNanoUsd: nano(LIMIT),
    }
    expect(await direct.lease([all])).toMatchObject([{ grantedNanoUsd: LIMIT }])
  })

  test('a return that is cut after any number of bytes is spent by nobody, and is free once all is quiet', async () => {
    const { accounts, proxy, cut, pass, leased } = await doubting()
    let doubted = 0
    for (const direction of ['up', 'down'] as const) {
      for (const afterBytes of CUTS) {
        const answer = await accounts.hold([limited], ask(300))
        expect(answer).toMatchObject({ type: 'held' })
        giveUp(accounts, answer)
        const before = await leased()
        await cut(direction, afterBytes)
        await pass(DOUBT_MS / 2)
        const between = await leased()
        expect([0, before]).toContain(between)
        await proxy.set()
        if (between === before) doubted += 1
        await pass(DOUBT_MS + 1)
        expect({ direction, afterBytes, leased: await leased() }).toEqual({
          direction,
          afterBytes,
          leased: 0,
        })
      }
    }
    expect(doubted).toBeGreaterThan(0)
  })

  test('what a server that stood still grants after everybody has left goes back', async () => {
    const { accounts, pass, leased } = await doubting()
    const { server } = stage
    giveUp(accounts, await accounts.hold([limited], ask(100)))
    await pass(DOUBT_MS + 1)
    expect(await leased()).toBe(0)
    server.pause()
    const answer = await accounts.hold([limited], ask(500))
    expect(answer).toMatchObject({ type: 'unavailable' })
    server.resume()
    await eventually(async () => {
      await pass(DOUBT_MS + 1)
      return (await leased()) === 0
    })
    const again = await accounts.hold([limited], ask(LIMIT))
    expect(again).toMatchObject({ type: 'held', nanoUsd: LIMIT })
  })
})

/** The server goes on when it likes. */
async function eventually(holds: () => Promise<boolean>): Promise<void> {
  const untilMs = performance.now() + PATIENCE_MS
  while (!(await holds())) {
    if (performance.now() > untilMs) throw new Error(`It did not come true within ${PATIENCE_MS} ms.`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
