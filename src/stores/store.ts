/** Everything that can be kept, in one place: each port is declared where it is used. */

import type { LimitShareStore } from '../admission/limit-share-store.ts'
import type { BodyStore } from '../archive/body-store.ts'
import type { CacheStore } from '../cache/cache-store.ts'
import type { DirectoryStore } from '../keys/directory-store.ts'
import type { JournalStore } from '../journal/journal-store.ts'
import type { LedgerStore } from '../ledger/ledger-store.ts'
import type { ReportStore } from '../reports/report-store.ts'
import type { SealedStore } from '../reports/sealed-store.ts'
import type { AuditNote } from '../std/audit.ts'

export interface Store
  extends DirectoryStore,
    LedgerStore,
    JournalStore,
    CacheStore,
    BodyStore,
    ReportStore,
    SealedStore,
    LimitShareStore {
  readonly kind: 'memory' | 'sqlite' | 'postgres'
  /** Whether other processes may spend from the same budgets: leases are small then, and limits are divided. */
  readonly isShared: boolean
  /**
   * Whether it is used with one of these master secrets, each as a mark that tells nothing of it, the newest first. From then
   * on it is used with the newest. True for a store that was used with none yet.
   */
  matchSecret(marks: readonly [string, ...(readonly string[])]): Promise<boolean>
  /** An audit line without a change: a sign-in, a refusal. */
  note(note: AuditNote): Promise<void>
  /** Resolves while the store answers; rejects with why it does not. */
  ping(): Promise<void>
  /** A whole copy of what is kept, while it is in use; `undefined` where there is no file to copy. */
  readonly backup?: (path: string) => Promise<void>
  /** Finishes what is under way; calling it again does nothing. */
  close(): Promise<void>
}
