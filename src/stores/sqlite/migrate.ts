/** Brings a file to the schema of this version, step by step, all or nothing; a copy of it as it was is kept beside it. */

import { createHash } from 'node:crypto'
import { chmodSync, existsSync, renameSync, rmSync } from 'node:fs'
import { failpoint } from '../../std/failpoints.ts'
import { StoreSchemaError } from '../../std/store-error.ts'
import { Database } from './database.ts'
import type { Migration } from './schema.ts'

/** "HFST": how `file` and we know the database for one of ours. */
const APPLICATION_ID = 0x48465354

const KEPT_STEPS = `CREATE TABLE IF NOT EXISTS migrations (
  version INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  checksum TEXT NOT NULL,
  at_ms INTEGER NOT NULL
) STRICT`

export interface MigrateOptions {
  readonly db: Database
  readonly path: string
  readonly migrations: readonly Migration[]
  readonly wallMs: number
}

/** Throws a `StoreSchemaError` where the file was made by a newer version, or by another one than it says. */
export function migrate(options: MigrateOptions): void {
  const { db, path, migrations } = options
  const known = migrations.at(-1)?.version ?? 0
  const from = versionOf(db)
  if (from === known) return checkSteps(db, path, migrations)
  if (from > known) throw tooNew(path, from, known)
  if (from > 0) {
    checkSteps(db, path, migrations)
    copyBefore(db, `${path}.before-v${known}`)
  }
  db.write(() => {
    // Another process may have done it since.
    const now = versionOf(db)
    for (const migration of migrations.filter(({ version }) => version > now)) apply(options, migration)
    failpoint('migrating')
  })
}

function versionOf(db: Database): number {
  const { user_version: version = 0 } = db.get('PRAGMA user_version') ?? {}
  const isEmpty = db.get('SELECT 1 AS found FROM sqlite_schema LIMIT 1') === undefined
  if (
    (Number(version) > 0 || !isEmpty) &&
    db.get('PRAGMA application_id')?.['application_id'] !== APPLICATION_ID
  )
    throw new StoreSchemaError(
      'The file is a SQLite database, but not one of Holdfast: name another file in store.path.',
    )
  return Number(version)
}

function apply({ db, wallMs }: MigrateOptions, { version, name, sql }: Migration): void {
  db.exec(KEPT_STEPS)
  db.exec(sql)
  db.run('INSERT INTO migrations VALUES (?, ?, ?, ?)', version, name, checksumOf(sql), wallMs)
  db.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${version}`)
}

function checkSteps(db: Database, path: string, migrations: readonly Migration[]): void {
  for (const { version, checksum } of db.all('SELECT version, checksum FROM migrations ORDER BY version')) {
    const step = migrations.find((migration) => migration.version === version)
    if (step !== undefined && checksumOf(step.sql) === checksum) continue
    throw new StoreSchemaError(
      `The database ${path} was made with another step ${Number(version)} than this version of Holdfast has. Start the version that made it, or restore a backup.`,
    )
  }
}

/** Complete or not there at all. */
function copyBefore(db: Database, target: string): void {
  if (existsSync(target)) return
  copyDatabase(db, target)
}

/**
 * A whole copy, as of one moment, but for leases: they belong to runs of the gateway that are gone when the copy is used,
 * and nobody would give them back.
 */
export function copyDatabase(db: Database, target: string): void {
  const unfinished = `${target}.unfinished`
  rmSync(unfinished, { force: true })
  db.run('VACUUM INTO ?', unfinished)
  removeLeases(unfinished)
  chmodSync(unfinished, 0o600)
  renameSync(unfinished, target)
}

function removeLeases(path: string): void {
  const copy = new Database({ path, readOnly: false })
  try {
    if (copy.get(FIND_LEASES) !== undefined) copy.run('DELETE FROM leases')
  } finally {
    copy.close()
  }
}

const FIND_LEASES = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'leases'"

function tooNew(path: string, found: number, known: number): StoreSchemaError {
  return new StoreSchemaError(
    `The database ${path} has schema ${found}, and this version of Holdfast knows schemas up to ${known}. Start the newer version again, or restore the copy made before the upgrade (${path}.before-v${found}).`,
  )
}

function checksumOf(sql: string): string {
  return createHash('sha256').update(sql).digest('hex')
}
