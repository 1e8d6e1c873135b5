/**
 * What must hold of the books whatever was killed: every request that a client heard of has one row, no money is spent
 * twice or beyond a limit, what a provider reported is what stands in the ledger, and nothing is reserved for the dead.
 */

import type { Budget } from '../../src/ledger/budget.ts'
import type { Charge, LedgerEntry, RequestRow } from '../../src/ledger/entry.ts'
import { periodStart } from '../../src/ledger/period.ts'
import type { Store } from '../../src/stores/store.ts'
import type { Told } from './ask.ts'
import type { UpstreamCall } from './priced-upstream.ts'

export interface CheckParts {
  readonly store: Store
  callsOf(mark: string): readonly UpstreamCall[]
}

export interface Tally {
  rows: number
  entries: number
  orphans: number
  readonly basis: Record<string, number>
  readonly states: Record<string, number>
}

const PAGE = 100

export class BookChecks {
  readonly #parts: CheckParts
  readonly #rows = new Map<string, RequestRow>()
  readonly #entries = new Map<string, readonly LedgerEntry[]>()
  readonly #ofMark = new Map<string, string[]>()
  readonly #spent = new Map<string, number>()
  readonly tally: Tally = { rows: 0, entries: 0, orphans: 0, basis: {}, states: {} }

  constructor(parts: CheckParts) {
    this.#parts = parts
  }

  /** Rows that were not there before, with their entries. */
  async read(fromMs: number): Promise<void> {
    let cursor: string | undefined
    do {
      const page = await this.#parts.store.requests({ fromMs, limit: PAGE, ...(cursor && { cursor }) })
      for (const row of page.rows) if (!this.#rows.has(row.exchangeId)) await this.#take(row)
      cursor = page.next
    } while (cursor !== undefined)
  }

  /** Of a run that is over: what each client saw, against the books and the provider. */
  judge(told: readonly Told[]): readonly string[] {
    return [
      ...told.flatMap((one) => this.#hasRow(one)),
      ...[...new Set(told.map(({ asked }) => asked.mark))].flatMap((mark) => this.#isTrue(mark)),
      ...told.flatMap((one) => this.#isChargedOnce(one)),
    ]
  }

  /** How the budgets stand, while nobody is served. `liveNode`: who alone may hold a lease; absent: nobody. */
  async judgeBudgets(budgets: readonly Budget[], liveNodes: readonly string[]): Promise<readonly string[]> {
    const { store } = this.#parts
    const charges = budgets.map(({ id, period }) => ({
      budgetId: id,
      periodStartMs: periodStart(period, Date.now()),
    }))
    const standings = await store.standings(charges)
    const live = new Map<string, number>()
    for (const node of liveNodes) {
      for (const lease of await store.leasesOf(node))
        live.set(keyOf(lease), (live.get(keyOf(lease)) ?? 0) + lease.nanoUsd)
    }
    return standings.flatMap((standing) => {
      const { budgetId, limitNanoUsd, spentNanoUsd, leasedNanoUsd } = standing
      const known = this.#spent.get(keyOf(standing)) ?? 0
      const leased = live.get(keyOf(standing)) ?? 0
      return [
        ...(spentNanoUsd === known
          ? []
          : [`${budgetId}: the store says ${spentNanoUsd} is spent, its entries cost ${known}`]),
        ...(spentNanoUsd <= limitNanoUsd ? [] : [`${budgetId}: ${spentNanoUsd} spent of ${limitNanoUsd}`]),
        ...(spentNanoUsd + leasedNanoUsd <= limitNanoUsd
          ? []
          : [`${budgetId}: ${spentNanoUsd} spent and ${leasedNanoUsd} leased of ${limitNanoUsd}`]),
        ...(leasedNanoUsd === leased
          ? []
          : [`${budgetId}: ${leasedNanoUsd} leased, and the living hold ${leased}`]),
      ]
    })
  }

  /** Every row of the store again: none twice, none gone, none changed. */
  async judgeAll(): Promise<readonly string[]> {
    const seen = new Set<string>()
    const wrong: string[] = []
    let cursor: string | undefined
    do {
      const page = await this.#parts.store.requests({ fromMs: 0, limit: PAGE, ...(cursor && { cursor }) })
      for (const { exchangeId } of page.rows) {
        if (seen.has(exchangeId)) wrong.push(`${exchangeId} has two rows`)
        seen.add(exchangeId)
        const found = await this.#parts.store.request(exchangeId)
        const before = this.#entries.get(exchangeId)
        if (JSON.stringify(found?.attempts) !== JSON.stringify(before))
          wrong.push(`${exchangeId}: its entries changed after they were posted`)
      }
      cursor = page.next
    } while (cursor !== undefined)
    for (const exchangeId of this.#rows.keys())
      if (!seen.has(exchangeId)) wrong.push(`the row of ${exchangeId} is gone`)
    return wrong
  }

  async #take(row: RequestRow): Promise<void> {
    const found = await this.#parts.store.request(row.exchangeId)
    const attempts = found?.attempts ?? []
    this.#rows.set(row.exchangeId, row)
    this.#entries.set(row.exchangeId, attempts)
    const mark = row.attribution.sessionId ?? ''
    this.#ofMark.set(mark, [...(this.#ofMark.get(mark) ?? []), row.exchangeId])
    this.tally.rows += 1
    this.tally.entries += attempts.length
    count(this.tally.states, row.state)
    if (row.state === 'orphaned') this.tally.orphans += 1
    for (const { basis, costNanoUsd = 0, charges } of attempts) {
      count(this.tally.basis, basis)
      for (const charge of charges)
        this.#spent.set(keyOf(charge), (this.#spent.get(keyOf(charge)) ?? 0) + costNanoUsd)
    }
  }

  #hasRow({ asked, requestId, status }: Told): readonly string[] {
    // Neither one without a good key nor one whose body did not come in time was ever accepted.
    if (requestId === undefined || status === 401 || status === 408) return []
    const row = this.#rows.get(requestId)
    if (row === undefined) return [`${requestId} (${asked.mark}) was answered ${status} and has no row`]
    return row.attribution.sessionId === asked.mark ? [] : [`${requestId} is the row of somebody else`]
  }

  /** The ledger against what the provider counted. */
  #isTrue(mark: string): readonly string[] {
    const calls = this.#parts.callsOf(mark)
    const entries = (this.#ofMark.get(mark) ?? []).flatMap((id) => this.#entries.get(id) ?? [])
    const ids = entries.map(({ exchangeId, attempt }) => `${exchangeId} ${attempt}`)
    if (new Set(ids).size < ids.length) return [`${mark}: an entry stands twice`]
    const charged = sumOf(calls.map(({ chargedNanoUsd }) => chargedNanoUsd))
    const ledger = sumOf(entries.map(({ costNanoUsd = 0 }) => costNanoUsd))
    const basis = new Set(entries.map((entry) => entry.basis))
    const wrong = (said: string) => [
      `${mark}: ${said}; the provider charged ${JSON.stringify(calls)}, the ledger has ${JSON.stringify(entries)}`,
    ]
    // Of an answer that nobody read to its end, what came of it is counted: that is a part of what it cost.
    if (basis.has('counted')) return []
    if (entries.some((entry) => entry.outcome === 'orphaned' && entry.basis !== 'estimated'))
      return wrong('an orphan is not estimated')
    if (!basis.has('estimated') && charged !== ledger)
      return wrong(`${charged} was charged, ${ledger} entered`)
    return charged <= ledger ? [] : wrong(`${charged} was charged and only ${ledger} entered`)
  }

  #isChargedOnce({ asked }: Told): readonly string[] {
    if (asked.idempotencyKey === undefined) return []
    const charged = this.#parts.callsOf(asked.mark).filter(({ chargedNanoUsd }) => chargedNanoUsd > 0)
    return charged.length <= 1
      ? []
      : [`${asked.mark}: one key was charged ${charged.length} times: ${JSON.stringify(charged)}`]
  }
}

function keyOf({ budgetId, periodStartMs }: Charge): string {
  return `${budgetId} ${periodStartMs}`
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0)
}

function count(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1
}
