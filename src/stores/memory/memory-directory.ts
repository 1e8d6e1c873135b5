/** The directory of keys of a memory store. */

import { applyChanges, everythingIn } from '../../keys/directory-changes.ts'
import type { Directory, DirectoryChange } from '../../keys/records.ts'
import type { AuditNote } from '../../std/audit.ts'
import { StoreConflict } from '../../std/store-error.ts'
import type { MemoryAudit } from './memory-audit.ts'

export class MemoryDirectory {
  readonly #audit: MemoryAudit
  #directory: Directory = { revision: 0, users: [], teams: [], projects: [], keys: [] }

  constructor(audit: MemoryAudit) {
    this.#audit = audit
  }

  get revision(): number {
    return this.#directory.revision
  }

  load(): Directory {
    return this.#directory
  }

  change(
    changes: readonly DirectoryChange[],
    notes: readonly AuditNote[],
    expectedRevision?: number,
  ): number {
    if (expectedRevision !== undefined && expectedRevision !== this.revision)
      throw new StoreConflict(`The directory is at revision ${this.revision}, not ${expectedRevision}.`)
    this.#directory = applyChanges(this.#directory, changes)
    this.#audit.add(notes)
    return this.revision
  }

  /** Takes what a copy has. */
  take(copy: Directory): void {
    const taken = applyChanges(this.#directory, everythingIn(copy))
    this.#directory = { ...taken, revision: Math.max(taken.revision, copy.revision) }
  }
}
