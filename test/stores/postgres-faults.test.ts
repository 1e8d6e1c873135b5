/** The store in PostgreSQL while the server stands still, goes, comes back, or the way to it is spoiled (fault 130). */

import { afterEach, describe, expect, onTestFinished, test } from 'vitest'
import { budget, charge, entry, nano, row } from '../../src/stores/contract/samples.test-support.ts'
import { guardStore, STORE_DEADLINES_MS, type GuardedStore } from '../../src/stores/guarded-store.ts'
import { POSTGRES_DEADLINES_MS } from '../../src/stores/postgres/postgres-store.ts'
import type { Store } from '../../src/stores/store.ts'
import { systemClock } from '../../src/std/clock.ts'
import { StoreUnavailable } from '../../src/std/store-error.ts'
import { skipsPostgres } from '../support/postgres-server.ts'
import { type FaultProxy, startFaultProxy, type Toxic } from '../support/tcp-fault-proxy.ts'
import { eventually, openStore, postgresStage } from './postgres.test-support.ts'

const RECOVERY_MS_MAX = 10_000
/** What a busy machine adds to a deadline. */
const GRACE_MS = 400
const LIMIT = 1_000_000

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

describe.skipIf(skipsPostgres())('the postgres store and its faults', () => {
  const stage = postgresStage()

  afterEach(() => stage.server.resume())

  /** A store straight at the server, and a guarded one behind a proxy, over the same data. */
  async function behindProxy(): Promise<{
    direct: Store
    store: GuardedStore
    bare: Store
    proxy: FaultProxy
  }> {
    const { server } = stage
    const url = await server.createDatabase()
    const proxy = await startFaultProxy(server)
    const direct = await openStore(url)
    const bare = await openStore(server.via(url, proxy.port))
    const store = guardStore(bare, { clock: systemClock })
    onTestFinished(async () => {
      await proxy.set()
      await store.close()
      await direct.close()
      await proxy[Symbol.asyncDispose]()
    })
    await direct.putBudget(budget('bud_1', LIMIT), [])
    await store.ping()
    return { direct, store, bare, proxy }
  }

  test('fault 130: SIGSTOP of the whole server fails every guarded operation within its deadline, and it recovers by itself', async () => {
    const { server } = stage
    const store = guardStore(await openStore(await server.createDatabase()), { clock: systemClock })
    onTestFinished(() => store.close())
    await store.putBudget(budget('bud_1', LIMIT), [])
    const batch = batchOf('before', 3)
    await store.postBooks(batch)

    server.pause()
    const firstMs = await refusals(store)
    for (const [name, ms] of Object.entries(firstMs))
      expect({ name, ms }).toEqual({ name, ms: atMost(deadlineOf(name) + GRACE_MS) })
    // Soon it is known to hang, and asking costs nothing.
    await eventually(RECOVERY_MS_MAX, () => store.health().state === 'failing')
    const thenMs = Math.max(...Object.values(await refusals(store)))
    expect(thenMs).toBeLessThan(50)
    await pause(1_000)

    server.resume()
    const recoveredMs = await answersAgain(store)
    expect(recoveredMs).toBeLessThan(RECOVERY_MS_MAX)
    await store.postBooks(batch)
    await store.postBooks(batchOf('after', 3))
    expect(await balanceOf(store)).toEqual({ spent: 600, entries: 6, sums: 600 })
    console.log(
      `SIGSTOP: refused in ${JSON.stringify(round(firstMs))} ms, then in ${thenMs.toFixed(1)} ms; back after ${Math.round(recoveredMs)} ms`,
    )
  })

  test('fault 130: a server that is killed and started again is found again by itself', async () => {
    const { server } = stage
    const store = guardStore(await openStore(await server.createDatabase()), { clock: systemClock })
    onTestFinished(() => store.close())
    await store.putBudget(budget('bud_1', LIMIT), [])
    await store.postBooks(batchOf('before', 3))
    await server.kill()
    await expect(store.postBooks(batchOf('between', 3))).rejects.toBeInstanceOf(StoreUnavailable)
    await server.start()
    expect(await answersAgain(store)).toBeLessThan(RECOVERY_MS_MAX)
    await store.postBooks(batchOf('between', 3))
    expect(await balanceOf(store)).toEqual({ spent: 600, entries: 6, sums: 600 })
  })

  test.each<[string, Toxic]>([
    ['is down', { type: 'down' }],
    ['hangs', { type: 'hang' }],
    ['answers after 5 s', { type: 'latency', downMs: 5_000 }],
    ['is closed on the side of the server alone', { type: 'half-open', closed: 'server' }],
  ])(
    'fault 130: no operation outlasts its deadline where the way %s, and it recovers by itself',
    async (_how, toxic) => {
      const { store, direct, proxy } = await behindProxy()
      await proxy.set(toxic)
      const ms = await refusals(store)
      for (const [name, tookMs] of Object.entries(ms))
        expect({ name, tookMs }).toEqual({ name, tookMs: atMost(deadlineOf(name) + GRACE_MS) })
      await proxy.set()
      expect(await answersAgain(store)).toBeLessThan(RECOVERY_MS_MAX)
      await store.postBooks(batchOf('after', 3))
      expect(await balanceOf(direct)).toEqual({ spent: 300, entries: 3, sums: 300 })
    },
  )

  test('unguarded, too, no operation outlasts its deadline', async () => {
    const { bare, proxy } = await behindProxy()
    await proxy.set({ type: 'hang' })
    const asked = [bare.ping(), bare.postBooks(batchOf('a', 1)), bare.lease([ask('node_1', 1, 10)])]
    const startedMs = performance.now()
    const settled = await Promise.allSettled(asked)
    expect(performance.now() - startedMs).toBeLessThan(POSTGRES_DEADLINES_MS.write + GRACE_MS)
    for (const one of settled) {
      expect(one.status).toBe('rejected')
      if (one.status === 'rejected') expect(one.reason).toBeInstanceOf(StoreUnavailable)
    }
  })

  test('fault 130: a connection cut after any number of bytes posts a batch whole, once, or not at all', async () => {
    const { direct, bare, proxy } = await behindProxy()
    // From inside the handshake to beyond the last answer of a batch, in both directions, ended and reset.
    const sizes = [0, 1, 40, 200, 400, 700, 1_000, 1_500, 2_000, 3_000, 4_000, 6_000, 9_000, 13_000]
    let spent = 0
    let cuts = 0
    for (const direction of ['up', 'down'] as const) {
      for (const how of ['end', 'reset'] as const) {
        for (const afterBytes of sizes) {
          const batch = batchOf(`${direction}-${how}-${afterBytes}`, 4)
          await proxy.set({ type: 'cut', direction, afterBytes, how })
          const failed = await bare.postBooks(batch).then(
            () => false,
            (error: unknown) => error instanceof StoreUnavailable,
          )
          if (failed) cuts += 1
          const between = await balanceOf(direct)
          // Whole or not at all: what is spent is what the entries come to, and the sums too.
          expect([spent, spent + 400]).toContain(between.spent)
          expect(between).toEqual({ spent: between.spent, entries: between.spent / 100, sums: between.spent })
          await proxy.set()
          await bare.postBooks(batch)
          spent += 400
          expect(await balanceOf(direct)).toEqual({ spent, entries: spent / 100, sums: spent })
        }
      }
    }
    expect(cuts).toBeGreaterThan(sizes.length)
  })

  test('a connection reset in the middle of many leases grants no more than there is', async () => {
    const { direct, bare, proxy } = await behindProxy()
    for (let round = 0; round < 20; round += 1) {
      const asked = Array.from({ length: 8 }, () => bare.lease([ask('node_1', 1, 70_000)]))
      setTimeout(() => proxy.resetAll(), round % 5)
      await Promise.allSettled(asked)
      const [standing] = await direct.standings([charge('bud_1')])
      expect(standing?.leasedNanoUsd).toBeLessThanOrEqual(LIMIT)
      // The server may still be at what nobody waits for any more: what it grants then goes back as well.
      await eventually(RECOVERY_MS_MAX, async () => {
        await direct.returnLease('node_1', charge('bud_1'), nano(LIMIT))
        const [after] = await direct.standings([charge('bud_1')])
        return after?.leasedNanoUsd === 0 && (await direct.leasesOf('node_1')).length === 0
      })
    }
  })

  test('a slow way is told apart from a dead one: the books are taken, requests do not wait', async () => {
    const { store, proxy } = await behindProxy()
    await proxy.set({ type: 'latency', downMs: 150 })
    for (let times = 0; times < 3; times += 1)
      await expect(store.lease([ask('node_1', 1, 10)])).rejects.toBeInstanceOf(StoreUnavailable)
    // It goes by what a look says, which the server answers, though too late for a request.
    await eventually(RECOVERY_MS_MAX, () =>
      store.ping().then(
        () => true,
        () => false,
      ),
    )
    expect(store.health().state).toBe('slow')
    await store.postBooks(batchOf('slow', 3))
    await proxy.set()
    await eventually(RECOVERY_MS_MAX, () => store.health().state === 'answering')
    // What was granted too late went back.
    await eventually(RECOVERY_MS_MAX, async () => (await store.leasesOf('node_1')).length === 0)
  })

  test('fault 130: a server that takes no writes is said to be one, and found again once it does', async () => {
    const { server } = stage
    const url = await server.createDatabase()
    const store = await openStore(url)
    onTestFinished(() => store.close())
    await store.putBudget(budget('bud_1', LIMIT), [])
    const name = new URL(url).pathname.slice(1)
    await server.run(`ALTER DATABASE ${name} SET default_transaction_read_only = on`)
    await server.endConnections(name)
    await eventually(RECOVERY_MS_MAX, async () => {
      const error = await store.ping().then(
        () => undefined,
        (thrown: unknown) => thrown,
      )
      return error instanceof StoreUnavailable && /takes no writes/.test(error.message)
    })
    await expect(store.postBooks(batchOf('a', 1))).rejects.toThrow(/takes no writes/)
    await expect(store.postBooks(batchOf('a', 1))).rejects.toBeInstanceOf(StoreUnavailable)
    expect(await store.loadBudgets()).toHaveLength(1)
    await server.run(`ALTER DATABASE ${name} RESET default_transaction_read_only`)
    // No connection of before is asked again: each failed write has cost its own.
    await eventually(RECOVERY_MS_MAX, () =>
      store.postBooks(batchOf('a', 1)).then(
        () => true,
        () => false,
      ),
    )
  })

  test('fault 130: with every connection of the pool busy, the next waits no longer than its deadline', async () => {
    const { server } = stage
    const url = await server.createDatabase()
    const store = await openStore(url, { connectionsMax: 2, deadlinesMs: { quick: 300, write: 600 } })
    onTestFinished(() => store.close())
    await store.putBudget(budget('bud_1', LIMIT), [])
    await using locker = await server.lockTable(url, 'holdfast.standings')
    const posts = [1, 2].map((place) =>
      store.postBooks(batchOf(`busy-${place}`, 1)).catch((error: unknown) => error),
    )
    const startedMs = performance.now()
    await expect(store.ping()).rejects.toBeInstanceOf(StoreUnavailable)
    expect(performance.now() - startedMs).toBeLessThan(300 + GRACE_MS)
    for (const post of posts) expect(await post).toBeInstanceOf(StoreUnavailable)
    await locker.unlock()
    await store.ping()
    for (const place of [1, 2]) await store.postBooks(batchOf(`busy-${place}`, 1))
    expect(await balanceOf(store)).toEqual({ spent: 200, entries: 2, sums: 200 })
  })

  /** Every kind of operation at once; how long each took to be refused, ms. */
  async function refusals(store: Store): Promise<Record<string, number>> {
    const startedMs = performance.now()
    const tookMs = async (operation: Promise<unknown>) => {
      await expect(operation).rejects.toBeInstanceOf(StoreUnavailable)
      return performance.now() - startedMs
    }
    const asked = {
      lease: store.lease([ask('node_1', 1, 10)]),
      recall: store.findCached('id', 0),
      revision: store.directoryRevision(),
      keep: store.returnLease('node_1', charge('bud_1'), nano(1)),
      postBooks: store.postBooks(batchOf('refused', 1)),
      change: store.putBudget(budget('bud_2', 1), []),
      report: store.spend({ fromMs: 0, untilMs: 1, by: [], rowsMax: 1 }),
    }
    const all = Object.entries(asked).map(
      async ([name, operation]) => [name, await tookMs(operation)] as const,
    )
    return Object.fromEntries(await Promise.all(all))
  }
})

function deadlineOf(name: string): number {
  return STORE_DEADLINES_MS[name as keyof typeof STORE_DEADLINES_MS]
}

/** A matcher for `toEqual`. */
function atMost(max: number) {
  return { asymmetricMatch: (ms: number) => ms <= max, toString: () => `at most ${max}` }
}

function ask(nodeId: string, need: number, want: number) {
  return { nodeId, charge: charge('bud_1'), needNanoUsd: nano(need), wantNanoUsd: nano(want) }
}

/** Entries of 100 nano-dollars each. */
function batchOf(prefix: string, entries: number) {
  const ids = Array.from({ length: entries }, (_, place) => `${prefix}-${place}`)
  return {
    nodeId: 'node_1',
    entries: ids.map((id) => entry(id, { charges: [charge('bud_1')] })),
    requests: ids.map((id) => row(id)),
  }
}

async function balanceOf(store: Store) {
  const [standing] = await store.standings([charge('bud_1')])
  const everything = { fromMs: 0, untilMs: 4_000_000_000_000, rowsMax: 10 }
  const [hours] = await store.spend({ ...everything, by: [] })
  // By session the entries are counted themselves, and not the sums kept of them.
  const [entries] = await store.spend({ ...everything, by: ['session'] })
  return { spent: standing?.spentNanoUsd ?? 0, entries: entries?.entries ?? 0, sums: hours?.costNanoUsd ?? 0 }
}

async function answersAgain(store: GuardedStore): Promise<number> {
  const startedMs = performance.now()
  await eventually(RECOVERY_MS_MAX, () => store.health().state === 'answering')
  return performance.now() - startedMs
}

function round(times: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(times).map(([name, ms]) => [name, Math.round(ms)]))
}
