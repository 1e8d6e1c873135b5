/**
 * A store in PostgreSQL that several nodes share. Opening it connects to nothing: the database may be away, and what is
 * asked then is answered with `StoreUnavailable` until it is there. The first answer brings the schema up to date.
 */

import type { Clock } from '../../std/clock.ts'
import type { Notice } from '../../std/notice.ts'
import { StoreSchemaError, StoreUnavailable } from '../../std/store-error.ts'
import { UnderWay } from '../../std/under-way.ts'
import { within } from '../../std/within.ts'
import type { SpendQuery, SpendRow } from '../../reports/report-store.ts'
import { checkBooks } from '../check-books.ts'
import { type Known, STORE_BEHIND } from '../last-known.ts'
import type { Store } from '../store.ts'
import type { Transferable, TransferChunk } from '../transfer.ts'
import { BookThread } from './book-thread.ts'
import { readConnectionUrl } from './connection-url.ts'
import { catchUp, type NodeLeases, storeIdOf } from './catch-up.ts'
import { type Borrowed, Connections, CONNECTIONS_MAX, OtherServer, type Session } from './connections.ts'
import { MissingTables, UselessServer } from './driver-errors.ts'
import { type Migrated, migrate } from './migrate.ts'
import { MIGRATIONS, type Migration } from './migrations.ts'
import { addAuditLines, auditPage } from './postgres-audit.ts'
import * as bodies from './postgres-bodies.ts'
import * as cache from './postgres-cache.ts'
import * as directory from './postgres-directory.ts'
import * as journal from './postgres-journal.ts'
import * as ledger from './postgres-ledger.ts'
import * as releases from './postgres-releases.ts'
import * as reports from './postgres-reports.ts'
import { countSeals } from './postgres-seals.ts'
import { matchSecret } from './postgres-secret.ts'
import { renewShares } from './postgres-shares.ts'
import { exportAll, importAll, isPartOfCopy } from './postgres-transfer.ts'

export interface PostgresStoreOptions {
  /** `postgres://user:password@host:5432/database?sslmode=verify-full` */
  readonly url: string
  readonly clock: Clock
  /** Of all that the store has open, at least 2. Default 8. */
  readonly connectionsMax?: number
  /** How long an operation may take, ms; default `POSTGRES_DEADLINES_MS`. */
  readonly deadlinesMs?: Partial<PostgresDeadlines>
  /** The schema was brought up to date. */
  readonly onMigrated?: (migrated: Migrated) => void
  /** What this node knew of the database, beside it: a database that knows less is brought up to it before it is used. */
  readonly known?: KnownBeside
  /** What this node has leased, for a database that may not know it: nothing else is asked of it meanwhile. */
  readonly tellLeases?: () => NodeLeases | undefined
  /**
   * Another server took the place of the one that was known, and was brought up to what is known. Nothing is leased until it
   * resolves: what was settled from `sinceMs` on, ms since 1970, may be missing there.
   */
  readonly onReplaced?: (sinceMs: number) => Promise<void>
  readonly onNotice?: (notice: Notice) => void
  /** For tests. */
  readonly migrations?: readonly Migration[]
}

/** Files beside the store. */
export interface KnownBeside {
  /** Of the database of this id, or of one that has none yet. Never rejects: what cannot be read is not known. */
  read(storeId: number | undefined): Promise<Known>
  /** From now on what is known is of this one. */
  keep(storeId: number): Promise<void>
}

export interface PostgresDeadlines {
  /** What a request may wait for: leases, answers that are cached, revisions. */
  readonly quick: number
  /** What a request under an idempotency key waits for. */
  readonly claim: number
  /** Changes and batches. */
  readonly write: number
  /** Reports, sweeps, and whole lists. */
  readonly long: number
  /** A part of a copy. */
  readonly copy: number
  readonly migrate: number
}

export const POSTGRES_DEADLINES_MS: PostgresDeadlines = {
  quick: 1_000,
  claim: 2_000,
  write: 5_000,
  long: 10_000,
  copy: 60_000,
  migrate: 600_000,
}

/** Throws where the address is not one. */
export async function openPostgresStore(options: PostgresStoreOptions): Promise<Store & Transferable> {
  const read = readConnectionUrl(options.url)
  if (read.type === 'refused') throw new TypeError(read.reason)
  const { clock, connectionsMax = CONNECTIONS_MAX } = options
  const connections = await Connections.open({
    address: read.address,
    clock,
    // One is that of the thread that adds up.
    connectionsMax: Math.max(1, connectionsMax - 1),
  })
  return storeOver(new ReadyConnections(connections, options))
}

type GrowingNumber = 'directory' | 'budgets'

/** Connections to a database whose schema is this version's, and which has what this node knew. */
class ReadyConnections {
  readonly #connections: Connections
  readonly #options: PostgresStoreOptions
  readonly deadlinesMs: PostgresDeadlines
  #preparing: Promise<void> | undefined
  #isReady = false
  /** It was ready before. */
  #isUsed = false
  /** As `Connections` counts them: the one that is ready. */
  #server = 0
  /** What changes leases, and is under way. */
  readonly #changing = new Set<Promise<unknown>>()
  /** What is posted again, after a server took the place of another. */
  #behind = 0
  readonly #highest: Record<GrowingNumber, number> = { directory: 0, budgets: 0 }
  /** By the number of what was asked. */
  readonly #underWay = new UnderWay<number, Promise<unknown>>()
  #asked = 0
  readonly #books: BookThread
  #closed: Promise<void> | undefined

  constructor(connections: Connections, options: PostgresStoreOptions) {
    this.#connections = connections
    this.#options = options
    this.deadlinesMs = { ...POSTGRES_DEADLINES_MS, ...options.deadlinesMs }
    this.#books = new BookThread({ url: options.url, deadlineMs: this.deadlinesMs.long }, options)
  }

  use<Result>(deadlineMs: number, work: (session: Session) => Promise<Result>): Promise<Result> {
    return this.#whenReady(deadlineMs, (server) => this.#connections.use(deadlineMs, work, server))
  }

  transaction<Result>(deadlineMs: number, work: (session: Session) => Promise<Result>): Promise<Result> {
    return this.#whenReady(deadlineMs, (server) => this.#connections.transaction(deadlineMs, work, server))
  }

  /**
   * What may not be asked of another server than it was meant for: `tellLeases` has told that what it would have changed. Not
   * asked while one is brought up to what is known.
   */
  async changeLeases<Result>(
    deadlineMs: number,
    work: (session: Session) => Promise<Result>,
  ): Promise<Result> {
    if (!this.#isUsed) return this.transaction(deadlineMs, work)
    if (!this.#isReady) {
      this.#prepare().catch(() => undefined)
      throw new OtherServer()
    }
    const server = this.#server
    const changing = this.#tracked(this.#connections.transaction(deadlineMs, work, server))
    this.#changing.add(changing)
    try {
      return await changing
    } catch (error) {
      if (!isElsewhere(error)) throw error
      this.#left(server)
      this.#prepare().catch(() => undefined)
      throw new OtherServer()
    } finally {
      this.#changing.delete(changing)
    }
  }

  /** The same where what was lost has to be posted again first. */
  async grantLeases<Result>(
    deadlineMs: number,
    work: (session: Session) => Promise<Result>,
  ): Promise<Result> {
    if (this.#behind > 0) throw new StoreUnavailable(BEHIND, { wasAsked: false, isWell: true })
    return this.changeLeases(deadlineMs, work)
  }

  /** What `ask` answers never goes down; where it does, the tables are others, or went back. */
  async growing(name: GrowingNumber, ask: () => Promise<number>): Promise<number> {
    const before = this.#highest[name]
    const server = this.#server
    const value = await ask()
    if (value >= before) {
      this.#highest[name] = Math.max(this.#highest[name], value)
      return value
    }
    this.#highest[name] = value
    this.#left(server)
    return this.growing(name, ask)
  }

  spend(query: SpendQuery): Promise<readonly SpendRow[]> {
    return this.#whenReady(this.deadlinesMs.long, () => this.#books.spend(query))
  }

  /** So many were posted. */
  noteEntries(count: number): void {
    if (count > 0) this.#books.noteEntries(count)
  }

  /** So many came with a copy. */
  noteCopy(entries: number): Promise<void> {
    return this.#books.noteCopy(entries)
  }

  borrow(statementMs: number): Promise<Borrowed> {
    return this.#whenReady(statementMs, (server) => this.#connections.borrow(statementMs, server))
  }

  /** After what was asked before. */
  close(): Promise<void> {
    this.#closed ??= Promise.allSettled(this.#underWay.list())
      .then(() => this.#books.close())
      .then(() => this.#connections.close())
    return this.#closed
  }

  #whenReady<Result>(deadlineMs: number, ask: (server: number) => Promise<Result>): Promise<Result> {
    if (this.#closed !== undefined) return Promise.reject(new StoreUnavailable('The store is closed.'))
    const server = this.#server
    return this.#tracked(
      this.#isReady
        ? ask(server).catch((error: unknown) => this.#askOther(error, server, { deadlineMs, ask }))
        : this.#whenPrepared(deadlineMs).then(() => ask(this.#server)),
    )
  }

  /** Whoever closes the store waits for it. */
  async #tracked<Result>(asked: Promise<Result>): Promise<Result> {
    this.#asked += 1
    const number = this.#asked
    this.#underWay.set(number, asked)
    try {
      return await asked
    } finally {
      this.#underWay.delete(number)
    }
  }

  /** Once more where the server was another one than was known, or its tables are gone. */
  async #askOther<Result>(
    error: unknown,
    server: number,
    { deadlineMs, ask }: { readonly deadlineMs: number; readonly ask: (server: number) => Promise<Result> },
  ): Promise<Result> {
    if (!isElsewhere(error)) throw error
    this.#left(server)
    await this.#whenPrepared(deadlineMs)
    return ask(this.#server)
  }

  /** What was asked of this one has to be asked of another; whoever hears it late, of one that was left already, changes nothing. */
  #left(server: number): void {
    if (server === this.#server) this.#isReady = false
  }

  /** A step may take longer than who asks can wait; it goes on without him. */
  #whenPrepared(deadlineMs: number): Promise<void> {
    return within(this.#options.clock, deadlineMs, this.#prepare(), 'The database was not ready')
  }

  #prepare(): Promise<void> {
    this.#preparing ??= this.#prepareOnce()
      .catch((error: unknown) => {
        // Whatever keeps it from being used says nothing of what was asked.
        if (error instanceof StoreUnavailable || error instanceof StoreSchemaError) throw error
        throw new StoreUnavailable(error instanceof Error ? error.message : String(error), { cause: error })
      })
      .finally(() => {
        this.#preparing = undefined
      })
    return this.#preparing
  }

  /** The schema as this version has it, and in it what this node knew. */
  async #prepareOnce(): Promise<void> {
    if (this.#isReady) return
    const { migrations = MIGRATIONS, clock, onMigrated } = this.#options
    const isReplaced = this.#isUsed
    const deadlineMs = isReplaced ? this.deadlinesMs.copy : this.deadlinesMs.migrate
    const done = await this.#connections.transaction(deadlineMs, (session) =>
      migrate(session, migrations, clock.wallMs()),
    )
    const { server } = this.#connections
    // Whatever is about to change what is leased has to be over before it is told.
    await Promise.allSettled(this.#changing)
    const sinceMs = await this.#catchUp(server)
    this.#isUsed = true
    this.#server = server
    this.#isReady = true
    // What was there before may have to be brought into a new form.
    if (done !== undefined && done.from > 0) this.#books.build()
    if (done !== undefined) onMigrated?.(done)
    if (isReplaced) this.#bringLost(sinceMs)
  }

  /** Nothing is leased of what may have been spent already. */
  #bringLost(sinceMs: number): void {
    this.#books.forget()
    const { onReplaced } = this.#options
    if (onReplaced === undefined) return
    this.#behind += 1
    void onReplaced(sinceMs).finally(() => {
      this.#behind -= 1
    })
  }

  /** From when on, ms since 1970, what was settled may be missing. */
  async #catchUp(server: number): Promise<number> {
    const { known: beside, tellLeases, clock, onNotice } = this.#options
    const { quick, long } = this.deadlinesMs
    const nowMs = clock.wallMs()
    const found = await this.#connections.use(quick, storeIdOf, server)
    const known = (await beside?.read(found)) ?? NOTHING_KNOWN
    const leases = this.#isUsed ? tellLeases?.() : undefined
    const { storeId, missing } = await this.#connections.transaction(
      long,
      (session) => catchUp(session, { known, leases, nowMs }),
      server,
    )
    if (storeId !== undefined) await beside?.keep(storeId)
    if (missing !== undefined)
      onNotice?.({ level: 'error', name: 'store_behind', message: `${missing} ${STORE_BEHIND}` })
    // Where the sums were behind, so is all that is in no file.
    return missing === undefined ? Math.min(known.last?.postedUntilMs ?? nowMs, nowMs) - LATE_MS : 0
  }
}

/** Of what was asked nothing was done: it was another server, or one without our tables. */
function isElsewhere(error: unknown): boolean {
  return error instanceof OtherServer || error instanceof MissingTables
}

const BEHIND = 'PostgreSQL took the place of another one, and is brought up to what was spent.'
/** What was settled may have waited so long to be posted, ms. */
const LATE_MS = 30_000
const NOTHING_KNOWN: Known = {}

const ONE_MOMENT = { text: 'SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY' }
const CAN_WRITE = {
  name: 'ping',
  text: `SELECT current_setting('transaction_read_only') = 'off' AS can_write`,
}

function storeOver(database: ReadyConnections): Store & Transferable {
  const { quick, claim, write, long, copy } = database.deadlinesMs
  const atOneMoment = <Result>(work: (session: Session) => Promise<Result>) =>
    database.transaction(long, async (session) => {
      await session.run(ONE_MOMENT)
      return work(session)
    })
  return {
    kind: 'postgres',
    isShared: true,
    loadDirectory: () => atOneMoment(directory.loadDirectory),
    directoryRevision: () =>
      database.growing('directory', () => database.use(quick, directory.directoryRevision)),
    changeDirectory: (changes, notes, expectedRevision) =>
      database.transaction(write, (session) =>
        directory.changeDirectory(session, changes, notes, expectedRevision),
      ),
    postBooks: async (batch) => {
      checkBooks(batch)
      database.noteEntries(await database.transaction(write, (session) => ledger.postBooks(session, batch)))
    },
    loadBudgets: () => database.use(long, ledger.loadBudgets),
    budgetsRevision: () => database.growing('budgets', () => database.use(quick, ledger.budgetsRevision)),
    putBudget: (...change) => database.transaction(write, (session) => ledger.putBudget(session, ...change)),
    lease: (asks) => database.grantLeases(quick, (session) => ledger.lease(session, asks)),
    returnLease: (nodeId, charge, nanoUsd) =>
      database.changeLeases(write, (session) => ledger.returnLease(session, nodeId, charge, nanoUsd)),
    leasesOf: (nodeId) => database.use(write, (session) => ledger.leasesOf(session, nodeId)),
    leases: () => database.use(long, releases.leases),
    releaseNode: (ask) => database.transaction(write, (session) => releases.releaseNode(session, ask)),
    releases: (nodeId) => database.use(quick, (session) => releases.releases(session, nodeId)),
    standings: (charges) => database.use(write, (session) => ledger.standings(session, charges)),
    renewShares: (ask) => database.transaction(quick, (session) => renewShares(session, ask)),
    openJournals: (records, nowMs) =>
      database.use(claim, (session) => journal.openJournals(session, records, nowMs)),
    writeJournal: (changes) =>
      database.transaction(write, (session) => journal.writeJournal(session, changes)),
    findJournal: (id, nowMs) => database.use(claim, (session) => journal.findJournal(session, id, nowMs)),
    sweepJournal: (nowMs, bytesMax) =>
      database.use(long, (session) => journal.sweepJournal(session, nowMs, bytesMax)),
    putCached: (entry) => database.transaction(write, (session) => cache.putCached(session, entry)),
    findCached: (id, nowMs) => database.use(quick, (session) => cache.findCached(session, id, nowMs)),
    findAlike: (query) => database.use(quick, (session) => cache.findAlike(session, query)),
    dropCached: (notes, tenant) =>
      database.transaction(long, (session) => cache.dropCached(session, notes, tenant)),
    sweepCache: (nowMs, bytesMax) =>
      database.use(long, (session) => cache.sweepCache(session, nowMs, bytesMax)),
    putBodies: (batch) => database.use(write, (session) => bodies.putBodies(session, batch)),
    findBodies: (exchangeId, nowMs) =>
      database.use(long, (session) => bodies.findBodies(session, exchangeId, nowMs)),
    sweepBodies: (nowMs, bytesMax) =>
      database.use(long, (session) => bodies.sweepBodies(session, nowMs, bytesMax)),
    countSeals: (query) => database.use(long, (session) => countSeals(session, query)),
    spend: (query) => database.spend(query),
    requests: (query) => database.use(long, (session) => reports.requests(session, query)),
    request: (exchangeId) => database.use(long, (session) => reports.request(session, exchangeId)),
    auditLines: (query) => database.use(long, (session) => auditPage(session, query)),
    matchSecret: (marks) => database.use(write, (session) => matchSecret(session, marks)),
    note: (note) => database.transaction(write, (session) => addAuditLines(session, [note])),
    exportAll: () => exportFrom(database),
    isPartOfCopy: () => database.use(write, isPartOfCopy),
    importAll: async (chunks) => {
      const totals = await importAll((work) => database.transaction(copy, work), chunks)
      await database.noteCopy(totals.entries)
      return totals
    },
    ping: () => database.use(quick, ping),
    close: () => database.close(),
  }
}

async function* exportFrom(database: ReadyConnections): AsyncGenerator<TransferChunk> {
  const { session, giveBack } = await database.borrow(database.deadlinesMs.copy)
  try {
    yield* exportAll(session)
  } finally {
    giveBack()
  }
}

/** A server that takes no writes is none. */
async function ping(session: Session): Promise<void> {
  const [row] = await session.query(CAN_WRITE)
  if (row?.['can_write'] !== true)
    throw new UselessServer('PostgreSQL takes no writes: it is a replica, or set to read only.')
}
