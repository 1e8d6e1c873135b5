/**
 * The file of a SQLite store and the threads that have it open. It is opened when it can be; a damaged file is moved
 * aside and built anew of what is known beside it, and where nothing is known nobody gets to see an empty one (fault 128).
 */

import { existsSync, statSync } from 'node:fs'
import type { Notice } from '../../std/notice.ts'
import type { Clock } from '../../std/clock.ts'
import { StoreUnavailable } from '../../std/store-error.ts'
import { removeDatabase } from './create-file.ts'
import { type LastKnown, missingIn, STORE_BEHIND, type Stored } from '../last-known.ts'
import { CorruptFile, storeErrorOf } from './database.ts'
import type { OperationName, Operations } from './protocol.ts'
import { finishReplacing, numberOf, replaceDatabase } from './replacement.ts'
import { WorkerThread } from './worker-thread.ts'

/** A larger file is checked while it is in use already: a gigabyte takes seconds. */
const CHECK_BYTES_MAX = 64 * 1_024 * 1_024

export interface SqliteFileOptions {
  /** Its folder must exist. `-wal`, `-shm`, `.before-v<N>` and `.corrupt-<time>` stand beside it. */
  readonly path: string
  readonly clock: Pick<Clock, 'wallMs' | 'nowMs'>
  /** The file grows no larger; then it takes nothing but what makes room. Default: as large as the disk lets it. */
  readonly bytesMax?: number
  /**
   * What this node knew last, beside the file. Asked for once the file is open, and whenever it turns out damaged. Absent,
   * or without an answer: a damaged file is left as it is, and the store does not open.
   */
  readonly lastKnown?: () => Promise<LastKnown | undefined>
  /** Whether a file that knows less is given it too. Default true: false leaves that to who keeps it, beside the file. */
  readonly putsBack?: boolean
  /** The file was made anew while it was in use: whoever leased money of it has no lease in it any more. */
  readonly onRebuilt?: () => void
  readonly onNotice?: (notice: Notice) => void
}

type Asked<Name extends OperationName> = Promise<ReturnType<Operations[Name]>>

export class SqliteFile {
  readonly #options: SqliteFileOptions
  readonly #writer: WorkerThread
  readonly #reader: WorkerThread
  #opening: Promise<void> | undefined
  #repairing: Promise<void> | undefined
  #closing: Promise<void> | undefined
  /** Repairs that closed the threads: what was asked of an earlier file says nothing of this one. */
  #repairs = 0
  #isOpen = false
  /** Of the file that was open last. */
  #number: string | undefined
  /** Where the damaged one goes that is being replaced. */
  #aside: string | undefined

  constructor(options: SqliteFileOptions) {
    this.#options = options
    const { path, bytesMax, onNotice } = options
    const bound = bytesMax === undefined ? {} : { bytesMax }
    this.#writer = new WorkerThread({ role: 'write', path, ...bound }, onNotice)
    this.#reader = new WorkerThread({ role: 'read', path }, onNotice)
  }

  /** Opens the file, unless it cannot be opened just now: then the next operation tries again. */
  async open(): Promise<void> {
    try {
      await this.#ensureOpen()
    } catch (error) {
      if (error instanceof StoreUnavailable) return
      await this.#closeThreads()
      throw error
    }
  }

  /** On the connection that writes. */
  write<Name extends OperationName>(name: Name, ...values: Parameters<Operations[Name]>): Asked<Name> {
    return this.#ask(() => this.#writer.call(name, ...values))
  }

  /** The same with bytes that are given away instead of copied. */
  writeGiving<Name extends OperationName>(
    given: readonly ArrayBuffer[],
    name: Name,
    ...values: Parameters<Operations[Name]>
  ): Asked<Name> {
    return this.#ask(() => this.#writer.callGiving(given, name, ...values))
  }

  /** On the one that only reads: what may take long delays no posting. */
  read<Name extends OperationName>(name: Name, ...values: Parameters<Operations[Name]>): Asked<Name> {
    return this.#ask(() => this.#reader.call(name, ...values))
  }

  /** A thread of its own for what takes longest. */
  async copy<Result>(use: (thread: WorkerThread) => Promise<Result>): Promise<Result> {
    const thread = this.openCopy()
    try {
      return await this.#ask(() => use(thread))
    } finally {
      await thread.close()
    }
  }

  /** The caller closes it. */
  openCopy(): WorkerThread {
    this.#assertOurs()
    return new WorkerThread({ role: 'copy', path: this.#options.path })
  }

  close(): Promise<void> {
    this.#closing ??= this.#closeWhenDone()
    return this.#closing
  }

  /** Rejects with `StoreUnavailable`, whatever keeps the file from being used: nothing is wrong with what was asked. */
  async #ask<Result>(ask: () => Promise<Result>): Promise<Result> {
    this.#assertOurs()
    if (!this.#isOpen) await this.#ensureOpen().catch(throwUnavailable)
    this.#assertOurs()
    const repairs = this.#repairs
    try {
      const result = await ask()
      if (this.#repairing !== undefined) await this.#repairing.catch(() => undefined)
      // It was done in a file that is aside now, or will be.
      if (this.#repairs !== repairs) throw new StoreUnavailable(BUILT_ANEW)
      return result
    } catch (error) {
      if (!(error instanceof CorruptFile)) throw error
      await this.#mend(error, repairs).catch(throwUnavailable)
      throw new StoreUnavailable(BUILT_ANEW, { cause: error })
    }
  }

  /** `repairs`: as many as there had been when the file was asked. One that came since has mended it already. */
  async #mend(error: CorruptFile, repairs: number): Promise<void> {
    const isOld = this.#repairs !== repairs || this.#closing !== undefined
    if (this.#repairing !== undefined || !isOld) await this.#repair(error)
  }

  /** While the file is mended nobody else opens it: whatever they wrote would be moved aside with it. */
  #assertOurs(): void {
    if (this.#closing !== undefined) throw new StoreUnavailable('The database is closed.')
    if (this.#repairing !== undefined)
      throw new StoreUnavailable('The database is damaged, and is being built anew: ask again.')
  }

  /** Whoever opens the file, or mends it, would open it again. */
  async #closeWhenDone(): Promise<void> {
    await Promise.allSettled([this.#opening, this.#repairing])
    await this.#closeThreads()
  }

  async #closeThreads(): Promise<void> {
    // The reader first: the last connection to close clears the write-ahead log away, and must be allowed to write.
    await this.#reader.close()
    await this.#writer.close()
  }

  #ensureOpen(): Promise<void> {
    this.#opening ??= this.#openFile().finally(() => {
      this.#opening = undefined
    })
    return this.#opening
  }

  async #openFile(): Promise<void> {
    const { path, clock, lastKnown, putsBack = true } = this.#options
    const aside = this.#nameAside()
    const isFinished = onDisk(() => finishReplacing(path, aside))
    const bytes = existsSync(path) ? statSync(path).size : 0
    try {
      await this.#writer.call('open', clock.wallMs())
      // One that was found damaged and could not be mended is not used again before all of it is known to be well.
      if (bytes <= CHECK_BYTES_MAX || this.#repairs > 0) await this.#writer.call('check')
      // What every request depends on is read whole, however large the rest is.
      // What is beside it is read first: it may only be older than what the file has.
      const known = putsBack ? await lastKnown?.() : undefined
      const directory = await this.#writer.call('loadDirectory')
      const budgets = await this.#writer.call('loadBudgets')
      if (known !== undefined) await this.#catchUp(known, { directory, budgets })
    } catch (error) {
      if (!(error instanceof CorruptFile)) throw error
      await this.#repair(error)
    }
    const number = onDisk(() => numberOf(path))
    const isAnother = this.#number !== undefined && this.#number !== number
    this.#number = number
    this.#aside = undefined
    this.#isOpen = true
    // Whoever is told asks the new file at once: not before others may.
    if (isFinished || isAnother) this.#options.onRebuilt?.()
    if (isFinished) this.#options.onNotice?.(finishedNotice(path, aside))
    if (bytes > CHECK_BYTES_MAX) void this.#checkInUse()
    void this.#gatherBlocks()
  }

  /** Of a file that was made before there were any: one at a time, so that nobody waits for long. */
  async #gatherBlocks(): Promise<void> {
    try {
      while (this.#isOurs && (await this.#writer.call('gather')));
    } catch {
      // Locked, or full: postings make them, too, and reports read entries that are in none.
    }
  }

  /** Whoever closes the file, or mends it, lets nobody open it in between. */
  get #isOurs(): boolean {
    return this.#closing === undefined && this.#repairing === undefined
  }

  async #checkInUse(): Promise<void> {
    await this.read('check').catch(() => undefined)
  }

  /** A write-ahead log that was cut short takes what was written last with it, and nothing in the file tells; nor does a copy put in its place. */
  async #catchUp(known: LastKnown, has: Pick<Stored, 'directory' | 'budgets'>): Promise<void> {
    const { path, clock, onNotice } = this.#options
    const budgetsRevision = await this.#writer.call('budgetsRevision')
    const standings = await this.#writer.call('standings', known.standings)
    const missing = missingIn({ ...has, budgetsRevision, standings }, known)
    if (missing === undefined) return
    await this.#writer.call('restore', missing.known, clock.wallMs(), missing.reason)
    onNotice?.({
      level: 'error',
      name: 'store_behind',
      message: `${missing.reason} ${STORE_BEHIND}`,
      facts: { path, revision: has.directory.revision, known: known.directory.revision },
    })
  }

  /** One name until it is there, so that what belongs to the damaged file stays together. */
  #nameAside(): string {
    const { path, clock } = this.#options
    this.#aside ??= `${path}.corrupt-${new Date(clock.wallMs()).toISOString().replaceAll(/[:.]/g, '-')}`
    return this.#aside
  }

  /** Closed afterwards, so that nothing of it is left in a log beside it. */
  async #build(path: string, known: LastKnown, reason: string): Promise<void> {
    const { clock, bytesMax } = this.#options
    onDisk(() => removeDatabase(path))
    const thread = new WorkerThread({ role: 'write', path, ...(bytesMax === undefined ? {} : { bytesMax }) })
    try {
      await thread.call('open', clock.wallMs())
      await thread.call('restore', known, clock.wallMs(), reason)
    } finally {
      await thread.close()
    }
  }

  #repair(error: CorruptFile): Promise<void> {
    this.#repairing ??= this.#rebuildAndTell(error)
    return this.#repairing
  }

  async #rebuildAndTell(error: CorruptFile): Promise<void> {
    const { onRebuilt, onNotice } = this.#options
    let notice: Notice
    try {
      notice = await this.#rebuild(error)
    } finally {
      this.#repairing = undefined
    }
    // Whoever is told asks the new file at once: not before others may.
    onRebuilt?.()
    onNotice?.(notice)
  }

  /** Where it fails after the threads were closed, the file is opened as at the start: half a replacement is finished there. */
  async #rebuild(error: CorruptFile): Promise<Notice> {
    const { path, lastKnown } = this.#options
    const known = await lastKnown?.()
    if (known === undefined)
      throw new CorruptFile(
        `${error.message} Nothing beside ${path} says which keys and budgets there were, so it was left as it is. Restore a backup in its place, or move it away to begin with an empty one.`,
        { cause: error },
      )
    this.#repairs += 1
    this.#isOpen = false
    await this.#closeThreads()
    const aside = this.#nameAside()
    await this.#build(`${path}.building`, known, `${error.message} It was moved to ${aside}.`)
    onDisk(() => replaceDatabase(path, `${path}.building`, aside))
    this.#number = onDisk(() => numberOf(path))
    this.#aside = undefined
    // Both threads are closed: whoever is asked next opens the new file.
    this.#isOpen = true
    return {
      level: 'error',
      name: 'store_rebuilt',
      message: `${error.message} It was moved to ${aside}, and a new one was made of the keys and budgets this node knew last. Reports begin anew: restore a backup to have the old ones.`,
      facts: { aside, keys: known.directory.keys.length, budgets: known.budgets.length },
    }
  }
}

/** Of a repair that was cut short. */
function finishedNotice(path: string, aside: string): Notice {
  return {
    level: 'error',
    name: 'store_rebuilt',
    message: `The database ${path} was damaged, and the new one that had been made of the keys and budgets known last was put in its place. It was moved to ${aside}. Reports begin anew: restore a backup to have the old ones.`,
    facts: { aside },
  }
}

function onDisk<Result>(work: () => Result): Result {
  try {
    return work()
  } catch (error) {
    throw storeErrorOf(error)
  }
}

const BUILT_ANEW = 'The database was damaged, and is built anew: ask again.'

/** An error of the file is not one of what it was asked. */
function throwUnavailable(error: unknown): never {
  if (error instanceof StoreUnavailable) throw error
  const why = error instanceof Error ? error.message : String(error)
  throw new StoreUnavailable(why, { cause: error })
}
