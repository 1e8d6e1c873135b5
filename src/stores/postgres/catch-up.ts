/**
 * Brings a database up to what a node knew of it: after a backup was put back, or a standby took over that lacked the last
 * moments, or the database was made anew. Everything grows only, so that several nodes may do it, each with what it knew.
 */

import { everythingIn } from '../../keys/directory-changes.ts'
import type { Charge } from '../../ledger/entry.ts'
import type { NanoUsd } from '../../ledger/prices.ts'
import type { AuditNote } from '../../std/audit.ts'
import { isOfSameStore, type Known, type LastKnown, type Missing, missingIn } from '../last-known.ts'
import type { Session } from './connections.ts'
import { addAuditLines } from './postgres-audit.ts'
import { loadDirectory, takeDirectory } from './postgres-directory.ts'
import {
  budgetsRevision,
  loadBudgets,
  lockStandings,
  replaceLeases,
  standings,
  takeKnownBudgets,
  takeStandings,
} from './postgres-ledger.ts'
import { isPartOfCopy } from './postgres-transfer.ts'
import { numberIn } from './row-values.ts'

/** What a node has leased, all of it. */
export interface NodeLeases {
  readonly nodeId: string
  readonly leases: readonly (Charge & { readonly nanoUsd: NanoUsd })[]
}

export interface CatchUp {
  readonly known: Known
  /** Absent where the node has leased nothing since it was started. */
  readonly leases: NodeLeases | undefined
  /** Wall clock, ms. */
  readonly nowMs: number
}

export interface CaughtUp {
  /** Of the database; absent where it has none. */
  readonly storeId?: number | undefined
  /** What was missing, in words; absent where nothing was. */
  readonly missing?: string | undefined
}

/** One node at a time; any number, as long as nobody else's is the same. */
const LOCK = { text: 'SELECT pg_advisory_xact_lock(7525356427117884278)' }
const LOCK_REVISIONS = {
  text: `SELECT FROM holdfast.counters WHERE name IN ('budgets', 'directory') ORDER BY name FOR UPDATE`,
}
const STORE_ID = { text: `SELECT value FROM holdfast.counters WHERE name = 'store'` }
const NAME_STORE = { text: `INSERT INTO holdfast.counters VALUES ('store', $1) ON CONFLICT DO NOTHING` }

/** By which a database is known again, also from a backup; `undefined` where nobody named it yet. */
export async function storeIdOf(session: Session): Promise<number | undefined> {
  const [row] = await session.query(STORE_ID)
  return row === undefined ? undefined : numberIn(row, 'value')
}

/** Inside a transaction. Locks as everybody does: revisions, budgets, standings, leases, and the audit log last. */
export async function catchUp(session: Session, { known, leases, nowMs }: CatchUp): Promise<CaughtUp> {
  await session.run(LOCK)
  const hadName = (await storeIdOf(session)) !== undefined
  if (known.storeId !== undefined) await session.run(NAME_STORE, [known.storeId])
  const storeId = await storeIdOf(session)
  // Half a copy is gone on with, and refused by whoever opens it.
  const isOurs = storeId === known.storeId && !(await isPartOfCopy(session))
  // Nobody changes them from here on.
  if (isOurs && known.last) await session.run(LOCK_REVISIONS)
  const missing = isOurs && known.last ? await missingOf(session, known.last, hadName) : undefined
  if (missing !== undefined) await putRecords(session, missing.known)
  await lockStandings(session, leases?.nodeId, [
    ...(leases?.leases ?? []),
    ...(missing?.known.standings ?? []),
  ])
  if (missing !== undefined)
    await takeStandings(session, missing.known.standings, Math.min(missing.known.postedUntilMs, nowMs))
  if (leases !== undefined) await replaceLeases(session, leases.nodeId, leases.leases)
  if (missing !== undefined) await addAuditLines(session, [noteOf(missing.reason, nowMs)])
  return { storeId, missing: missing?.reason }
}

async function missingOf(session: Session, known: LastKnown, hadName: boolean): Promise<Missing | undefined> {
  const stored = {
    directory: await loadDirectory(session),
    budgetsRevision: await budgetsRevision(session),
    budgets: await loadBudgets(session),
    standings: await standings(session, known.standings),
  }
  // One that nobody named may be another: with records, and none of those that are known.
  return hadName || isOfSameStore(stored, known) ? missingIn(stored, known) : undefined
}

/** People, keys and budgets. */
async function putRecords(
  session: Session,
  { directory, budgets, budgetsRevision: revision }: LastKnown,
): Promise<void> {
  if (everythingIn(directory).length > 0) await takeDirectory(session, directory)
  if (budgets.length > 0) await takeKnownBudgets(session, budgets, revision)
}

function noteOf(reason: string, atMs: number): AuditNote {
  return { atMs, actor: 'gateway', action: 'restore-snapshot', subject: 'store', after: { reason } }
}
