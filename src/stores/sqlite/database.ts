/** One connection to a SQLite file: prepared statements, whole transactions, and errors told apart by what can be done about them. */

import { chmodSync, closeSync, existsSync, openSync, statSync } from 'node:fs'
import { DatabaseSync, type SQLInputValue, type SQLOutputValue, type StatementSync } from 'node:sqlite'
import { StoreUnavailable } from '../../std/store-error.ts'

/** A connection waits so long for a lock that another process holds, ms; then the operation fails, and may be made again. */
export const BUSY_TIMEOUT_MS = 100
/** Pages of the file that a connection keeps in memory. With four times as much, posting to 300,000 entries is as dear. */
const CACHE_BYTES = 16 * 1_024 * 1_024
const WAL_BYTES_KEPT = 64 * 1_024 * 1_024
const PAGE_BYTES = 4_096
/** Pages of the log before they move to the file: a page written often until then moves once. */
const WAL_PAGES = 4_000

export interface DatabaseOptions {
  readonly path: string
  readonly readOnly: boolean
  /** The file grows no larger. Default: as large as the disk lets it. */
  readonly bytesMax?: number
}

export type Row = Readonly<Record<string, SQLOutputValue>>

/** The file is damaged: nothing in it can be relied upon. */
export class CorruptFile extends Error {
  override readonly name = 'CorruptFile'
}

export class Database {
  readonly #db: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()
  readonly #listing = new Map<string, StatementSync>()

  /** `synchronous = NORMAL`: a kill loses nothing; a power cut may take the last moments with it, never the file. */
  constructor({ path, readOnly, bytesMax }: DatabaseOptions) {
    try {
      if (!readOnly) prepareFiles(path)
      this.#db = new DatabaseSync(path, { readOnly, timeout: BUSY_TIMEOUT_MS })
    } catch (error) {
      throw storeErrorOf(error)
    }
    try {
      this.#db.exec(
        `PRAGMA cache_size = -${CACHE_BYTES / 1_024}; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF;`,
      )
      if (readOnly) return
      this.#db.exec(
        `PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA journal_size_limit = ${WAL_BYTES_KEPT}; PRAGMA wal_autocheckpoint = ${WAL_PAGES};`,
      )
      if (bytesMax !== undefined) this.#db.exec(`PRAGMA max_page_count = ${Math.ceil(bytesMax / PAGE_BYTES)}`)
    } catch (error) {
      this.#db.close()
      throw storeErrorOf(error)
    }
  }

  /** Statements of the schema, which have no values. */
  exec(sql: string): void {
    this.#db.exec(sql)
  }

  prepare(sql: string): StatementSync {
    const known = this.#statements.get(sql)
    if (known !== undefined) return known
    const statement = this.#db.prepare(sql)
    this.#statements.set(sql, statement)
    return statement
  }

  get(sql: string, ...values: readonly SQLInputValue[]): Row | undefined {
    return this.prepare(sql).get(...values)
  }

  all(sql: string, ...values: readonly SQLInputValue[]): readonly Row[] {
    return this.prepare(sql).all(...values)
  }

  /** Rows as lists in the order of their columns: of many rows, half as dear as those that name them. */
  lists(sql: string, ...values: readonly SQLInputValue[]): readonly (readonly SQLOutputValue[])[] {
    let statement = this.#listing.get(sql)
    if (statement === undefined) {
      statement = this.#db.prepare(sql)
      statement.setReturnArrays(true)
      this.#listing.set(sql, statement)
    }
    // Sound: what `setReturnArrays` says, and the types of Node do not.
    return statement.all(...values) as readonly unknown[] as readonly (readonly SQLOutputValue[])[]
  }

  /** How many rows it changed. */
  run(sql: string, ...values: readonly SQLInputValue[]): number {
    return Number(this.prepare(sql).run(...values).changes)
  }

  /** All of it or nothing. The lock is taken first, so that nothing read inside is old when it is written. */
  write<Result>(work: () => Result): Result {
    this.prepare('BEGIN IMMEDIATE').run()
    try {
      const result = work()
      this.prepare('COMMIT').run()
      return result
    } catch (error) {
      // A full disk ends the transaction by itself.
      if (this.#db.isTransaction) this.prepare('ROLLBACK').run()
      throw error
    }
  }

  /** Everything inside sees one moment. */
  read<Result>(work: () => Result): Result {
    this.prepare('BEGIN').run()
    try {
      return work()
    } finally {
      if (this.#db.isTransaction) this.prepare('COMMIT').run()
    }
  }

  close(): void {
    if (this.#db.isOpen) this.#db.close()
  }
}

/** Nobody else may read what is kept. SQLite gives the files beside it the mode the file had when they were made. */
function prepareFiles(path: string): void {
  if (!existsSync(path)) closeSync(openSync(path, 'a', 0o600))
  const { mode } = statSync(path)
  for (const beside of [`${path}-wal`, `${path}-shm`])
    if (existsSync(beside) && statSync(beside).mode !== mode) chmodSync(beside, mode & 0o777)
}

const UNAVAILABLE = new Map([
  [5, 'another process has locked the file'],
  [6, 'the file is locked'],
  [7, 'there is no memory left'],
  [8, 'the file cannot be written: it, its folder or its disk is read-only'],
  [10, 'the disk failed'],
  [13, 'the disk is full'],
  [14, 'the file cannot be opened'],
  [15, 'another process keeps changing the file'],
])
/** SQLITE_READONLY, SQLITE_IOERR, SQLITE_CANTOPEN: the connection itself may be what is wrong. */
const REOPENS: ReadonlySet<number> = new Set([8, 10, 14])
/** SQLITE_CORRUPT, SQLITE_NOTADB. */
const CORRUPT: ReadonlySet<number> = new Set([11, 26])

/** The lower byte of SQLite's error code; `undefined` for an error that is not SQLite's. */
function resultCodeOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number')
    return undefined
  return error.errcode & 0xff
}

export function shouldReopen(error: unknown): boolean {
  return REOPENS.has(resultCodeOf(error) ?? 0)
}

/** What a port says of it; what is not SQLite's, and what should never happen, stays as it is. */
export function storeErrorOf(error: unknown): unknown {
  const code = resultCodeOf(error)
  if (code === undefined) {
    const isSystem = error instanceof Error && 'syscall' in error
    return isSystem
      ? new StoreUnavailable(`The database does not answer: ${error.message}.`, { cause: error })
      : error
  }
  const said = error instanceof Error ? error.message : ''
  if (CORRUPT.has(code)) return new CorruptFile(`The database is damaged: ${said}.`, { cause: error })
  const why = UNAVAILABLE.get(code)
  return why === undefined
    ? error
    : new StoreUnavailable(`The database does not answer: ${why} (${said}).`, { cause: error })
}
