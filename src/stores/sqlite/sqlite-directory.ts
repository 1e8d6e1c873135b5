/** People, teams, projects and keys of a SQLite store. */

import { everythingIn } from '../../keys/directory-changes.ts'
import type {
  Directory,
  DirectoryChange,
  KeyRecord,
  ProjectRecord,
  TeamRecord,
  UserRecord,
} from '../../keys/records.ts'
import type { AuditNote } from '../../std/audit.ts'
import { failpoint } from '../../std/failpoints.ts'
import { StoreConflict } from '../../std/store-error.ts'
import type { Database } from './database.ts'
import { addNotes } from './sqlite-audit.ts'
import { openedRecord, sealedRecord } from './values.ts'

const REVISION = "SELECT value FROM revisions WHERE name = 'directory'"
const GROW = "UPDATE revisions SET value = max(value + 1, ?) WHERE name = 'directory'"
const OF_KIND = 'SELECT record FROM directory WHERE kind = ? ORDER BY id'
const PUT =
  'INSERT INTO directory (kind, id, record) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET record = excluded.record'

export function loadDirectory(db: Database): Directory {
  return db.read(() => readDirectory(db))
}

/** Inside a transaction. */
export function readDirectory(db: Database): Directory {
  return {
    revision: directoryRevision(db),
    users: recordsOf<UserRecord>(db, 'user'),
    teams: recordsOf<TeamRecord>(db, 'team'),
    projects: recordsOf<ProjectRecord>(db, 'project'),
    keys: recordsOf<KeyRecord>(db, 'key'),
  }
}

export function directoryRevision(db: Database): number {
  return Number(db.get(REVISION)?.['value'])
}

export function changeDirectory(
  db: Database,
  changes: readonly DirectoryChange[],
  notes: readonly AuditNote[],
  expectedRevision?: number,
): number {
  return db.write(() => {
    const revision = directoryRevision(db)
    if (expectedRevision !== undefined && expectedRevision !== revision)
      throw new StoreConflict(`The directory is at revision ${revision}, not ${expectedRevision}.`)
    for (const change of changes) put(db, change)
    noteAndGrow(db, notes)
    return directoryRevision(db)
  })
}

/** Inside the transaction of a change that other processes must hear of. */
export function noteAndGrow(db: Database, notes: readonly AuditNote[]): void {
  addNotes(db, notes)
  failpoint('directory-changing')
  db.run(GROW, 0)
}

/** Inside a transaction: takes what a copy or a snapshot has. */
export function takeDirectory(db: Database, directory: Directory): void {
  for (const change of everythingIn(directory)) put(db, change)
  db.run(GROW, directory.revision)
}

function put(db: Database, change: DirectoryChange): void {
  const [kind, record] = recordOf(change)
  db.run(PUT, kind, record.id, sealedRecord(record))
}

function recordOf(change: DirectoryChange): readonly [string, { readonly id: string }] {
  switch (change.type) {
    case 'put-user':
      return ['user', change.user]
    case 'put-team':
      return ['team', change.team]
    case 'put-project':
      return ['project', change.project]
    case 'put-key':
      return ['key', change.key]
  }
}

// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- whoever asks knows what was written
function recordsOf<Record>(db: Database, kind: string): readonly Record[] {
  return db.all(OF_KIND, kind).map(({ record }) => openedRecord<Record>(record))
}
