/**
 * Brings a database up to what a node knew of it: after a backup was put back, or a standby took over that lacked the last
 * moments, or the database was made anew. Everything grows only, so that several nodes may do it, each with what it knew.
 */

import type { Charge } from '../../ledger/entry.ts'
import type { NanoUsd } from '../../ledger/prices.ts'
import type { Notice } from '../../std/notice.ts'
import { type LastKnown, missingIn } from '../last-known.ts'
import type { Session } from './connections.ts'
import { addAuditLines } from './postgres-audit.ts'
import { directoryRevision, takeDirectory } from './postgres-directory.ts'
import {
  budgetsRevision,
  chargedUntilMs,
  replaceLeases,
  standings,
  takeKnownBudgets,
  takeStandings,
} from './postgres-ledger.ts'

/** What a node has leased, all of it. */
export interface NodeLeases {
  readonly nodeId: string
  readonly leases: readonly (Charge & { readonly nanoUsd: NanoUsd })[]
}

export interface CatchUp {
  readonly known: LastKnown | undefined
  /** Absent where the node has leased nothing since it was started. */
  readonly leases: NodeLeases | undefined
  /** Wall clock, ms. */
  readonly nowMs: number
}

export interface CaughtUp {
  /** What was missing; absent where nothing was. */
  readonly missing?: { readonly reason: string; readonly facts: NonNullable<Notice['facts']> } | undefined
  /** Entries from before this moment, ms since 1970, are in what was spent, also where they are not in the books. */
  readonly chargedUntilMs: number
}

/** One node at a time; any number, as long as nobody else's is the same. */
const LOCK = { text: 'SELECT pg_advisory_xact_lock(7525356427117884277)' }

/** Inside a transaction. */
export async function catchUp(session: Session, { known, leases, nowMs }: CatchUp): Promise<CaughtUp> {
  await session.run(LOCK)
  const missing = known && (await putBack(session, known, nowMs))
  if (leases !== undefined) await replaceLeases(session, leases.nodeId, leases.leases)
  return { missing, chargedUntilMs: await chargedUntilMs(session) }
}

async function putBack(session: Session, known: LastKnown, nowMs: number): Promise<CaughtUp['missing']> {
  const revisions = {
    directoryRevision: await directoryRevision(session),
    budgetsRevision: await budgetsRevision(session),
  }
  const missing = missingIn({ ...revisions, standings: await standings(session, known.standings) }, known)
  if (missing === undefined) return undefined
  const { directory, budgets, budgetsRevision: revision, standings: spent } = missing.known
  if (directory.revision > 0) await takeDirectory(session, directory)
  if (budgets.length > 0) await takeKnownBudgets(session, budgets, revision)
  await takeStandings(session, spent, known.postedUntilMs)
  const reason = `What was written last is missing from the database: ${missing.reason}.`
  await addAuditLines(session, [
    { atMs: nowMs, actor: 'gateway', action: 'restore-snapshot', subject: 'store', after: { reason } },
  ])
  return { reason, facts: { revision: revisions.directoryRevision, known: known.directory.revision } }
}
