import { describe, expect, test } from 'vitest'
import type { BudgetId } from '../ledger/budget.ts'
import type { NanoUsd } from '../ledger/prices.ts'
import { ManualClock } from '../std/manual-clock.test-support.ts'
import { StoreConflict, StoreUnavailable } from '../std/store-error.ts'
import { guardStore, STORE_DEADLINES_MS } from './guarded-store.ts'
import { createMemoryStore } from './memory/memory-store.ts'
import type { StoreHealth } from './store-pulse.ts'

const charge = { budgetId: 'bud_1' as BudgetId, periodStartMs: 0 }
const usd = (nano: number) => nano as NanoUsd
const ask = { nodeId: 'node', charge, needNanoUsd: usd(1), wantNanoUsd: usd(100) }

/** A memory store behind a guard, whose answers take as long as the test says. */
function stage() {
  const clock = new ManualClock()
  const inner = createMemoryStore()
  let delayMs = 0
  const calls: string[] = []
  const slowed = new Proxy(inner, {
    get(target, name, receiver) {
      const value: unknown = Reflect.get(target, name, receiver)
      if (typeof value !== 'function') return value
      return (...args: unknown[]) => {
        calls.push(String(name))
        if (delayMs === 0) return value(...args)
        return new Promise((resolve, reject) => {
          if (delayMs === Number.POSITIVE_INFINITY) return
          clock.after(delayMs, () => value(...args).then(resolve, reject))
        })
      }
    },
  })
  const told: StoreHealth[] = []
  const store = guardStore(slowed, { clock, onChange: (health) => told.push(health) })
  return {
    clock,
    inner,
    store,
    told,
    calls,
    answersAfter: (ms: number) => void (delayMs = ms),
    /** Moves time in small steps, so that what promises settle in between is seen. */
    async pass(ms: number) {
      for (let left = ms; left > 0; left -= 10) {
        clock.advance(Math.min(10, left))
        for (let turns = 0; turns < 10; turns += 1) await Promise.resolve()
      }
    },
    stateOf: () => store.health().state,
  }
}

type Stage = ReturnType<typeof stage>

/** How long until it was refused, ms. */
async function refusedAfter({ clock, pass }: Stage, operation: Promise<unknown>): Promise<number> {
  const startedAtMs = clock.nowMs()
  const end: { atMs?: number; error?: unknown } = {}
  operation.catch((error: unknown) => {
    end.error = error
    end.atMs = clock.nowMs()
  })
  for (let turns = 0; turns < 10; turns += 1) await Promise.resolve()
  for (let step = 0; step < 2_000 && end.atMs === undefined; step += 1) await pass(10)
  expect(end.error).toBeInstanceOf(StoreUnavailable)
  return (end.atMs ?? Number.POSITIVE_INFINITY) - startedAtMs
}

describe('a guarded store', () => {
  test('answers as the store does, and leaves no timer behind', async () => {
    const { store, clock, stateOf } = stage()
    await store.note({ atMs: 1, actor: 'cli', action: 'sign-in', subject: 'x' })
    expect((await store.auditLines({ limit: 10 })).rows).toHaveLength(1)
    expect(store.kind).toBe('memory')
    expect(stateOf()).toBe('answering')
    expect(clock.pendingTimers).toBe(0)
  })

  test('fault 130: a store that hangs costs a lease its deadline three times, and then nothing', async () => {
    const at = stage()
    at.answersAfter(Number.POSITIVE_INFINITY)
    for (let times = 0; times < 3; times += 1)
      expect(await refusedAfter(at, at.store.lease([ask]))).toBe(STORE_DEADLINES_MS.lease)
    expect(at.stateOf()).toBe('slow')
    const asked = at.calls.filter((name) => name === 'lease').length
    expect(await refusedAfter(at, at.store.lease([ask]))).toBe(0)
    expect(at.calls.filter((name) => name === 'lease').length).toBe(asked)
    // The look that began at once has found it hung: the books are not tried either.
    await at.pass(STORE_DEADLINES_MS.ping)
    expect(at.stateOf()).toBe('failing')
    expect(await refusedAfter(at, at.store.postBooks({ nodeId: 'node', entries: [], requests: [] }))).toBe(0)
  })

  test('says of what it refuses at once that the store was never asked, and of what it waited for that it was', async () => {
    const at = stage()
    at.answersAfter(Number.POSITIVE_INFINITY)
    const told: unknown[] = []
    for (let times = 0; times < 5; times += 1) {
      const returned = at.store
        .returnLease('node', charge, usd(1))
        .catch((error: unknown) => told.push(error))
      await at.pass(STORE_DEADLINES_MS.keep)
      await returned
    }
    expect(told).toMatchObject([true, true, true, false, false].map((wasAsked) => ({ wasAsked })))
    expect(at.calls.filter((name) => name === 'returnLease')).toHaveLength(3)
  })

  test('fault 130: looks every second however long it takes, and recovers by itself', async () => {
    const at = stage()
    at.answersAfter(Number.POSITIVE_INFINITY)
    for (let times = 0; times < 3; times += 1) await refusedAfter(at, at.store.lease([ask]))
    const before = at.calls.filter((name) => name === 'ping').length
    await at.pass(60_000)
    const looks = at.calls.filter((name) => name === 'ping').length - before
    expect(looks).toBeGreaterThanOrEqual(59)
    expect(looks).toBeLessThanOrEqual(61)
    at.answersAfter(0)
    await at.pass(2_000)
    expect(at.stateOf()).toBe('answering')
    expect(at.told.map(({ state }) => state)).toEqual(['slow', 'failing', 'answering'])
    expect(at.clock.pendingTimers).toBe(0)
    await at.store.postBooks({ nodeId: 'node', entries: [], requests: [] })
  })

  test('a store that is slow still takes the books, and requests do not wait for it', async () => {
    const at = stage()
    at.answersAfter(300)
    for (let times = 0; times < 3; times += 1) await refusedAfter(at, at.store.lease([ask]))
    await at.pass(5_000)
    expect(at.stateOf()).toBe('slow')
    expect(await refusedAfter(at, at.store.findCached('id', 0))).toBe(0)
    const posted = at.store.postBooks({ nodeId: 'node', entries: [], requests: [] })
    await at.pass(400)
    await posted
    at.answersAfter(10)
    await at.pass(2_000)
    expect(at.stateOf()).toBe('answering')
  })

  test('a lease that is granted too late goes back', async () => {
    const at = stage()
    await at.inner.putBudget(
      {
        id: charge.budgetId,
        name: 'b',
        scope: { kind: 'all', id: '' },
        period: 'total',
        limitNanoUsd: usd(1_000),
        createdAtMs: 0,
      },
      [],
    )
    at.answersAfter(200)
    await refusedAfter(at, at.store.lease([ask]))
    await at.pass(150)
    expect((await at.inner.standings([charge]))[0]?.leasedNanoUsd).toBe(100)
    await at.pass(250)
    expect((await at.inner.standings([charge]))[0]?.leasedNanoUsd).toBe(0)
  })

  test('who leased what, and that it is taken back, is asked of the store, and waited for in time', async () => {
    const at = stage()
    const release = { nodeId: 'node', isForced: false, atMs: 0, actor: 'cli' }
    const operations = [
      [() => at.store.leases(), STORE_DEADLINES_MS.load],
      [() => at.store.releaseNode(release), STORE_DEADLINES_MS.change],
      [() => at.store.releases('node'), STORE_DEADLINES_MS.revision],
    ] as const
    const told = []
    for (const [operation] of operations) told.push(await operation())
    expect(told).toEqual([[], { type: 'released', leases: [] }, 0])
    expect(at.calls).toEqual(['leases', 'releaseNode', 'releases'])
    at.answersAfter(Number.POSITIVE_INFINITY)
    const [[first, firstMs], [second, secondMs]] = operations
    expect([await refusedAfter(at, first()), await refusedAfter(at, second())]).toEqual([firstMs, secondMs])
  })

  test('a record of the journal that is opened too late is dropped, unless it was there before', async () => {
    const at = stage()
    const record = {
      id: 'a',
      requestHash: 'h',
      exchangeId: 'x',
      nodeId: 'n',
      state: 'open',
      createdAtMs: 0,
      expiresAtMs: 1_000,
    } as const
    at.answersAfter(3_000)
    await refusedAfter(at, at.store.openJournals([record], 0))
    await at.pass(5_000)
    expect(await at.inner.findJournal('a', 0)).toBeUndefined()
    await at.inner.openJournals([record], 0)
    await refusedAfter(at, at.store.openJournals([{ ...record, exchangeId: 'y' }], 0))
    await at.pass(5_000)
    expect(await at.inner.findJournal('a', 0)).toMatchObject({ exchangeId: 'x' })
  })

  test('a refusal for a reason of its own is an answer, and opens nothing', async () => {
    const at = stage()
    for (let times = 0; times < 10; times += 1)
      await expect(at.store.changeDirectory([], [], 99)).rejects.toBeInstanceOf(StoreConflict)
    expect(at.stateOf()).toBe('answering')
  })

  test('reports that take too long end in time and say nothing of the store', async () => {
    const at = stage()
    at.answersAfter(60_000)
    const query = { fromMs: 0, untilMs: 1, by: [], rowsMax: 1 } as const
    for (let times = 0; times < 5; times += 1)
      expect(await refusedAfter(at, at.store.spend(query))).toBe(STORE_DEADLINES_MS.report)
    expect(at.stateOf()).toBe('answering')
  })

  test('operations that began before the last success do not count against the store', async () => {
    const at = stage()
    at.answersAfter(Number.POSITIVE_INFINITY)
    const hung = [1, 2, 3].map(() => at.store.findCached('id', 0).catch(() => undefined))
    at.answersAfter(0)
    await at.pass(10)
    await at.store.findCached('id', 0)
    await at.pass(100)
    await Promise.all(hung)
    expect(at.stateOf()).toBe('answering')
  })

  test('says since when and why it fails, and asks nothing once closed', async () => {
    const at = stage()
    at.answersAfter(Number.POSITIVE_INFINITY)
    await at.pass(500)
    for (let times = 0; times < 3; times += 1) await refusedAfter(at, at.store.lease([ask]))
    expect(at.store.health()).toEqual({
      state: 'slow',
      sinceMs: at.clock.wallMs(),
      lastError: 'The memory store did not answer within 50 ms.',
    })
    at.answersAfter(0)
    await at.store.close()
    at.calls.length = 0
    await at.pass(10_000)
    expect(at.calls).toEqual([])
  })
})

test('asks nothing of a store before what must come first has succeeded, and tells of it as of a store that is away', async () => {
  const clock = new ManualClock()
  const inner = createMemoryStore()
  const told: StoreHealth[] = []
  let tries = 0
  let isForeign = true
  const store = guardStore(inner, {
    clock,
    beforeUse: async () => {
      tries += 1
      if (isForeign) throw new StoreUnavailable('another master secret')
    },
    onChange: (health) => told.push(health),
  })
  for (const ask of [() => store.directoryRevision(), () => store.loadBudgets(), () => store.ping()])
    await expect(ask()).rejects.toThrow('another master secret')
  expect(told.map(({ state, lastError }) => [state, lastError])).toEqual([
    ['failing', 'another master secret'],
  ])
  isForeign = false
  await store.ping()
  const triesOnce = tries
  expect(await Promise.all([store.directoryRevision(), store.loadBudgets()])).toEqual([0, []])
  expect(tries).toBe(triesOnce)
  await store.close()
})
