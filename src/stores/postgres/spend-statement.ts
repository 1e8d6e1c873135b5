/** Statements that add up spending: of the sums of days, or of entries that an index finds. Put together from pieces of ours alone. */

import type { SpendDimension, SpendQuery } from '../../reports/report-store.ts'
import { ORIGIN_COLUMNS } from './posted-columns.ts'
import { Values } from './values.ts'

const DAY_MS = 86_400_000

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

const SUMMED = 'entries, cost, waste, estimated, unpriced, input_tokens, output_tokens'
/** Entries as sums of one, so that they are added up as sums are. */
const AS_SUMS = `
  1::bigint AS entries, coalesce(cost, 0) AS cost,
  CASE WHEN is_waste THEN coalesce(cost, 0) ELSE 0 END AS waste,
  CASE WHEN basis IN ('counted', 'estimated') THEN coalesce(cost, 0) ELSE 0 END AS estimated,
  CASE WHEN cost IS NULL AND basis <> 'none' THEN 1 ELSE 0 END AS unpriced,
  coalesce(input_tokens, 0) AS input_tokens, coalesce(output_tokens, 0) AS output_tokens`

export interface SpendStatement {
  readonly text: string
  readonly values: readonly unknown[]
}

/** Of whole days, from the first one on and before the last one; every group of them. */
export function daysStatement(query: SpendQuery, firstDay: number, endDay: number): SpendStatement {
  const values = new Values()
  const source = `
  SELECT day::bigint * ${DAY_MS} AS at, ${ORIGIN_COLUMNS}, tags, ${SUMMED}
  FROM holdfast.days JOIN holdfast.origins ON id = origin
  WHERE day >= ${values.add(firstDay)} AND day < ${values.add(endDay)}`
  return statementOver(source, query, values)
}

/** Of single entries; every group of them. */
export function entriesStatement(query: SpendQuery): SpendStatement {
  const values = new Values()
  const source = `
  SELECT at_ms AS at, ${ORIGIN_COLUMNS}, tags, session, end_user, ${AS_SUMS} FROM holdfast.entries
  WHERE at_ms >= ${values.add(query.fromMs)} AND at_ms < ${values.add(query.untilMs)}`
  return statementOver(source, query, values)
}

/** Adds up twice: what is dear to make, a text of a time or a row for each tag, is made of sums. */
function statementOver(source: string, { by, where = {} }: SpendQuery, values: Values): SpendStatement {
  // Sound: the names of `where` are dimensions.
  const wanted = Object.entries(where) as [SpendDimension, string | undefined][]
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
  const text = `
WITH source AS (${source}), added AS (
  SELECT ${[...inner, ...sums].join(', ')} FROM source
  ${conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`} ${groupBy}
)
SELECT ${[...groups, ...sums].join(', ')} FROM added
${tags < 0 ? '' : `LEFT JOIN LATERAL unnest(inner_${tags}) AS tagged(tag) ON true`} ${groupBy}`
  return { text, values: values.all }
}

function conditionOf(dimension: SpendDimension, place: string): string {
  return dimension === 'tag' ? `${place} = ANY (tags)` : `${GROUPINGS[dimension].inner} = ${place}`
}
