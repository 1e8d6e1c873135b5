/**
 * The entries of a posting in columns, made where they are posted: one row of the database for all of them, which a report
 * can add up and from which blocks are made later. Its origins are its own, since nobody gave them numbers yet.
 */

import type { LedgerEntry } from '../../ledger/entry.ts'
import { type Block, blockOf, columnsIn } from '../columns/block.ts'
import { type ColumnRow, columnsOf, type EntryColumns, FLAGS } from '../columns/entry-columns.ts'
import type { Row, Session } from './connections.ts'
import { bytesIn, databaseText, numberIn, textIn } from './row-values.ts'

/** What entries have in common, in the order of `ORIGIN_DIMENSIONS`. */
export type OriginWords = readonly (string | null)[]

/** The dimensions as columns. */
export const ORIGIN_COLUMNS = 'key, project, team, "user", route, model, target, provider'

/** Columns whose numbers of origins are places in a list beside them. */
export interface PostedColumns {
  readonly columns: EntryColumns
  readonly origins: readonly OriginWords[]
}

/** With numbers that mean the same everywhere. */
export function renumbered(
  { columns, origins }: PostedColumns,
  numberOf: (words: OriginWords) => number,
): EntryColumns {
  const numbers = origins.map((words) => numberOf(words))
  return { ...columns, origins: columns.origins.map((place) => numbers[place] ?? 0) }
}

const ADD_POSTED = {
  name: 'add-posted',
  text: `
INSERT INTO holdfast.posted (entries, first_ms, last_ms, numbers, origins, end_users, sessions, tag_sets)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
}

/** Inside the transaction that posts them. */
export async function addPosted(session: Session, entries: readonly LedgerEntry[]): Promise<void> {
  const { columns, origins } = columnsOfEntries(entries)
  const { count, firstMs, lastMs, numbers, endUsers, sessions, tagSets } = blockOf(columns)
  const words = [origins, endUsers, sessions, tagSets].map((list) => JSON.stringify(list))
  await session.run(ADD_POSTED, [count, firstMs, lastMs, numbers, ...words])
}

function columnsOfEntries(entries: readonly LedgerEntry[]): PostedColumns {
  const origins = new OriginList()
  const rows = entries.map((entry) => columnRow(entry, origins.placeOf(originOf(entry))))
  return { columns: columnsOf(rows), origins: origins.all }
}

/** Each of them once. */
export class OriginList {
  readonly all: OriginWords[] = []
  readonly #places = new Map<string, number>()

  placeOf(words: OriginWords): number {
    const text = JSON.stringify(words)
    const known = this.#places.get(text)
    if (known !== undefined) return known
    this.#places.set(text, this.all.length)
    return this.all.push(words) - 1
  }
}

function originOf({ attribution, route, modelId, target, provider }: LedgerEntry): OriginWords {
  const { keyId, keyName, projectId, teamId, userId } = attribution
  const words = [keyId ?? keyName, projectId, teamId, userId, route, modelId, target, provider]
  return words.map((word) => kept(word))
}

function columnRow(entry: LedgerEntry, origin: number): ColumnRow {
  const { attribution, costNanoUsd, basis, isWaste } = entry
  return {
    atMs: entry.atMs,
    costNano: costNanoUsd ?? null,
    inputTokens: entry.inputTokens ?? null,
    outputTokens: entry.outputTokens ?? null,
    origin,
    endUser: kept(attribution.endUser),
    session: kept(attribution.sessionId),
    tags: JSON.stringify(attribution.tags.map(databaseText)),
    flags: flagsOf({ isWaste, basis, isPriced: costNanoUsd !== undefined }),
  }
}

/** As it stands in the columns of `entries`. */
function kept(word: string | undefined): string | null {
  return word === undefined ? null : databaseText(word)
}

export function flagsOf({
  isWaste,
  basis,
  isPriced,
}: {
  readonly isWaste: boolean
  readonly basis: string
  readonly isPriced: boolean
}): number {
  const isEstimated = basis === 'counted' || basis === 'estimated'
  const isUnpriced = !isPriced && basis !== 'none'
  return (
    (isWaste ? FLAGS.isWaste : 0) |
    (isEstimated ? FLAGS.isEstimated : 0) |
    (isUnpriced ? FLAGS.isUnpriced : 0)
  )
}

/** Of a row of `posted`. */
export function postedColumnsIn(row: Row): PostedColumns {
  // Sound: only such a list is written to that column.
  const origins = JSON.parse(textIn(row, 'origins')) as readonly OriginWords[]
  return { columns: columnsInRow(row), origins }
}

/** Of a row of `posted` or `blocks`. */
export function columnsInRow(row: Row): EntryColumns {
  const block: Block = {
    count: numberIn(row, 'entries'),
    firstMs: numberIn(row, 'first_ms'),
    lastMs: numberIn(row, 'last_ms'),
    numbers: bytesIn(row, 'numbers'),
    endUsers: listIn(row, 'end_users'),
    sessions: listIn(row, 'sessions'),
    tagSets: listIn(row, 'tag_sets'),
  }
  return columnsIn(block)
}

function listIn(row: Row, column: string): readonly string[] {
  // Sound: only such a list is written to that column.
  return JSON.parse(textIn(row, column)) as readonly string[]
}
