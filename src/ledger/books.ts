/**
 * The books of this node: what was accepted, held, settled and closed, each exactly once. What begins something stands in
 * a log of our own before the provider is called or the client told, and what ends it a moment later; from there they go to
 * the store: so a kill loses no request and no money, and no request waits for the store.
 */

import { describeDefect } from '../errors/describe-defect.ts'
import type { AppendLog } from '../std/append-log.ts'
import type { Clock } from '../std/clock.ts'
import { NeededLog } from '../std/needed-log.ts'
import type { Notice } from '../std/notice.ts'
import { failpoint } from '../std/failpoints.ts'
import { type BookLine, writeBookLines } from './book-lines.ts'
import { type Beginning, BookPoster, IN_NONE, type PostedLine } from './book-poster.ts'
import type { BudgetAccounts } from './budget-accounts.ts'
import type { LedgerStore } from './ledger-store.ts'
import type { LedgerEntry } from './entry.ts'
import { LostLines } from './lost-lines.ts'
import { noticeOfRefused } from './post-lines.ts'
import type { NanoUsd } from './prices.ts'
import { postLinesAgain } from './recover-books.ts'
import { type AtLimit, type OpenRequest, RequestBooks, type RequestBooksDeps } from './request-books.ts'

export interface BooksOptions {
  readonly store: Pick<LedgerStore, 'postBooks'>
  readonly accounts: BudgetAccounts
  readonly nodeId: string
  readonly clock: Clock
  /** Where lines stand before the store has them; without it (in memory, in the simulation) a kill loses what waits. */
  readonly log?: AppendLog
  /** False once another process brought these books in, and gave the leases back: nothing is held then. Default: always true. */
  readonly isOurs?: () => boolean
  /** What a model without a known price is charged at where a budget has to pay; absent: it is refused. */
  readonly unknownPrice?: { readonly input: number; readonly output: number }
  /** Default: `length`. */
  readonly atLimit?: AtLimit
  readonly linesMax?: number
  readonly onNotice: (notice: Notice) => void
}

/** How long posted lines stay on the disk for a store that loses them, ms: until the file of the budgets says that they were spent. */
const KEEP_POSTED_MS = 30_000

/** After a try that came to nothing. */
const POST_AGAIN_MS = 1_000

export interface AgainAsk {
  /** What was settled from then on, ms since 1970. */
  readonly sinceMs: number
  /** As of `BookBatch`. */
  readonly postedUntilMs: number
}

export class Books {
  readonly #options: BooksOptions
  readonly #poster: BookPoster
  readonly #ofRequests: RequestBooksDeps
  /** Lines of this millisecond, not yet in the log: those that nothing waits for go to the disk together. */
  #unwritten: BookLine[] = []
  /** What each of them begins or ends, in the same order. */
  #beginnings: Beginning[] = []
  #willFlush = false
  /** Until everything that came with this turn of the event loop is written. */
  #turn: Promise<void> | undefined
  readonly #log: NeededLog | undefined
  /** Requests and attempts in the log whose end the store does not have yet. */
  #open = 0
  #isLogging = true
  #isStopped = false
  /** What a store lost is posted again, so many times over. */
  #postingAgain = 0
  #again: Promise<void> = Promise.resolve()
  /** Lines that had no room in memory stand in the log alone. */
  #hasSpilled = false
  /** Others stand nowhere. */
  readonly #lost: LostLines

  constructor(options: BooksOptions) {
    this.#options = options
    this.#lost = new LostLines({ nowMs: () => options.clock.nowMs(), onNotice: options.onNotice })
    this.#log = options.log && new NeededLog(options.log, { ms: KEEP_POSTED_MS, clock: options.clock })
    this.#poster = new BookPoster({
      ...options,
      onPosted: (lines) => this.#forget(lines),
      onRefused: (line, cause) => this.#refused(line, cause),
      onSpilled: (line) => this.#spilled(line),
      onState: (isTaking, cause) => this.#stateChanged(isTaking, cause),
    })
    const { accounts, unknownPrice, atLimit = 'length', clock, isOurs = () => true } = options
    this.#ofRequests = {
      accounts,
      unknownPrice,
      atLimit,
      wallMs: () => clock.wallMs(),
      mayHold: () => this.#isLogging && isOurs(),
      write: (line, beginning) => this.#write(line, beginning),
      writeNow: () => {
        if (this.#log !== undefined) this.#flushLog()
      },
      written: () => this.#written(),
    }
  }

  get accounts(): BudgetAccounts {
    return this.#options.accounts
  }

  /** Lines the store does not have yet. */
  get waiting(): number {
    return this.#poster.waiting + this.#unwritten.length
  }

  /**
   * The store has every line, and no request or attempt is under way: the log is not needed any more. Of a line that was lost
   * it may have the beginning, so that it is not forgotten altogether.
   */
  get isAllPosted(): boolean {
    return (
      this.waiting === 0 &&
      this.#open === 0 &&
      this.#postingAgain === 0 &&
      !this.#hasSpilled &&
      this.#lost.count === 0
    )
  }

  /** Why the books are not as they should be; empty when all is well. */
  get troubles(): readonly string[] {
    return [
      ...(this.#isLogging
        ? []
        : ['The log of the books cannot be written: budgets are closed until it can.']),
      ...(this.#postingAgain === 0
        ? []
        : ['The store went back, and what it lost is posted again: nothing is leased until it is.']),
      ...(this.#poster.isTaking ? [] : ['The store does not take the books: they wait on this machine.']),
      ...(this.#lost.count === 0
        ? []
        : [
            `${this.#lost.count} lines of the books were lost since the start: neither the store nor the disk took them, and memory was full.`,
          ]),
    ]
  }

  /** A request was accepted. */
  begin(request: OpenRequest): RequestBooks {
    const beginning: Beginning = { segment: IN_NONE }
    this.#write({ type: 'opened', opened: request.opened }, beginning)
    failpoint('accepted')
    return new RequestBooks(this.#ofRequests, request, beginning)
  }

  /** Posts what waits; resolves when the store has everything, or does not take it. */
  async flush(): Promise<void> {
    this.#flushLog()
    await this.#poster.flush()
  }

  /** Posts what was settled before the call, and not all that comes meanwhile; false where the store does not have all of it then. */
  async postSoFar(): Promise<boolean> {
    return (await this.#postWaiting()) && this.#postingAgain === 0 && !this.#hasSpilled
  }

  #postWaiting(): Promise<boolean> {
    this.#flushLog()
    return this.#poster.postSoFar()
  }

  /**
   * Posts again what the log still has of what was settled from then on, for a store that lost it, as a
   * standby may that took over. Resolves once the store has it, or the books are stopped: then the log stays for the next start.
   */
  postAgain(ask: AgainAsk): Promise<void> {
    this.#postingAgain += 1
    const again = this.#again.then(() => this.#postAgainOnce(ask))
    this.#again = again
    return again
  }

  async #postAgainOnce(ask: AgainAsk): Promise<void> {
    while (!(await this.#tryAgain(ask))) {
      if (this.#isStopped) return
      await new Promise<void>((resolve) => {
        this.#options.clock.after(POST_AGAIN_MS, resolve)
      })
    }
    this.#postingAgain -= 1
  }

  /** False where the store does not take it now, or the disk does not give it. */
  async #tryAgain({ sinceMs, postedUntilMs }: AgainAsk): Promise<boolean> {
    const untilMs = this.#options.clock.wallMs()
    try {
      // First what a lease still has to pay for.
      if (!(await this.#postWaiting())) return false
      await postLinesAgain(this.#log?.read() ?? [], { sinceMs, untilMs, postedUntilMs }, this.#options)
      return true
    } catch {
      return false
    }
  }

  /** Posts what waits, gives the leases back. What the store does not take stays in the log. */
  async stop(): Promise<void> {
    if (this.#isStopped) return
    this.#isStopped = true
    this.#poster.stop()
    await this.flush()
    this.#lost.end()
    if (this.#poster.isTaking) await this.#options.accounts.returnAll()
    this.#log?.close()
  }

  #write(line: BookLine, beginning: Beginning): void {
    this.#unwritten.push(line)
    this.#beginnings.push(beginning)
    // It is not taken back where somebody writes earlier: making timers for nothing would cost more than one look.
    if (this.#willFlush) return
    this.#willFlush = true
    this.#options.clock.after(0, () => {
      this.#willFlush = false
      this.#flushLog()
    })
  }

  /** Resolves once all so far is in the log: what many requests wait for goes to the disk together. Absent where nothing is to be waited for. */
  #written(): Promise<void> | undefined {
    const log = this.#log
    if (log === undefined || this.#unwritten.length === 0) return undefined
    this.#turn ??= new Promise((resolve) => {
      log.whenTurnEnds(() => {
        this.#turn = undefined
        this.#flushLog()
        resolve()
      })
    })
    return this.#turn
  }

  #flushLog(): void {
    if (this.#unwritten.length === 0) return
    const [lines, beginnings] = [this.#unwritten, this.#beginnings]
    this.#unwritten = []
    this.#beginnings = []
    const segment = this.#append(lines)
    failpoint('flushed')
    this.#note(lines, beginnings, segment)
  }

  /** The number of the file, or `IN_NONE`. */
  #append(lines: readonly BookLine[]): number {
    const { onNotice } = this.#options
    if (this.#log === undefined) return IN_NONE
    let segment: number
    try {
      segment = this.#log.append(writeBookLines(lines), lines.length)
    } catch (cause) {
      if (this.#isLogging) {
        const { kind = 'unknown' } = describeDefect(cause)
        const code = cause instanceof Error && 'code' in cause ? String(cause.code) : kind
        onNotice({
          level: 'error',
          name: 'books_log_unwritable',
          message: `The log of the books cannot be written (${code}): requests that a budget has to pay are refused until it can, all others are served, and their lines wait in memory.`,
          facts: { code },
        })
      }
      this.#isLogging = false
      return IN_NONE
    }
    if (!this.#isLogging) {
      onNotice({
        level: 'info',
        name: 'books_log_writable',
        message: 'The log of the books is written again.',
      })
      this.#lost.end()
    }
    this.#isLogging = true
    return segment
  }

  #note(lines: readonly BookLine[], beginnings: readonly Beginning[], segment: number): void {
    let place = 0
    for (const line of lines) {
      const beginning = beginnings[place++] ?? { segment }
      if (line.type === 'settled') this.#poster.add({ segment, beginning, entry: line.entry })
      else if (line.type === 'closed') this.#poster.add({ segment, beginning, request: line.request })
      else {
        beginning.segment = segment
        this.#open += 1
      }
    }
  }

  /** A line is needed until the store has it, and what began something until the store has its end. */
  #forget(lines: readonly PostedLine[]): void {
    const freed = new Map<number, number>()
    const free = (segment: number) => freed.set(segment, (freed.get(segment) ?? 0) + 1)
    for (const { segment, beginning, entry } of lines) {
      free(segment)
      free(beginning.segment)
      if (entry !== undefined) this.accounts.posted(entry.charges, costOf(entry))
    }
    this.#open -= lines.length
    for (const [segment, count] of freed) if (segment !== IN_NONE) this.#log?.release(segment, count)
    if (this.#poster.waiting === 0) this.#lost.end()
  }

  /** It counts as posted a moment later, though the store does not have it. */
  #refused(line: PostedLine, cause: unknown): void {
    if (line.entry !== undefined) this.accounts.stranded(line.entry.charges, costOf(line.entry))
    this.#options.onNotice(noticeOfRefused(line, cause))
  }

  /** Its file is needed until the next start, where it stands in one. */
  #spilled({ segment, entry }: PostedLine): void {
    this.#open -= 1
    if (entry !== undefined) {
      this.accounts.stranded(entry.charges, costOf(entry))
      this.accounts.posted(entry.charges, costOf(entry))
    }
    if (segment === IN_NONE) return this.#lost.add()
    if (this.#hasSpilled) return
    this.#hasSpilled = true
    this.#options.onNotice({
      level: 'warn',
      name: 'books_spilled',
      message:
        'The store has been away for long: further lines of the books wait on disk, and are posted at the next start.',
    })
  }

  #stateChanged(isTaking: boolean, cause: unknown): void {
    this.#options.onNotice(
      isTaking
        ? { level: 'info', name: 'store_taking', message: 'The store takes the books again.' }
        : {
            level: 'warn',
            name: 'store_away',
            message: `The store does not take the books (${cause instanceof Error ? cause.message : 'no answer'}): they wait on this machine.`,
          },
    )
  }
}

/** Whatever a budget pays has a cost. */
function costOf({ costNanoUsd }: LedgerEntry): NanoUsd {
  return costNanoUsd ?? NOTHING
}

// Sound: no dollars are a whole number of nano-dollars.
const NOTHING = 0 as NanoUsd
