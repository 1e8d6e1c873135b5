/** The directory of keys in PostgreSQL: a record a row. */

import { everythingIn } from '../../keys/directory-changes.ts'
import type {
  Directory,
  DirectoryChange,
  KeyRecord,
  ProjectRecord,
  TeamRecord,
  UserRecord,
} from '../../keys/records.ts'
import { failpoint } from '../../std/failpoints.ts'
import type { AuditNote } from '../../std/audit.ts'
import { StoreConflict } from '../../std/store-error.ts'
import type { Session } from './connections.ts'
import { addAuditLines } from './postgres-audit.ts'
import { databaseJson, numberIn, recordIn } from './row-values.ts'

const REVISION = {
  name: 'directory-revision',
  text: `SELECT value FROM holdfast.counters WHERE name = 'directory'`,
}
const COUNT = {
  text: `UPDATE holdfast.counters SET value = value + 1 WHERE name = 'directory' RETURNING value`,
}
const RAISE = {
  text: `UPDATE holdfast.counters SET value = greatest(value, $1) WHERE name = 'directory'`,
}
const LOAD = { text: 'SELECT kind, record FROM holdfast.directory ORDER BY place' }
const PUT = {
  text: `
INSERT INTO holdfast.directory (kind, id, record)
SELECT kind, id, record FROM json_to_recordset($1::json) AS change(kind text, id text, record json)
ON CONFLICT (kind, id) DO UPDATE SET record = excluded.record`,
}

export async function directoryRevision(session: Session): Promise<number> {
  const [row] = await session.query(REVISION)
  return numberIn(row, 'value')
}

/** Inside a transaction that sees one moment: the records are those of the revision. */
export async function loadDirectory(session: Session): Promise<Directory> {
  const revision = await directoryRevision(session)
  const rows = await session.query(LOAD)
  const ofKind = <Kept>(kind: string) =>
    rows.filter((row) => row['kind'] === kind).map((row) => recordIn<Kept>(row))
  return {
    revision,
    users: ofKind<UserRecord>('user'),
    teams: ofKind<TeamRecord>('team'),
    projects: ofKind<ProjectRecord>('project'),
    keys: ofKind<KeyRecord>('key'),
  }
}

/** Inside a transaction. */
export async function changeDirectory(
  session: Session,
  changes: readonly DirectoryChange[],
  notes: readonly AuditNote[],
  expectedRevision?: number,
): Promise<number> {
  // Counting first makes every other change wait until this one is over.
  const [row] = await session.query(COUNT)
  const revision = numberIn(row, 'value')
  if (expectedRevision !== undefined && expectedRevision !== revision - 1)
    throw new StoreConflict(`The directory is at revision ${revision - 1}, not ${expectedRevision}.`)
  // The last of several changes of one record is the one that counts.
  const records = new Map(changes.map(recordOf).map((record) => [`${record.kind}\n${record.id}`, record]))
  if (records.size > 0) await session.run(PUT, [databaseJson([...records.values()])])
  await addAuditLines(session, notes)
  failpoint('directory-changing')
  return revision
}

/** Takes what a copy has. Inside a transaction. */
export async function takeDirectory(session: Session, directory: Directory): Promise<void> {
  await changeDirectory(session, everythingIn(directory), [])
  await session.run(RAISE, [directory.revision])
}

function recordOf(change: DirectoryChange) {
  switch (change.type) {
    case 'put-user':
      return { kind: 'user', id: change.user.id, record: change.user }
    case 'put-team':
      return { kind: 'team', id: change.team.id, record: change.team }
    case 'put-project':
      return { kind: 'project', id: change.project.id, record: change.project }
    case 'put-key':
      return { kind: 'key', id: change.key.id, record: change.key }
  }
}
