/** What the facade and its worker threads say to one another. */

import type { JournalIds } from '../../journal/journal-store.ts'
import type { NodeLease, ReleaseAsk } from '../../ledger/ledger-store.ts'
import type { Store } from '../store.ts'
import type { ContentChunk, TransferChunk, TransferTotals } from '../transfer.ts'
import type { JournalBatch } from './journal-batch.ts'
import type { LastKnown } from '../last-known.ts'

/** `write`: the one connection that changes the file. `read`: reports, which may take long. `copy`: one copy, then gone. */
export type WorkerRole = 'write' | 'read' | 'copy'

export interface WorkerSetup {
  readonly role: WorkerRole
  readonly path: string
  readonly bytesMax?: number
}

type Ports = Pick<
  Store,
  | 'loadDirectory'
  | 'directoryRevision'
  | 'changeDirectory'
  | 'loadBudgets'
  | 'budgetsRevision'
  | 'putBudget'
  | 'lease'
  | 'returnLease'
  | 'leasesOf'
  | 'releases'
  | 'standings'
  | 'openJournals'
  | 'findJournal'
  | 'sweepJournal'
  | 'putCached'
  | 'findCached'
  | 'findAlike'
  | 'dropCached'
  | 'sweepCache'
  | 'matchSecret'
  | 'putBodies'
  | 'findBodies'
  | 'sweepBodies'
  | 'countSeals'
  | 'note'
  | 'ping'
  | 'spend'
  | 'requests'
  | 'request'
  | 'auditLines'
>

/** Every operation a worker knows, by name; those of the ports as the ports have them. */
export type Operations = {
  readonly [Name in keyof Ports]: (...values: Parameters<Ports[Name]>) => Awaited<ReturnType<Ports[Name]>>
} & {
  /** Opens the file, makes it if need be, and brings its schema up to date. */
  open(wallMs: number): void
  /** Throws where the pages of the file do not fit together. */
  check(): void
  /** `batch`: as of `batchText`; `postedUntilMs`: as of `BookBatch`. */
  post(nodeId: string, batch: string, postedUntilMs?: number): void
  leases(): readonly NodeLease[]
  /** Whether or not the node was seen. */
  releaseNode(ask: ReleaseAsk): readonly NodeLease[]
  /** Puts thousands of entries that are in no block into one; false where there are not so many. */
  gather(): boolean
  writeJournal(batch: JournalBatch): void
  listJournal(place: number): JournalIds
  /** Puts back what a snapshot knows and the file does not; how many records the directory grew by. */
  restore(snapshot: LastKnown, wallMs: number, reason: string): void
  copyTo(path: string): void
  nextChunk(): TransferChunk | undefined
  importChunk(chunk: ContentChunk): void
  totals(): TransferTotals
  markCopy(isUnderWay: boolean): void
  isPartOfCopy(): boolean
  close(): void
}

export type OperationName = keyof Operations
