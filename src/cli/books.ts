/** What is kept, as commands work with it: a port, so that a test can keep it in memory. */

import type { HoldfastConfig, StoreChoice } from '../app/config/config.ts'
import type { FoundBodies } from '../archive/find-bodies.ts'
import type { CacheStore } from '../cache/cache-store.ts'
import type { DirectoryStore } from '../keys/directory-store.ts'
import type { Peppers } from '../keys/key-hashes.ts'
import type { LedgerStore } from '../ledger/ledger-store.ts'
import type { ReportStore } from '../reports/report-store.ts'
import type { SealedStore } from '../reports/sealed-store.ts'
import type { AuditNote } from '../std/audit.ts'
import type { Sealer } from '../std/sealer.ts'
import type { Secret } from '../std/secret.ts'

/** The part of a store that commands use. */
export type BookStore = Pick<DirectoryStore, 'loadDirectory' | 'changeDirectory'> &
  Pick<
    LedgerStore,
    'loadBudgets' | 'budgetsRevision' | 'putBudget' | 'standings' | 'leases' | 'releaseNode'
  > &
  ReportStore &
  SealedStore &
  Pick<CacheStore, 'dropCached'> & {
    /** An audit line without a change. */
    note(note: AuditNote): Promise<void>
    /** A whole copy, while it is in use; absent where there is no file to copy. */
    readonly backup?: (path: string) => Promise<void>
  }

/** How a store is copied: in chunks that only stores look into. */
export interface Copyable {
  exportAll(): AsyncIterable<unknown>
  /** What all of it adds up to. */
  importAll(chunks: AsyncIterable<unknown>): Promise<object>
}

export interface OpenedBooks {
  readonly store: BookStore
  /** Absent where the store cannot be copied to another. */
  readonly transfer?: Copyable
  /** Keys are hashed under them, the newest first. */
  readonly peppers: Peppers
  /** Tells under which master secret something is sealed. */
  readonly sealer: Pick<Sealer, 'placeOf'>
  /** Path of the files beside the store, without their ends; absent where there are none. */
  readonly base?: string
  /** As it is in force, for addresses and names. */
  readonly config: HoldfastConfig
  /** What is kept of what a request asked and was answered. */
  readonly findBodies: (exchangeId: string) => Promise<FoundBodies>
  close(): Promise<void>
}

export interface BooksAsk {
  readonly config: HoldfastConfig
  /** Another store than the configuration's. */
  readonly choice?: StoreChoice
  /** Everything is copied into it. */
  readonly isCopyTarget?: true
  readonly masterKey: Secret | undefined
  /** The working directory: a store that nobody named stands there, where there is no file to stand beside. */
  readonly directory: string
  readonly env: Readonly<Record<string, string | undefined>>
}

/** Throws StartError where it cannot be opened. */
export type OpenBooks = (ask: BooksAsk) => Promise<OpenedBooks>
