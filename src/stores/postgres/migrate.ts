/**
 * Brings the schema of a database to this version: all steps or none of them, by one node at a time. Before the first
 * step that changes what is there, the tables are copied into a schema beside it; a copy by pg_dump is what brings
 * back more than that.
 */

import { failpoint } from '../../std/failpoints.ts'
import { StoreSchemaError } from '../../std/store-error.ts'
import type { Session } from './connections.ts'
import { checksumOf, type Migration } from './migrations.ts'

export interface Migrated {
  /** 0 where there was nothing. */
  readonly from: number
  readonly to: number
  /** The schema with the tables as they were; absent where there was nothing to keep. */
  readonly copy?: string
}

/** Any number, as long as nobody else's is the same: "holdfast" said in hex. */
const LOCK = '7525356427117884276'

/** Inside a transaction. What it did; `undefined` where nothing was to be done. */
export async function migrate(
  session: Session,
  migrations: readonly Migration[],
  nowMs: number,
): Promise<Migrated | undefined> {
  if (missing(await appliedSteps(session), migrations).length === 0) return undefined
  // Other nodes wait here, as long as it takes, and find it done.
  await session.run({ text: 'SET LOCAL lock_timeout = 0' })
  await session.run({ text: 'SET LOCAL statement_timeout = 0' })
  await session.run({ text: 'SELECT pg_advisory_xact_lock($1)' }, [LOCK])
  const applied = await appliedSteps(session)
  const steps = missing(applied, migrations)
  const last = steps.at(-1)
  if (last === undefined) return undefined
  const from = applied.length
  const copy = from === 0 ? undefined : `holdfast_before_${last.version}`
  if (copy === undefined) await session.run({ text: CREATE_SCHEMA })
  else await copyTables(session, copy)
  for (const step of steps) {
    await session.run({ text: step.text })
    const { version, name } = step
    await session.run({ text: NOTE_STEP }, [version, name, checksumOf(step), nowMs])
  }
  failpoint('migrating')
  return { from, to: last.version, ...(copy === undefined ? {} : { copy }) }
}

const CREATE_SCHEMA = `
CREATE SCHEMA IF NOT EXISTS holdfast;
CREATE TABLE holdfast.migrations (
  version integer PRIMARY KEY,
  name text NOT NULL,
  checksum text NOT NULL,
  applied_at_ms bigint NOT NULL
);`
const FIND_STEPS = `SELECT 1 FROM pg_tables WHERE schemaname = 'holdfast' AND tablename = 'migrations'`
const NOTE_STEP = 'INSERT INTO holdfast.migrations VALUES ($1, $2, $3, $4)'

interface Applied {
  readonly version: number
  readonly checksum: string
}

async function appliedSteps(session: Session): Promise<readonly Applied[]> {
  // A scan of the catalog sees what others have just made; to_regclass may go by what it remembers.
  if ((await session.query({ text: FIND_STEPS })).length === 0) return []
  const rows = await session.query({
    text: 'SELECT version, checksum FROM holdfast.migrations ORDER BY version',
  })
  return rows.map(({ version, checksum }) => ({ version: Number(version), checksum: String(checksum) }))
}

/** The steps to be made; throws where what was made is not what this version knows. */
function missing(applied: readonly Applied[], migrations: readonly Migration[]): readonly Migration[] {
  const known = migrations.length
  const newest = applied.at(-1)?.version ?? 0
  if (newest > known)
    throw new StoreSchemaError(
      `The database is at schema ${newest}, this version of Holdfast knows ${known}: start the newer version again, or ` +
        'restore the copy that was made before its schema (pg_dump, or the schema holdfast_before_' +
        `${known + 1}).`,
    )
  const changed = applied.find((one, place) => {
    const step = migrations[place]
    return step === undefined || step.version !== one.version || checksumOf(step) !== one.checksum
  })
  if (changed !== undefined)
    throw new StoreSchemaError(
      `Step ${changed.version} of the database's schema is not the one this version of Holdfast would have made: it ` +
        'was made by another build. Start that one, or restore a copy.',
    )
  return migrations.slice(applied.length)
}

/** Answers that are kept for a while are not worth keeping twice. */
async function copyTables(session: Session, copy: string): Promise<void> {
  const tables = await session.query({
    text: `SELECT tablename FROM pg_tables WHERE schemaname = 'holdfast' AND tablename NOT IN ('journal', 'cache')`,
  })
  await session.run({ text: `DROP SCHEMA IF EXISTS ${copy} CASCADE` })
  await session.run({ text: `CREATE SCHEMA ${copy}` })
  for (const { tablename } of tables)
    await session.run({
      text: `CREATE TABLE ${copy}.${String(tablename)} AS TABLE holdfast.${String(tablename)}`,
    })
}
