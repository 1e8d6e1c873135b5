/** The bodies of requests and answers in a SQLite store. */

import type { SealedBodies } from '../../archive/body-store.ts'
import type { Database, Row } from './database.ts'
import { dropOldest } from './drop-oldest.ts'

const PUT = `INSERT OR REPLACE INTO bodies (exchange_id, created_at_ms, expires_at_ms, bytes, sealed)
  VALUES (?, ?, ?, ?, ?)`
const FIND = 'SELECT * FROM bodies WHERE exchange_id = ? AND expires_at_ms > ?'
const EXPIRE = 'DELETE FROM bodies WHERE expires_at_ms <= ?'
// Both are answered by an index alone: the bodies are not read.
const BYTES = 'SELECT coalesce(sum(bytes), 0) AS bytes FROM bodies'
const OLDEST = 'SELECT exchange_id AS id, bytes FROM bodies ORDER BY created_at_ms, exchange_id'
const DROP = 'DELETE FROM bodies WHERE exchange_id = ?'

export function putBodies(db: Database, batch: readonly SealedBodies[]): void {
  db.write(() => takeBodies(db, batch))
}

/** Inside a transaction. */
export function takeBodies(db: Database, batch: readonly SealedBodies[]): void {
  for (const { exchangeId, createdAtMs, expiresAtMs, sealed } of batch)
    db.run(PUT, exchangeId, createdAtMs, expiresAtMs, sealed.length, sealed)
}

export function findBodies(db: Database, exchangeId: string, nowMs: number): SealedBodies | undefined {
  const row = db.get(FIND, exchangeId, nowMs)
  return row === undefined ? undefined : bodiesOf(row)
}

export function bodiesOf(row: Row): SealedBodies {
  const { exchange_id, created_at_ms, expires_at_ms, sealed } = row
  return {
    exchangeId: String(exchange_id),
    createdAtMs: Number(created_at_ms),
    expiresAtMs: Number(expires_at_ms),
    sealed: sealed instanceof Uint8Array ? sealed : new Uint8Array(),
  }
}

export function sweepBodies(db: Database, nowMs: number, bytesMax: number): number {
  return db.write(() => {
    const expired = db.run(EXPIRE, nowMs)
    return expired + dropOldest(db, { bytes: BYTES, oldest: OLDEST, drop: DROP }, bytesMax)
  })
}
