/**
 * The one place that knows the driver. A bounded pool of connections, every use of one under a deadline of ours: what
 * does not answer in time costs its connection, because nobody can say what it will answer next.
 */

import type { Pool, PoolClient, PoolConfig } from 'pg'
import type { Clock } from '../../std/clock.ts'
import { StoreUnavailable } from '../../std/store-error.ts'
import type { DatabaseAddress } from './connection-url.ts'
import { spoilsConnection, storeErrorOf } from './driver-errors.ts'

/** A statement with places for values, `$1` and on. One with a name is prepared once a connection. */
export interface Statement {
  readonly name?: string
  readonly text: string
}

export type Row = Readonly<Record<string, unknown>>

/** The server behind a new connection is not the one that was known: nothing of what was asked was done. */
export class OtherServer extends StoreUnavailable {
  constructor() {
    super('PostgreSQL was started anew, or another one took its place.', { wasAsked: false, isWell: true })
  }
}

/** A connection, while it is ours. */
export interface Session {
  query(statement: Statement, values?: readonly unknown[]): Promise<readonly Row[]>
  /** As `query`; how many rows it changed. */
  run(statement: Statement, values?: readonly unknown[]): Promise<number>
}

export interface Borrowed {
  readonly session: Session
  readonly giveBack: () => void
}

export interface ConnectionsOptions {
  readonly address: DatabaseAddress
  readonly clock: Clock
  /** Default 8. */
  readonly connectionsMax?: number
  /** How long connecting, or waiting for a connection of the pool, may take. Default 2,000 ms. */
  readonly connectMs?: number
  /** How long a connection that nobody uses stays open. Default 30,000 ms. */
  readonly idleMs?: number
  /** A connection was made, or is gone. */
  readonly onChange?: () => void
}

export const CONNECTIONS_MAX = 8
const CONNECT_MS = 2_000
/** Those that wait for a connection; who comes after them is refused at once. */
const WAITING_MAX = 1_000
/** The server gives up a little after we do, so that nothing stays locked by somebody who left. */
const STATEMENT_MS_MAX = 15_000
const IDLE_IN_TRANSACTION_MS = 5_000
const LOCK_MS = 4_000
const IDLE_MS = 30_000
/** How long the other side may take to hear that we go. */
const FAREWELL_MS = 1_000

export class Connections {
  readonly #pool: Pool
  readonly #clock: Clock
  readonly #where: string
  /** After a deadline has passed, connections from before it are not trusted: the way of all of them may be dead. */
  readonly #bornIn = new WeakMap<PoolClient, number>()
  readonly #clients = new Set<PoolClient>()
  #generation = 0
  /** Where connections led to last; absent before the first. */
  #identity: Identity | undefined
  /** How often that was another one. */
  #server = 0
  /** What each connection leads to: asked once of each. */
  readonly #serverOf = new WeakMap<PoolClient, number>()
  #closed: Promise<void> | undefined

  private constructor(pool: Pool, { clock, address, onChange }: ConnectionsOptions) {
    this.#pool = pool
    this.#clock = clock
    this.#where = address.shown
    pool.on('connect', (client) => {
      this.#bornIn.set(client, this.#generation)
      this.#clients.add(client)
      onChange?.()
    })
    pool.on('remove', (client) => {
      this.#clients.delete(client)
      onChange?.()
    })
    // An idle connection that breaks is taken out of the pool; whoever asks next learns whether there is another.
    pool.on('error', () => undefined)
  }

  /** Loads the driver; connects only when it is first asked something. */
  static async open(options: ConnectionsOptions): Promise<Connections> {
    const pg = await import('pg')
    return new Connections(new pg.default.Pool(poolConfig(options, pg.default.types.getTypeParser)), options)
  }

  get open(): number {
    return this.#pool.totalCount
  }

  /** Grows with every other server, or database, that is found at the address. */
  get server(): number {
    return this.#server
  }

  /**
   * Does `work` with one connection; rejects with a `StoreUnavailable` once the time is over. With an `OtherServer` where it
   * does not lead to `server`.
   */
  use<Result>(
    deadlineMs: number,
    work: (session: Session) => Promise<Result>,
    server?: number,
  ): Promise<Result> {
    if (this.#closed !== undefined)
      return Promise.reject(new StoreUnavailable('The store is closed.', { wasAsked: false }))
    if (this.#pool.waitingCount >= WAITING_MAX)
      return Promise.reject(
        new StoreUnavailable(`${WAITING_MAX} operations wait for PostgreSQL already.`, { wasAsked: false }),
      )
    const use = new Use()
    return new Promise((resolve, reject) => {
      const timer = this.#clock.after(deadlineMs, () => {
        this.#generation += 1
        use.giveUp()
        reject(new StoreUnavailable(`PostgreSQL at ${this.#where} did not answer within ${deadlineMs} ms.`))
      })
      this.#acquire(use, server)
        .then((client) => use.work(client, work))
        .finally(() => timer.cancel())
        .then(resolve, (cause: unknown) => reject(storeErrorOf(cause, this.#where)))
    })
  }

  /** As `use`, all or none of it. */
  transaction<Result>(
    deadlineMs: number,
    work: (session: Session) => Promise<Result>,
    server?: number,
  ): Promise<Result> {
    const whole = async (session: Session) => {
      await session.run(BEGIN)
      try {
        const result = await work(session)
        await session.run(COMMIT)
        return result
      } catch (cause) {
        if (!spoilsConnection(cause)) await session.run(ROLLBACK)
        throw cause
      }
    }
    return this.use(deadlineMs, whole, server)
  }

  /** A connection for as long as it takes, with a deadline for each of its statements. */
  async borrow(statementMs: number, server?: number): Promise<Borrowed> {
    let isGivenBack = false
    const given = Promise.withResolvers<void>()
    const session = await new Promise<Session>((resolve, reject) => {
      const use = new Use()
      const timer = this.#clock.after(statementMs, () => {
        use.giveUp()
        reject(new StoreUnavailable(`PostgreSQL at ${this.#where} did not answer within ${statementMs} ms.`))
      })
      this.#acquire(use, server)
        .finally(() => timer.cancel())
        .then((client) =>
          use.work(client, async (session) => {
            resolve(this.#hurried(session, statementMs, use))
            await given.promise
          }),
        )
        .catch((cause: unknown) => reject(storeErrorOf(cause, this.#where)))
    })
    return {
      session,
      giveBack: () => {
        if (isGivenBack) return
        isGivenBack = true
        given.resolve()
      },
    }
  }

  /** Ends every connection; in the end without a farewell, where the other side does not hear it. */
  close(): Promise<void> {
    this.#closed ??= new Promise((resolve) => {
      const timer = this.#clock.after(FAREWELL_MS, () => {
        for (const client of this.#clients) client.connection.stream.destroy()
        resolve()
      })
      this.#pool
        .end()
        .catch(() => undefined)
        .finally(() => {
          timer.cancel()
          resolve()
        })
    })
    return this.#closed
  }

  #hurried(session: Session, statementMs: number, use: Use): Session {
    const hurry = <Result>(asked: Promise<Result>) =>
      new Promise<Result>((resolve, reject) => {
        const timer = this.#clock.after(statementMs, () => {
          use.giveUp()
          reject(
            new StoreUnavailable(`PostgreSQL at ${this.#where} did not answer within ${statementMs} ms.`),
          )
        })
        asked
          .finally(() => timer.cancel())
          .then(resolve, (cause: unknown) => reject(storeErrorOf(cause, this.#where)))
      })
    return {
      query: (...statement) => hurry(session.query(...statement)),
      run: (...statement) => hurry(session.run(...statement)),
    }
  }

  async #acquire(use: Use, server: number | undefined): Promise<PoolClient> {
    for (;;) {
      const client = await this.#pool.connect()
      if (use.isOver) {
        drop(client)
        throw new StoreUnavailable('given up')
      }
      if (!this.#serverOf.has(client)) await this.#identify(client, use)
      const isTrusted = this.#bornIn.get(client) === this.#generation
      const isAsked = server === undefined || this.#serverOf.get(client) === server
      if (isTrusted && isAsked && !use.isOver) return client
      if (isTrusted) client.release()
      else drop(client)
      if (use.isOver) throw new StoreUnavailable('given up')
      if (isTrusted) throw new OtherServer()
    }
  }

  /** Asks a new connection where it leads to. Connections to the server before are not trusted any more. */
  async #identify(client: PoolClient, use: Use): Promise<void> {
    // Whoever asks may have no deadline, and one that does not answer would keep its place in the pool.
    const timer = this.#clock.after(CONNECT_MS, () => use.giveUp())
    const found = await use.look(client, identityOf).finally(() => timer.cancel())
    if (this.#identity !== undefined && !isSame(this.#identity, found)) {
      this.#server += 1
      this.#generation += 1
      this.#bornIn.set(client, this.#generation)
    }
    this.#identity = found
    this.#serverOf.set(client, this.#server)
  }
}

const BEGIN = { text: 'BEGIN' }
const IDENTITY = {
  text: `
SELECT concat(pg_postmaster_start_time(), ' ', oid) AS server, to_regclass('holdfast.counters')::oid AS tables
FROM pg_database WHERE datname = current_database()`,
}

/** The run of a server, the database on it, and the tables in that. */
interface Identity {
  readonly server: string
  /** Absent before the first migration. */
  readonly tables: number | undefined
}

async function identityOf(session: Session): Promise<Identity> {
  const [row] = await session.query(IDENTITY)
  const tables = row?.['tables'] ?? undefined
  return { server: String(row?.['server']), tables: tables === undefined ? undefined : Number(tables) }
}

function isSame(one: Identity, other: Identity): boolean {
  if (one.server !== other.server) return false
  return one.tables === undefined || other.tables === undefined || one.tables === other.tables
}

const COMMIT = { text: 'COMMIT' }
const ROLLBACK = { text: 'ROLLBACK' }

/** One operation: from the asking for a connection to its giving back. */
class Use {
  #client: PoolClient | undefined
  isOver = false

  async work<Result>(client: PoolClient, work: (session: Session) => Promise<Result>): Promise<Result> {
    const result = await this.#holding(client, work)
    this.#giveBack(client)
    return result
  }

  /** As `work`, before it: the connection is not given back but where that fails. */
  async look<Result>(client: PoolClient, work: (session: Session) => Promise<Result>): Promise<Result> {
    const result = await this.#holding(client, work)
    this.#client = undefined
    return result
  }

  async #holding<Result>(client: PoolClient, work: (session: Session) => Promise<Result>): Promise<Result> {
    this.#client = client
    const onError = () => undefined
    client.on('error', onError)
    try {
      return await work(sessionOf(client))
    } catch (cause) {
      this.#giveBack(client, cause)
      throw cause
    } finally {
      client.off('error', onError)
    }
  }

  giveUp(): void {
    this.isOver = true
    const client = this.#client
    this.#client = undefined
    if (client !== undefined) drop(client)
  }

  #giveBack(client: PoolClient, cause?: unknown): void {
    if (this.#client === undefined) return
    this.#client = undefined
    const isClean = client.getTransactionStatus() === 'I'
    if (isClean && (cause === undefined || !spoilsConnection(cause))) client.release()
    else drop(client)
  }
}

function sessionOf(client: PoolClient): Session {
  return {
    // Sound: rows are objects by the names of their columns; whoever asks reads each field by its own rule.
    query: async ({ name, text }, values = []) =>
      (
        await client.query(
          name === undefined ? { text, values: [...values] } : { name, text, values: [...values] },
        )
      ).rows as Row[],
    run: async ({ name, text }, values = []) =>
      (
        await client.query(
          name === undefined ? { text, values: [...values] } : { name, text, values: [...values] },
        )
      ).rowCount ?? 0,
  }
}

/** Without a farewell: it may be one that nobody hears. */
function drop(client: PoolClient): void {
  client.on('error', () => undefined)
  client.connection.stream.destroy()
  client.release(true)
}

type GetTypeParser = NonNullable<PoolConfig['types']>['getTypeParser']

function poolConfig(
  { address, connectionsMax = CONNECTIONS_MAX, connectMs = CONNECT_MS, idleMs = IDLE_MS }: ConnectionsOptions,
  getTypeParser: GetTypeParser,
): PoolConfig {
  const { host, port, user, password, database, tls } = address
  return {
    host,
    port,
    user,
    // Never from the environment: what is not said is empty.
    password: password ?? '',
    database,
    ssl: tls,
    application_name: 'holdfast',
    max: connectionsMax,
    connectionTimeoutMillis: connectMs,
    idleTimeoutMillis: idleMs,
    allowExitOnIdle: true,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    statement_timeout: STATEMENT_MS_MAX,
    lock_timeout: LOCK_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
    types: {
      // Sound: the driver's own parsers for everything but whole numbers of eight bytes.
      getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
        oid === INT8_OID ? safeInteger : getTypeParser(oid, format)) as GetTypeParser,
    },
  }
}

const INT8_OID = 20

/** A double holds whole numbers exactly up to 2^53; money beyond that is a mistake to be seen, not rounded. */
function safeInteger(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value))
    throw new RangeError(`PostgreSQL holds ${text}, beyond what is counted exactly`)
  return value
}
