/** Three nodes over one store, in whatever order things happen: no limit is passed, and no money is lost. */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { accountsStage, ask, HOUR_MS, YEAR_MS } from './accounts.test-support.ts'
import type { Budget, BudgetPeriod } from './budget.ts'
import { DOUBT_MS } from './budget-account.ts'
import type { BudgetAccounts } from './budget-accounts.ts'
import type { Hold } from './hold.ts'
import type { Charge, LedgerEntry } from './entry.ts'
import { budgetOf, entryOf, nano, type Trouble } from './ledger.test-support.ts'

const LIMITS = [40, 200, 1_000] as const
const PERIODS: readonly BudgetPeriod[] = ['total', 'day', 'month']
const BUDGETS = LIMITS.map((limit, place) =>
  budgetOf(`bud_${place}`, limit, { period: PERIODS[place] ?? 'total' }),
)

type Step =
  | {
      readonly type: 'hold'
      readonly node: number
      readonly budgets: number
      readonly atMost: number
      readonly part: number
      readonly times: number
    }
  | { readonly type: 'settle'; readonly place: number; readonly part: number }
  | { readonly type: 'post'; readonly node: number }
  | { readonly type: 'trouble'; readonly troubles: readonly Trouble[] }
  | { readonly type: 'time'; readonly ms: number; readonly jumpMs: number }
  | { readonly type: 'idle'; readonly node: number; readonly beside: readonly Step[] }
  | { readonly type: 'limit'; readonly budget: number; readonly limit: number }
  | { readonly type: 'kill'; readonly node: number }

const node = fc.nat({ max: 2 })
const part = fc.double({ min: 0, max: 1, noNaN: true })
const holding = fc.record({
  type: fc.constant('hold' as const),
  node,
  budgets: fc.integer({ min: 1, max: 7 }),
  atMost: fc.integer({ min: 1, max: 60 }),
  part,
  times: fc.integer({ min: 1, max: 4 }),
})
const settling = fc.record({
  type: fc.constant('settle' as const),
  place: fc.nat({ max: 30 }),
  // Seldom more than was held: what a provider reports counts all the same.
  part: fc.oneof({ weight: 9, arbitrary: part }, { weight: 1, arbitrary: fc.constant(1.5) }),
})
const posting = fc.record({ type: fc.constant('post' as const), node })
const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: holding },
    { weight: 5, arbitrary: settling },
    { weight: 3, arbitrary: posting },
    {
      weight: 2,
      arbitrary: fc.record({
        type: fc.constant('trouble' as const),
        troubles: fc.array(fc.constantFrom<Trouble>('none', 'refused', 'unheard', 'unanswered'), {
          minLength: 1,
          maxLength: 4,
        }),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        type: fc.constant('time' as const),
        ms: fc.constantFrom(10, 1_100, 31_000, DOUBT_MS + 1),
        jumpMs: fc.constantFrom(0, 0, HOUR_MS, -HOUR_MS, YEAR_MS, -YEAR_MS, 12 * HOUR_MS),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        type: fc.constant('idle' as const),
        node,
        beside: fc.tuple(holding, settling, posting).chain((all) => fc.subarray(all)),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        type: fc.constant('limit' as const),
        budget: fc.nat({ max: 2 }),
        limit: fc.integer({ min: 0, max: 1_200 }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('kill' as const), node }) },
  ),
  { minLength: 10, maxLength: 60 },
)

interface Held {
  readonly hold: Hold
  readonly node: number
  readonly id: string
}

/** Three nodes over one store, and what they ought to have spent. */
class Model {
  readonly #stage = accountsStage(BUDGETS)
  readonly #nodes: BudgetAccounts[]
  readonly #ids: string[]
  #budgets: readonly Budget[] = BUDGETS
  #held: Held[] = []
  readonly #unposted: LedgerEntry[][] = [[], [], []]
  readonly #settled = new Map<string, number>()
  /** Beyond what was held. */
  readonly #excess = new Map<string, number>()
  readonly #bounds = new Map<string, number>()
  #made = 0

  constructor() {
    this.#ids = ['node_0', 'node_1', 'node_2']
    this.#nodes = this.#ids.map((id) => this.#stage.node(id))
  }

  async play(step: Step): Promise<void> {
    const { store, time } = this.#stage
    switch (step.type) {
      case 'hold':
        return this.#hold(step)
      case 'settle': {
        const [one] = this.#held.splice(step.place % Math.max(1, this.#held.length), 1)
        if (one !== undefined) this.#settle(one, Math.floor(one.hold.nanoUsd * step.part))
        return this.#rest()
      }
      case 'post':
        return this.#post(step.node)
      case 'trouble':
        store.troubles.push(...step.troubles)
        return
      case 'time':
        time.nowMs += step.ms
        time.wallMs += step.ms + step.jumpMs
        return
      case 'idle':
        await Promise.all([
          this.#accounts(step.node).returnIdle(),
          ...step.beside.map(async (other) => this.play(other)),
        ])
        return
      case 'limit':
        return this.#changeLimit(step.budget, step.limit)
      case 'kill':
        return this.#kill(step.node)
    }
  }

  /** At all times, of every budget and period: what was spent and what may yet be is within the limit. */
  check(): void {
    for (const standing of this.#stage.store.standings()) {
      const { spentNanoUsd, leasedNanoUsd } = standing
      expect(leasedNanoUsd).toBeGreaterThanOrEqual(0)
      const key = keyOf(standing)
      const committed = (this.#settled.get(key) ?? 0) + this.#heldOf(standing)
      const excess = this.#excess.get(key) ?? 0
      expect(committed).toBeLessThanOrEqual(this.#boundOf(standing) + excess)
      expect(spentNanoUsd).toBeLessThanOrEqual(committed)
      // Nothing that is promised here is free there for others.
      expect(spentNanoUsd + leasedNanoUsd).toBeGreaterThanOrEqual(committed - excess)
    }
    const reserved = this.#held.reduce((sum, { hold }) => sum + hold.nanoUsd * hold.charges.length, 0)
    expect(this.#nodes.reduce((sum, accounts) => sum + accounts.heldNanoUsd, 0)).toBe(reserved)
  }

  /** All is settled and posted, and every node ends: nothing is reserved, and nothing is lost. */
  async end(): Promise<void> {
    const { store } = this.#stage
    await this.#calmDown()
    for (const one of this.#held.splice(0)) this.#settle(one, one.hold.nanoUsd)
    for (const accounts of this.#nodes) expect(accounts.heldNanoUsd).toBe(0)
    await this.#calmDown()
    for (const place of this.#nodes.keys()) await this.#kill(place)
    for (const standing of store.standings()) {
      expect(standing.leasedNanoUsd).toBe(0)
      expect(standing.spentNanoUsd).toBe(this.#settled.get(keyOf(standing)) ?? 0)
    }
  }

  /** Whatever the store did not say, once it answers again nothing stays leased but what is held. */
  async #calmDown(): Promise<void> {
    const { store, time } = this.#stage
    await this.#rest()
    store.troubles.length = 0
    for (const place of this.#nodes.keys()) await this.#post(place)
    for (let times = 0; times < 3; times += 1) {
      time.nowMs += DOUBT_MS + 1
      for (const accounts of this.#nodes) await accounts.returnIdle()
    }
    for (const standing of store.standings()) {
      const held = this.#heldOf(standing)
      expect(standing.leasedNanoUsd).toBeLessThanOrEqual(held)
      expect(standing.leasedNanoUsd).toBeGreaterThanOrEqual(held - (this.#excess.get(keyOf(standing)) ?? 0))
    }
  }

  #heldOf(charge: Charge): number {
    const of = this.#held.filter(({ hold }) => hold.charges.some((one) => keyOf(one) === keyOf(charge)))
    return of.reduce((sum, { hold }) => sum + hold.nanoUsd, 0)
  }

  async #hold({ node, budgets, atMost, part, times }: Extract<Step, { type: 'hold' }>): Promise<void> {
    const asked = this.#budgets.filter((_, place) => (budgets & (1 << place)) !== 0)
    const least = Math.max(1, Math.floor(atMost * part))
    const answers = await Promise.all(
      Array.from({ length: times }, async () => this.#accounts(node).hold(asked, ask(atMost, least))),
    )
    for (const answer of answers) {
      if (answer.type !== 'held') continue
      expect(answer.nanoUsd).toBeGreaterThanOrEqual(least)
      expect(answer.nanoUsd).toBeLessThanOrEqual(atMost)
      this.#made += 1
      this.#held.push({ hold: answer, node, id: `x${this.#made}` })
    }
  }

  #settle({ hold, node, id }: Held, cost: number): void {
    hold.settle(nano(cost))
    // A second time changes nothing.
    hold.settle(nano(0))
    this.#enter(node, entryOf(id, { costNanoUsd: nano(cost), charges: hold.charges }))
    const excess = Math.max(0, cost - hold.nanoUsd)
    for (const charge of hold.charges)
      this.#excess.set(keyOf(charge), (this.#excess.get(keyOf(charge)) ?? 0) + excess)
  }

  #enter(node: number, entry: LedgerEntry): void {
    this.#unposted[node]?.push(entry)
    for (const charge of entry.charges)
      this.#settled.set(keyOf(charge), (this.#settled.get(keyOf(charge)) ?? 0) + (entry.costNanoUsd ?? 0))
  }

  async #post(node: number): Promise<void> {
    const entries = this.#unposted[node] ?? []
    const batch = [...entries]
    const accounts = this.#accounts(node)
    try {
      await this.#stage.store.postBooks({ nodeId: this.#ids[node] ?? '', entries: batch, requests: [] })
      for (const { charges, costNanoUsd = nano(0) } of entries.splice(0, batch.length))
        accounts.posted(charges, costNanoUsd)
    } catch {
      // They are posted again, all of them.
    }
  }

  /** Every node knows of it when it counts. */
  async #changeLimit(place: number, limit: number): Promise<void> {
    const { store } = this.#stage
    store.setLimit(`bud_${place}`, limit)
    this.#budgets = this.#budgets.map((budget, at) =>
      at === place ? { ...budget, limitNanoUsd: nano(limit) } : { ...budget },
    )
    for (const accounts of this.#nodes) accounts.replace(this.#budgets)
    await this.#rest()
    for (const standing of store.standings()) {
      if (standing.budgetId !== `bud_${place}`) continue
      const key = keyOf(standing)
      const committed = (this.#settled.get(key) ?? 0) + this.#heldOf(standing)
      this.#bounds.set(key, Math.max(limit, committed))
    }
  }

  /** The process is gone: what it held may have been spent, and its books are brought in. */
  async #kill(node: number): Promise<void> {
    const { store } = this.#stage
    store.troubles.length = 0
    for (const { hold, id } of this.#held.filter((one) => one.node === node))
      this.#enter(node, entryOf(id, { basis: 'estimated', costNanoUsd: hold.nanoUsd, charges: hold.charges }))
    this.#held = this.#held.filter((one) => one.node !== node)
    await this.#post(node)
    const id = this.#ids[node] ?? ''
    for (const lease of await store.leasesOf(id)) await store.returnLease(id, lease, lease.nanoUsd)
    this.#ids[node] = `${id}_again`
    const accounts = this.#stage.node(this.#ids[node] ?? '')
    accounts.replace(this.#budgets)
    this.#nodes[node] = accounts
  }

  #accounts(node: number): BudgetAccounts {
    // Sound: there are three, and steps name no other.
    return this.#nodes[node] as BudgetAccounts
  }

  #boundOf(charge: Charge & { readonly limitNanoUsd: number }): number {
    return Math.max(this.#bounds.get(keyOf(charge)) ?? 0, charge.limitNanoUsd)
  }

  /** Until what nobody waits for is done. */
  async #rest(): Promise<void> {
    for (let turn = 0; turn < 20; turn += 1) await Promise.resolve()
  }
}

function keyOf({ budgetId, periodStartMs }: Charge): string {
  return `${budgetId} ${periodStartMs}`
}

test('faults 117, 132: whatever fails, dies, jumps or is changed, three nodes never spend a nano-dollar too much, and lose none', async () => {
  const proof = fc.assert(
    fc.asyncProperty(steps, async (drawn) => {
      const model = new Model()
      for (const step of drawn) {
        await model.play(step)
        model.check()
      }
      await model.end()
    }),
    { numRuns: 600 },
  )
  await expect(proof).resolves.toBeUndefined()
}, 60_000)
