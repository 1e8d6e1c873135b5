/**
 * Blocks of entries in columns: made of thousands at a time, some time after they were posted, never changed once they are
 * full. What is in no block yet is read from the entries themselves, so a report is the same whether there are blocks or not.
 */

import { type Block, blockOf, columnsIn, UnreadableBlock } from '../columns/block.ts'
import { type ColumnRow, columnsOf, type EntryColumns, FLAGS } from '../columns/entry-columns.ts'
import type { Database, Row } from './database.ts'
import { fromJson } from './values.ts'

/** Entries of a block. The last one is made anew while it has fewer than the least. */
const BLOCK_MIN = 5_000
const BLOCK_MAX = 20_000

const AFTER = `SELECT id, at_ms AS atMs, cost_nano AS costNano, input_tokens AS inputTokens, output_tokens AS outputTokens,
  origin, end_user AS endUser, session, tags,
  is_waste * ${FLAGS.isWaste} + (basis IN ('counted', 'estimated')) * ${FLAGS.isEstimated}
  + (cost_nano IS NULL AND basis <> 'none') * ${FLAGS.isUnpriced} AS flags
  FROM entries WHERE id > ? ORDER BY id LIMIT ${BLOCK_MAX}`
const LAST = 'SELECT until_id, from_id, entries FROM blocks ORDER BY until_id DESC LIMIT 1'
const DROP = 'DELETE FROM blocks WHERE until_id = ?'
const ADD = `INSERT INTO blocks (until_id, from_id, entries, first_ms, last_ms, numbers, end_users, sessions, tag_sets)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`
const WITHIN = 'first_ms < ?2 AND last_ms >= ?1'
const AFTER_BLOCKS =
  '(SELECT coalesce(max(id), 0) FROM entries) - (SELECT coalesce(max(until_id), 0) FROM blocks)'
const UNGATHERED = `SELECT ${AFTER_BLOCKS} AS entries`
const COUNT = `SELECT coalesce(sum(entries), 0) + ${AFTER_BLOCKS} AS entries FROM blocks WHERE ${WITHIN}`
/** Words are read where they are asked for, and numbers where the words fit: both are megabytes. */
const READ = `SELECT entries, first_ms, last_ms, numbers, iif(?3, end_users, '[]') AS end_users,
  iif(?4, sessions, '[]') AS sessions, tag_sets
  FROM blocks WHERE ${WITHIN} AND (?5 IS NULL OR instr(end_users, ?5)) AND (?6 IS NULL OR instr(sessions, ?6))
  ORDER BY until_id`

/** Inside a transaction: a block of what came last, or of what stood there before there were blocks. False: all are in one. */
export function addBlock(db: Database): boolean {
  const last = db.get(LAST)
  const isSmall = last !== undefined && Number(last['entries']) < BLOCK_MIN
  const from = Number(last?.[isSmall ? 'from_id' : 'until_id'] ?? 0)
  const { rows, until } = entriesAfter(db, from)
  if (until <= Number(last?.['until_id'] ?? 0)) return false
  if (isSmall) db.run(DROP, Number(last['until_id']))
  const { count, firstMs, lastMs, numbers, endUsers, sessions, tagSets } = blockOf(columnsOf(rows))
  const words = [endUsers, sessions, tagSets].map((list) => JSON.stringify(list))
  db.run(ADD, until, from, count, firstMs, lastMs, numbers, ...words)
  return true
}

/** What a file has from before there were blocks: false once there is too little left for one. */
export function gatherBlock(db: Database): boolean {
  return Number(db.get(UNGATHERED)?.['entries']) >= BLOCK_MIN && db.write(() => addBlock(db))
}

export interface BlockQuery {
  readonly fromMs: number
  readonly untilMs: number
  readonly hasEndUsers: boolean
  readonly hasSessions: boolean
  /** Blocks without it may be left out. */
  readonly endUser?: string | undefined
  readonly session?: string | undefined
}

/** Entries that are looked at for a time: of the blocks that it touches, and those that are in none. */
export function entriesWithin(db: Database, { fromMs, untilMs }: BlockQuery): number {
  return Number(db.get(COUNT, fromMs, untilMs)?.['entries'])
}

/** Inside a transaction. Entries beside the time come along. */
export function* blocksWithin(db: Database, query: BlockQuery): Generator<EntryColumns> {
  const { fromMs, untilMs, endUser, session } = query
  const wanted = [
    query.hasEndUsers ? 1 : 0,
    query.hasSessions ? 1 : 0,
    // As it stands in the list.
    endUser === undefined ? null : JSON.stringify(endUser),
    session === undefined ? null : JSON.stringify(session),
  ]
  for (const row of db.prepare(READ).iterate(fromMs, untilMs, ...wanted)) yield columnsOfBlock(blockIn(row))
  for (let last = Number(db.get(LAST)?.['until_id'] ?? 0); ; ) {
    const { rows, until } = entriesAfter(db, last)
    if (rows.length === 0) return
    yield columnsOf(rows)
    last = until
  }
}

function entriesAfter(db: Database, id: number) {
  const lists = db.lists(AFTER, id)
  return { rows: lists.map(rowOf), until: Number(lists.at(-1)?.[0] ?? id) }
}

/** In the order of `AFTER`. */
function rowOf(values: readonly unknown[]): ColumnRow {
  const [, atMs, costNano, inputTokens, outputTokens, origin, endUser, session, tags, flags] = values
  // Sound: the schema says which of them are numbers, and which may be absent.
  return {
    atMs,
    costNano,
    inputTokens,
    outputTokens,
    origin,
    endUser,
    session,
    tags,
    flags,
  } as ColumnRow
}

function blockIn(row: Row): Block {
  const list = (name: string) => fromJson<readonly string[]>(row[name])
  return {
    count: Number(row['entries']),
    firstMs: Number(row['first_ms']),
    lastMs: Number(row['last_ms']),
    // Sound: the schema says that the column is a blob.
    numbers: row['numbers'] as Uint8Array,
    endUsers: list('end_users'),
    sessions: list('sessions'),
    tagSets: list('tag_sets'),
  }
}

function columnsOfBlock(block: Block): EntryColumns {
  try {
    return columnsIn(block)
  } catch (error) {
    if (!(error instanceof UnreadableBlock)) throw error
    throw new UnreadableBlock(
      `${error.message} Nothing is lost by it: stop Holdfast, run \`DELETE FROM blocks\` on its database, and all of them are made anew of the entries once it is started.`,
      { cause: error },
    )
  }
}
