/**
 * The lines that the books are written from: what was opened, held, settled and closed. Those that are written together
 * are one line of the log, a JSON array of them: one checksum, and one text to make.
 */

import { isJsonObject, parseJson } from '../std/json.ts'
import type { Attribution, Charge, LedgerEntry, RequestRow } from './entry.ts'
import type { NanoUsd } from './prices.ts'

/** A request was accepted. */
export interface OpenedLine {
  readonly exchangeId: string
  readonly atMs: number
  readonly attribution: Attribution
  readonly dialect: string
  readonly operation: string
  readonly modelId?: string
  readonly stream: boolean
  readonly requestBytes: number
}

/** An attempt is about to be made. */
export interface HeldLine {
  readonly exchangeId: string
  readonly attempt: number
  readonly atMs: number
  readonly target: string
  readonly provider: string
  readonly route?: string
  /** The most it can cost; absent where its price is not known. */
  readonly nanoUsd?: NanoUsd
  readonly charges: readonly Charge[]
}

export type BookLine =
  | { readonly type: 'opened'; readonly opened: OpenedLine }
  | { readonly type: 'held'; readonly held: HeldLine }
  | { readonly type: 'settled'; readonly entry: LedgerEntry }
  | { readonly type: 'closed'; readonly request: RequestRow }

const TYPES: ReadonlySet<unknown> = new Set(['opened', 'held', 'settled', 'closed'])

export function writeBookLines(lines: readonly BookLine[]): string {
  return JSON.stringify(lines)
}

/** Without those of a kind that this version does not know. */
export function readBookLines(text: string): readonly BookLine[] {
  const values = parseJson(text)
  if (!Array.isArray(values)) return []
  const known = values.filter((value) => isJsonObject(value) && TYPES.has(value['type']))
  // Sound: the log holds whole lines of ours only (their checksums say so), and this is what `writeBookLines` writes.
  return known as readonly BookLine[]
}
