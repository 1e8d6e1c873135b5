/** A directory store in memory that can be away, hang, and be counted; and records to put into it. */

import { StoreConflict, StoreUnavailable } from '../std/store-error.ts'
import { applyChanges } from './directory-changes.ts'
import type { DirectoryStore } from './directory-store.ts'
import { hashersOf, hashesOf } from './key-hashes.ts'
import type { Directory, DirectoryChange, KeyId, KeyRecord, ProjectRecord, UserRecord } from './records.ts'
import { hintOf, mintKey } from './virtual-key.ts'

export const PEPPER = new Uint8Array(32).fill(7)
export const EMPTY: Directory = { revision: 0, users: [], teams: [], projects: [], keys: [] }

let count = 0

/** A key and its record. */
export function madeKey(fields: Partial<KeyRecord> = {}, pepper: Uint8Array = PEPPER) {
  const secret = mintKey(fields.kind ?? 'data')
  count += 1
  const record: KeyRecord = {
    // Sound: an id of a test.
    id: `key_${String(count).padStart(32, '0')}` as KeyId,
    kind: 'data',
    name: `key ${count}`,
    ...hashesOf(secret.reveal(), hashersOf([pepper])),
    hint: hintOf(secret),
    scopes: {},
    createdAtMs: 1,
    ...fields,
  }
  return { key: secret.reveal(), record }
}

export class ScriptedDirectoryStore implements DirectoryStore {
  directory: Directory
  state: 'well' | 'away' | 'hanging' = 'well'
  asked = 0
  loads = 0
  readonly notes: string[] = []

  constructor(directory: Directory = EMPTY) {
    this.directory = directory
  }

  /** As another process would. */
  put(...changes: readonly DirectoryChange[]): void {
    this.directory = applyChanges(this.directory, changes)
  }

  putKey(record: KeyRecord): void {
    this.put({ type: 'put-key', key: record })
  }

  async directoryRevision(): Promise<number> {
    this.asked += 1
    await this.#answer()
    return this.directory.revision
  }

  async loadDirectory(): Promise<Directory> {
    this.loads += 1
    await this.#answer()
    return this.directory
  }

  async changeDirectory(
    changes: readonly DirectoryChange[],
    notes: readonly { readonly action: string }[],
    expectedRevision?: number,
  ): Promise<number> {
    await this.#answer()
    if (expectedRevision !== undefined && expectedRevision !== this.directory.revision)
      throw new StoreConflict('The directory was changed meanwhile.')
    this.notes.push(...notes.map(({ action }) => action))
    this.put(...changes)
    return this.directory.revision
  }

  async #answer(): Promise<void> {
    if (this.state === 'away') throw new StoreUnavailable('The database does not answer.')
    if (this.state === 'hanging') await new Promise(() => {})
  }
}

export function madeUser(id: string, fields: Partial<UserRecord> = {}): UserRecord {
  // Sound: an id of a test.
  const userId = id as UserRecord['id']
  return { id: userId, name: id, role: 'member', isService: false, createdAtMs: 1, ...fields }
}

export function madeProject(id: string, fields: Partial<ProjectRecord> = {}): ProjectRecord {
  // Sound: an id of a test.
  return { id: id as ProjectRecord['id'], name: id, createdAtMs: 1, ...fields }
}
