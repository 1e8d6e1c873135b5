/** Budgets of a SQLite store, what is spent of them and what is leased. */

import type { Budget, BudgetId } from '../../ledger/budget.ts'
import type { Charge } from '../../ledger/entry.ts'
import type {
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
import type { PeriodSpend } from '../transfer.ts'
import type { Database, Row } from './database.ts'
import { addNotes } from './sqlite-audit.ts'
import { nano, openedRecord, sealedRecord } from './values.ts'

const REVISION = "SELECT value FROM revisions WHERE name = 'budgets'"
const GROW = "UPDATE revisions SET value = max(value + 1, ?) WHERE name = 'budgets'"
const ALL = 'SELECT record FROM budgets ORDER BY id'
const PUT = `INSERT INTO budgets (id, limit_nano, is_removed, record) VALUES (?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET limit_nano = excluded.limit_nano, is_removed = excluded.is_removed, record = excluded.record`
const STANDING = `SELECT limit_nano, is_removed,
  coalesce((SELECT spent_nano FROM periods WHERE budget_id = ?1 AND start_ms = ?2), 0) AS spent_nano,
  coalesce((SELECT sum(nano) FROM leases WHERE budget_id = ?1 AND start_ms = ?2), 0) AS leased_nano
  FROM budgets WHERE id = ?1`
const LEASE = `INSERT INTO leases (budget_id, start_ms, node_id, nano) VALUES (?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET nano = nano + excluded.nano`
const SET_LEASE = `INSERT INTO leases (budget_id, start_ms, node_id, nano) VALUES (?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET nano = excluded.nano`
const END_LEASE = 'DELETE FROM leases WHERE budget_id = ? AND start_ms = ? AND node_id = ? AND nano <= ?'
const SHRINK_LEASE =
  'UPDATE leases SET nano = nano - ?4 WHERE budget_id = ?1 AND start_ms = ?2 AND node_id = ?3'
const LEASES_OF = 'SELECT * FROM leases WHERE node_id = ? ORDER BY budget_id, start_ms'
const RELEASE = 'DELETE FROM leases WHERE node_id = ?'
/** Beside the revisions, since it is one: of what a node may think that it has. */
const COUNT_RELEASE = `INSERT INTO revisions (name, value) VALUES ('released ' || ?, 1)
  ON CONFLICT DO UPDATE SET value = value + 1`
const RELEASES = "SELECT value FROM revisions WHERE name = 'released ' || ?"
const SPEND = `INSERT INTO periods (budget_id, start_ms, spent_nano) VALUES (?, ?, ?)
  ON CONFLICT DO UPDATE SET spent_nano = spent_nano + excluded.spent_nano`
const SET_SPENT = `INSERT INTO periods (budget_id, start_ms, spent_nano) VALUES (?, ?, ?)
  ON CONFLICT DO UPDATE SET spent_nano = excluded.spent_nano`
const SPENT_AT_LEAST = `INSERT INTO periods (budget_id, start_ms, spent_nano) VALUES (?, ?, ?)
  ON CONFLICT DO UPDATE SET spent_nano = max(spent_nano, excluded.spent_nano)`
/** Beside the revisions, since it only grows, too. */
const CHARGED_UNTIL = "SELECT value FROM revisions WHERE name = 'charged-until'"
const RAISE_CHARGED_UNTIL = `INSERT INTO revisions VALUES ('charged-until', ?)
  ON CONFLICT DO UPDATE SET value = max(value, excluded.value)`
const PERIODS = 'SELECT * FROM periods ORDER BY budget_id, start_ms'
const LEASES = 'SELECT * FROM leases ORDER BY budget_id, start_ms, node_id'

export function loadBudgets(db: Database): readonly Budget[] {
  return db.all(ALL).map(({ record }) => openedRecord<Budget>(record))
}

export function budgetsRevision(db: Database): number {
  return Number(db.get(REVISION)?.['value'])
}

export function putBudget(
  db: Database,
  budget: Budget,
  notes: readonly AuditNote[],
  expectedRevision?: number,
): void {
  db.write(() => {
    const revision = budgetsRevision(db)
    if (expectedRevision !== undefined && expectedRevision !== revision)
      throw new StoreConflict(`The budgets are at revision ${revision}, not ${expectedRevision}.`)
    takeBudgets(db, [budget])
    addNotes(db, notes)
  })
}

/** Inside a transaction. They are at least at `revision` then. */
export function takeBudgets(db: Database, budgets: readonly Budget[], revision = 0): void {
  for (const budget of budgets) {
    const { id, limitNanoUsd, removedAtMs } = budget
    db.run(PUT, id, limitNanoUsd, removedAtMs === undefined ? 0 : 1, sealedRecord(budget))
  }
  db.run(GROW, revision)
}

export function lease(db: Database, asks: readonly LeaseAsk[]): readonly LeaseGrant[] {
  return db.write(() => asks.map((ask) => grant(db, ask)))
}

function grant(db: Database, { nodeId, charge, needNanoUsd, wantNanoUsd }: LeaseAsk): LeaseGrant {
  const row = db.get(STANDING, charge.budgetId, charge.periodStartMs)
  if (row === undefined || row['is_removed'] === 1) return { grantedNanoUsd: nano(0), standing: undefined }
  const before = standingOf(charge, row)
  const room = before.limitNanoUsd - before.spentNanoUsd - before.leasedNanoUsd
  const granted = room >= needNanoUsd ? Math.max(0, Math.min(room, wantNanoUsd)) : 0
  if (granted > 0) db.run(LEASE, charge.budgetId, charge.periodStartMs, nodeId, granted)
  return {
    grantedNanoUsd: nano(granted),
    standing: { ...before, leasedNanoUsd: nano(before.leasedNanoUsd + granted) },
  }
}

export function returnLease(db: Database, nodeId: string, charge: Charge, nanoUsd: NanoUsd): void {
  db.write(() => shrinkLease(db, nodeId, charge, nanoUsd))
}

/** Inside a transaction: what was spent, and so much less of the node's lease, as far as it goes. */
export function spend(db: Database, nodeId: string, charge: Charge, nanoUsd: number): void {
  db.run(SPEND, charge.budgetId, charge.periodStartMs, nanoUsd)
  shrinkLease(db, nodeId, charge, nanoUsd)
}

function shrinkLease(db: Database, nodeId: string, charge: Charge, nanoUsd: number): void {
  const { budgetId, periodStartMs } = charge
  if (nanoUsd <= 0 || db.run(END_LEASE, budgetId, periodStartMs, nodeId, nanoUsd) > 0) return
  db.run(SHRINK_LEASE, budgetId, periodStartMs, nodeId, nanoUsd)
}

export function leasesOf(db: Database, nodeId: string): readonly (Charge & { readonly nanoUsd: NanoUsd })[] {
  return db.all(LEASES_OF, nodeId).map((row) => ({ ...chargeOf(row), nanoUsd: nano(row['nano']) }))
}

export function releaseNode(db: Database, ask: ReleaseAsk): readonly NodeLease[] {
  const { nodeId } = ask
  return db.write(() => {
    const released = leasesOf(db, nodeId).map((lease) => ({ ...lease, nodeId }))
    if (released.length === 0) return released
    db.run(RELEASE, nodeId)
    db.run(COUNT_RELEASE, nodeId)
    db.run(GROW, 0)
    addNotes(db, [releaseNote(ask, released)])
    return released
  })
}

export function releases(db: Database, nodeId: string): number {
  return Number(db.get(RELEASES, nodeId)?.['value'] ?? 0)
}

export function standings(db: Database, charges: readonly Charge[]): readonly BudgetStanding[] {
  return db.read(() =>
    charges.flatMap((charge) => {
      const row = db.get(STANDING, charge.budgetId, charge.periodStartMs)
      return row === undefined ? [] : [standingOf(charge, row)]
    }),
  )
}

/** Entries from before this moment, ms since 1970, are in what was spent, also where they are not in the books: they came with a snapshot. */
export function chargedUntilMs(db: Database): number {
  return Number(db.get(CHARGED_UNTIL)?.['value'] ?? 0)
}

export function allPeriods(db: Database): readonly PeriodSpend[] {
  return db.all(PERIODS).map((row) => ({ ...chargeOf(row), spentNanoUsd: nano(row['spent_nano']) }))
}

export function allLeases(db: Database): readonly NodeLease[] {
  return db
    .all(LEASES)
    .map((row) => ({ ...chargeOf(row), nodeId: String(row['node_id']), nanoUsd: nano(row['nano']) }))
}

/** Inside a transaction, of a copy. */
export function takePeriods(db: Database, periods: readonly PeriodSpend[]): void {
  for (const { budgetId, periodStartMs, spentNanoUsd } of periods)
    db.run(SET_SPENT, budgetId, periodStartMs, spentNanoUsd)
}

/** Inside a transaction, of a copy. */
export function takeLeases(db: Database, leases: readonly NodeLease[]): void {
  for (const { budgetId, periodStartMs, nodeId, nanoUsd } of leases)
    db.run(SET_LEASE, budgetId, periodStartMs, nodeId, nanoUsd)
}

/**
 * Inside a transaction: of a snapshot, which may be behind the store or ahead of it. What was settled before `postedUntilMs`
 * is in it, whether or not the store has that.
 */
export function takeStandings(db: Database, known: readonly BudgetStanding[], postedUntilMs: number): void {
  if (known.length > 0) db.run(RAISE_CHARGED_UNTIL, postedUntilMs)
  for (const { budgetId, periodStartMs, spentNanoUsd } of known)
    db.run(SPENT_AT_LEAST, budgetId, periodStartMs, spentNanoUsd)
}

function standingOf({ budgetId, periodStartMs }: Charge, row: Row): BudgetStanding {
  return {
    budgetId,
    periodStartMs,
    limitNanoUsd: nano(row['limit_nano']),
    spentNanoUsd: nano(row['spent_nano']),
    leasedNanoUsd: nano(row['leased_nano']),
  }
}

function chargeOf(row: Row): Charge {
  // Sound: written from a charge.
  return { budgetId: String(row['budget_id']) as BudgetId, periodStartMs: Number(row['start_ms']) }
}
