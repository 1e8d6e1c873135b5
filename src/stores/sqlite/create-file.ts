/** Makes the file of a store under another name first: under its own name there is never an empty database, nor half of one. */

import { existsSync, linkSync, renameSync, rmSync, statSync } from 'node:fs'
import { threadId } from 'node:worker_threads'
import { CorruptFile, Database, storeErrorOf } from './database.ts'
import { migrate } from './migrate.ts'
import { MIGRATIONS } from './schema.ts'

/** Where there is none. Throws a `CorruptFile` where the file is empty. */
export function createFile(path: string, wallMs: number): void {
  if (existsSync(path)) {
    if (statSync(path).size > 0) return
    throw new CorruptFile(`The database is damaged: ${path} is empty, and one of Holdfast never is.`)
  }
  const unnamed = `${path}.new-${process.pid}-${threadId}`
  try {
    removeDatabase(unnamed)
    const db = new Database({ path: unnamed, readOnly: false })
    try {
      migrate({ db, path: unnamed, migrations: MIGRATIONS, wallMs })
    } finally {
      db.close()
    }
    nameFile(unnamed, path)
  } catch (error) {
    throw storeErrorOf(error)
  } finally {
    removeDatabase(unnamed)
  }
}

/** One that another process made meanwhile stays. */
function nameFile(unnamed: string, path: string): void {
  try {
    linkSync(unnamed, path)
  } catch {
    // Some file systems know no links.
    if (!existsSync(path)) renameSync(unnamed, path)
  }
}

/** With what SQLite keeps beside it. */
export function removeDatabase(path: string): void {
  for (const end of ['', '-wal', '-shm', '-journal']) rmSync(`${path}${end}`, { force: true })
}
