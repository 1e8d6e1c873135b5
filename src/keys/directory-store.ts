/** Where the directory of keys is kept: a port. */

import type { AuditNote } from '../std/audit.ts'
import type { Directory, DirectoryChange } from './records.ts'

export interface DirectoryStore {
  loadDirectory(): Promise<Directory>
  /** The revision alone: asked every second or so. */
  directoryRevision(): Promise<number>
  /**
   * Makes the changes and adds the audit lines, all or none of it; the new revision. Rejects with a `StoreConflict`
   * (std/store-error.ts) where the directory is not at `expectedRevision` any more, where one is given.
   */
  changeDirectory(
    changes: readonly DirectoryChange[],
    notes: readonly AuditNote[],
    expectedRevision?: number,
  ): Promise<number>
}
