/** Requests as a SQLite store lists them: in pages, newest first. */

import type { LedgerEntry, RequestRow } from '../../ledger/entry.ts'
import type { Page, RequestQuery } from '../../reports/report-store.ts'
import { entryOf, requestOf } from './book-values.ts'
import type { Database } from './database.ts'
import { findExchange } from './sqlite-posting.ts'
import { marked, markedList } from './values.ts'

const LINES = 'JOIN exchanges ON exchanges.id = lines.exchange JOIN origins ON origins.id = lines.origin'
/**
 * Each condition holds where it was not asked for. Origins are few, so those that fit are found first. A request has no
 * provider, but each of its attempts has one; that a provider was never asked at all is noticed before any attempt is read.
 */
const PAGE = `SELECT * FROM (SELECT * FROM requests
  WHERE at_ms >= ?1 AND at_ms < ?2 AND (at_ms, exchange) < (?3, ?4)
  AND (?5 = 0 OR origin IN (SELECT id FROM origins WHERE (?6 IS NULL OR key IN (SELECT value FROM json_each(?6))) AND (?7 IS NULL OR project = ?7)
    AND (?8 IS NULL OR team = ?8) AND (?9 IS NULL OR user = ?9) AND (?10 IS NULL OR model = ?10)
    AND (?11 IS NULL OR route = ?11) AND (?12 IS NULL OR target = ?12)))
  AND (?13 IS NULL OR session = ?13) AND (?14 IS NULL OR end_user = ?14)
  AND (?15 IS NULL OR state = ?15) AND (?16 IS NULL OR code = ?16)
  AND (?17 IS NULL OR (tags IS NOT NULL AND EXISTS (SELECT 1 FROM json_each(tags) WHERE value = ?17)))
  AND (?18 IS NULL OR at_ms + duration_ms >= ?18)
  AND (?19 IS NULL OR EXISTS (SELECT 1 FROM origins WHERE provider = ?19))
  AND (?19 IS NULL OR EXISTS (SELECT 1 FROM entries WHERE entries.exchange = requests.exchange
    AND entries.origin IN (SELECT id FROM origins WHERE provider = ?19)))
  ORDER BY at_ms DESC, exchange DESC LIMIT ?20) AS lines ${LINES} ORDER BY at_ms DESC, exchange DESC`
const ONE = `SELECT * FROM requests AS lines ${LINES} WHERE lines.exchange = ?`
const ATTEMPTS = `SELECT * FROM entries AS lines ${LINES} WHERE lines.exchange = ? ORDER BY attempt`
const ENTRIES_AFTER = `SELECT *, lines.id AS place FROM entries AS lines ${LINES} WHERE lines.id > ? ORDER BY lines.id LIMIT ?`
const REQUESTS_AFTER = `SELECT *, lines.exchange AS place FROM requests AS lines ${LINES}
  WHERE lines.exchange > ? ORDER BY lines.exchange LIMIT ?`

const TIME_MAX_MS = Number.MAX_SAFE_INTEGER

export function requestPage(db: Database, query: RequestQuery): Page<RequestRow> {
  const { keyId, projectId, teamId, userId, modelId, route, target, provider, limit } = query
  const byOrigin = [
    keyId === undefined ? null : markedList(keyId),
    ...[projectId, teamId, userId, modelId, route, target].map(markedOrNull),
  ]
  const [beforeMs, beforeId] = positionOf(query.cursor)
  const found = db.all(
    PAGE,
    query.fromMs ?? -TIME_MAX_MS,
    query.untilMs ?? TIME_MAX_MS,
    beforeMs,
    beforeId,
    byOrigin.some((value) => value !== null) ? 1 : 0,
    ...byOrigin,
    query.sessionId ?? null,
    query.endUser ?? null,
    query.state ?? null,
    query.code ?? null,
    query.tag ?? null,
    query.endedFromMs ?? null,
    markedOrNull(provider),
    limit + 1,
  )
  const shown = found.slice(0, limit)
  const last = shown.at(-1)
  return {
    rows: shown.map(requestOf),
    ...(found.length > limit && last !== undefined
      ? { next: `${Number(last['at_ms'])}.${Number(last['exchange'])}` }
      : {}),
  }
}

export function requestWithAttempts(db: Database, exchangeId: string) {
  return db.read(() => {
    const exchange = findExchange(db, exchangeId)
    const row = exchange === undefined ? undefined : db.get(ONE, exchange)
    if (exchange === undefined || row === undefined) return undefined
    return { request: requestOf(row), attempts: db.all(ATTEMPTS, exchange).map(entryOf) }
  })
}

export interface Lines<Line> {
  readonly lines: readonly Line[]
  /** Of the last one. */
  readonly place: number
}

/** In the order they were posted, those after a place. */
export function entriesAfter(db: Database, place: number, count: number): Lines<LedgerEntry> {
  const rows = db.all(ENTRIES_AFTER, place, count)
  return { lines: rows.map(entryOf), place: Number(rows.at(-1)?.['place']) }
}

export function requestsAfter(db: Database, place: number, count: number): Lines<RequestRow> {
  const rows = db.all(REQUESTS_AFTER, place, count)
  return { lines: rows.map(requestOf), place: Number(rows.at(-1)?.['place']) }
}

/** As origins have it. */
function markedOrNull(word: string | undefined): string | null {
  return word === undefined ? null : marked(word)
}

/** What is no cursor of ours points behind the last page. */
function positionOf(cursor: string | undefined): readonly [number, number] {
  if (cursor === undefined) return [TIME_MAX_MS, TIME_MAX_MS]
  const [, atMs, id] = /^(-?\d{1,15})\.(\d{1,15})$/.exec(cursor) ?? []
  return atMs === undefined || id === undefined ? [-TIME_MAX_MS, 0] : [Number(atMs), Number(id)]
}
