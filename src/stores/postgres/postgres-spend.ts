/**
 * Spending as a store in PostgreSQL adds it up, all of it as of one moment. Sums of days tell what origins and tags tell
 * apart, for the days that lie in the asked time as a whole; entries in columns tell the rest, and everything that is told
 * apart by hours, sessions or end users. Where an index finds few entries of one session or end user, they are read themselves.
 */

import type { SpendQuery, SpendRow } from '../../reports/report-store.ts'
import { ColumnSums, compareRows, type Share } from '../columns/column-sums.ts'
import type { EntryColumns } from '../columns/entry-columns.ts'
import { firstOf } from '../columns/groups.ts'
import { joinPasses, passesOf, SPEND_BOUNDS } from '../columns/passes.ts'
import { backlogWithin } from './backlog.ts'
import type { Session } from './connections.ts'
import { type BlocksAsked, KeptBlocks } from './kept-blocks.ts'
import { type NumberedOrigins, OriginBook } from './origin-book.ts'
import { type PostedColumns, postedColumnsIn, renumbered } from './posted-columns.ts'
import { databaseText, numberIn } from './row-values.ts'
import { daysStatement, entriesStatement, groupIn, type SpendStatement } from './spend-statement.ts'

const DAY_MS = 86_400_000

/** What a thread knows from one report to the next, of one connection: another one may lead to another server. */
export interface Known {
  readonly origins: OriginBook
  readonly blocks: KeptBlocks
}

export interface SpendBounds {
  /** Entries read one by one for a report about one session or end user. */
  readonly foundMax: number
  /** Entries added up at a time, where each may be a group: what they come to is in memory until then. */
  readonly passMax: number
}
const BOUNDS: SpendBounds = { foundMax: 20_000, passMax: SPEND_BOUNDS.passMax }

const ONE_MOMENT = { text: 'SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY' }
/** Compiling a query costs more than answering it, and what is added up fits into memory. */
const FOR_SUMS = { text: `SET LOCAL jit = off; SET LOCAL work_mem = '64MB'` }
/** Postings read at a time: each may hold a thousand entries. */
const POSTED = {
  name: 'read-posted',
  text: `
SELECT * FROM holdfast.posted WHERE last_ms >= $1 AND first_ms < $2 AND id > $3 ORDER BY id LIMIT 50`,
}
const COUNT_WITHIN = {
  text: `
SELECT coalesce(sum(entries), 0)::bigint AS entries FROM holdfast.blocks WHERE last_ms >= $1 AND first_ms < $2`,
}

/** Inside a transaction, as its first. */
export async function spendRows(
  session: Session,
  asked: SpendQuery,
  known: Known,
  bounds = BOUNDS,
): Promise<readonly SpendRow[]> {
  await session.run(ONE_MOMENT)
  const query = { ...asked, ...(asked.where === undefined ? {} : { where: keptWords(asked.where) }) }
  if (query.untilMs <= query.fromMs) return []
  await session.run(FOR_SUMS)
  if (await areFew(session, query, bounds.foundMax))
    return inOrder(query, [await rowsOf(session, query, entriesStatement(query))])
  const columns = await askedColumns(session, query, known)
  const days = wholeDays(query)
  if (days !== undefined) {
    const sums = await rowsOf(session, query, daysStatement(query, ...days))
    return inOrder(query, [sums, ...(await rowsBesideDays(columns, days))])
  }
  const [counted] = await session.query(COUNT_WITHIN, [query.fromMs, query.untilMs])
  const found: (readonly SpendRow[])[] = []
  for (const share of passesOf(query, numberIn(counted, 'entries'), bounds))
    found.push(await added(columns, query, share))
  return joinPasses(query, found)
}

/** As they stand in the database. */
function keptWords(where: NonNullable<SpendQuery['where']>): NonNullable<SpendQuery['where']> {
  const words = Object.entries(where).filter(([, word]) => word !== undefined)
  return Object.fromEntries(
    words.map(([name, word]) => [
      name,
      typeof word === 'string' ? databaseText(word) : word.map(databaseText),
    ]),
  )
}

/** Whether the entries of one session, or of one end user, are few enough to be read. */
async function areFew(
  session: Session,
  { fromMs, untilMs, where = {} }: SpendQuery,
  foundMax: number,
): Promise<boolean> {
  const column = where.session === undefined ? 'end_user' : 'session'
  const value = where.session ?? where['end-user']
  if (value === undefined) return false
  const text = `
SELECT count(*) AS entries FROM (
  SELECT FROM holdfast.entries WHERE ${column} = $1 AND at_ms >= $2 AND at_ms < $3 LIMIT ${foundMax + 1}) AS found`
  const [row] = await session.query({ text }, [value, fromMs, untilMs])
  return numberIn(row, 'entries') <= foundMax
}

/** The first whole day and the one after the last, where days can tell. */
function wholeDays({ fromMs, untilMs, by, where = {} }: SpendQuery): readonly [number, number] | undefined {
  const asked = [
    ...by,
    ...(where.session === undefined ? [] : ['session']),
    ...(where['end-user'] === undefined ? [] : ['end-user']),
  ]
  if (asked.some((name) => name === 'hour' || name === 'session' || name === 'end-user')) return undefined
  const first = Math.ceil(fromMs / DAY_MS)
  const end = Math.floor(untilMs / DAY_MS)
  return end > first ? [first, end] : undefined
}

interface Span {
  readonly fromMs: number
  readonly untilMs: number
}

/** Where the columns of a report come from, each entry once: `blocks` and what is on its way into them. */
interface AskedColumns {
  readonly query: SpendQuery
  readonly origins: NumberedOrigins
  readonly built: (span: Span) => AsyncGenerator<EntryColumns>
  readonly posted: (span: Span) => AsyncGenerator<EntryColumns>
}

async function askedColumns(session: Session, query: SpendQuery, known: Known): Promise<AskedColumns> {
  await known.origins.read(session)
  const origins = known.origins.copy()
  const { by, where = {} } = query
  const has = (name: 'end-user' | 'session') => by.includes(name) || where[name] !== undefined
  const words = { hasEndUsers: has('end-user'), hasSessions: has('session') }
  return {
    query,
    origins,
    built: async function* (span) {
      yield* known.blocks.within(session, { ...span, ...words } satisfies BlocksAsked)
      for await (const old of backlogWithin(session, span)) yield renumbered(old, origins.numberOf)
    },
    posted: async function* (span) {
      for await (const posted of postedWithin(session, span)) yield renumbered(posted, origins.numberOf)
    },
  }
}

async function* postedWithin(session: Session, { fromMs, untilMs }: Span): AsyncGenerator<PostedColumns> {
  for (let last = 0; ; ) {
    const rows = await session.query(POSTED, [fromMs, untilMs, last])
    const end = rows.at(-1)
    if (end === undefined) return
    last = numberIn(end, 'id')
    yield* rows.map((row) => postedColumnsIn(row))
  }
}

/** All that is asked for. */
async function added(
  { query, origins, built, posted }: AskedColumns,
  span: Span & SpendQuery = query,
  share?: Share,
): Promise<readonly SpendRow[]> {
  const sums = new ColumnSums({ ...query, ...span }, origins.origins, share)
  for await (const columns of built(span)) sums.add(columns)
  for await (const columns of posted(span)) sums.add(columns)
  return sums.rows()
}

/** What days do not know: the parts of days at both ends, and what is in no block yet. */
async function rowsBesideDays(
  { query, origins, built, posted }: AskedColumns,
  [firstDay, endDay]: readonly [number, number],
): Promise<readonly (readonly SpendRow[])[]> {
  const { fromMs, untilMs } = query
  const parts = [
    { span: { fromMs, untilMs: firstDay * DAY_MS }, read: built },
    { span: { fromMs: endDay * DAY_MS, untilMs }, read: built },
    { span: { fromMs, untilMs }, read: posted },
  ]
  const found: (readonly SpendRow[])[] = []
  for (const { span, read } of parts.filter(({ span: { fromMs, untilMs } }) => fromMs < untilMs)) {
    const sums = new ColumnSums({ ...query, ...span, rowsMax: Number.MAX_SAFE_INTEGER }, origins.origins)
    for await (const columns of read(span)) sums.add(columns)
    found.push(sums.rows())
  }
  return found
}

async function rowsOf(
  session: Session,
  { by }: SpendQuery,
  { text, values }: SpendStatement,
): Promise<readonly SpendRow[]> {
  const rows = await session.query({ text }, values)
  return rows.map((row) => ({
    group: groupIn(row, by),
    entries: numberIn(row, 'entries'),
    costNanoUsd: numberIn(row, 'cost'),
    wasteNanoUsd: numberIn(row, 'waste'),
    estimatedNanoUsd: numberIn(row, 'estimated'),
    unpriced: numberIn(row, 'unpriced'),
    inputTokens: numberIn(row, 'input_tokens'),
    outputTokens: numberIn(row, 'output_tokens'),
  }))
}

/** Rows of the same group are one. */
function inOrder({ by, rowsMax }: SpendQuery, parts: readonly (readonly SpendRow[])[]): readonly SpendRow[] {
  const groups = new Map<string, SpendRow>()
  for (const row of parts.flat()) {
    const id = JSON.stringify(row.group)
    const other = groups.get(id)
    groups.set(id, other === undefined ? row : sumOf(row, other))
  }
  const rows = [...groups.values()]
  const compare = (one: SpendRow | undefined, other: SpendRow | undefined) =>
    one === undefined || other === undefined ? 0 : compareRows(by, one, other)
  const first = firstOf(rows.length, rowsMax, (one, other) => compare(rows[one], rows[other]))
  return first.flatMap((place) => rows[place] ?? [])
}

function sumOf(one: SpendRow, other: SpendRow): SpendRow {
  return {
    group: one.group,
    entries: one.entries + other.entries,
    costNanoUsd: one.costNanoUsd + other.costNanoUsd,
    wasteNanoUsd: one.wasteNanoUsd + other.wasteNanoUsd,
    estimatedNanoUsd: one.estimatedNanoUsd + other.estimatedNanoUsd,
    unpriced: one.unpriced + other.unpriced,
    inputTokens: one.inputTokens + other.inputTokens,
    outputTokens: one.outputTokens + other.outputTokens,
  }
}
