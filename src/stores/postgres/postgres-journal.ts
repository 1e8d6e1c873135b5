/** The journal in PostgreSQL. */

import type { JournalChanges, JournalRecord, KeptRecord } from '../../journal/journal-store.ts'
import { StoreConflict } from '../../std/store-error.ts'
import type { Row, Session } from './connections.ts'
import { bytesIn, numberIn, textIn } from './row-values.ts'

/** Rows that one sweep removes at most, of each kind; of the journal, answers too. */
export const SWEEP_ROWS_MAX = 10_000

const OPEN = {
  name: 'open-journals',
  text: `
INSERT INTO holdfast.journal AS kept
  (id, request_hash, exchange_id, node_id, state, created_at_ms, expires_at_ms)
SELECT id, request_hash, exchange_id, node_id, 'open', created_at_ms, expires_at_ms
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[])
  AS asked (id, request_hash, exchange_id, node_id, created_at_ms, expires_at_ms)
ON CONFLICT (id) DO UPDATE SET
  request_hash = excluded.request_hash, exchange_id = excluded.exchange_id, node_id = excluded.node_id,
  state = excluded.state, created_at_ms = excluded.created_at_ms, expires_at_ms = excluded.expires_at_ms,
  answer = NULL
WHERE kept.expires_at_ms <= $7
RETURNING id`,
}
const FIND_MANY = {
  name: 'find-journals',
  text: 'SELECT * FROM holdfast.journal WHERE id = ANY ($1::text[]) AND expires_at_ms > $2',
}
const FIND = {
  name: 'find-journal',
  text: 'SELECT * FROM holdfast.journal WHERE id = $1 AND expires_at_ms > $2',
}
// Two nodes that change the same rows take them in one order.
const KEEP = {
  name: 'keep-journals',
  text: `
INSERT INTO holdfast.journal AS kept
  (id, request_hash, exchange_id, node_id, state, created_at_ms, expires_at_ms, answer)
SELECT id, request_hash, exchange_id, node_id, 'done', created_at_ms, expires_at_ms, answer
FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::bytea[])
  AS given (id, request_hash, exchange_id, node_id, created_at_ms, expires_at_ms, answer)
ON CONFLICT (id) DO UPDATE SET
  request_hash = excluded.request_hash, exchange_id = excluded.exchange_id, node_id = excluded.node_id,
  state = excluded.state, expires_at_ms = excluded.expires_at_ms, answer = excluded.answer,
  created_at_ms = CASE kept.exchange_id
    WHEN excluded.exchange_id THEN kept.created_at_ms ELSE excluded.created_at_ms END
WHERE kept.exchange_id = excluded.exchange_id OR kept.expires_at_ms <= excluded.created_at_ms`,
}
const FREE = {
  name: 'free-journals',
  text: `
DELETE FROM holdfast.journal AS kept USING unnest($1::text[], $2::text[]) AS given (id, exchange_id)
WHERE kept.id = given.id AND kept.exchange_id = given.exchange_id`,
}
const TAKE = {
  text: `
INSERT INTO holdfast.journal AS kept
  (id, request_hash, exchange_id, node_id, state, created_at_ms, expires_at_ms, answer)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (id) DO UPDATE SET
  request_hash = excluded.request_hash, exchange_id = excluded.exchange_id, node_id = excluded.node_id,
  state = excluded.state, created_at_ms = excluded.created_at_ms, expires_at_ms = excluded.expires_at_ms,
  answer = excluded.answer`,
}
const SWEEP_EXPIRED = {
  text: `
DELETE FROM holdfast.journal WHERE id IN (
  SELECT id FROM holdfast.journal WHERE expires_at_ms <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED)`,
}
// A key stays used without its answer, until its time is over.
const SWEEP_OLDEST = {
  text: `
UPDATE holdfast.journal SET state = 'open', answer = NULL WHERE state = 'done' AND id IN (
  SELECT id FROM (
    SELECT id, created_at_ms,
      sum(octet_length(answer)) OVER (ORDER BY created_at_ms DESC, id DESC) AS bytes
    FROM holdfast.journal WHERE state = 'done') AS done
  WHERE bytes > $1 ORDER BY created_at_ms LIMIT $2)`,
}

/** Somebody may drop the record between the refusal and the look at it; then it is free. */
const TRIES_MAX = 5

/** In the order of their ids, so that two nodes that begin the same ones do not wait for one another. */
export async function openJournals(
  session: Session,
  records: readonly JournalRecord[],
  nowMs: number,
): Promise<readonly (JournalRecord | undefined)[]> {
  const told = new Map<string, JournalRecord>()
  let asked = inOrder(records)
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    const begun = new Set(
      (await session.query(OPEN, [...columnsOf(asked), nowMs])).map((row) => textIn(row, 'id')),
    )
    asked = asked.filter(({ id }) => !begun.has(id))
    if (asked.length === 0) break
    for (const row of await session.query(FIND_MANY, [asked.map(({ id }) => id), nowMs]))
      told.set(textIn(row, 'id'), journalRecordOf(row))
    asked = asked.filter(({ id }) => !told.has(id))
    if (asked.length === 0) break
  }
  const [lost] = asked
  if (lost !== undefined)
    throw new StoreConflict(`The journal's record ${lost.id} came and went ${TRIES_MAX} times.`)
  return records.map(({ id }) => told.get(id))
}

export async function findJournal(
  session: Session,
  id: string,
  nowMs: number,
): Promise<JournalRecord | undefined> {
  const [row] = await session.query(FIND, [id, nowMs])
  return row === undefined ? undefined : journalRecordOf(row)
}

/** Inside a transaction. */
export async function writeJournal(session: Session, { freed, begun, kept }: JournalChanges): Promise<void> {
  if (freed.length > 0) {
    const names = inOrder(freed)
    await session.run(FREE, [names.map(({ id }) => id), names.map(({ exchangeId }) => exchangeId)])
  }
  if (begun.length > 0)
    await openJournals(session, begun, Math.min(...begun.map(({ createdAtMs }) => createdAtMs)))
  const answered = inOrder([...kept, ...begun.filter(hasAnswer)])
  if (answered.length === 0) return
  const answers = answered.map(({ answer }) => Buffer.from(answer.buffer, answer.byteOffset, answer.length))
  await session.run(KEEP, [...columnsOf(answered), answers])
}

function hasAnswer(record: JournalRecord): record is KeptRecord {
  return record.answer !== undefined
}

export async function sweepJournal(session: Session, nowMs: number, bytesMax: number): Promise<number> {
  const expired = await session.run(SWEEP_EXPIRED, [nowMs, SWEEP_ROWS_MAX])
  return expired + (await session.run(SWEEP_OLDEST, [bytesMax, SWEEP_ROWS_MAX]))
}

/** Takes a record of a copy. */
export async function takeJournal(session: Session, record: JournalRecord): Promise<void> {
  const { id, requestHash, exchangeId, nodeId, state, createdAtMs, expiresAtMs, answer = null } = record
  await session.run(TAKE, [id, requestHash, exchangeId, nodeId, state, createdAtMs, expiresAtMs, answer])
}

function columnsOf(records: readonly JournalRecord[]): readonly unknown[] {
  return [
    records.map(({ id }) => id),
    records.map(({ requestHash }) => requestHash),
    records.map(({ exchangeId }) => exchangeId),
    records.map(({ nodeId }) => nodeId),
    records.map(({ createdAtMs }) => createdAtMs),
    records.map(({ expiresAtMs }) => expiresAtMs),
  ]
}

function inOrder<Named extends { readonly id: string }>(records: readonly Named[]): readonly Named[] {
  return [...records].sort((one, other) => (one.id < other.id ? -1 : 1))
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
