/**
 * How everything moves from one store to another: chunks in an order that any store can take, the first and the last of
 * which say what all of it adds up to. Importing again does nothing, so a copy that was cut short is simply made again.
 */

import type { SealedBodies } from '../archive/body-store.ts'
import type { CachedAnswer } from '../cache/cache-store.ts'
import type { JournalRecord } from '../journal/journal-store.ts'
import type { Directory } from '../keys/records.ts'
import type { Budget } from '../ledger/budget.ts'
import type { Charge, LedgerEntry, RequestRow } from '../ledger/entry.ts'
import type { NodeLease } from '../ledger/ledger-store.ts'
import type { NanoUsd } from '../ledger/prices.ts'
import type { AuditLine } from '../std/audit.ts'
import { StoreConflict } from '../std/store-error.ts'
import type { Store } from './store.ts'

/** Records of one chunk, at most. */
export const CHUNK_RECORDS_MAX = 500

/** How a budget stands in a period, without the leases. */
export interface PeriodSpend extends Charge {
  readonly spentNanoUsd: NanoUsd
}

export type TransferChunk =
  /** What the copy will come to: by it a store that holds something else is known before anything is written to it. */
  | { readonly type: 'start'; readonly totals: TransferTotals }
  /** From the first line on, in order, their hashes as they are. */
  | { readonly type: 'audit'; readonly lines: readonly AuditLine[] }
  | { readonly type: 'directory'; readonly directory: Directory }
  | { readonly type: 'budgets'; readonly budgets: readonly Budget[] }
  | { readonly type: 'periods'; readonly periods: readonly PeriodSpend[] }
  | { readonly type: 'leases'; readonly leases: readonly NodeLease[] }
  /** Of which nothing is charged: what they cost stands in the periods. */
  | { readonly type: 'entries'; readonly entries: readonly LedgerEntry[] }
  | { readonly type: 'requests'; readonly requests: readonly RequestRow[] }
  | { readonly type: 'journal'; readonly records: readonly JournalRecord[] }
  | { readonly type: 'cache'; readonly answers: readonly CachedAnswer[] }
  | { readonly type: 'bodies'; readonly bodies: readonly SealedBodies[] }
  | { readonly type: 'end'; readonly totals: TransferTotals }

/** What a store holds, in numbers that are compared after a copy. */
export interface TransferTotals {
  readonly users: number
  readonly teams: number
  readonly projects: number
  readonly keys: number
  readonly budgets: number
  readonly spentNanoUsd: number
  readonly leasedNanoUsd: number
  readonly entries: number
  readonly entriesNanoUsd: number
  readonly requests: number
  readonly auditLines: number
  /** 64 zeros where there are none. */
  readonly lastAuditHash: string
  readonly journal: number
  readonly cached: number
  readonly bodies: number
}

/** What a store that can be copied has beside its ports. */
export interface Transferable {
  /** Everything, as it was at one moment. */
  exportAll(): AsyncIterable<TransferChunk>
  /**
   * Takes everything, while nobody else writes. Rejects with a `StoreConflict` where the store holds something that is
   * not part of the copy, before anything is written, or where it does not add up to the same in the end.
   */
  importAll(chunks: AsyncIterable<TransferChunk> | Iterable<TransferChunk>): Promise<TransferTotals>
  /** Whether it holds a copy that was begun and did not come to its end: budgets may stand in it without what was spent. */
  isPartOfCopy(): Promise<boolean>
}

export function isTransferable(store: Store): store is Store & Transferable {
  return 'exportAll' in store && 'importAll' in store
}

/** Copies everything; what was copied. */
export function copyStore(from: Transferable, to: Transferable): Promise<TransferTotals> {
  return to.importAll(from.exportAll())
}

/** A part of what a store holds: what stands between the first chunk and the last. */
export type ContentChunk = Exclude<TransferChunk, { readonly type: 'start' | 'end' }>

/** What an `importAll` is made of. */
export interface Importer {
  take(chunk: ContentChunk): void | Promise<void>
  totals(): TransferTotals | Promise<TransferTotals>
  /** Keeps with the store whether a copy into it is under way, whatever becomes of this process. */
  mark(isUnderWay: boolean): void | Promise<void>
  isMarked(): boolean | Promise<boolean>
}

/** How every `importAll` goes through a copy. */
export async function importChunks(
  chunks: AsyncIterable<TransferChunk> | Iterable<TransferChunk>,
  importer: Importer,
): Promise<TransferTotals> {
  let told: TransferTotals | undefined
  for await (const chunk of chunks) {
    if (chunk.type === 'start') {
      const found = await importer.totals()
      if (await importer.isMarked()) refuseMore(chunk.totals, found)
      else refuseOther(chunk.totals, found)
      await importer.mark(true)
    } else if (chunk.type === 'end') told = chunk.totals
    else await importer.take(chunk)
  }
  const found = checkTotals(told, await importer.totals())
  await importer.mark(false)
  return found
}

/** What only grows while a store is used. What expires, and leases, are left out. */
const LASTING = [
  'users',
  'teams',
  'projects',
  'keys',
  'budgets',
  'spentNanoUsd',
  'entries',
  'entriesNanoUsd',
  'requests',
  'auditLines',
] as const satisfies readonly (keyof TransferTotals)[]

/**
 * Keys, budgets and spending of another history would stay where they do not belong, and those of a store that was used since
 * it was copied would be put back. So a copy goes into a store that holds nothing, or the same, or a part of it that says so.
 */
function refuseOther(told: TransferTotals, found: TransferTotals): void {
  const isEmpty = LASTING.every((name) => found[name] === 0)
  const other = LASTING.filter((name) => found[name] !== told[name])
  if (isEmpty || (other.length === 0 && found.lastAuditHash === told.lastAuditHash)) return
  refuse(told, found, other)
}

/** A part of a copy never has more of anything than what is copied. */
function refuseMore(told: TransferTotals, found: TransferTotals): void {
  const more = LASTING.filter((name) => found[name] > told[name])
  if (more.length > 0) refuse(told, found, more)
}

function refuse(
  told: TransferTotals,
  found: TransferTotals,
  other: readonly (typeof LASTING)[number][],
): never {
  const holds = other.map((name) => `${name}: ${found[name]} here, ${told[name]} in the copy`)
  const what = holds.length === 0 ? 'its audit log ends otherwise' : holds.join('; ')
  throw new StoreConflict(
    `This store has a history of its own, and nothing was copied into it (${what}). Copy into an empty store.`,
  )
}

function checkTotals(told: TransferTotals | undefined, found: TransferTotals): TransferTotals {
  if (told === undefined)
    throw new StoreConflict('The copy ended before its last part: nothing says that it is whole. Copy again.')
  const wrong = Object.entries(told).filter(
    // Sound: both have the fields of the interface.
    ([name, value]) => found[name as keyof TransferTotals] !== value,
  )
  if (wrong.length === 0) return found
  const differences = wrong.map(
    ([name, value]) => `${name}: ${value} there, ${found[name as keyof TransferTotals]} here`,
  )
  throw new StoreConflict(
    `The copy does not add up to what it was made from (${differences.join('; ')}). Copy into an empty store, while nobody writes to it.`,
  )
}

/** What a store says of a line that does not continue what the store has. */
export function foreignAudit(sequence: number): StoreConflict {
  return new StoreConflict(
    `Line ${sequence} of the audit log is another one here than in the copy: this store has a history of its own. Copy into an empty store.`,
  )
}
