/** How values stand in the tables: JSON where nothing is asked of a record's parts, and marks where "none" must be a value. */

import type { SQLOutputValue } from 'node:sqlite'
import { crc32 } from 'node:zlib'
import type { NanoUsd } from '../../ledger/prices.ts'
import { type KeyIds, listOf } from '../../reports/key-ids.ts'
import { CorruptFile } from './database.ts'

// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- whoever asks knows what was written
export function fromJson<Value>(text: SQLOutputValue | undefined): Value {
  // Sound: what this store wrote itself, of that type, into this column.
  return JSON.parse(String(text)) as Value
}

/** A record of keys or money and its checksum: a byte that changed on the disk makes another key of it, and SQLite does not notice. */
export function sealedRecord(record: object): string {
  const text = JSON.stringify(record)
  return `${text}\n${crc32(text)}`
}

// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- whoever asks knows what was written
export function openedRecord<Value>(sealed: SQLOutputValue | undefined): Value {
  const [text = '', checksum] = String(sealed).split('\n')
  if (String(crc32(text)) !== checksum)
    throw new CorruptFile('The database is damaged: a record in it is not the one that was written.')
  return fromJson<Value>(text)
}

export function nano(value: SQLOutputValue | undefined): NanoUsd {
  // Sound: columns of money hold whole numbers, and the checks of the schema keep them below 2^53.
  return Number(value) as NanoUsd
}

/** '' for none, '=' and the value otherwise: `NULL` would be equal to nothing in a unique index. */
export function marked(value: string | undefined): string {
  return value === undefined ? '' : `=${value}`
}

/** A JSON list of them as they stand in a column, for `json_each`. */
export function markedList(ids: KeyIds): string {
  return JSON.stringify(listOf(ids).map(marked))
}

export function unmarked(value: string): string | undefined {
  return value === '' ? undefined : value.slice(1)
}
