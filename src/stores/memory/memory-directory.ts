/** The directory of keys of a memory store. */

import type { Directory, DirectoryChange } from '../../keys/records.ts'
import type { AuditNote } from '../../std/audit.ts'
import { StoreConflict } from '../../std/store-error.ts'
import type { MemoryAudit } from './memory-audit.ts'

export class MemoryDirectory {
  readonly #audit: MemoryAudit
  readonly #users = new Map<string, Directory['users'][number]>()
  readonly #teams = new Map<string, Directory['teams'][number]>()
  readonly #projects = new Map<string, Directory['projects'][number]>()
  readonly #keys = new Map<string, Directory['keys'][number]>()
  revision = 0

  constructor(audit: MemoryAudit) {
    this.#audit = audit
  }

  load(): Directory {
    return {
      revision: this.revision,
      users: [...this.#users.values()],
      teams: [...this.#teams.values()],
      projects: [...this.#projects.values()],
      keys: [...this.#keys.values()],
    }
  }

  change(
    changes: readonly DirectoryChange[],
    notes: readonly AuditNote[],
    expectedRevision?: number,
  ): number {
    if (expectedRevision !== undefined && expectedRevision !== this.revision)
      throw new StoreConflict(`The directory is at revision ${this.revision}, not ${expectedRevision}.`)
    for (const change of changes) this.#put(change)
    this.#audit.add(notes)
    this.revision += 1
    return this.revision
  }

  /** Takes what a copy has. */
  take({ revision, users, teams, projects, keys }: Directory): void {
    for (const user of users) this.#users.set(user.id, user)
    for (const team of teams) this.#teams.set(team.id, team)
    for (const project of projects) this.#projects.set(project.id, project)
    for (const key of keys) this.#keys.set(key.id, key)
    this.revision = Math.max(this.revision + 1, revision)
  }

  #put(change: DirectoryChange): void {
    switch (change.type) {
      case 'put-user':
        this.#users.set(change.user.id, change.user)
        return
      case 'put-team':
        this.#teams.set(change.team.id, change.team)
        return
      case 'put-project':
        this.#projects.set(change.project.id, change.project)
        return
      case 'put-key':
        this.#keys.set(change.key.id, change.key)
    }
  }
}
