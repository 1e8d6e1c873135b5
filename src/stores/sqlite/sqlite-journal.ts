/** The journal of a SQLite store. */

import type { JournalChanges, JournalIds, JournalName, JournalRecord } from '../../journal/journal-store.ts'
import type { Database, Row } from './database.ts'

/** Records, and answers, that one sweep removes, so that the next operation need not wait for all of them. */
const SWEEP_RECORDS_MAX = 2_000
/** Ids of one page. */
const IDS_MAX = 5_000

const FIND = `SELECT journal.number, id, exchange_id, request_hash, node_id, created_at_ms, expires_at_ms, answer
  FROM journal LEFT JOIN journal_answers USING (number)
  WHERE substr(id, 1, 12) = substr(?1, 1, 12) AND id = ?1`
const FIND_NUMBER = `SELECT number, exchange_id, expires_at_ms FROM journal
  WHERE substr(id, 1, 12) = substr(?1, 1, 12) AND id = ?1`
const BEGIN = `INSERT INTO journal (id, exchange_id, request_hash, node_id, created_at_ms, expires_at_ms)
  VALUES (?, ?, ?, ?, ?, ?)`
const EXTEND = 'UPDATE journal SET expires_at_ms = ? WHERE number = ?'
const KEEP = 'INSERT OR IGNORE INTO journal_answers (number, answer) VALUES (?, ?)'
const DROP = 'DELETE FROM journal WHERE number = ?'
const DROP_ANSWER = 'DELETE FROM journal_answers WHERE number = ? RETURNING length(answer) AS bytes'
const BYTES = `SELECT value AS bytes FROM revisions WHERE name = 'journal-bytes'`
const ADD_BYTES = `UPDATE revisions SET value = value + ? WHERE name = 'journal-bytes'`
const EXPIRED = 'SELECT number FROM journal WHERE expires_at_ms <= ? LIMIT ?'
const OLDEST = 'SELECT number, length(answer) AS bytes FROM journal_answers ORDER BY number LIMIT ?'
const IDS = 'SELECT number, id, expires_at_ms FROM journal WHERE number > ? ORDER BY number LIMIT ?'

export function openJournals(
  db: Database,
  records: readonly JournalRecord[],
  nowMs: number,
): readonly (JournalRecord | undefined)[] {
  return db.write(() =>
    records.map((record) => {
      const known = findJournal(db, record.id, nowMs)
      if (known === undefined) takeRecord(db, record)
      return known
    }),
  )
}

export function writeJournal(db: Database, { freed, begun, kept }: JournalChanges): void {
  db.write(() => {
    let bytes = 0
    for (const name of freed) bytes -= drop(db, numberOf(db, name))
    for (const record of begun) bytes += bring(db, record)
    for (const record of kept) bytes += bring(db, record)
    addBytes(db, bytes)
  })
}

export function findJournal(db: Database, id: string, nowMs: number): JournalRecord | undefined {
  const row = db.get(FIND, id)
  return row === undefined || Number(row['expires_at_ms']) <= nowMs ? undefined : recordOf(row)
}

/** Inside a transaction, in place of what is there. */
export function takeRecord(db: Database, record: JournalRecord): void {
  const known = db.get(FIND_NUMBER, record.id)
  const dropped = known === undefined ? 0 : drop(db, Number(known['number']))
  addBytes(db, insert(db, record) - dropped)
}

export function recordOf(row: Row): JournalRecord {
  const { id, exchange_id, request_hash, node_id, created_at_ms, expires_at_ms, answer } = row
  const record: JournalRecord = {
    id: String(id),
    requestHash: String(request_hash),
    exchangeId: String(exchange_id),
    nodeId: String(node_id),
    state: answer instanceof Uint8Array ? 'done' : 'open',
    createdAtMs: Number(created_at_ms),
    expiresAtMs: Number(expires_at_ms),
  }
  return answer instanceof Uint8Array ? { ...record, answer } : record
}

export function sweepJournal(db: Database, nowMs: number, bytesMax: number): number {
  return db.write(() => {
    const expired = db.all(EXPIRED, nowMs, SWEEP_RECORDS_MAX).map(({ number }) => Number(number))
    let bytes = 0
    for (const number of expired) bytes -= drop(db, number)
    const oldest = oldestBeyond(db, Number(db.get(BYTES)?.['bytes']) + bytes - bytesMax)
    for (const number of oldest) bytes -= dropAnswer(db, number)
    addBytes(db, bytes)
    return expired.length + oldest.length
  })
}

/** `place`: the number of the last record of the page before. */
export function listJournal(db: Database, place: number): JournalIds {
  const rows = db.all(IDS, place, IDS_MAX)
  return {
    ids: rows.map(({ id }) => String(id)),
    expireAtMs: rows.reduce((latest, { expires_at_ms }) => Math.max(latest, Number(expires_at_ms)), 0),
    next: rows.length < IDS_MAX ? undefined : Number(rows.at(-1)?.['number']),
  }
}

/** How many bytes of answers were added. */
function bring(db: Database, record: JournalRecord): number {
  const known = db.get(FIND_NUMBER, record.id)
  if (known === undefined) return insert(db, record)
  const number = Number(known['number'])
  if (known['exchange_id'] === record.exchangeId) return done(db, number, record)
  return Number(known['expires_at_ms']) <= record.createdAtMs ? insert(db, record) - drop(db, number) : 0
}

/** It is there: with an answer it takes that and its time. */
function done(db: Database, number: number, { answer, expiresAtMs }: JournalRecord): number {
  if (answer !== undefined) db.run(EXTEND, expiresAtMs, number)
  return keep(db, number, answer)
}

function insert(db: Database, record: JournalRecord): number {
  const { id, exchangeId, requestHash, nodeId, createdAtMs, expiresAtMs, answer } = record
  const values = [id, exchangeId, requestHash, nodeId, createdAtMs, expiresAtMs] as const
  const number = Number(db.prepare(BEGIN).run(...values).lastInsertRowid)
  return keep(db, number, answer)
}

function keep(db: Database, number: number, answer: Uint8Array | undefined): number {
  if (answer === undefined) return 0
  return db.run(KEEP, number, answer) * answer.length
}

/** How many bytes of answers went. */
function drop(db: Database, number: number | undefined): number {
  if (number === undefined) return 0
  db.run(DROP, number)
  return dropAnswer(db, number)
}

/** The record stays: its key was used. How many bytes went. */
function dropAnswer(db: Database, number: number): number {
  return Number(db.get(DROP_ANSWER, number)?.['bytes'] ?? 0)
}

function numberOf(db: Database, { id, exchangeId }: JournalName): number | undefined {
  const known = db.get(FIND_NUMBER, id)
  return known?.['exchange_id'] === exchangeId ? Number(known['number']) : undefined
}

function oldestBeyond(db: Database, excess: number): readonly number[] {
  const found: number[] = []
  if (excess <= 0) return found
  let left = excess
  for (const { number, bytes } of db.prepare(OLDEST).iterate(SWEEP_RECORDS_MAX)) {
    if (left <= 0) break
    left -= Number(bytes)
    found.push(Number(number))
  }
  return found
}

function addBytes(db: Database, bytes: number): void {
  if (bytes !== 0) db.run(ADD_BYTES, bytes)
}
