/** Sums of whole hours, made of the entries that came since the last ones, and of days that are over: what reports over long times are answered from. */

import { failpoint } from '../../std/failpoints.ts'
import type { Database } from './database.ts'
import { addBlock } from './sqlite-blocks.ts'

/** Of `value_hours` and `value_days`: what else a request says of itself stands in the blocks. */
export const TAG_KIND = 1

/** What a report adds up of each entry; also where it reads the entries themselves. */
export const ENTRY_SUMS = `count(*) AS entries, coalesce(sum(cost_nano), 0) AS cost,
  coalesce(sum(iif(is_waste, cost_nano, 0)), 0) AS waste,
  coalesce(sum(iif(basis IN ('counted', 'estimated'), cost_nano, 0)), 0) AS estimated,
  sum(cost_nano IS NULL AND basis <> 'none') AS unpriced,
  coalesce(sum(input_tokens), 0) AS input, coalesce(sum(output_tokens), 0) AS output`

const SUMMED = "SELECT value FROM revisions WHERE name = 'summed'"
const DAYS = "SELECT value FROM revisions WHERE name = 'days'"
const LAST = 'SELECT coalesce(max(id), 0) AS id FROM entries'
const LAST_HOUR = 'SELECT coalesce(max(hour), 0) AS hour FROM hours'
const SET_SUMMED = "UPDATE revisions SET value = ? WHERE name = 'summed'"
const SET_DAYS = "UPDATE revisions SET value = ? WHERE name = 'days'"
const IS_LATE = 'SELECT 1 AS found FROM entries WHERE id > ?1 AND id <= ?2 AND at_ms < ?3 LIMIT 1'

const DAY_MS = 86_400_000
const COLUMN_NAMES = [
  'entries',
  'cost_nano',
  'waste_nano',
  'estimated_nano',
  'unpriced',
  'input_tokens',
  'output_tokens',
]
const COLUMNS = COLUMN_NAMES.join(', ')
const GROWN = COLUMN_NAMES.map((name) => `${name} = ${name} + excluded.${name}`).join(', ')
const ADDED = COLUMN_NAMES.map((name) => `sum(${name})`).join(', ')

const HOURS = sumsOf('hours', 'hour', 'at_ms / 3600000', '')
/** Of entries that came when their day was summed up already. */
const LATE_DAYS = sumsOf('days', 'day', 'at_ms / 86400000', 'AND at_ms < ?3')
const ROLLED_DAYS = [
  `INSERT INTO days (day, origin, ${COLUMNS}) SELECT hour / 24, origin, ${ADDED} FROM hours
    WHERE hour >= ?1 * 24 AND hour < ?2 * 24 GROUP BY 1, 2`,
  `INSERT INTO value_days (kind, day, value, origin, ${COLUMNS})
    SELECT ${TAG_KIND}, hour / 24, value, origin, ${ADDED} FROM value_hours
    WHERE kind = ${TAG_KIND} AND hour >= ?1 * 24 AND hour < ?2 * 24 GROUP BY 2, 3, 4`,
]

/** An entry counts once for each of its tags. Most have none, and opening a list for each would cost as much as all the rest. */
function sumsOf(table: 'hours' | 'days', unit: string, time: string, condition: string): readonly string[] {
  const which = `entries.id > ?1 AND entries.id <= ?2 ${condition}`
  const values = `INSERT INTO value_${table} (kind, ${unit}, value, origin, ${COLUMNS}) SELECT ${TAG_KIND}, ${time},`
  return [
    `INSERT INTO ${table} (${unit}, origin, ${COLUMNS}) SELECT ${time}, origin, ${ENTRY_SUMS}
      FROM entries WHERE ${which} GROUP BY 1, 2 ON CONFLICT DO UPDATE SET ${GROWN}`,
    `${values} '', origin, ${ENTRY_SUMS} FROM entries WHERE ${which} AND coalesce(tags, '[]') = '[]' GROUP BY 2, 4
      ON CONFLICT DO UPDATE SET ${GROWN}`,
    `${values} '=' || t.value, origin, ${ENTRY_SUMS} FROM entries JOIN json_each(entries.tags) AS t
      WHERE ${which} AND tags IS NOT NULL GROUP BY 2, 3, 4 ON CONFLICT DO UPDATE SET ${GROWN}`,
  ]
}

/** Entries summed in one transaction. */
const STEP = 20_000

/** Sums everything that came since the last sums, and makes a block of it. */
export function sumEntries(db: Database): void {
  while (!db.write(() => sumStep(db)));
  db.write(() => {
    addBlock(db)
    failpoint('building')
  })
}

/** True when there is nothing left. */
function sumStep(db: Database): boolean {
  const from = summedUntil(db)
  const last = Number(db.get(LAST)?.['id'])
  const until = Math.min(last, from + STEP)
  if (until === from) return true
  for (const sql of HOURS) db.run(sql, from, until)
  const lateMs = daysUntil(db) * DAY_MS
  if (db.get(IS_LATE, from, until, lateMs) !== undefined)
    for (const sql of LATE_DAYS) db.run(sql, from, until, lateMs)
  db.run(SET_SUMMED, until)
  rollDays(db)
  return until === last
}

/** The day before the latest one stays as hours for a while: most of what is late is late by minutes. */
function rollDays(db: Database): void {
  const from = daysUntil(db)
  const until = Math.floor(Number(db.get(LAST_HOUR)?.['hour']) / 24) - 1
  if (until <= from) return
  for (const sql of ROLLED_DAYS) db.run(sql, from, until)
  db.run(SET_DAYS, until)
}

/** The last entry that stands in the sums. */
export function summedUntil(db: Database): number {
  return Number(db.get(SUMMED)?.['value'])
}

/** Days before this one stand in the sums of days. */
export function daysUntil(db: Database): number {
  return Number(db.get(DAYS)?.['value'])
}
