/** The cache of a SQLite store. */

import type { CachedAnswer, CacheStore, NewAnswer } from '../../cache/cache-store.ts'
import type { AuditNote } from '../../std/audit.ts'
import type { Database, Row } from './database.ts'
import { dropOldest } from './drop-oldest.ts'
import { directoryRevision, noteAndGrow } from './sqlite-directory.ts'

const FIND_ANSWER = 'SELECT * FROM cache WHERE id = ? AND expires_at_ms > ?'
const PUT_ANSWER = `INSERT OR REPLACE INTO cache (id, tenant, created_at_ms, expires_at_ms, similar_in, vector, answer)
  VALUES (?, ?, ?, ?, ?, ?, ?)`
const VECTORS =
  'SELECT id, vector FROM cache WHERE similar_in = ? AND vector IS NOT NULL AND expires_at_ms > ?'
const DROP_ALL = 'DELETE FROM cache'
const DROP_TENANT = 'DELETE FROM cache WHERE tenant = ?'
const EXPIRE_ANSWERS = 'DELETE FROM cache WHERE expires_at_ms <= ?'
const ANSWER_BYTES = 'SELECT coalesce(sum(length(answer)), 0) AS bytes FROM cache'
const OLD_ANSWERS = 'SELECT id, length(answer) AS bytes FROM cache ORDER BY created_at_ms, id'
const DROP_ANSWER = 'DELETE FROM cache WHERE id = ?'

/** The revision of the directory at which answers were removed last; no row where none ever were. */
const CLEARED = "SELECT value FROM revisions WHERE name = 'cleared'"
const SET_CLEARED = `INSERT INTO revisions VALUES ('cleared', ?) ON CONFLICT DO UPDATE SET value = excluded.value`

export function putCached(db: Database, { sinceRevision, ...entry }: NewAnswer): boolean {
  // Who writes has the file alone, so that nothing is removed between the look and the writing.
  return db.write(() => {
    if (sinceRevision !== undefined && !isUpToDate(db, sinceRevision)) return false
    takeAnswer(db, entry)
    return true
  })
}

function isUpToDate(db: Database, revision: number): boolean {
  return Number(db.get(CLEARED)?.['value'] ?? 0) <= revision && revision <= directoryRevision(db)
}

/** Inside a transaction. */
export function takeAnswer(db: Database, entry: CachedAnswer): void {
  const { id, tenant, createdAtMs, expiresAtMs, partition = null, vector, answer } = entry
  const bytes =
    vector === undefined ? null : new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength)
  db.run(PUT_ANSWER, id, tenant, createdAtMs, expiresAtMs, partition, bytes, answer)
}

export function findCached(db: Database, id: string, nowMs: number): CachedAnswer | undefined {
  const row = db.get(FIND_ANSWER, id, nowMs)
  return row === undefined ? undefined : answerOf(row)
}

export function answerOf(row: Row): CachedAnswer {
  const { id, tenant, created_at_ms, expires_at_ms, similar_in, vector, answer } = row
  return {
    id: String(id),
    tenant: String(tenant),
    createdAtMs: Number(created_at_ms),
    expiresAtMs: Number(expires_at_ms),
    ...(typeof similar_in === 'string' ? { partition: similar_in } : {}),
    ...(vector instanceof Uint8Array ? { vector: floatsOf(vector) } : {}),
    answer: answer instanceof Uint8Array ? answer : new Uint8Array(),
  }
}

type Alike = Awaited<ReturnType<CacheStore['findAlike']>>

/** Compares with every vector of the partition: those of one tenant, model and prompt are few. */
export function findAlike(db: Database, query: Parameters<CacheStore['findAlike']>[0]): Alike {
  const { partition, vector, similarityMin, count, nowMs } = query
  const found: { readonly id: string; readonly similarity: number }[] = []
  for (const row of db.prepare(VECTORS).iterate(partition, nowMs)) {
    const similarity = row['vector'] instanceof Uint8Array ? dot(vector, floatsOf(row['vector'])) : -1
    if (similarity >= similarityMin) found.push({ id: String(row['id']), similarity })
  }
  const best = found.sort((one, other) => other.similarity - one.similarity).slice(0, count)
  return best.flatMap(({ id, similarity }) => {
    const entry = findCached(db, id, nowMs)
    return entry === undefined ? [] : [{ ...entry, similarity }]
  })
}

export function dropCached(db: Database, notes: readonly AuditNote[], tenant: string | undefined): number {
  return db.write(() => {
    const dropped = tenant === undefined ? db.run(DROP_ALL) : db.run(DROP_TENANT, tenant)
    noteAndGrow(db, notes)
    db.run(SET_CLEARED, directoryRevision(db))
    return dropped
  })
}

export function sweepCache(db: Database, nowMs: number, bytesMax: number): number {
  return db.write(() => {
    const expired = db.run(EXPIRE_ANSWERS, nowMs)
    return expired + dropOldest(db, { bytes: ANSWER_BYTES, oldest: OLD_ANSWERS, drop: DROP_ANSWER }, bytesMax)
  })
}

/** Copied where it does not begin at a whole float. */
function floatsOf(bytes: Uint8Array): Float32Array {
  const { buffer, byteOffset, byteLength } = byteAligned(bytes)
  return new Float32Array(buffer, byteOffset, byteLength / Float32Array.BYTES_PER_ELEMENT)
}

function byteAligned(bytes: Uint8Array): Uint8Array {
  return bytes.byteOffset % Float32Array.BYTES_PER_ELEMENT === 0 ? bytes : bytes.slice()
}

/** Of two vectors of unit length, the cosine; vectors of another model are not alike. */
function dot(one: Float32Array, other: Float32Array): number {
  if (one.length !== other.length) return -1
  let sum = 0
  for (let place = 0; place < one.length; place += 1) sum += (one[place] ?? 0) * (other[place] ?? 0)
  return sum
}
