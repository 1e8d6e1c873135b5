/**
 * Entries that were posted before there were columns. They get into blocks some time after the upgrade, in the order of their
 * keys; until then a report reads them as they are.
 */

import { type ColumnRow, columnsOf } from '../columns/entry-columns.ts'
import type { Row, Session } from './connections.ts'
import { originIn } from './origin-book.ts'
import { flagsOf, ORIGIN_COLUMNS, OriginList, type PostedColumns } from './posted-columns.ts'
import { numberIn, textIn } from './row-values.ts'

/** Entries read at a time. */
const STEP = 20_000

const COLUMNS = `exchange_id, attempt, at_ms, ${ORIGIN_COLUMNS}, end_user, session, tags, cost, is_waste, basis,
  input_tokens, output_tokens`
const PLACE = { text: 'SELECT exchange_id, attempt FROM holdfast.backlog WHERE NOT is_done' }
const NEXT = {
  text: `
SELECT ${COLUMNS} FROM holdfast.entries WHERE (exchange_id, attempt) > ($1, $2) AND NOT has_columns
ORDER BY exchange_id, attempt LIMIT ${STEP}`,
}
const MOVE = { text: 'UPDATE holdfast.backlog SET exchange_id = $1, attempt = $2, is_done = $3' }
const OPEN = {
  text: `
DECLARE backlog NO SCROLL CURSOR FOR SELECT ${COLUMNS} FROM holdfast.entries
WHERE NOT has_columns AND (exchange_id, attempt) > ($1, $2) AND at_ms >= $3 AND at_ms < $4`,
}
const FETCH = { text: `FETCH ${STEP} FROM backlog` }
const CLOSE = { text: 'CLOSE backlog' }

/** Up to which entry they are in blocks; `undefined` once all of them are. */
export async function backlogPlace(session: Session): Promise<readonly [string, number] | undefined> {
  const [row] = await session.query(PLACE)
  return row === undefined ? undefined : [textIn(row, 'exchange_id'), numberIn(row, 'attempt')]
}

/** Inside a transaction that makes a block of them, by one node at a time. `undefined` once there are none left. */
export async function takeBacklog(session: Session): Promise<PostedColumns | undefined> {
  const place = await backlogPlace(session)
  if (place === undefined) return undefined
  const rows = await session.query(NEXT, place)
  const last = rows.at(-1)
  const next = last === undefined ? place : [textIn(last, 'exchange_id'), numberIn(last, 'attempt')]
  await session.run(MOVE, [...next, rows.length < STEP])
  return rows.length === 0 ? undefined : columnsOfRows(rows)
}

/** Inside a transaction that sees one moment: those that are in no block yet. */
export async function* backlogWithin(
  session: Session,
  { fromMs, untilMs }: { readonly fromMs: number; readonly untilMs: number },
): AsyncGenerator<PostedColumns> {
  const place = await backlogPlace(session)
  if (place === undefined) return
  await session.run(OPEN, [...place, fromMs, untilMs])
  for (;;) {
    const rows = await session.query(FETCH)
    if (rows.length === 0) break
    yield columnsOfRows(rows)
  }
  await session.run(CLOSE)
}

function columnsOfRows(rows: readonly Row[]): PostedColumns {
  const origins = new OriginList()
  const columns = columnsOf(rows.map((row) => columnRow(row, origins.placeOf(originIn(row)))))
  return { columns, origins: origins.all }
}

function columnRow(row: Row, origin: number): ColumnRow {
  const costNano = numberOrNull(row, 'cost')
  return {
    atMs: numberIn(row, 'at_ms'),
    costNano,
    inputTokens: numberOrNull(row, 'input_tokens'),
    outputTokens: numberOrNull(row, 'output_tokens'),
    origin,
    endUser: textOrNull(row, 'end_user'),
    session: textOrNull(row, 'session'),
    tags: JSON.stringify(row['tags']),
    flags: flagsOf({
      isWaste: row['is_waste'] === true,
      basis: textIn(row, 'basis'),
      isPriced: costNano !== null,
    }),
  }
}

function numberOrNull(row: Row, column: string): number | null {
  return row[column] === null ? null : numberIn(row, column)
}

function textOrNull(row: Row, column: string): string | null {
  return row[column] === null ? null : textIn(row, column)
}
