/** The operations of a SQLite store on one connection, which is opened when it is needed, and again when it is no longer good. */

import { copyDatabase, migrate } from './migrate.ts'
import { CorruptFile, Database, shouldReopen, storeErrorOf } from './database.ts'
import type { OperationName, Operations, WorkerSetup } from './protocol.ts'
import { createFile } from './create-file.ts'
import { MIGRATIONS } from './schema.ts'
import { addNotes, auditPage } from './sqlite-audit.ts'
import { gatherBlock } from './sqlite-blocks.ts'
import * as bodies from './sqlite-bodies.ts'
import * as budgets from './sqlite-budgets.ts'
import * as directory from './sqlite-directory.ts'
import { Posting } from './sqlite-posting.ts'
import * as cache from './sqlite-cache.ts'
import * as journal from './sqlite-journal.ts'
import { countSeals } from './sqlite-seals.ts'
import { matchSecret } from './sqlite-secret.ts'
import { unpackJournal } from './journal-batch.ts'
import { requestPage, requestWithAttempts } from './sqlite-requests.ts'
import { spendRows } from './sqlite-spend.ts'
import { exportChunks, importChunk, isPartOfCopy, markCopy, totals } from './sqlite-transfer.ts'

interface Connection {
  readonly db: Database
  readonly posting: Posting
}

const PING = 'SELECT count(*) AS tables FROM sqlite_schema'

export class Connections {
  readonly #setup: WorkerSetup
  readonly #wallMs: () => number
  #open: Connection | undefined
  readonly #operations: Operations

  constructor(setup: WorkerSetup, wallMs: () => number) {
    this.#setup = setup
    this.#wallMs = wallMs
    this.#operations = this.#makeOperations()
  }

  /** Throws what the ports say of an error, or `CorruptFile`. */
  perform(name: OperationName, values: readonly unknown[]): unknown {
    const wasOpen = this.#open !== undefined
    // Sound: the facade calls each operation with the values that its type asks for.
    const operation = this.#operations[name] as (...all: readonly unknown[]) => unknown
    try {
      return operation(...values)
    } catch (error) {
      if (!shouldReopen(error)) throw storeErrorOf(error)
      this.#close()
      // A connection made while the disk was read-only stays so: another one may do better.
      if (wasOpen) return this.perform(name, values)
      throw storeErrorOf(error)
    }
  }

  get #connection(): Connection {
    this.#open ??= this.#connect()
    return this.#open
  }

  #connect(): Connection {
    const { path, role, bytesMax } = this.#setup
    const isWriter = role === 'write'
    if (isWriter) createFile(path, this.#wallMs())
    const db = new Database({ path, readOnly: !isWriter, ...(bytesMax === undefined ? {} : { bytesMax }) })
    try {
      if (isWriter) migrate({ db, path, migrations: MIGRATIONS, wallMs: this.#wallMs() })
    } catch (error) {
      db.close()
      throw error
    }
    return { db, posting: new Posting(db) }
  }

  #close(): void {
    this.#open?.db.close()
    this.#open = undefined
  }

  #makeOperations(): Operations {
    const db = () => this.#connection.db
    let chunks: ReturnType<typeof exportChunks> | undefined
    return {
      open: () => void db(),
      check: () => check(db()),
      ping: () => void db().get(PING),
      close: () => this.#close(),

      loadDirectory: () => directory.loadDirectory(db()),
      directoryRevision: () => directory.directoryRevision(db()),
      changeDirectory: (...change) => directory.changeDirectory(db(), ...change),
      matchSecret: (marks) => matchSecret(db(), marks),
      note: (note) => db().write(() => addNotes(db(), [note])),

      post: (...values) => this.#connection.posting.post(...values),
      gather: () => gatherBlock(db()),
      loadBudgets: () => budgets.loadBudgets(db()),
      budgetsRevision: () => budgets.budgetsRevision(db()),
      putBudget: (...change) => budgets.putBudget(db(), ...change),
      lease: (asks) => budgets.lease(db(), asks),
      returnLease: (...values) => budgets.returnLease(db(), ...values),
      leasesOf: (nodeId) => budgets.leasesOf(db(), nodeId),
      leases: () => budgets.allLeases(db()),
      releaseNode: (ask) => budgets.releaseNode(db(), ask),
      releases: (nodeId) => budgets.releases(db(), nodeId),
      standings: (charges) => budgets.standings(db(), charges),

      openJournals: (records, nowMs) => journal.openJournals(db(), records, nowMs),
      writeJournal: (batch) => journal.writeJournal(db(), unpackJournal(batch)),
      findJournal: (id, nowMs) => journal.findJournal(db(), id, nowMs),
      sweepJournal: (nowMs, bytesMax) => journal.sweepJournal(db(), nowMs, bytesMax),
      listJournal: (place) => journal.listJournal(db(), place),
      putCached: (entry) => cache.putCached(db(), entry),
      findCached: (id, nowMs) => cache.findCached(db(), id, nowMs),
      findAlike: (query) => cache.findAlike(db(), query),
      dropCached: (notes, tenant) => cache.dropCached(db(), notes, tenant),
      sweepCache: (nowMs, bytesMax) => cache.sweepCache(db(), nowMs, bytesMax),
      putBodies: (batch) => bodies.putBodies(db(), batch),
      findBodies: (exchangeId, nowMs) => bodies.findBodies(db(), exchangeId, nowMs),
      sweepBodies: (nowMs, bytesMax) => bodies.sweepBodies(db(), nowMs, bytesMax),

      countSeals: (query) => countSeals(db(), query),

      spend: (query) => spendRows(db(), query),
      requests: (query) => requestPage(db(), query),
      request: (exchangeId) => requestWithAttempts(db(), exchangeId),
      auditLines: (query) => auditPage(db(), query),

      restore: (snapshot, wallMs, reason) =>
        db().write(() => {
          directory.takeDirectory(db(), snapshot.directory)
          budgets.takeBudgets(db(), snapshot.budgets, snapshot.budgetsRevision)
          budgets.takeStandings(db(), snapshot.standings, Math.min(snapshot.postedUntilMs, wallMs))
          addNotes(db(), [
            {
              atMs: wallMs,
              actor: 'gateway',
              action: 'restore-snapshot',
              subject: 'store',
              after: { reason },
            },
          ])
        }),
      copyTo: (path) => copyDatabase(db(), path),
      nextChunk: () => {
        chunks ??= exportChunks(db())
        return chunks.next().value ?? undefined
      },
      importChunk: (chunk) => importChunk(db(), this.#connection.posting, chunk),
      totals: () => totals(db()),
      markCopy: (isUnderWay) => markCopy(db(), isUnderWay),
      isPartOfCopy: () => isPartOfCopy(db()),
    }
  }
}

function check(db: Database): void {
  const said = db.get('PRAGMA quick_check(1)')?.['quick_check']
  if (said !== 'ok') throw new CorruptFile(`The database is damaged: ${String(said)}.`)
}
