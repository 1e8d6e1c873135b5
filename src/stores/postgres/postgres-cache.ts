/** The cache in PostgreSQL. Vectors are compared by the database, which needs no extension for as many as are kept. */

import type { CachedAnswer, CacheStore, NewAnswer } from '../../cache/cache-store.ts'
import type { AuditNote } from '../../std/audit.ts'
import type { Row, Session } from './connections.ts'
import { changeDirectory } from './postgres-directory.ts'
import { SWEEP_ROWS_MAX } from './postgres-journal.ts'
import { bytesIn, databaseText, numberIn, textIn } from './row-values.ts'

/** Answers of one partition that are compared, the newest: what a comparison costs grows with them. */
export const COMPARED_MAX = 4_000
/** Products of one comparison in full: a few milliseconds. */
const PRODUCTS_MAX = 50_000
const SHORTLIST_MIN = 24

/**
 * Answers are kept side by side, and removed by one alone: else one that is not committed yet would neither be seen by who
 * removes, nor see that something is removed.
 */
const GATE = `hashtextextended('holdfast.cache', 0)`
const PASS = {
  name: 'pass-cache',
  text: `SELECT pg_try_advisory_xact_lock_shared(${GATE}) AS is_open`,
}
const SHUT = { text: `SELECT pg_advisory_xact_lock(${GATE})` }
/** 'cleared': the revision of the directory at which answers were removed last; no row where none ever were. */
const PUT = {
  name: 'put-cached',
  text: `
INSERT INTO holdfast.cache (id, tenant, created_at_ms, expires_at_ms, partition, vector, signs, answer)
SELECT $1::text, $2::text, $3::bigint, $4::bigint, $5::text, $6::real[], $7::varbit, $8::bytea
WHERE NOT EXISTS (
  SELECT FROM holdfast.counters
  WHERE (name = 'cleared' AND value > $9::bigint) OR (name = 'directory' AND value < $9::bigint))
ON CONFLICT (id) DO UPDATE SET
  tenant = excluded.tenant, created_at_ms = excluded.created_at_ms, expires_at_ms = excluded.expires_at_ms,
  partition = excluded.partition, vector = excluded.vector, signs = excluded.signs, answer = excluded.answer`,
}
const FIND = {
  name: 'find-cached',
  text: 'SELECT * FROM holdfast.cache WHERE id = $1 AND expires_at_ms > $2',
}
/**
 * Without an extension a product costs PostgreSQL a quarter of a microsecond, so that a thousand vectors of a thousand
 * numbers are too many. First the signs of the numbers are compared, bit by bit: the fewer differ, the smaller the angle.
 * Of those that are left the cosine is computed, which of vectors of unit length is the sum of the products. Short vectors
 * all stay. Those of another length are of another model.
 */
const FIND_ALIKE = {
  name: 'find-alike',
  text: `
WITH newest AS MATERIALIZED (
  SELECT id, signs FROM holdfast.cache
  WHERE partition = $1 AND vector IS NOT NULL AND length(signs) = length($2::varbit) AND expires_at_ms > $4
  ORDER BY created_at_ms DESC LIMIT ${COMPARED_MAX}
), nearest AS MATERIALIZED (
  SELECT id FROM newest ORDER BY bit_count(signs # $2::varbit) LIMIT $7
), alike AS MATERIALIZED (
  SELECT cache.id, (
    SELECT sum(one::float8 * other) FROM unnest(vector, $3::real[]) AS pair(one, other)) AS similarity
  FROM nearest JOIN holdfast.cache USING (id)
)
SELECT cache.*, similarity FROM alike JOIN holdfast.cache USING (id)
WHERE similarity >= $5 ORDER BY similarity DESC LIMIT $6`,
}
const SET_CLEARED = {
  text: `
INSERT INTO holdfast.counters VALUES ('cleared', $1)
ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
}
const DROP = { text: 'DELETE FROM holdfast.cache WHERE $1::text IS NULL OR tenant = $1' }
const SWEEP_EXPIRED = {
  text: `
DELETE FROM holdfast.cache WHERE id IN (
  SELECT id FROM holdfast.cache WHERE expires_at_ms <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED)`,
}
const SWEEP_OLDEST = {
  text: `
DELETE FROM holdfast.cache WHERE id IN (
  SELECT id FROM (
    SELECT id, created_at_ms, sum(octet_length(answer)) OVER (ORDER BY created_at_ms DESC, place DESC) AS bytes
    FROM holdfast.cache) AS kept
  WHERE bytes > $1 ORDER BY created_at_ms LIMIT $2)`,
}

/** Inside a transaction. While answers are removed none is kept: it would be of before. */
export async function putCached(session: Session, entry: NewAnswer): Promise<boolean> {
  const [row] = await session.query(PASS)
  // A statement of its own, which sees what was committed until the gate was passed.
  return row?.['is_open'] === true && (await takeAnswer(session, entry))
}

/** Inside a transaction in which nothing is removed. */
export async function takeAnswer(session: Session, entry: NewAnswer): Promise<boolean> {
  const { id, tenant, createdAtMs, expiresAtMs, answer, partition = null, vector, sinceRevision } = entry
  const [numbers, signs] = vector === undefined ? [null, null] : [[...vector], signsOf(vector)]
  const kept = await session.run(PUT, [
    id,
    databaseText(tenant),
    createdAtMs,
    expiresAtMs,
    partition,
    numbers,
    signs,
    answer,
    sinceRevision ?? null,
  ])
  return kept > 0
}

export async function findCached(
  session: Session,
  id: string,
  nowMs: number,
): Promise<CachedAnswer | undefined> {
  const [row] = await session.query(FIND, [id, nowMs])
  return row === undefined ? undefined : cachedAnswerOf(row)
}

export async function findAlike(
  session: Session,
  { partition, vector, similarityMin, count, nowMs }: Parameters<CacheStore['findAlike']>[0],
): ReturnType<CacheStore['findAlike']> {
  const shortlist = Math.max(SHORTLIST_MIN, count, Math.ceil(PRODUCTS_MAX / Math.max(1, vector.length)))
  const values = [partition, signsOf(vector), [...vector], nowMs, similarityMin, count, shortlist]
  const rows = await session.query(FIND_ALIKE, values)
  return rows.map((row) => ({ ...cachedAnswerOf(row), similarity: numberIn(row, 'similarity') }))
}

/** Inside a transaction. */
export async function dropCached(
  session: Session,
  notes: readonly AuditNote[],
  tenant: string | undefined,
): Promise<number> {
  await session.query(SHUT)
  const dropped = await session.run(DROP, [tenant === undefined ? null : databaseText(tenant)])
  // Last: other changes of the directory wait from here on.
  const revision = await changeDirectory(session, [], notes)
  await session.run(SET_CLEARED, [revision])
  return dropped
}

export async function sweepCache(session: Session, nowMs: number, bytesMax: number): Promise<number> {
  const expired = await session.run(SWEEP_EXPIRED, [nowMs, SWEEP_ROWS_MAX])
  return expired + (await session.run(SWEEP_OLDEST, [bytesMax, SWEEP_ROWS_MAX]))
}

function signsOf(vector: Float32Array): string {
  let signs = ''
  for (const number of vector) signs += number < 0 ? '1' : '0'
  return signs
}

export function cachedAnswerOf(row: Row): CachedAnswer {
  const { partition, vector } = row
  return {
    id: textIn(row, 'id'),
    tenant: textIn(row, 'tenant'),
    createdAtMs: numberIn(row, 'created_at_ms'),
    expiresAtMs: numberIn(row, 'expires_at_ms'),
    answer: bytesIn(row, 'answer'),
    ...(typeof partition === 'string' ? { partition } : {}),
    // Sound: the driver reads real[] as an array of numbers.
    ...(Array.isArray(vector) ? { vector: Float32Array.from(vector as number[]) } : {}),
  }
}
