/**
 * A real PostgreSQL of a test's own: a fresh folder of data, a free port on loopback, and every fault that a server
 * process can have. Nothing is assumed to run already, and nothing outlives the test process.
 */

import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { Client } from 'pg'

export interface PostgresServerOptions {
  /** Default false: what is lost with the machine does not matter to most tests, and it is much slower. */
  readonly fsync?: boolean
  /** PEM. With them the server takes TLS connections, and others still. */
  readonly tls?: { readonly key: string; readonly certificate: string }
  /** Further settings, as of postgresql.conf. */
  readonly settings?: Readonly<Record<string, string>>
}

export interface PostgresServer extends AsyncDisposable {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  /** Makes an empty database; its address, `via` another port where one is given. */
  createDatabase(): Promise<string>
  /** The same database, reached over another port: that of a proxy. */
  via(url: string, port: number): string
  /** One statement, in the given database or in the one that is always there. */
  run(statement: string, url?: string): Promise<void>
  /** Connections to a database that are in a transaction; `wrote`: of those, the ones that have added something, and wait for their end. */
  transactions(url: string): Promise<{ readonly open: number; readonly wrote: number }>
  /** Ends every connection to a database, as an administrator does. */
  endConnections(database: string): Promise<void>
  /** Nobody else reads or writes a table until it is unlocked. */
  lockTable(url: string, table: string): Promise<TableLock>
  /** SIGSTOP to every process of the server: connections stay open and nothing moves. */
  pause(): void
  /** SIGCONT to every process of the server. */
  resume(): void
  /** SIGKILL to the main process; the others follow it. */
  kill(): Promise<void>
  /** Stops it at once and in order: open connections are ended. */
  stop(): Promise<void>
  /** On the same port, with the same data. */
  start(): Promise<void>
  /** Copies all that it has, as a backup of the disk does. It must not run. */
  save(): void
  /** Puts the copy in the place of what it has. It must not run. */
  putBack(): void
  /** What it wrote to its log. */
  log(): string
}

export interface TableLock extends AsyncDisposable {
  unlock(): Promise<void>
}

/** The folder of the programs, or why there is none. */
export type PostgresPrograms =
  | { readonly type: 'found'; readonly folder: string }
  | { readonly type: 'missing'; readonly reason: string }

const DEBIAN_FOLDER = '/usr/lib/postgresql'
const VERSION_MIN = 14
const START_MS_MAX = 20_000
const START_TRIES = 3

/** Debian keeps them out of the path, a folder for each version. */
export function findPostgres(): PostgresPrograms {
  const versions = existsSync(DEBIAN_FOLDER) ? readdirSync(DEBIAN_FOLDER) : []
  const newestFirst = versions
    .map(Number)
    .filter(Number.isInteger)
    .sort((one, other) => other - one)
  const folders = [
    ...newestFirst
      .filter((version) => version >= VERSION_MIN)
      .map((version) => join(DEBIAN_FOLDER, `${version}`, 'bin')),
    ...(process.env['PATH'] ?? '').split(delimiter),
  ]
  const folder = folders.find((one) => existsSync(join(one, 'initdb')) && existsSync(join(one, 'postgres')))
  if (folder !== undefined) return { type: 'found', folder }
  const reason = `no PostgreSQL here (neither in ${DEBIAN_FOLDER} nor in PATH): apt-get install postgresql`
  return { type: 'missing', reason }
}

/** Why tests of Postgres are passed over: only ever on a developer's machine, where CI is not set. */
export function skipsPostgres(): boolean {
  const programs = findPostgres()
  if (programs.type === 'found') return false
  if (process.env['CI'] === 'true') throw new Error(`CI tests every store: ${programs.reason}`)
  console.warn(`skipped: ${programs.reason}`)
  return true
}

/** Starts one and waits until it answers. */
export async function startPostgres(options: PostgresServerOptions = {}): Promise<PostgresServer> {
  const programs = findPostgres()
  if (programs.type === 'missing') throw new Error(programs.reason)
  const server = new LocalPostgres(programs.folder, options)
  try {
    server.initialize()
    await server.startOnFreePort()
  } catch (error) {
    await server[Symbol.asyncDispose]()
    throw error
  }
  return server
}

interface Identity {
  readonly uid?: number
  readonly gid?: number
}

class LocalPostgres implements PostgresServer {
  readonly host = '127.0.0.1'
  readonly user = 'holdfast'
  readonly password = randomBytes(12).toString('hex')
  readonly #programs: string
  readonly #options: PostgresServerOptions
  readonly #identity = serverIdentity()
  readonly #folder = mkdtempSync(join(tmpdir(), 'holdfast-postgres-'))
  readonly #dataFolder = join(this.#folder, 'data')
  readonly #savedFolder = join(this.#folder, 'saved')
  #port = 0
  #child: ChildProcess | undefined
  #undertaker: ChildProcess | undefined
  #ended: Promise<void> = Promise.resolve()
  #log = ''
  #databases = 0

  constructor(programs: string, options: PostgresServerOptions) {
    this.#programs = programs
    this.#options = options
    this.#own(this.#folder)
  }

  get port(): number {
    return this.#port
  }

  initialize(): void {
    const passwordFile = this.#write('password', this.password)
    const words = ['-D', this.#dataFolder, '-U', this.user, '-A', 'scram-sha-256', '--pwfile', passwordFile]
    execFileSync(
      join(this.#programs, 'initdb'),
      [...words, '-E', 'UTF8', '--locale=C', '--no-sync', '--no-instructions'],
      {
        ...this.#identity,
        cwd: this.#folder,
        env: { PATH: process.env['PATH'] },
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    )
  }

  /** Somebody else may take the port between the asking and the using. */
  async startOnFreePort(): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      this.#port = await freePort()
      try {
        return await this.start()
      } catch (error) {
        if (tries === START_TRIES) throw error
      }
    }
  }

  async start(): Promise<void> {
    const settings = Object.entries(this.#settings()).flatMap(([name, value]) => ['-c', `${name}=${value}`])
    const child = spawn(join(this.#programs, 'postgres'), ['-D', this.#dataFolder, ...settings], {
      ...this.#identity,
      cwd: this.#folder,
      env: { PATH: process.env['PATH'] },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    this.#child = child
    this.#ended = new Promise((resolve) => child.once('close', () => resolve()))
    this.#undertaker = buryWithUs(child.pid ?? 0, this.#folder)
    child.stderr.on(
      'data',
      (chunk: Buffer) => void (this.#log = (this.#log + chunk.toString()).slice(-LOG_CHARS_MAX)),
    )
    await this.#answers(child)
  }

  async createDatabase(): Promise<string> {
    this.#databases += 1
    const name = `test_${this.#databases}`
    await this.run(`CREATE DATABASE ${name}`)
    return this.#url(name)
  }

  via(url: string, port: number): string {
    const other = new URL(url)
    other.port = String(port)
    return other.href
  }

  run(statement: string, url = this.#url('postgres')): Promise<void> {
    return connected(url, async (client) => void (await client.query(statement)))
  }

  transactions(url: string): Promise<{ readonly open: number; readonly wrote: number }> {
    return connected(this.#url('postgres'), async (client) => {
      const { rows } = await client.query<{ query: string; state: string }>(
        "SELECT query, state FROM pg_stat_activity WHERE datname = $1 AND state <> 'idle'",
        [new URL(url).pathname.slice(1)],
      )
      const wrote = rows.filter(({ query, state }) => state !== 'active' && /insert into/i.test(query))
      return { open: rows.length, wrote: wrote.length }
    })
  }

  endConnections(database: string): Promise<void> {
    return this.run(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${database}'`)
  }

  async lockTable(url: string, table: string): Promise<TableLock> {
    const client = new Client({ connectionString: url })
    await client.connect()
    await client.query('BEGIN')
    await client.query(`LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`)
    let ended: Promise<void> | undefined
    const unlock = () => (ended ??= client.end())
    return { unlock, [Symbol.asyncDispose]: unlock }
  }

  pause(): void {
    // The main process first: it cannot start others then.
    this.#signalAll('SIGSTOP')
  }

  resume(): void {
    this.#signalAll('SIGCONT')
  }

  async kill(): Promise<void> {
    this.#child?.kill('SIGKILL')
    await this.#end()
  }

  async stop(): Promise<void> {
    this.#child?.kill('SIGINT')
    await this.#end()
  }

  save(): void {
    this.#copy(this.#dataFolder, this.#savedFolder)
  }

  putBack(): void {
    this.#copy(this.#savedFolder, this.#dataFolder)
  }

  #copy(from: string, to: string): void {
    rmSync(to, { recursive: true, force: true })
    execFileSync('cp', ['-a', from, to])
  }

  log(): string {
    return this.#log
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#signalAll('SIGKILL')
    await this.#end()
    rmSync(this.#folder, { recursive: true, force: true })
  }

  async #end(): Promise<void> {
    await this.#ended
    this.#child = undefined
    this.#undertaker?.kill('SIGKILL')
    this.#undertaker = undefined
  }

  #settings(): Readonly<Record<string, string>> {
    const { fsync = false, tls, settings } = this.#options
    const secured =
      tls === undefined
        ? {}
        : {
            ssl: 'on',
            ssl_key_file: this.#write('server.key', tls.key),
            ssl_cert_file: this.#write('server.crt', tls.certificate),
          }
    return {
      listen_addresses: this.host,
      port: String(this.#port),
      unix_socket_directories: '',
      fsync: fsync ? 'on' : 'off',
      full_page_writes: fsync ? 'on' : 'off',
      shared_buffers: '64MB',
      max_connections: '40',
      log_min_messages: 'warning',
      ...secured,
      ...settings,
    }
  }

  async #answers(child: ChildProcess): Promise<void> {
    const untilMs = performance.now() + START_MS_MAX
    for (;;) {
      if (child.exitCode !== null) throw new Error(`PostgreSQL ended with ${child.exitCode}: ${this.#log}`)
      const client = new Client({ connectionString: this.#url('postgres'), connectionTimeoutMillis: 2_000 })
      client.on('error', () => undefined)
      try {
        await client.connect()
        await client.query('SELECT 1')
        return
      } catch (error) {
        if (performance.now() > untilMs)
          throw new Error(`PostgreSQL does not answer: ${this.#log}`, { cause: error })
      } finally {
        await client.end().catch(() => undefined)
      }
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  #signalAll(signal: NodeJS.Signals): void {
    const pid = this.#child?.pid
    if (pid === undefined || this.#child?.exitCode !== null) return
    process.kill(pid, signal)
    for (const one of childrenOf(pid)) sendSignal(one, signal)
  }

  #url(database: string): string {
    return `postgres://${this.user}:${this.password}@${this.host}:${this.#port}/${database}`
  }

  #write(name: string, text: string): string {
    const path = join(this.#folder, name)
    writeFileSync(path, text, { mode: 0o600 })
    this.#own(path)
    return path
  }

  #own(path: string): void {
    const { uid, gid } = this.#identity
    if (uid !== undefined && gid !== undefined) chownSync(path, uid, gid)
  }
}

const LOG_CHARS_MAX = 100_000

/** PostgreSQL refuses to run as root; Debian's package brings a user, and `nobody` is everywhere. */
function serverIdentity(): Identity {
  if (process.getuid?.() !== 0) return {}
  const users = readFileSync('/etc/passwd', 'utf8').split('\n')
  const line =
    users.find((one) => one.startsWith('postgres:')) ?? users.find((one) => one.startsWith('nobody:'))
  const [, , uid, gid] = line?.split(':') ?? []
  if (uid === undefined || gid === undefined)
    throw new Error('PostgreSQL cannot run as root, and nobody else is here')
  return { uid: Number(uid), gid: Number(gid) }
}

/** A process that waits for ours to be gone, however it went, and then ends the server and removes its folder. */
function buryWithUs(pid: number, folder: string): ChildProcess {
  const undertaker = spawn(
    'sh',
    ['-c', 'cat >/dev/null; kill -9 "$0"; sleep 1; rm -rf "$1"', `${pid}`, folder],
    {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    },
  )
  undertaker.unref()
  return undertaker
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}

function childrenOf(pid: number): readonly number[] {
  if (!existsSync('/proc/self/stat')) return pgrep(pid)
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && parentOf(name) === pid)
    .map(Number)
}

/** The fourth field; the second is a name in brackets that may hold anything. */
function parentOf(pid: string): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
  } catch {
    return undefined
  }
}

function pgrep(pid: number): readonly number[] {
  try {
    return execFileSync('pgrep', ['-P', `${pid}`], { encoding: 'utf8' })
      .trim()
      .split('\n')
      .map(Number)
  } catch {
    return []
  }
}

/** A process may end between being seen and being told. */
function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It is gone.
  }
}

/** A connection of its own for as long as it takes. */
async function connected<Result>(url: string, use: (client: Client) => Promise<Result>): Promise<Result> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    return await use(client)
  } finally {
    await client.end()
  }
}
