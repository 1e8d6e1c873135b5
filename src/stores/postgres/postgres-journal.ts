/** The journal in PostgreSQL. */

import type { JournalRecord } from '../../journal/journal-store.ts'
import type { Row, Session } from './connections.ts'
import { bytesIn, numberIn, textIn } from './row-values.ts'

/** Rows that one sweep removes at most, of each kind. */
export const SWEEP_ROWS_MAX = 10_000

const OPEN = {
  name: 'open-journal',
  text: `
INSERT INTO holdfast.journal AS kept
  (id, request_hash, exchange_id, node_id, state, created_at_ms, expires_at_ms, answer)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (id) DO UPDATE SET
  request_hash = excluded.request_hash, exchange_id = excluded.exchange_id, node_id = excluded.node_id,
  state = excluded.state, created_at_ms = excluded.created_at_ms, expires_at_ms = excluded.expires_at_ms,
  answer = excluded.answer
WHERE kept.expires_at_ms <= $9`,
}
const FIND = {
  name: 'find-journal',
  text: 'SELECT * FROM holdfast.journal WHERE id = $1 AND expires_at_ms > $2',
}
const CLOSE = {
  name: 'close-journal',
  text: `UPDATE holdfast.journal SET state = 'done', answer = $3 WHERE id = $1 AND exchange_id = $2`,
}
const DROP = { text: 'DELETE FROM holdfast.journal WHERE id = $1 AND exchange_id = $2' }
const SWEEP_EXPIRED = {
  text: `
DELETE FROM holdfast.journal WHERE id IN (
  SELECT id FROM holdfast.journal WHERE expires_at_ms <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED)`,
}
const SWEEP_OLDEST = {
  text: `
DELETE FROM holdfast.journal WHERE state = 'done' AND id IN (
  SELECT id FROM (
    SELECT id, created_at_ms,
      sum(octet_length(answer)) OVER (ORDER BY created_at_ms DESC, id DESC) AS bytes
    FROM holdfast.journal WHERE state = 'done') AS done
  WHERE bytes > $1 ORDER BY created_at_ms LIMIT $2)`,
}

/** Somebody may drop the record between the refusal and the look at it; then it is free. */
const TRIES_MAX = 5

export async function openJournal(
  session: Session,
  record: JournalRecord,
  nowMs: number,
): Promise<JournalRecord | undefined> {
  const { id, requestHash, exchangeId, nodeId, state, createdAtMs, expiresAtMs, answer = null } = record
  const values = [id, requestHash, exchangeId, nodeId, state, createdAtMs, expiresAtMs, answer, nowMs]
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    if ((await session.run(OPEN, values)) === 1) return undefined
    const known = await findJournal(session, id, nowMs)
    if (known !== undefined) return known
  }
  throw new Error(`The journal's record ${id} came and went ${TRIES_MAX} times.`)
}

export async function findJournal(
  session: Session,
  id: string,
  nowMs: number,
): Promise<JournalRecord | undefined> {
  const [row] = await session.query(FIND, [id, nowMs])
  return row === undefined ? undefined : journalRecordOf(row)
}

export async function closeJournal(
  session: Session,
  id: string,
  exchangeId: string,
  answer: Uint8Array,
): Promise<void> {
  await session.run(CLOSE, [id, exchangeId, answer])
}

export async function dropJournal(session: Session, id: string, exchangeId: string): Promise<void> {
  await session.run(DROP, [id, exchangeId])
}

export async function sweepJournal(session: Session, nowMs: number, bytesMax: number): Promise<number> {
  const expired = await session.run(SWEEP_EXPIRED, [nowMs, SWEEP_ROWS_MAX])
  return expired + (await session.run(SWEEP_OLDEST, [bytesMax, SWEEP_ROWS_MAX]))
}

/** Takes a record of a copy. */
export async function takeJournal(session: Session, record: JournalRecord): Promise<void> {
  await openJournal(session, record, Number.MAX_SAFE_INTEGER)
}

export function journalRecordOf(row: Row): JournalRecord {
  return {
    id: textIn(row, 'id'),
    requestHash: textIn(row, 'request_hash'),
    exchangeId: textIn(row, 'exchange_id'),
    nodeId: textIn(row, 'node_id'),
    state: row['state'] === 'done' ? 'done' : 'open',
    createdAtMs: numberIn(row, 'created_at_ms'),
    expiresAtMs: numberIn(row, 'expires_at_ms'),
    ...(row['answer'] === null ? {} : { answer: bytesIn(row, 'answer') }),
  }
}
