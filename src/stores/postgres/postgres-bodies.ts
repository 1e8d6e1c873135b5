/** The bodies of requests and answers in PostgreSQL. */

import type { SealedBodies } from '../../archive/body-store.ts'
import type { Row, Session } from './connections.ts'
import { SWEEP_ROWS_MAX } from './postgres-journal.ts'
import { bytesIn, numberIn, textIn } from './row-values.ts'

const PUT = {
  name: 'put-bodies',
  text: `
INSERT INTO holdfast.bodies (exchange_id, created_at_ms, expires_at_ms, bytes, sealed)
SELECT DISTINCT ON (exchange_id) exchange_id, created_at_ms, expires_at_ms, octet_length(sealed), sealed
FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bytea[])
  WITH ORDINALITY AS kept (exchange_id, created_at_ms, expires_at_ms, sealed, place)
ORDER BY exchange_id, place DESC
ON CONFLICT (exchange_id) DO UPDATE SET
  created_at_ms = excluded.created_at_ms, expires_at_ms = excluded.expires_at_ms,
  bytes = excluded.bytes, sealed = excluded.sealed`,
}
const FIND = { text: 'SELECT * FROM holdfast.bodies WHERE exchange_id = $1 AND expires_at_ms > $2' }
const SWEEP_EXPIRED = {
  text: `
DELETE FROM holdfast.bodies WHERE exchange_id IN (
  SELECT exchange_id FROM holdfast.bodies WHERE expires_at_ms <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED)`,
}
const SWEEP_OLDEST = {
  text: `
DELETE FROM holdfast.bodies WHERE exchange_id IN (
  SELECT exchange_id FROM (
    SELECT exchange_id, created_at_ms, sum(bytes) OVER (ORDER BY created_at_ms DESC, exchange_id DESC) AS bytes
    FROM holdfast.bodies) AS kept
  WHERE bytes > $1 ORDER BY created_at_ms, exchange_id LIMIT $2)`,
}

export async function putBodies(session: Session, batch: readonly SealedBodies[]): Promise<void> {
  if (batch.length === 0) return
  await session.run(PUT, [
    batch.map(({ exchangeId }) => exchangeId),
    batch.map(({ createdAtMs }) => createdAtMs),
    batch.map(({ expiresAtMs }) => expiresAtMs),
    batch.map(({ sealed }) => sealed),
  ])
}

export async function findBodies(
  session: Session,
  exchangeId: string,
  nowMs: number,
): Promise<SealedBodies | undefined> {
  const [row] = await session.query(FIND, [exchangeId, nowMs])
  return row === undefined ? undefined : bodiesOf(row)
}

export async function sweepBodies(session: Session, nowMs: number, bytesMax: number): Promise<number> {
  const expired = await session.run(SWEEP_EXPIRED, [nowMs, SWEEP_ROWS_MAX])
  return expired + (await session.run(SWEEP_OLDEST, [bytesMax, SWEEP_ROWS_MAX]))
}

export function bodiesOf(row: Row): SealedBodies {
  return {
    exchangeId: textIn(row, 'exchange_id'),
    createdAtMs: numberIn(row, 'created_at_ms'),
    expiresAtMs: numberIn(row, 'expires_at_ms'),
    sealed: bytesIn(row, 'sealed'),
  }
}
