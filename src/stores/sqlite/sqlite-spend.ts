/**
 * Spending as a SQLite store adds it up. Two ways lead to the same answer: sums of whole hours and days, with the parts of
 * hours at both ends from the entries themselves; and the entries in columns. Statements are put together of the constant
 * pieces below, one for each form a question can have; what was asked for is always bound.
 */

import type { KeyIds } from '../../reports/key-ids.ts'
import type { SpendDimension, SpendQuery, SpendRow } from '../../reports/report-store.ts'
import type { Origins } from '../columns/column-coders.ts'
import { ColumnSums } from '../columns/column-sums.ts'
import {
  isOrigin,
  isTime,
  ORIGIN_DIMENSIONS,
  OWN_DIMENSIONS,
  type OwnDimension,
  type TimeDimension,
} from '../columns/dimensions.ts'
import { joinPasses, passesOf, SPEND_BOUNDS } from '../columns/passes.ts'
import type { Database, Row } from './database.ts'
import { type BlockQuery, blocksWithin, entriesWithin } from './sqlite-blocks.ts'
import { daysUntil, ENTRY_SUMS, summedUntil, TAG_KIND } from './sqlite-sums.ts'
import { markedList, unmarked } from './values.ts'

const HOUR_MS = 3_600_000

interface SumsTable {
  readonly table: 'hours' | 'days'
  readonly within: string
  readonly times: Readonly<Record<TimeDimension, string>>
}

const HOUR_TIMES = {
  hour: 'hour',
  day: 'hour / 24',
  month: "strftime('%Y-%m', hour * 3600, 'unixepoch')",
}
const HOURS_BEFORE: SumsTable = {
  table: 'hours',
  within: 'hour >= ?1 AND hour < min(?2, max(?1, ?18 * 24))',
  times: HOUR_TIMES,
}
const HOURS_AFTER: SumsTable = {
  table: 'hours',
  within: 'hour >= max(?1, ?19 * 24) AND hour < ?2',
  times: HOUR_TIMES,
}
const DAYS: SumsTable = {
  table: 'days',
  within: 'day >= ?18 AND day < ?19',
  // No report by hour reads days: the span is empty then.
  times: { hour: 'day * 24', day: 'day', month: "strftime('%Y-%m', day * 86400, 'unixepoch')" },
}
const ENTRY_TIMES: Readonly<Record<TimeDimension, string>> = {
  hour: 'at_ms / 3600000',
  day: 'at_ms / 86400000',
  month: "strftime('%Y-%m', at_ms / 1000, 'unixepoch')",
}
/** Of `value_hours` and `value_days`. */
const IS_TAG = `kind = ${TAG_KIND}`
const ENTRY_TAG = "coalesce('=' || t.value, '')"
const ENTRY_HAS_TAG = "tags IS NOT NULL AND EXISTS (SELECT 1 FROM json_each(tags) WHERE '=' || value = ?15)"

const KEPT_SUMS = `sum(entries) AS entries, sum(cost_nano) AS cost, sum(waste_nano) AS waste,
  sum(estimated_nano) AS estimated, sum(unpriced) AS unpriced, sum(input_tokens) AS input, sum(output_tokens) AS output`
const ALL_SUMS = `sum(entries) AS entries, sum(cost) AS cost, sum(waste) AS waste, sum(estimated) AS estimated,
  sum(unpriced) AS unpriced, sum(input) AS input, sum(output) AS output`
/** All entries asked for; those of the parts of hours at both ends; those that are in no sum yet. */
const WITHIN = 'at_ms >= ?3 AND at_ms < ?6 AND ?19 IS NOT NULL'
const ENDS = '((at_ms >= ?3 AND at_ms < ?4) OR (at_ms >= ?5 AND at_ms < ?6)) AND entries.id <= ?17'
const UNSUMMED = `entries.id > ?17 AND ${WITHIN}`
const OF_ORIGINS = `origin IN (SELECT id FROM origins WHERE ${ORIGIN_DIMENSIONS.map(
  (name, place) =>
    `(?${place + 7} IS NULL OR ${name} ${name === 'key' ? `IN (SELECT value FROM json_each(?${place + 7}))` : `= ?${place + 7}`})`,
).join(' AND ')})`

const ALL_ORIGINS = `SELECT id, ${ORIGIN_DIMENSIONS.join(', ')} FROM origins`

/** What came since the last sums, or blocks, is read entry by entry. */
export function spendRows(db: Database, query: SpendQuery, bounds = SPEND_BOUNDS): readonly SpendRow[] {
  if (query.untilMs <= query.fromMs) return []
  return db.read(() => {
    const blocks = blockQuery(query)
    const entries = entriesWithin(db, blocks)
    const isSummed = canUseSums(query) && (!prefersColumns(query) || entries > bounds.columnsMax)
    return isSummed ? rowsOfSums(db, query) : rowsOfColumns(db, query, passesOf(query, entries, bounds))
  })
}

function blockQuery(query: SpendQuery): BlockQuery {
  const asked = valuesAsked(query)
  const { fromMs, untilMs, where = {} } = query
  return {
    fromMs,
    untilMs,
    hasEndUsers: asked.includes('end-user'),
    hasSessions: asked.includes('session'),
    endUser: where['end-user'],
    session: where.session,
  }
}

/** Days that are over are few sums, unless they are told apart by hours or tags. */
function prefersColumns(query: SpendQuery): boolean {
  return query.by.includes('hour') || valuesAsked(query).length > 0
}

function rowsOfColumns(
  db: Database,
  query: SpendQuery,
  passes: ReturnType<typeof passesOf>,
): readonly SpendRow[] {
  const origins: Origins = new Map(db.all(ALL_ORIGINS).map((row) => [Number(row['id']), wordsOf(row)]))
  const found = passes.map((share) => {
    const sums = new ColumnSums(query, origins, share)
    for (const block of blocksWithin(db, blockQuery(query))) sums.add(block)
    return sums.rows()
  })
  return joinPasses(query, found)
}

function wordsOf(row: Row): Readonly<Partial<Record<SpendDimension, string>>> {
  const words = ORIGIN_DIMENSIONS.map((name) => [name, unmarked(String(row[name]))] as const)
  return Object.fromEntries(words.filter(([, word]) => word !== undefined))
}

function rowsOfSums(db: Database, query: SpendQuery): readonly SpendRow[] {
  const { fromMs, untilMs, by, where = {}, rowsMax } = query
  const spans = spansOf(query, daysUntil(db))
  const rows = db.all(
    statementOf(query, spans.isSummed),
    spans.hours[0],
    spans.hours[1],
    fromMs,
    spans.hours[0] * HOUR_MS,
    spans.hours[1] * HOUR_MS,
    untilMs,
    ...ORIGIN_DIMENSIONS.map((name) => (name === 'key' ? boundKeys(where.key) : bound(where[name]))),
    bound(where.tag),
    rowsMax,
    summedUntil(db),
    spans.days[0],
    spans.days[1],
  )
  return rows.map((row) => rowOf(row, by))
}

/** Whole hours, and of those the whole days that are summed up; entries tell the rest. */
function spansOf(query: SpendQuery, summedDays: number) {
  const { fromMs, untilMs, by } = query
  const first = Math.ceil(fromMs / HOUR_MS)
  const last = Math.floor(untilMs / HOUR_MS)
  const firstDay = Math.ceil(first / 24)
  const lastDay = by.includes('hour') ? firstDay : Math.min(Math.floor(last / 24), summedDays)
  // Where there are none, an empty span before the first hour: so that all hours come after it.
  const days = lastDay > firstDay ? [firstDay, lastDay] : [Math.floor(first / 24), Math.floor(first / 24)]
  return {
    isSummed: last > first,
    hours: [first, last] as const,
    days: [days[0] ?? 0, days[1] ?? 0] as const,
  }
}

function bound(value: string | undefined): string | null {
  return value === undefined ? null : `=${value}`
}

function boundKeys(keys: KeyIds | undefined): string | null {
  return keys === undefined ? null : markedList(keys)
}

/** Sums know of one tag at a time: what shares a request with a tag, only the entries know. */
function canUseSums(query: SpendQuery): boolean {
  const isOfCompanions = query.by.includes('tag') && query.where?.tag !== undefined
  return !isOfCompanions && valuesAsked(query).every((value) => value === 'tag')
}

function valuesAsked({ by, where = {} }: SpendQuery): readonly OwnDimension[] {
  return OWN_DIMENSIONS.filter((name) => by.includes(name) || where[name] !== undefined)
}

function statementOf(query: SpendQuery, isSummed: boolean): string {
  const { by } = query
  const needsOrigin = by.some((dimension) => isOrigin(dimension))
  const parts = isSummed
    ? [
        ...[HOURS_BEFORE, DAYS, HOURS_AFTER].map((sums) => sumsPart(query, needsOrigin, sums)),
        entriesPart(query, needsOrigin, ENDS),
        entriesPart(query, needsOrigin, UNSUMMED),
      ]
    : [entriesPart(query, needsOrigin, WITHIN)]
  const group = by.map((dimension, place) => (isOrigin(dimension) ? `origins.${dimension}` : `d${place}`))
  const columns = group.map((column, place) => `${column} AS g${place}`)
  const times = group.filter((_, place) => isTime(by[place]))
  return `SELECT ${[...columns, ALL_SUMS].join(', ')} FROM (${parts.join(' UNION ALL ')}) AS part
    ${needsOrigin ? 'JOIN origins ON origins.id = part.o' : ''}
    GROUP BY ${group.length === 0 ? "'all'" : group.join(', ')}
    ORDER BY ${[...times.slice(0, 1), 'cost DESC', ...group].join(', ')} LIMIT ?16`
}

function sumsPart(query: SpendQuery, needsOrigin: boolean, { table, within, times }: SumsTable): string {
  const hasTags = valuesAsked(query).length > 0
  const columns = query.by.map((dimension, place) => {
    const column = isTime(dimension) ? times[dimension] : isOrigin(dimension) ? "''" : 'value'
    return `${column} AS d${place}`
  })
  const conditions = [
    ...(hasTags ? [IS_TAG] : []),
    within,
    ...(query.where?.tag === undefined ? [] : ['value = ?15']),
    ...ofOrigins(query),
  ]
  return `SELECT ${[originColumn(needsOrigin), ...columns, KEPT_SUMS].join(', ')}
    FROM ${hasTags ? `value_${table}` : table} WHERE ${conditions.join(' AND ')}
    GROUP BY ${grouping(query.by)}`
}

function entriesPart(query: SpendQuery, needsOrigin: boolean, which: string): string {
  const columns = query.by.map((dimension, place) => `${entriesColumn(dimension)} AS d${place}`)
  const conditions = [which, ...(query.where?.tag === undefined ? [] : [ENTRY_HAS_TAG]), ...ofOrigins(query)]
  return `SELECT ${[originColumn(needsOrigin), ...columns, ENTRY_SUMS].join(', ')}
    FROM entries ${query.by.includes('tag') ? 'LEFT JOIN json_each(entries.tags) AS t' : ''}
    WHERE ${conditions.join(' AND ')} GROUP BY ${grouping(query.by)}`
}

function ofOrigins({ where = {} }: SpendQuery): readonly string[] {
  return ORIGIN_DIMENSIONS.some((name) => where[name] !== undefined) ? [OF_ORIGINS] : []
}

function originColumn(needsOrigin: boolean): string {
  return needsOrigin ? 'origin AS o' : '0 AS o'
}

function grouping(by: readonly SpendDimension[]): string {
  return ['o', ...by.flatMap((dimension, place) => (isOrigin(dimension) ? [] : [`d${place}`]))].join(', ')
}

function entriesColumn(dimension: SpendDimension): string {
  if (isTime(dimension)) return ENTRY_TIMES[dimension]
  return isOrigin(dimension) ? "''" : ENTRY_TAG
}

function rowOf(row: Row, by: readonly SpendDimension[]): SpendRow {
  return {
    group: by.map((dimension, place) => {
      const value = row[`g${place}`]
      return isTime(dimension) ? timeOf(dimension, String(value)) : unmarked(String(value))
    }),
    entries: Number(row['entries']),
    costNanoUsd: Number(row['cost']),
    wasteNanoUsd: Number(row['waste']),
    estimatedNanoUsd: Number(row['estimated']),
    unpriced: Number(row['unpriced']),
    inputTokens: Number(row['input']),
    outputTokens: Number(row['output']),
  }
}

function timeOf(dimension: TimeDimension, value: string): string {
  switch (dimension) {
    case 'hour':
      return new Date(Number(value) * HOUR_MS).toISOString()
    case 'day':
      return new Date(Number(value) * 24 * HOUR_MS).toISOString()
    case 'month':
      return `${value}-01T00:00:00.000Z`
  }
}
