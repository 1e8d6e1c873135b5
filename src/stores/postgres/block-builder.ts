/**
 * Makes blocks of what was posted, and sums of days: thousands of entries at a time, some time after they were posted, by one
 * node at a time. What a step takes out of `posted` and what it makes of that is one transaction: a report that sees both as
 * of one moment finds every entry once, whatever dies in between.
 */

import { failpoint } from '../../std/failpoints.ts'
import { blockOf } from '../columns/block.ts'
import { type ColumnRow, columnsOf, type EntryColumns, FLAGS } from '../columns/entry-columns.ts'
import { takeBacklog } from './backlog.ts'
import type { Session } from './connections.ts'
import type { OriginBook } from './origin-book.ts'
import { columnsInRow, type PostedColumns, postedColumnsIn, renumbered } from './posted-columns.ts'
import { databaseJson, numberIn } from './row-values.ts'

/** Entries of a block. With fewer than the least it is a small one, of which a larger one is made: so each is written twice. */
export const BLOCK_MIN = 15_000
const BLOCK_MAX = 20_000
/** Small blocks at the most. */
const SMALL_MAX = 20
/** So many entries, or postings, wait at the most before there is a block of them. */
export const POSTED_ENTRIES_MAX = 5_000
export const POSTINGS_MAX = 500

/** Any number, as long as nobody else's is the same: "blocks" said in hex. */
export const BUILD_LOCK = '108217864776563'
const TRY_LOCK = { text: `SELECT pg_try_advisory_xact_lock(${BUILD_LOCK}) AS is_ours` }
const WAITING = {
  text: 'SELECT count(*) AS postings, coalesce(sum(entries), 0)::bigint AS entries FROM holdfast.posted',
}
/** The oldest, as many as a block holds; one alone may have more. */
const TAKE_POSTED = {
  text: `
DELETE FROM holdfast.posted WHERE id IN (
  SELECT id FROM (SELECT id, sum(entries) OVER (ORDER BY id) - entries AS before FROM holdfast.posted) AS counted
  WHERE before < $1)
RETURNING *`,
}
/** All of them, once they make a full one together with what was posted. */
const TAKE_SMALL = {
  text: `
DELETE FROM holdfast.blocks WHERE entries < ${BLOCK_MIN} AND (
  SELECT sum(entries) + $1 >= ${BLOCK_MAX} OR count(*) >= ${SMALL_MAX} FROM holdfast.blocks WHERE entries < ${BLOCK_MIN})
RETURNING *`,
}
const ADD_BLOCK = {
  name: 'add-block',
  text: `
INSERT INTO holdfast.blocks (entries, first_ms, last_ms, numbers, end_users, sessions, tag_sets)
VALUES ($1, $2, $3, $4, $5, $6, $7)`,
}
const ADD_DAYS = {
  name: 'add-days',
  text: `
INSERT INTO holdfast.days AS sum (
  day, origin, tags_hash, tags, entries, cost, waste, estimated, unpriced, input_tokens, output_tokens)
SELECT day, origin, substring(sha256(convert_to(tags::text, 'UTF8')) FOR 16), tags,
  entries, cost, waste, estimated, unpriced, input_tokens, output_tokens
FROM json_to_recordset($1::json) AS added(
  day integer, origin integer, tags text[], entries bigint, cost bigint, waste bigint, estimated bigint,
  unpriced bigint, input_tokens bigint, output_tokens bigint)
ON CONFLICT (day, origin, tags_hash) DO UPDATE SET
  entries = sum.entries + excluded.entries, cost = sum.cost + excluded.cost, waste = sum.waste + excluded.waste,
  estimated = sum.estimated + excluded.estimated, unpriced = sum.unpriced + excluded.unpriced,
  input_tokens = sum.input_tokens + excluded.input_tokens, output_tokens = sum.output_tokens + excluded.output_tokens`,
}

const DAY_MS = 86_400_000

/** Inside a transaction. True where there is more to be done: another step, in a transaction of its own. */
export async function buildStep(session: Session, book: OriginBook): Promise<boolean> {
  const [lock] = await session.query(TRY_LOCK)
  if (lock?.['is_ours'] !== true) return false
  await book.read(session)
  const [waiting] = await session.query(WAITING)
  const entries = numberIn(waiting, 'entries')
  if (entries >= POSTED_ENTRIES_MAX || numberIn(waiting, 'postings') >= POSTINGS_MAX) {
    await buildOfPosted(session, book)
    failpoint('building')
    return true
  }
  const old = await takeBacklog(session)
  if (old === undefined) return false
  // They are in the sums of days already.
  await addBlocks(session, await numbered(session, book, [old]))
  failpoint('building')
  return true
}

async function buildOfPosted(session: Session, book: OriginBook): Promise<void> {
  const posted = (await session.query(TAKE_POSTED, [BLOCK_MAX])).map(postedColumnsIn)
  const entries = await numbered(session, book, posted)
  await addDays(session, entries)
  const small = (await session.query(TAKE_SMALL, [entries.length])).map(columnsInRow)
  await addBlocks(session, [...small.flatMap(rowsIn), ...entries])
}

/** With the numbers of the database for their origins. */
async function numbered(
  session: Session,
  book: OriginBook,
  parts: readonly PostedColumns[],
): Promise<readonly ColumnRow[]> {
  const numberOf = await book.adding(
    session,
    parts.flatMap(({ origins }) => origins),
  )
  return parts.flatMap((part) => rowsIn(renumbered(part, (words) => numberOf(words) ?? 0)))
}

function rowsIn(columns: EntryColumns): readonly ColumnRow[] {
  return Array.from({ length: columns.count }, (_, row) => ({
    atMs: columns.atMs[row] ?? 0,
    costNano: columns.costNano[row] ?? 0,
    inputTokens: columns.inputTokens[row] ?? 0,
    outputTokens: columns.outputTokens[row] ?? 0,
    origin: columns.origins[columns.origin[row] ?? 0] ?? 0,
    // Words are counted from 1 on, since 0 stands for none.
    endUser: columns.endUsers[(columns.endUser[row] ?? 0) - 1] ?? null,
    session: columns.sessions[(columns.session[row] ?? 0) - 1] ?? null,
    tags: columns.tagSets[columns.tags[row] ?? 0] ?? null,
    flags: columns.flags[row] ?? 0,
  }))
}

async function addBlocks(session: Session, entries: readonly ColumnRow[]): Promise<void> {
  for (let from = 0; from < entries.length; from += BLOCK_MAX) {
    const block = blockOf(columnsOf(entries.slice(from, from + BLOCK_MAX)))
    const { count, firstMs, lastMs, numbers, endUsers, sessions, tagSets } = block
    const words = [endUsers, sessions, tagSets].map((list) => JSON.stringify(list))
    await session.run(ADD_BLOCK, [count, firstMs, lastMs, numbers, ...words])
  }
}

interface DaySum {
  readonly day: number
  readonly origin: number
  readonly tags: readonly string[]
  entries: number
  cost: number
  waste: number
  estimated: number
  unpriced: number
  input_tokens: number
  output_tokens: number
}

async function addDays(session: Session, entries: readonly ColumnRow[]): Promise<void> {
  const sums = new Map<string, DaySum>()
  for (const entry of entries) {
    const day = Math.floor(entry.atMs / DAY_MS)
    const id = `${day} ${entry.origin} ${entry.tags}`
    const sum = sums.get(id) ?? { day, origin: entry.origin, tags: tagsOf(entry), ...noSums() }
    sums.set(id, sum)
    add(sum, entry)
  }
  if (sums.size > 0) await session.run(ADD_DAYS, [databaseJson([...sums.values()])])
}

function tagsOf({ tags }: ColumnRow): readonly string[] {
  // Sound: only such a list is written there.
  return JSON.parse(tags ?? '[]') as readonly string[]
}

function noSums() {
  return { entries: 0, cost: 0, waste: 0, estimated: 0, unpriced: 0, input_tokens: 0, output_tokens: 0 }
}

function add(sum: DaySum, { costNano, flags, inputTokens, outputTokens }: ColumnRow): void {
  const cost = costNano ?? 0
  sum.entries += 1
  sum.cost += cost
  if ((flags & FLAGS.isWaste) !== 0) sum.waste += cost
  if ((flags & FLAGS.isEstimated) !== 0) sum.estimated += cost
  if ((flags & FLAGS.isUnpriced) !== 0) sum.unpriced += 1
  sum.input_tokens += inputTokens ?? 0
  sum.output_tokens += outputTokens ?? 0
}
