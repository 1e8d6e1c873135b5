/** Pages of the directory's records: the newest first, and a cursor that holds its place while others are added. */

import { invalid } from './problem.ts'

interface Dated {
  readonly id: string
  readonly createdAtMs: number
}

export interface RecordPage<Row> {
  readonly rows: readonly Row[]
  readonly next: string | null
}

export function pageRecords<Row extends Dated>(
  records: readonly Row[],
  { limit, cursor }: { readonly limit: number; readonly cursor?: string | undefined },
): RecordPage<Row> {
  const after = cursor === undefined ? undefined : readCursor(cursor)
  const sorted = records.toSorted(newestFirst)
  const left = after === undefined ? sorted : sorted.filter((record) => newestFirst(record, after) > 0)
  const rows = left.slice(0, limit)
  const last = rows.at(-1)
  return { rows, next: last !== undefined && left.length > limit ? writeCursor(last) : null }
}

function newestFirst(one: Dated, other: Dated): number {
  if (one.createdAtMs !== other.createdAtMs) return other.createdAtMs - one.createdAtMs
  return one.id < other.id ? -1 : Number(one.id > other.id)
}

function writeCursor({ createdAtMs, id }: Dated): string {
  return Buffer.from(`${createdAtMs} ${id}`).toString('base64url')
}

function readCursor(cursor: string): Dated {
  const [, createdAtMs, id] =
    /^(\d{1,16}) (\S{1,64})$/.exec(Buffer.from(cursor, 'base64url').toString()) ?? []
  if (createdAtMs === undefined || id === undefined) throw invalid('cursor', 'is none that a page gave.')
  return { createdAtMs: Number(createdAtMs), id }
}
