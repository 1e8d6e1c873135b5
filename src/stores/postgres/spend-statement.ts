/** Statements that add up spending: of the sums of days, or of entries that an index finds. Put together from pieces of ours alone. */

import { type KeyIds, listOf } from '../../reports/key-ids.ts'
import type { SpendDimension, SpendQuery } from '../../reports/report-store.ts'
import type { Row } from './connections.ts'
import { ORIGIN_COLUMNS } from './posted-columns.ts'
import { Values } from './values.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/** What rows are told apart by: columns as they are, or numbers made of the time `at` in ms. */
const COLUMN_OF: Readonly<Record<SpendDimension, string>> = {
  key: 'key',
  project: 'project',
  team: 'team',
  user: '"user"',
  'end-user': 'end_user',
  tag: 'tags',
  session: 'session',
  route: 'route',
  model: 'model',
  target: 'target',
  provider: 'provider',
  hour: `at / ${HOUR_MS}`,
  day: `at / ${DAY_MS}`,
  // Months are made of them in the end: there are few rows by then.
  month: `at / ${DAY_MS}`,
}

const SUMMED = 'entries, cost, waste, estimated, unpriced, input_tokens, output_tokens'
const SUMS = SUMMED.split(', ')
  .map((name) => `sum(${name})::bigint AS ${name}`)
  .join(', ')
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

/** Of whole days, from the first one on and before the last one. */
export function daysStatement(query: SpendQuery, firstDay: number, endDay: number): SpendStatement {
  const values = new Values()
  const within = `day >= ${values.add(firstDay)} AND day < ${values.add(endDay)}`
  const source = hasDays(query)
    ? `SELECT day::bigint * ${DAY_MS} AS at, ${ORIGIN_COLUMNS}, tags, ${SUMMED}
  FROM holdfast.days JOIN holdfast.origins ON id = origin WHERE ${within}`
    : `SELECT ${ORIGIN_COLUMNS}, tags, ${SUMMED} FROM (
    SELECT origin, ${hasTags(query) ? 'tags' : 'NULL::text[] AS tags'}, ${SUMS} FROM holdfast.days WHERE ${within} GROUP BY 1, 2
  ) AS summed JOIN holdfast.origins ON id = origin`
  return statementOver(source, query, values)
}

function hasDays({ by }: SpendQuery): boolean {
  return by.includes('day') || by.includes('month')
}

function hasTags({ by, where }: SpendQuery): boolean {
  return by.includes('tag') || where?.tag !== undefined
}

/** Of single entries. */
export function entriesStatement(query: SpendQuery): SpendStatement {
  const values = new Values()
  const source = `
  SELECT at_ms AS at, ${ORIGIN_COLUMNS}, tags, session, end_user, ${AS_SUMS} FROM holdfast.entries
  WHERE at_ms >= ${values.add(query.fromMs)} AND at_ms < ${values.add(query.untilMs)}`
  return statementOver(source, query, values)
}

/** Every group; the same group may be in several rows. An entry counts once for each of its tags. */
function statementOver(source: string, { by, where = {} }: SpendQuery, values: Values): SpendStatement {
  // Sound: the names of `where` are dimensions.
  const wanted = Object.entries(where) as [SpendDimension, KeyIds | undefined][]
  const conditions = wanted.flatMap(([dimension, value]) =>
    value === undefined
      ? []
      : [conditionOf(dimension, values.add(dimension === 'key' ? listOf(value) : value))],
  )
  const groups = by.map((dimension, place) => `${COLUMN_OF[dimension]} AS group_${place}`)
  const places = by.map((_, place) => place + 1).join(', ')
  const groupBy = by.length === 0 ? 'HAVING sum(entries) > 0' : `GROUP BY ${places}`
  const added = `
SELECT ${[...groups, SUMS].join(', ')} FROM (${source}) AS source
${conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`} ${groupBy}`
  const tags = by.indexOf('tag')
  if (tags < 0) return { text: added, values: values.all }
  // A row for each tag is made of sums.
  const split = by.map((_, place) => (place === tags ? 'tag' : `group_${place}`))
  const text = `
SELECT ${[...split.map((column, place) => `${column} AS group_${place}`), SUMS].join(', ')} FROM (${added}) AS added
LEFT JOIN LATERAL unnest(group_${tags}) AS tagged(tag) ON true GROUP BY ${places}`
  return { text, values: values.all }
}

function conditionOf(dimension: SpendDimension, place: string): string {
  if (dimension === 'tag') return `${place} = ANY (tags)`
  return dimension === 'key' ? `key = ANY (${place})` : `${COLUMN_OF[dimension]} = ${place}`
}

/** What a row of a statement is told apart by, as it is shown. */
export function groupIn(row: Row, by: SpendQuery['by']): readonly (string | undefined)[] {
  return by.map((dimension, place) => {
    const value = row[`group_${place}`]
    if (typeof value === 'number') return timeOf(dimension, value)
    return typeof value === 'string' ? value : undefined
  })
}

function timeOf(dimension: SpendDimension, units: number): string {
  if (dimension === 'hour') return new Date(units * HOUR_MS).toISOString()
  const day = new Date(units * DAY_MS).toISOString()
  return dimension === 'month' ? `${day.slice(0, 7)}-01T00:00:00.000Z` : day
}
