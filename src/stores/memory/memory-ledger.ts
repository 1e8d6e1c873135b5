/** The books of a memory store: entries, rows, and how the budgets stand. */

import type { Budget, BudgetId } from '../../ledger/budget.ts'
import type { Charge, LedgerEntry, RequestRow } from '../../ledger/entry.ts'
import type {
  BookBatch,
  BudgetStanding,
  LeaseAsk,
  LeaseGrant,
  NodeLease,
  ReleaseAsk,
} from '../../ledger/ledger-store.ts'
import type { NanoUsd } from '../../ledger/prices.ts'
import { releaseNote } from '../../ledger/release-note.ts'
import type { AuditNote } from '../../std/audit.ts'
import { StoreConflict } from '../../std/store-error.ts'
import { checkBooks } from '../check-books.ts'
import type { PeriodSpend, TransferChunk } from '../transfer.ts'
import type { MemoryAudit } from './memory-audit.ts'

interface Period {
  readonly charge: Charge
  spent: number
  /** By node. */
  readonly leases: Map<string, number>
}

export class MemoryLedger {
  readonly #audit: MemoryAudit
  readonly #linesMax: number
  readonly #budgets = new Map<BudgetId, Budget>()
  readonly #periods = new Map<string, Period>()
  /** How often leases of each node were released. */
  readonly #releases = new Map<string, number>()
  readonly #entries = new Map<string, LedgerEntry>()
  readonly #requests = new Map<string, RequestRow>()
  revision = 0

  constructor(audit: MemoryAudit, linesMax: number) {
    this.#audit = audit
    this.#linesMax = linesMax
  }

  get budgets(): readonly Budget[] {
    return [...this.#budgets.values()]
  }

  /** In the order they were posted. */
  get entries(): Iterable<LedgerEntry> {
    return this.#entries.values()
  }

  get requests(): Iterable<RequestRow> {
    return this.#requests.values()
  }

  requestOf(exchangeId: string): RequestRow | undefined {
    return this.#requests.get(exchangeId)
  }

  putBudget(budget: Budget, notes: readonly AuditNote[], expectedRevision?: number): void {
    if (expectedRevision !== undefined && expectedRevision !== this.revision)
      throw new StoreConflict(`The budgets are at revision ${this.revision}, not ${expectedRevision}.`)
    this.#budgets.set(budget.id, budget)
    this.#audit.add(notes)
    this.revision += 1
  }

  post({ nodeId, entries, requests }: BookBatch): void {
    checkBooks({ entries, requests })
    for (const entry of entries) {
      const id = idOf(entry)
      if (this.#entries.has(id)) continue
      this.#entries.set(id, entry)
      if (entry.costNanoUsd !== undefined)
        for (const charge of entry.charges) this.#spend(nodeId, charge, entry.costNanoUsd)
    }
    for (const row of requests)
      if (!this.#requests.has(row.exchangeId)) this.#requests.set(row.exchangeId, row)
    this.#makeRoom()
  }

  lease({ nodeId, charge, needNanoUsd, wantNanoUsd }: LeaseAsk): LeaseGrant {
    const budget = this.#budgets.get(charge.budgetId)
    if (budget === undefined || budget.removedAtMs !== undefined)
      return { grantedNanoUsd: nano(0), standing: undefined }
    const period = this.#period(charge)
    const room = budget.limitNanoUsd - period.spent - leasedOf(period)
    const granted = room >= needNanoUsd ? Math.max(0, Math.min(room, wantNanoUsd)) : 0
    if (granted > 0) period.leases.set(nodeId, (period.leases.get(nodeId) ?? 0) + granted)
    return { grantedNanoUsd: nano(granted), standing: this.#standing(budget, period) }
  }

  returnLease(nodeId: string, charge: Charge, nanoUsd: NanoUsd): void {
    const { leases } = this.#period(charge)
    shrink(leases, nodeId, nanoUsd)
  }

  leasesOf(nodeId: string): readonly (Charge & { readonly nanoUsd: NanoUsd })[] {
    return [...this.#periods.values()].flatMap(({ charge, leases }) => {
      const nanoUsd = leases.get(nodeId)
      return nanoUsd === undefined ? [] : [{ ...charge, nanoUsd: nano(nanoUsd) }]
    })
  }

  /** In the order of budgets, periods and nodes. */
  leasesInOrder(): readonly NodeLease[] {
    return this.leases.toSorted(
      (one, other) =>
        inOrder(one.budgetId, other.budgetId) ||
        one.periodStartMs - other.periodStartMs ||
        inOrder(one.nodeId, other.nodeId),
    )
  }

  releaseNode(ask: ReleaseAsk): readonly NodeLease[] {
    const released = this.leasesInOrder().filter(({ nodeId }) => nodeId === ask.nodeId)
    if (released.length === 0) return released
    for (const { leases } of this.#periods.values()) leases.delete(ask.nodeId)
    this.#releases.set(ask.nodeId, this.releases(ask.nodeId) + 1)
    this.#audit.add([releaseNote(ask, released)])
    this.revision += 1
    return released
  }

  releases(nodeId: string): number {
    return this.#releases.get(nodeId) ?? 0
  }

  standings(charges: readonly Charge[]): readonly BudgetStanding[] {
    return charges.flatMap((charge) => {
      const budget = this.#budgets.get(charge.budgetId)
      return budget === undefined ? [] : [this.#standing(budget, this.#period(charge))]
    })
  }

  get periods(): readonly PeriodSpend[] {
    return [...this.#periods.values()].map(({ charge, spent }) => ({ ...charge, spentNanoUsd: nano(spent) }))
  }

  get leases(): readonly NodeLease[] {
    return [...this.#periods.values()].flatMap(({ charge, leases }) =>
      [...leases].map(([nodeId, nanoUsd]) => ({ ...charge, nodeId, nanoUsd: nano(nanoUsd) })),
    )
  }

  /** Takes a part of a copy: what entries cost stands in its periods already. */
  take(chunk: TransferChunk): void {
    switch (chunk.type) {
      case 'budgets':
        for (const budget of chunk.budgets) this.#budgets.set(budget.id, budget)
        this.revision += 1
        return
      case 'periods':
        for (const { spentNanoUsd, ...charge } of chunk.periods) this.#period(charge).spent = spentNanoUsd
        return
      case 'leases':
        for (const { nodeId, nanoUsd, ...charge } of chunk.leases)
          this.#period(charge).leases.set(nodeId, nanoUsd)
        return
      case 'entries':
        checkBooks({ entries: chunk.entries, requests: [] })
        for (const entry of chunk.entries)
          if (!this.#entries.has(idOf(entry))) this.#entries.set(idOf(entry), entry)
        this.#makeRoom()
        return
      case 'requests':
        this.post({ nodeId: '', entries: [], requests: chunk.requests })
        return
      default:
    }
  }

  #spend(nodeId: string, charge: Charge, nanoUsd: number): void {
    const period = this.#period(charge)
    period.spent += nanoUsd
    shrink(period.leases, nodeId, nanoUsd)
  }

  #period(charge: Charge): Period {
    const id = `${charge.budgetId}\n${charge.periodStartMs}`
    const known = this.#periods.get(id)
    if (known !== undefined) return known
    const { budgetId, periodStartMs } = charge
    const period: Period = { charge: { budgetId, periodStartMs }, spent: 0, leases: new Map() }
    this.#periods.set(id, period)
    return period
  }

  #standing({ id, limitNanoUsd }: Budget, period: Period): BudgetStanding {
    return {
      budgetId: id,
      periodStartMs: period.charge.periodStartMs,
      limitNanoUsd,
      spentNanoUsd: nano(period.spent),
      leasedNanoUsd: nano(leasedOf(period)),
    }
  }

  #makeRoom(): void {
    dropOldest(this.#entries, this.#linesMax)
    dropOldest(this.#requests, this.#linesMax)
  }
}

function idOf({ exchangeId, attempt }: LedgerEntry): string {
  return `${exchangeId}\n${attempt}`
}

function inOrder(one: string, other: string): number {
  if (one === other) return 0
  return one < other ? -1 : 1
}

function leasedOf({ leases }: Period): number {
  let sum = 0
  for (const lease of leases.values()) sum += lease
  return sum
}

function shrink(leases: Map<string, number>, nodeId: string, nanoUsd: number): void {
  const left = (leases.get(nodeId) ?? 0) - nanoUsd
  if (left > 0) leases.set(nodeId, left)
  else leases.delete(nodeId)
}

function dropOldest(lines: Map<string, unknown>, linesMax: number): void {
  for (const id of lines.keys()) {
    if (lines.size <= linesMax) return
    lines.delete(id)
  }
}

function nano(value: number): NanoUsd {
  // Sound: sums and differences of whole numbers of nano-dollars.
  return value as NanoUsd
}
