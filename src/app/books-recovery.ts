/** Brings in what processes that are gone left behind, as soon as the store takes it, at the start and for as long as this one runs. */

import { existsSync } from 'node:fs'
import { describeDefect } from '../errors/describe-defect.ts'
import type { LedgerStore } from '../ledger/ledger-store.ts'
import { type Recovered, recoverBooks } from '../ledger/recover-books.ts'
import type { Clock, Timer } from '../std/clock.ts'
import type { Notice } from '../std/notice.ts'
import { StoreUnavailable } from '../std/store-error.ts'
import { type BookFolder, disown, journalFolder, removeFolder } from './book-folders.ts'
import { FolderWatch } from './folder-watch.ts'

/** How long until what dead processes left is looked for again, ms: others may die while this one runs. */
const RECOVERY_MS = 5_000
/** The same where something could not be brought in. */
const RECOVERY_RETRY_MS = 1_000

export interface BooksRecoveryOptions {
  /** The folder of all nodes' folders. */
  readonly root: string
  /** Of this run. */
  readonly nodeId: string
  readonly store: Pick<LedgerStore, 'postBooks' | 'leasesOf' | 'returnLease'>
  readonly clock: Clock
  /** As of `BookBatch`. */
  readonly postedUntilMs?: number
  /** Takes over the journal of a run that is gone, if there is one; again does no harm. */
  readonly adoptJournal: (folder: string) => void
  /** Told at each look whether another process writes to the same store. */
  readonly onCompany: (hasCompany: boolean) => void
  readonly onNotice: (notice: Notice) => void
}

export class BooksRecovery {
  readonly #options: BooksRecoveryOptions
  readonly #watch: FolderWatch
  /** Nodes whose books cannot be brought in, and not for the store being away: told of once each. */
  readonly #failed = new Set<string>()
  #timer: Timer | undefined
  #isStopped = false
  #isDone = false

  constructor(options: BooksRecoveryOptions) {
    this.#options = options
    this.#watch = new FolderWatch(options)
  }

  /** Resolves after the first try, whatever came of it. */
  async start(): Promise<void> {
    const isDone = await this.#recoverAll()
    this.#isDone = isDone
    if (this.#isStopped) return
    this.#timer = this.#options.clock.after(isDone ? RECOVERY_MS : RECOVERY_RETRY_MS, () => void this.start())
  }

  /** Whether the store has what all runs left that are known to be gone. */
  get isDone(): boolean {
    return this.#isDone
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
  }

  async #recoverAll(): Promise<boolean> {
    const folders = this.#watch.others()
    this.#options.onCompany(folders.some((folder) => !this.#watch.isDead(folder)))
    let isDone = true
    for (const folder of folders) {
      // Asked anew: bringing in the one before may have taken long.
      if (this.#watch.isDead(folder) && !(await this.#bringIn(folder))) isDone = false
    }
    return isDone
  }

  /** False where it has to be tried again. */
  async #bringIn(folder: BookFolder): Promise<boolean> {
    const { store, clock, postedUntilMs = 0, adoptJournal, onNotice } = this.#options
    try {
      disown(folder)
      // First and without the store: no key of it may be taken for a new one.
      const journal = journalFolder(folder)
      if (existsSync(journal)) adoptJournal(journal)
      const recovered = await recoverBooks(folder, store, { nowMs: clock.wallMs(), postedUntilMs, onNotice })
      removeFolder(folder)
      this.#tell(folder, recovered)
      return true
    } catch (error) {
      this.#tellFailed(folder, error)
      return false
    }
  }

  #tell({ nodeId }: BookFolder, { entries, requests, orphans }: Recovered): void {
    if (orphans + requests + entries === 0) return
    this.#options.onNotice({
      level: orphans > 0 ? 'warn' : 'info',
      name: 'books_recovered',
      message: `A run of the gateway that ended left books behind: ${requests} requests and ${entries} attempts were brought in, ${orphans} of the requests orphaned.`,
      facts: { node: nodeId, requests, entries, orphans },
    })
  }

  /** A store that is away is told of by whoever watches it; a folder that is gone was brought in by another process. */
  #tellFailed({ nodeId, path }: BookFolder, error: unknown): void {
    if (error instanceof StoreUnavailable || this.#failed.has(nodeId) || !existsSync(path)) return
    this.#failed.add(nodeId)
    this.#options.onNotice({
      level: 'error',
      name: 'books_recovery_failed',
      message: `The books that a run of the gateway left in ${path} cannot be brought in; nothing of them is lost, and it is tried again until they can.`,
      facts: { node: nodeId, ...describeDefect(error) },
    })
  }
}
