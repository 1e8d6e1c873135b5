/** The lines that the journal writes into its log: what was begun, and what is free again because it cost nothing. */

import { numberOf, parseJson, stringOf } from '../std/json.ts'
import type { JournalName, JournalRecord } from './journal-store.ts'

export type JournalLine =
  | { readonly type: 'begun'; readonly record: JournalRecord }
  | { readonly type: 'freed'; readonly name: JournalName }

const BEGUN = 'begun'
const FREED = 'freed'

export function writeJournalLine(line: JournalLine): string {
  if (line.type === 'freed') return JSON.stringify([FREED, line.name.id, line.name.exchangeId])
  const { id, exchangeId, requestHash, nodeId, createdAtMs, expiresAtMs } = line.record
  return JSON.stringify([BEGUN, id, exchangeId, requestHash, nodeId, createdAtMs, expiresAtMs])
}

/** `undefined` for a line of a kind that this version does not know. */
export function readJournalLine(text: string): JournalLine | undefined {
  const value = parseJson(text)
  if (!Array.isArray(value)) return undefined
  const [type, ...rest]: readonly unknown[] = value
  const [id, exchangeId, requestHash, nodeId] = rest.slice(0, 4).map(stringOf)
  const [createdAtMs, expiresAtMs] = rest.slice(4).map(numberOf)
  if (id === undefined || exchangeId === undefined) return undefined
  if (type === FREED) return { type, name: { id, exchangeId } }
  if (type !== BEGUN || requestHash === undefined || nodeId === undefined) return undefined
  if (createdAtMs === undefined || expiresAtMs === undefined) return undefined
  return { type, record: { id, exchangeId, requestHash, nodeId, state: 'open', createdAtMs, expiresAtMs } }
}
