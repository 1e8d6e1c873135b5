/**
 * Reads what a process that is gone left in its log, and brings it to the store: what was settled and closed as it was;
 * an attempt that was held and never settled as the most it can have cost; a request that was never closed as orphaned
 * (fault 123). Posting is idempotent, so a recovery that is cut short is simply made again.
 */

import { readAppendLog } from '../std/append-log.ts'
import { failpoint } from '../std/failpoints.ts'
import type { Notice } from '../std/notice.ts'
import { type BookLine, type HeldLine, type OpenedLine, readBookLines } from './book-lines.ts'
import type { LedgerEntry, RequestRow } from './entry.ts'
import type { LedgerStore } from './ledger-store.ts'
import { noticeOfRefused, type PostableLine, postLines } from './post-lines.ts'
import type { NanoUsd } from './prices.ts'

/** A log and the node that wrote it. */
export interface LeftBooks {
  readonly path: string
  readonly nodeId: string
}

export interface Recovered {
  readonly entries: number
  readonly requests: number
  /** Requests that nobody can tell the end of. */
  readonly orphans: number
}

export interface RecoveryOptions {
  /** Wall clock, ms. */
  readonly nowMs: number
  /** As of `BookBatch`: a store that went back since has its sums of what was settled before. */
  readonly postedUntilMs?: number
  /** Told of every line that the store refuses whatever happens; nothing else is held up by it. */
  readonly onNotice?: (notice: Notice) => void
}

/** Entries and rows of one post. */
const BATCH_MAX = 500

interface OpenExchange {
  readonly opened: OpenedLine
  readonly held: Map<number, HeldLine>
  readonly settled: LedgerEntry[]
  /** An attempt may go on longer than its request: the loser of a race, a stream read to its end. */
  isClosed: boolean
}

/**
 * Posts everything in a folder's log and gives the leases of its node back. Rejects where the store
 * does not take it: the log is as it was then. The caller removes the folder afterwards.
 */
export async function recoverBooks(
  { path, nodeId }: LeftBooks,
  store: Pick<LedgerStore, 'postBooks' | 'leasesOf' | 'returnLease'>,
  options: RecoveryOptions,
): Promise<Recovered> {
  const recovery = new Recovery(store, nodeId, options)
  for (const { line } of readAppendLog(path)) {
    for (const read of readBookLines(line)) await recovery.read(read)
  }
  return recovery.finish()
}

/**
 * Posts again what ended at a time by these lines of a log, for a store that lost it; of what it has nothing is counted twice.
 * No lease pays for it: one did. Rejects where the store does not take it.
 */
export async function postLinesAgain(
  lines: Iterable<string>,
  { sinceMs, untilMs, postedUntilMs }: Again,
  { store, onNotice }: Pick<RecoveryOptions, 'onNotice'> & { readonly store: Pick<LedgerStore, 'postBooks'> },
): Promise<void> {
  const isOfThen = (atMs: number) => atMs >= sinceMs && atMs < untilMs
  const post = (ended: readonly PostableLine[]) =>
    postLines(ended, {
      post: (entries, requests) => store.postBooks({ nodeId: NOBODY, entries, requests, postedUntilMs }),
      onRefused: (line, cause) => onNotice?.(noticeOfRefused(line, cause)),
    })
  let batch: PostableLine[] = []
  for (const line of lines) {
    for (const read of readBookLines(line)) {
      if (read.type === 'settled' && isOfThen(read.entry.atMs)) batch.push({ entry: read.entry })
      else if (read.type === 'closed' && isOfThen(read.request.atMs + read.request.durationMs))
        batch.push({ request: read.request })
    }
    if (batch.length < BATCH_MAX) continue
    await post(batch)
    batch = []
  }
  await post(batch)
}

interface Again {
  /** What was settled in between, ms since 1970. */
  readonly sinceMs: number
  readonly untilMs: number
  /** As of `BookBatch`. */
  readonly postedUntilMs: number
}

/** Who has no lease. */
const NOBODY = 'posted-again'

class Recovery {
  readonly #store: Pick<LedgerStore, 'postBooks' | 'leasesOf' | 'returnLease'>
  readonly #open = new Map<string, OpenExchange>()
  readonly #nodeId: string
  readonly #options: RecoveryOptions
  readonly #counts = { entries: 0, requests: 0 }
  #lines: PostableLine[] = []

  constructor(
    store: Pick<LedgerStore, 'postBooks' | 'leasesOf' | 'returnLease'>,
    nodeId: string,
    options: RecoveryOptions,
  ) {
    this.#store = store
    this.#nodeId = nodeId
    this.#options = options
  }

  async read(line: BookLine): Promise<void> {
    switch (line.type) {
      case 'opened':
        this.#open.set(line.opened.exchangeId, {
          opened: line.opened,
          held: new Map(),
          settled: [],
          isClosed: false,
        })
        return
      case 'held':
        this.#open.get(line.held.exchangeId)?.held.set(line.held.attempt, line.held)
        return
      case 'settled': {
        const { entry } = line
        const exchange = this.#open.get(entry.exchangeId)
        exchange?.held.delete(entry.attempt)
        exchange?.settled.push(entry)
        this.#letGo(entry.exchangeId, exchange)
        return this.#add({ entry })
      }
      case 'closed': {
        const { request } = line
        const exchange = this.#open.get(request.exchangeId)
        if (exchange !== undefined) exchange.isClosed = true
        this.#letGo(request.exchangeId, exchange)
        return this.#add({ request })
      }
    }
  }

  async finish(): Promise<Recovered> {
    const { nowMs } = this.#options
    let orphans = 0
    for (const exchange of this.#open.values()) {
      const entries = [...exchange.held.values()].map((held) => orphanEntry(exchange.opened, held, nowMs))
      for (const entry of entries) await this.#add({ entry })
      if (exchange.isClosed) continue
      orphans += 1
      await this.#add({ request: orphanRow(exchange, entries, nowMs) })
    }
    await this.#post()
    failpoint('recovering')
    for (const lease of await this.#store.leasesOf(this.#nodeId))
      await this.#store.returnLease(this.#nodeId, lease, lease.nanoUsd)
    return { ...this.#counts, orphans }
  }

  #letGo(exchangeId: string, exchange: OpenExchange | undefined): void {
    if (exchange?.isClosed === true && exchange.held.size === 0) this.#open.delete(exchangeId)
  }

  async #add(line: PostableLine): Promise<void> {
    this.#lines.push(line)
    if (this.#lines.length >= BATCH_MAX) await this.#post()
  }

  async #post(): Promise<void> {
    if (this.#lines.length === 0) return
    await postLines(this.#lines, {
      post: async (entries, requests) => {
        const { postedUntilMs = 0 } = this.#options
        await this.#store.postBooks({ nodeId: this.#nodeId, entries, requests, postedUntilMs })
        this.#counts.entries += entries.length
        this.#counts.requests += requests.length
      },
      onRefused: (line, cause) => this.#options.onNotice?.(noticeOfRefused(line, cause)),
    })
    this.#lines = []
  }
}

function orphanEntry(opened: OpenedLine, held: HeldLine, nowMs: number): LedgerEntry {
  const { exchangeId, attempt, atMs, target, provider, route, nanoUsd, charges } = held
  return {
    exchangeId,
    attempt,
    atMs: nowMs,
    attribution: opened.attribution,
    modelId: opened.modelId ?? '',
    target,
    provider,
    ...(route === undefined ? {} : { route }),
    outcome: 'orphaned',
    durationMs: Math.max(0, nowMs - atMs),
    basis: nanoUsd === 0 ? 'none' : 'estimated',
    ...(nanoUsd === undefined ? {} : { costNanoUsd: nanoUsd }),
    isWaste: true,
    charges,
  }
}

function orphanRow(
  { opened, settled }: OpenExchange,
  orphans: readonly LedgerEntry[],
  nowMs: number,
): RequestRow {
  const { exchangeId, atMs, attribution, dialect, operation, modelId, stream, requestBytes } = opened
  const entries = [...settled, ...orphans]
  const isPriced = entries.every(({ basis, costNanoUsd }) => basis === 'none' || costNanoUsd !== undefined)
  // Sound: a sum of whole numbers of nano-dollars.
  const costNanoUsd = entries.reduce((sum, entry) => sum + (entry.costNanoUsd ?? 0), 0) as NanoUsd
  return {
    exchangeId,
    atMs,
    attribution,
    state: 'orphaned',
    dialect,
    operation,
    ...(modelId === undefined ? {} : { modelId }),
    status: 0,
    message: 'The gateway ended while this request was under way.',
    stream,
    attempts: entries.length,
    requestBytes,
    responseBytes: 0,
    durationMs: Math.max(0, nowMs - atMs),
    ...(isPriced ? { costNanoUsd } : {}),
    isSimulated: false,
  }
}
