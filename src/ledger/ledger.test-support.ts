/** A store of books in memory that does as told: it fails before it heard, or after. And lines as small as they can be. */

import { StoreUnavailable } from '../std/store-error.ts'
import type { Budget, BudgetId, BudgetScope } from './budget.ts'
import type { Charge, LedgerEntry, RequestRow } from './entry.ts'
import type { BookBatch, BudgetStanding, LeaseAsk, LeaseGrant } from './ledger-store.ts'
import type { NanoUsd } from './prices.ts'

export function nano(value: number): NanoUsd {
  // Sound: tests write whole numbers.
  return value as NanoUsd
}

export function budgetOf(id: string, limit: number, fields: Partial<Budget> = {}): Budget {
  const scope: BudgetScope = { kind: 'all', id: '' }
  // Sound: an id of a test.
  return {
    id: id as BudgetId,
    name: id,
    scope,
    period: 'total',
    limitNanoUsd: nano(limit),
    createdAtMs: 0,
    ...fields,
  }
}

export function entryOf(exchangeId: string, fields: Partial<LedgerEntry> = {}): LedgerEntry {
  return {
    exchangeId,
    attempt: 1,
    atMs: 0,
    attribution: { tags: [] },
    modelId: 'm',
    target: 'p/m',
    provider: 'p',
    outcome: 'completed',
    durationMs: 1,
    basis: 'reported',
    costNanoUsd: nano(1),
    isWaste: false,
    charges: [],
    ...fields,
  }
}

export function rowOf(exchangeId: string, fields: Partial<RequestRow> = {}): RequestRow {
  return {
    exchangeId,
    atMs: 0,
    attribution: { tags: [] },
    state: 'completed',
    dialect: 'openai-chat',
    operation: 'chat',
    status: 200,
    stream: false,
    attempts: 1,
    requestBytes: 1,
    responseBytes: 1,
    durationMs: 1,
    isSimulated: false,
    ...fields,
  }
}

/** What the next operation does: as asked, or nothing but fail, saying that it was never asked or not saying so, or as asked and fail all the same. */
export type Trouble = 'none' | 'refused' | 'unheard' | 'unanswered'

interface Period {
  readonly charge: Charge
  spent: number
  readonly leases: Map<string, number>
}

export class LedgerBench {
  readonly #limits = new Map<string, number>()
  readonly #periods = new Map<string, Period>()
  readonly entries = new Map<string, LedgerEntry>()
  readonly rows = new Map<string, RequestRow>()
  /** Taken from, first to last; then nothing fails. */
  readonly troubles: Trouble[] = []
  posts = 0

  setLimit(id: string, limit: number | undefined): void {
    if (limit === undefined) this.#limits.delete(id)
    else this.#limits.set(id, limit)
  }

  async lease(asks: readonly LeaseAsk[]): Promise<readonly LeaseGrant[]> {
    return this.#troubled(() => asks.map((ask) => this.#grant(ask)))
  }

  async returnLease(nodeId: string, charge: Charge, nanoUsd: NanoUsd): Promise<void> {
    return this.#troubled(() => shrink(this.#period(charge), nodeId, nanoUsd))
  }

  async leasesOf(nodeId: string): Promise<readonly (Charge & { readonly nanoUsd: NanoUsd })[]> {
    return this.#troubled(() =>
      [...this.#periods.values()].flatMap(({ charge, leases }) => {
        const leased = leases.get(nodeId)
        return leased === undefined ? [] : [{ ...charge, nanoUsd: nano(leased) }]
      }),
    )
  }

  async postBooks({ nodeId, entries, requests }: BookBatch): Promise<void> {
    return this.#troubled(() => {
      this.posts += 1
      for (const entry of entries) {
        const id = `${entry.exchangeId} ${entry.attempt}`
        if (this.entries.has(id)) continue
        this.entries.set(id, entry)
        for (const charge of entry.charges) {
          const period = this.#period(charge)
          period.spent += entry.costNanoUsd ?? 0
          shrink(period, nodeId, entry.costNanoUsd ?? 0)
        }
      }
      for (const request of requests)
        if (!this.rows.has(request.exchangeId)) this.rows.set(request.exchangeId, request)
    })
  }

  setLease(nodeId: string, charge: Charge, nanoUsd: NanoUsd): void {
    this.#period(charge).leases.set(nodeId, nanoUsd)
  }

  standings(): readonly BudgetStanding[] {
    return [...this.#periods.values()].map((period) => this.#standing(period))
  }

  standing(charge: Charge): BudgetStanding {
    return this.#standing(this.#period(charge))
  }

  #grant({ nodeId, charge, needNanoUsd, wantNanoUsd }: LeaseAsk): LeaseGrant {
    const limit = this.#limits.get(charge.budgetId)
    if (limit === undefined) return { grantedNanoUsd: nano(0), standing: undefined }
    const period = this.#period(charge)
    const room = limit - period.spent - leasedOf(period)
    const granted = room >= needNanoUsd ? Math.max(0, Math.min(room, wantNanoUsd)) : 0
    if (granted > 0) period.leases.set(nodeId, (period.leases.get(nodeId) ?? 0) + granted)
    return { grantedNanoUsd: nano(granted), standing: this.#standing(period) }
  }

  #period(charge: Charge): Period {
    const key = `${charge.budgetId} ${charge.periodStartMs}`
    const known = this.#periods.get(key)
    if (known !== undefined) return known
    const period: Period = { charge, spent: 0, leases: new Map() }
    this.#periods.set(key, period)
    return period
  }

  #standing(period: Period): BudgetStanding {
    return {
      ...period.charge,
      limitNanoUsd: nano(this.#limits.get(period.charge.budgetId) ?? 0),
      spentNanoUsd: nano(period.spent),
      leasedNanoUsd: nano(leasedOf(period)),
    }
  }

  async #troubled<Result>(work: () => Result): Promise<Result> {
    const trouble = this.troubles.shift() ?? 'none'
    await Promise.resolve()
    if (trouble === 'refused') throw new StoreUnavailable('It is not asked.', { wasAsked: false })
    if (trouble === 'unheard') throw new StoreUnavailable('It did not hear.')
    const result = work()
    await Promise.resolve()
    if (trouble === 'unanswered') throw new StoreUnavailable('It heard, and nobody knows.')
    return result
  }
}

function leasedOf({ leases }: Period): number {
  return leases.values().reduce((sum, lease) => sum + lease, 0)
}

function shrink({ leases }: Period, nodeId: string, nanoUsd: number): void {
  const left = (leases.get(nodeId) ?? 0) - nanoUsd
  if (left > 0) leases.set(nodeId, left)
  else leases.delete(nodeId)
}
