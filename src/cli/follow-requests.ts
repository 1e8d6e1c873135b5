/** Requests as they end, for whoever watches: each once, however long it took and however many there are. */

import type { RequestRow } from '../ledger/entry.ts'
import type { RequestQuery } from '../reports/report-store.ts'
import type { BookStore } from './books.ts'

const MINUTE_MS = 60_000
/** A row is in the store some time after its request ended, ms; one that comes later is not seen. */
const POSTED_WITHIN_MS = 10_000
const PAGE_ROWS = 500
/** Of one look. Nobody reads more than that on a screen. */
const PAGES_MAX = 20

/**
 * Rows stand at the time their request arrived. Most have not taken long, so that is how far each look goes back; those
 * that took longer are looked for now and then, since it means to pass over all that came in that time.
 */
const NEAR = { backMs: 5 * MINUTE_MS, everyMs: 0 }
const FAR = { backMs: 60 * MINUTE_MS, everyMs: MINUTE_MS / 2 }

interface Reach {
  readonly backMs: number
  readonly everyMs: number
  /** All that had ended by then was seen. */
  lookedAtMs: number
}

export interface Ended {
  /** The newest last. */
  readonly rows: readonly RequestRow[]
  /** There were more than are told: the earlier ones are left out. */
  readonly isCut: boolean
}

export class EndedRequests {
  readonly #store: Pick<BookStore, 'requests'>
  readonly #query: RequestQuery
  readonly #reaches: readonly Reach[]
  /** What was told or was there before, and when it ended, by its id. */
  readonly #seen = new Map<string, number>()

  /** The first look, at `nowMs` (ms since 1970), finds what was there before. `shown`: what was told already. */
  constructor(
    store: Pick<BookStore, 'requests'>,
    query: RequestQuery,
    { nowMs, shown }: { readonly nowMs: number; readonly shown: readonly RequestRow[] },
  ) {
    this.#store = store
    this.#query = query
    this.#reaches = [NEAR, FAR].map((reach) => ({ ...reach, lookedAtMs: nowMs - reach.everyMs }))
    for (const row of shown) this.#seen.set(row.exchangeId, endOf(row))
  }

  /** Those that have ended since the last look, and those it missed. Rejects as the store does, and tells them the next time then. */
  async look(nowMs: number): Promise<Ended> {
    const found = new Map<string, RequestRow>()
    let isCut = false
    for (const reach of this.#reaches) {
      if (nowMs - reach.lookedAtMs < reach.everyMs) continue
      const { rows, isCut: isThisCut } = await this.#endedIn(reach, nowMs)
      isCut ||= isThisCut
      for (const row of rows) if (!this.#seen.has(row.exchangeId)) found.set(row.exchangeId, row)
      reach.lookedAtMs = nowMs
    }
    for (const row of found.values()) this.#seen.set(row.exchangeId, endOf(row))
    this.#forget()
    return { rows: [...found.values()].sort((one, other) => one.atMs - other.atMs), isCut }
  }

  async #endedIn({ backMs, lookedAtMs }: Reach, nowMs: number): Promise<Ended> {
    const query: RequestQuery = {
      ...this.#query,
      fromMs: Math.max(this.#query.fromMs ?? 0, nowMs - backMs),
      endedFromMs: lookedAtMs - POSTED_WITHIN_MS,
      limit: PAGE_ROWS,
    }
    const rows: RequestRow[] = []
    let cursor: string | undefined
    for (let page = 0; page < PAGES_MAX; page += 1) {
      const { rows: some, next } = await this.#store.requests(
        cursor === undefined ? query : { ...query, cursor },
      )
      rows.push(...some)
      if (next === undefined) return { rows, isCut: false }
      cursor = next
    }
    return { rows, isCut: true }
  }

  /** Of what ended before every look to come, nothing needs to be known. */
  #forget(): void {
    const sinceMs = Math.min(...this.#reaches.map(({ lookedAtMs }) => lookedAtMs)) - POSTED_WITHIN_MS
    for (const [id, endedAtMs] of this.#seen) if (endedAtMs < sinceMs) this.#seen.delete(id)
  }
}

function endOf({ atMs, durationMs }: RequestRow): number {
  return atMs + durationMs
}
