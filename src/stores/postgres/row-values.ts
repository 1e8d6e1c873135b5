/** Between values of ours and columns of the database. */

import type { Row } from './connections.ts'

/**
 * JSON that PostgreSQL takes: it knows neither the character 0 nor half a surrogate pair, and refuses the whole batch
 * for one of them. What a client put there becomes the replacement character.
 */
export function databaseJson(value: unknown): string {
  const text = JSON.stringify(value)
  if (!text.includes('\\u0000') && !text.includes('\\ud')) return text
  // An escaped backslash is passed over, so that what follows it is not taken for an escape.
  return text.replace(/\\(?:\\|u0000|ud[89a-f][0-9a-f]{2})/g, (escape) =>
    escape === '\\\\' ? escape : '\\ufffd',
  )
}

/** Text that PostgreSQL takes. */
export function databaseText(text: string): string {
  return text.includes('\0') || !text.isWellFormed() ? text.toWellFormed().replaceAll('\0', '\ufffd') : text
}

export function numberIn(row: Row | undefined, column: string): number {
  const value = row?.[column]
  if (typeof value === 'number') return value
  throw new TypeError(`PostgreSQL gave ${typeof value} for "${column}", where a number is kept`)
}

export function textIn(row: Row, column: string): string {
  const value = row[column]
  if (typeof value === 'string') return value
  throw new TypeError(`PostgreSQL gave ${typeof value} for "${column}", where text is kept`)
}

/** What was kept as JSON, by us alone and from a value of the type that is asked for. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- whoever asks knows what was written
export function recordIn<Kept>(row: Row, column = 'record'): Kept {
  // Sound: only `databaseJson` of such a value is written to that column.
  return row[column] as Kept
}

export function bytesIn(row: Row, column: string): Uint8Array {
  const value = row[column]
  if (value instanceof Uint8Array) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
  throw new TypeError(`PostgreSQL gave ${typeof value} for "${column}", where bytes are kept`)
}
