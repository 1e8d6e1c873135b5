/**
 * Reads what a process that is gone left in its log, and brings it to the store: what was settled and closed as it was;
 * an attempt that was held and never settled as the most it can have cost; a request that was never closed as orphaned
 * (fault 123). Posting is idempotent, so a recovery that is cut short is simply made again.
 */

import { StoreUnavailable } from '../std/store-error.ts'
import { readAppendLog } from '../std/append-log.ts'
import { failpoint } from '../std/failpoints.ts'
import { type BookLine, type HeldLine, type OpenedLine, readBookLines } from './book-lines.ts'
import type { LedgerEntry, RequestRow } from './entry.ts'
import type { LedgerStore } from './ledger-store.ts'
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
  /** The store refuses a line of this exchange whatever happens; nothing else is held up by it. */
  readonly onRefused?: (exchangeId: string) => void
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
 * Posts everything in a folder's log and gives the leases of its node back; a number is the wall clock. Rejects where the store
 * does not take it: the log is as it was then. The caller removes the folder afterwards.
 */
export async function recoverBooks(
  { path, nodeId }: LeftBooks,
  store: Pick<LedgerStore, 'postBooks' | 'leasesOf' | 'returnLease'>,
  when: number | RecoveryOptions,
): Promise<Recovered> {
  const { nowMs, onRefused = () => {} } = typeof when === 'number' ? { nowMs: when } : when
  const recovery = new Recovery(store, nodeId, onRefused)
  for (const { line } of readAppendLog(path)) {
    for (const read of readBookLines(line)) await recovery.read(read)
  }
  return recovery.finish(nowMs)
}

class Recovery {
  readonly #store: Pick<LedgerStore, 'postBooks' | 'leasesOf' | 'returnLease'>
  readonly #open = new Map<string, OpenExchange>()
  readonly #nodeId: string
  readonly #onRefused: (exchangeId: string) => void
  #entries: LedgerEntry[] = []
  #requests: RequestRow[] = []
  #counts = { entries: 0, requests: 0 }

  constructor(
    store: Pick<LedgerStore, 'postBooks' | 'leasesOf' | 'returnLease'>,
    nodeId: string,
    onRefused: (exchangeId: string) => void,
  ) {
    this.#store = store
    this.#nodeId = nodeId
    this.#onRefused = onRefused
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

  async finish(nowMs: number): Promise<Recovered> {
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

  async #add({ entry, request }: { entry?: LedgerEntry; request?: RequestRow }): Promise<void> {
    if (entry !== undefined) this.#entries.push(entry)
    if (request !== undefined) this.#requests.push(request)
    if (this.#entries.length + this.#requests.length >= BATCH_MAX) await this.#post()
  }

  async #post(): Promise<void> {
    const { length: entries } = this.#entries
    const { length: requests } = this.#requests
    if (entries + requests === 0) return
    await this.#postLines(this.#entries, this.#requests)
    this.#counts = { entries: this.#counts.entries + entries, requests: this.#counts.requests + requests }
    this.#entries = []
    this.#requests = []
  }

  /** Where the store refuses one line, the halves are posted apart, down to that line. */
  async #postLines(entries: readonly LedgerEntry[], requests: readonly RequestRow[]): Promise<void> {
    if (entries.length + requests.length === 0) return
    try {
      await this.#store.postBooks({ nodeId: this.#nodeId, entries, requests })
    } catch (error) {
      if (error instanceof StoreUnavailable) throw error
      const [refused] = [...entries, ...requests]
      if (entries.length + requests.length === 1 && refused !== undefined)
        return this.#onRefused(refused.exchangeId)
      const [entry, row] = [Math.ceil(entries.length / 2), Math.ceil(requests.length / 2)]
      if (entries.length > 0 && requests.length > 0) {
        await this.#postLines(entries, [])
        await this.#postLines([], requests)
        return
      }
      await this.#postLines(entries.slice(0, entry), requests.slice(0, row))
      await this.#postLines(entries.slice(entry), requests.slice(row))
    }
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
