/** What can be asked of the books in PostgreSQL. The text of a query is put together from pieces of ours alone. */

import type { LedgerEntry, RequestRow } from '../../ledger/entry.ts'
import type { Page, RequestQuery, SpendDimension, SpendQuery, SpendRow } from '../../reports/report-store.ts'
import type { Row, Session } from './connections.ts'
import { databaseText, numberIn, recordIn } from './row-values.ts'

const HOUR_MS = 3_600_000

/** Values in the order of their places. */
class Values {
  readonly all: unknown[] = []

  /** The place of a value, `$1` and on. */
  add(value: unknown): string {
    this.all.push(typeof value === 'string' ? databaseText(value) : value)
    return `$${this.all.length}`
  }
}

interface Grouping {
  /** What rows are added up by first: numbers and columns as they are, over the time `at` in ms. */
  readonly inner: string
  /** What it is shown as, made of few rows by then. */
  readonly outer: (inner: string) => string
}

const GROUPINGS: Readonly<Record<SpendDimension, Grouping>> = {
  key: asItIs('key'),
  project: asItIs('project'),
  team: asItIs('team'),
  user: asItIs('"user"'),
  'end-user': asItIs('end_user'),
  // An entry counts once for each of its tags.
  tag: { inner: 'tags', outer: () => 'tag' },
  session: asItIs('session'),
  route: asItIs('route'),
  model: asItIs('model'),
  target: asItIs('target'),
  provider: asItIs('provider'),
  hour: time(3_600, 'YYYY-MM-DD"T"HH24":00:00.000Z"'),
  day: time(86_400, 'YYYY-MM-DD"T00:00:00.000Z"'),
  month: time(86_400, 'YYYY-MM"-01T00:00:00.000Z"'),
}

function asItIs(column: string): Grouping {
  return { inner: column, outer: (inner) => inner }
}

function time(seconds: number, format: string): Grouping {
  return {
    inner: `at / ${seconds}000`,
    outer: (inner) => `to_char(to_timestamp(${inner} * ${seconds}) AT TIME ZONE 'UTC', '${format}')`,
  }
}

const COLUMNS = 'key, project, team, "user", tags, route, model, target, provider'
const SUMMED = 'entries, cost, waste, estimated, unpriced, input_tokens, output_tokens'
/** Entries as sums of one, so that they can be added to sums. */
const AS_SUMS = `
  1::bigint AS entries, coalesce(cost, 0) AS cost,
  CASE WHEN is_waste THEN coalesce(cost, 0) ELSE 0 END AS waste,
  CASE WHEN basis IN ('counted', 'estimated') THEN coalesce(cost, 0) ELSE 0 END AS estimated,
  CASE WHEN cost IS NULL AND basis <> 'none' THEN 1 ELSE 0 END AS unpriced,
  coalesce(input_tokens, 0) AS input_tokens, coalesce(output_tokens, 0) AS output_tokens`

/** Compiling the query costs more than answering it, and what is added up fits into memory. */
const FOR_SUMS = { text: `SET LOCAL jit = off; SET LOCAL work_mem = '64MB'` }

/** Inside a transaction. */
export async function spend(session: Session, query: SpendQuery): Promise<readonly SpendRow[]> {
  const { text, values } = spendStatement(query)
  await session.run(FOR_SUMS)
  const rows = await session.query({ text }, values)
  return rows.map((row) => ({
    group: query.by.map((_dimension, place) => groupIn(row, place)),
    entries: numberIn(row, 'entries'),
    costNanoUsd: numberIn(row, 'cost'),
    wasteNanoUsd: numberIn(row, 'waste'),
    estimatedNanoUsd: numberIn(row, 'estimated'),
    unpriced: numberIn(row, 'unpriced'),
    inputTokens: numberIn(row, 'input_tokens'),
    outputTokens: numberIn(row, 'output_tokens'),
  }))
}

function spendStatement({ fromMs, untilMs, by, where = {}, rowsMax }: SpendQuery) {
  const values = new Values()
  // Sound: the names of `where` are dimensions.
  const wanted = Object.entries(where) as [SpendDimension, string | undefined][]
  const asked = [...by, ...wanted.flatMap(([dimension, value]) => (value === undefined ? [] : [dimension]))]
  const hasSums = !asked.some((dimension) => dimension === 'session' || dimension === 'end-user')
  const source = hasSums ? sumsAndEdges(fromMs, untilMs, values) : entriesBetween(fromMs, untilMs, values)
  const conditions = wanted.flatMap(([dimension, value]) =>
    value === undefined ? [] : [conditionOf(dimension, values.add(value))],
  )
  const inner = by.map((dimension, place) => `${GROUPINGS[dimension].inner} AS inner_${place}`)
  const tags = by.indexOf('tag')
  const groups = by.map(
    (dimension, place) => `${GROUPINGS[dimension].outer(`inner_${place}`)} AS group_${place}`,
  )
  const sums = SUMMED.split(', ').map((name) => `sum(${name})::bigint AS ${name}`)
  const groupBy =
    by.length === 0 ? 'HAVING count(*) > 0' : `GROUP BY ${by.map((_, place) => place + 1).join(', ')}`
  // Added up twice: what is dear to make, a text of a time or a row for each tag, is made of sums.
  const text = `
WITH source AS (${source}), added AS (
  SELECT ${[...inner, ...sums].join(', ')} FROM source
  ${conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`} ${groupBy}
)
SELECT ${[...groups, ...sums].join(', ')} FROM added
${tags < 0 ? '' : `LEFT JOIN LATERAL unnest(inner_${tags}) AS tagged(tag) ON true`}
${groupBy} ORDER BY ${orderOf(by)} LIMIT ${values.add(rowsMax)}`
  return { text, values: values.all }
}

/** Whole hours from the sums, what is left of the first and the last from the entries. */
function sumsAndEdges(fromMs: number, untilMs: number, values: Values): string {
  const from = values.add(fromMs)
  const until = values.add(untilMs)
  const firstHourMs = Math.ceil(fromMs / HOUR_MS) * HOUR_MS
  const endHourMs = Math.floor(untilMs / HOUR_MS) * HOUR_MS
  const edges = (condition: string) => `
  SELECT at_ms AS at, ${COLUMNS}, ${AS_SUMS} FROM holdfast.entries WHERE ${condition}`
  if (firstHourMs >= endHourMs) return edges(`at_ms >= ${from} AND at_ms < ${until}`)
  const first = values.add(firstHourMs)
  const end = values.add(endHourMs)
  return `
  SELECT hour_ms AS at, ${COLUMNS}, ${SUMMED} FROM holdfast.sums WHERE hour_ms >= ${first} AND hour_ms < ${end}
  UNION ALL ${edges(`at_ms >= ${from} AND at_ms < ${first}`)}
  UNION ALL ${edges(`at_ms >= ${end} AND at_ms < ${until}`)}`
}

function entriesBetween(fromMs: number, untilMs: number, values: Values): string {
  return `
  SELECT at_ms AS at, ${COLUMNS}, session, end_user, ${AS_SUMS} FROM holdfast.entries
  WHERE at_ms >= ${values.add(fromMs)} AND at_ms < ${values.add(untilMs)}`
}

function conditionOf(dimension: SpendDimension, place: string): string {
  return dimension === 'tag' ? `${place} = ANY (tags)` : `${GROUPINGS[dimension].inner} = ${place}`
}

/** The costliest first; where time is asked for, the earliest. */
function orderOf(by: readonly SpendDimension[]): string {
  const time = by.findIndex(
    (dimension) => dimension === 'hour' || dimension === 'day' || dimension === 'month',
  )
  const names = by.map((_, place) => `${place + 1} NULLS FIRST`)
  // Numbers of columns stand for what is selected; the cost is the second after the groups.
  return [...(time < 0 ? [] : [`${time + 1}`]), `${by.length + 2} DESC`, ...names].join(', ')
}

function groupIn(row: Row, place: number): string | undefined {
  const value = row[`group_${place}`]
  return typeof value === 'string' ? value : undefined
}

export async function requests(session: Session, query: RequestQuery): Promise<Page<RequestRow>> {
  const values = new Values()
  const same = (column: string, value: string | undefined) =>
    value === undefined ? [] : [`${column} = ${values.add(value)}`]
  const cursor = query.cursor === undefined ? undefined : readCursor(query.cursor)
  const conditions = [
    ...(query.fromMs === undefined ? [] : [`at_ms >= ${values.add(query.fromMs)}`]),
    ...(query.untilMs === undefined ? [] : [`at_ms < ${values.add(query.untilMs)}`]),
    ...same('key', query.keyId),
    ...same('project', query.projectId),
    ...same("record -> 'attribution' ->> 'userId'", query.userId),
    ...same('session', query.sessionId),
    ...same('end_user', query.endUser),
    ...(query.tag === undefined ? [] : [`${values.add(query.tag)} = ANY (tags)`]),
    ...same('model', query.modelId),
    ...same('route', query.route),
    ...same('target', query.target),
    ...same('state', query.state),
    ...same('code', query.code),
    ...(cursor === undefined
      ? []
      : [`(at_ms, exchange_id) < (${values.add(cursor.atMs)}, ${values.add(cursor.exchangeId)})`]),
  ]
  const text = `
SELECT record FROM holdfast.requests ${conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`}
ORDER BY at_ms DESC, exchange_id DESC LIMIT ${values.add(query.limit + 1)}`
  const rows = (await session.query({ text }, values.all)).map((row) => recordIn<RequestRow>(row))
  const shown = rows.slice(0, query.limit)
  const last = shown.at(-1)
  return { rows: shown, ...(rows.length > query.limit && last !== undefined ? { next: cursorOf(last) } : {}) }
}

export async function request(
  session: Session,
  exchangeId: string,
): Promise<{ readonly request: RequestRow; readonly attempts: readonly LedgerEntry[] } | undefined> {
  const id = databaseText(exchangeId)
  const [row] = await session.query({ text: 'SELECT record FROM holdfast.requests WHERE exchange_id = $1' }, [
    id,
  ])
  if (row === undefined) return undefined
  const attempts = await session.query(
    { text: 'SELECT record FROM holdfast.entries WHERE exchange_id = $1 ORDER BY attempt' },
    [id],
  )
  return {
    request: recordIn<RequestRow>(row),
    attempts: attempts.map((attempt) => recordIn<LedgerEntry>(attempt)),
  }
}

/** By time and then by id, so that a page ends at one place among requests of one millisecond. */
function cursorOf({ atMs, exchangeId }: RequestRow): string {
  return `${String(atMs).padStart(16, '0')}.${exchangeId}`
}

function readCursor(cursor: string): { readonly atMs: number; readonly exchangeId: string } {
  const dot = cursor.indexOf('.')
  const atMs = Number(cursor.slice(0, dot))
  // One that nobody gave out finds nothing.
  return { atMs: Number.isSafeInteger(atMs) ? atMs : 0, exchangeId: cursor.slice(dot + 1) }
}
