/**
 * The lines that the books are written from: what was opened, held, settled and closed. Those that are written together
 * are one line of the log: one checksum, and one text to make. Each is a list of its values in the order of the fields
 * below, since their names would be two thirds of the text; whom they are charged to is written once for all of them.
 */

import { isJsonObject, parseJson } from '../std/json.ts'
import { trimmed } from '../std/trimmed.ts'
import { areChargesAlike, type Attribution, type Charge, type LedgerEntry, type RequestRow } from './entry.ts'
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

type Fields<Line> = readonly (keyof Line & string)[]

// The order is kept in logs that another version reads: fields are only ever added, at the end.
const OPENED: Fields<OpenedLine> = [
  'exchangeId',
  'attribution',
  'atMs',
  'dialect',
  'operation',
  'stream',
  'requestBytes',
  'modelId',
]
const HELD: Fields<HeldLine> = [
  'exchangeId',
  'charges',
  'attempt',
  'atMs',
  'target',
  'provider',
  'nanoUsd',
  'route',
]
const SETTLED: Fields<LedgerEntry> = [
  'exchangeId',
  'attribution',
  'charges',
  'attempt',
  'atMs',
  'modelId',
  'target',
  'provider',
  'outcome',
  'basis',
  'isWaste',
  'durationMs',
  'costNanoUsd',
  'upstreamStatus',
  'inputTokens',
  'outputTokens',
  'firstTokenMs',
  'route',
  'cacheReadTokens',
  'reasoningTokens',
  'cacheWriteTokens',
  'code',
  'message',
]
const CLOSED: Fields<RequestRow> = [
  'exchangeId',
  'attribution',
  'atMs',
  'state',
  'dialect',
  'operation',
  'status',
  'stream',
  'attempts',
  'requestBytes',
  'responseBytes',
  'durationMs',
  'isSimulated',
  'costNanoUsd',
  'modelId',
  'target',
  'inputTokens',
  'outputTokens',
  'firstTokenMs',
  'overheadMs',
  'route',
  'recall',
  'code',
  'message',
]

/** What a list of values begins with. */
const KINDS = { opened: 0, held: 1, settled: 2, closed: 3 } as const

export function writeBookLines(lines: readonly BookLine[]): string {
  const shared = new Shared()
  const written = lines.map((line) => valuesOf(line, shared))
  return JSON.stringify({ attributions: shared.attributions, charges: shared.charges, lines: written })
}

/** What lines have in common: each is written once, and named by its place. */
class Shared {
  readonly attributions: Attribution[] = []
  readonly charges: (readonly Charge[])[] = []
  readonly #places = new Map<Attribution, number>()
  #last: Attribution | undefined
  #place = 0

  placeOf(attribution: Attribution): number {
    if (attribution === this.#last) return this.#place
    const place = this.#places.get(attribution) ?? this.attributions.push(attribution) - 1
    this.#places.set(attribution, place)
    this.#last = attribution
    this.#place = place
    return place
  }

  placeOfCharges(charges: readonly Charge[]): number {
    const last = this.charges.at(-1)
    return last !== undefined && areChargesAlike(last, charges)
      ? this.charges.length - 1
      : this.charges.push(charges) - 1
  }
}

/** By hand, in the order of the fields above: a loop over their names costs three times as much. */
function valuesOf(line: BookLine, shared: Shared): unknown[] {
  switch (line.type) {
    case 'opened': {
      const { opened } = line
      return trimmed([
        KINDS.opened,
        opened.exchangeId,
        shared.placeOf(opened.attribution),
        opened.atMs,
        opened.dialect,
        opened.operation,
        opened.stream,
        opened.requestBytes,
        opened.modelId,
      ])
    }
    case 'held': {
      const { held } = line
      return trimmed([
        KINDS.held,
        held.exchangeId,
        shared.placeOfCharges(held.charges),
        held.attempt,
        held.atMs,
        held.target,
        held.provider,
        held.nanoUsd,
        held.route,
      ])
    }
    case 'settled': {
      const { entry } = line
      return trimmed([
        KINDS.settled,
        entry.exchangeId,
        shared.placeOf(entry.attribution),
        shared.placeOfCharges(entry.charges),
        entry.attempt,
        entry.atMs,
        entry.modelId,
        entry.target,
        entry.provider,
        entry.outcome,
        entry.basis,
        entry.isWaste,
        entry.durationMs,
        entry.costNanoUsd,
        entry.upstreamStatus,
        entry.inputTokens,
        entry.outputTokens,
        entry.firstTokenMs,
        entry.route,
        entry.cacheReadTokens,
        entry.reasoningTokens,
        entry.cacheWriteTokens,
        entry.code,
        entry.message,
      ])
    }
    case 'closed': {
      const { request } = line
      return trimmed([
        KINDS.closed,
        request.exchangeId,
        shared.placeOf(request.attribution),
        request.atMs,
        request.state,
        request.dialect,
        request.operation,
        request.status,
        request.stream,
        request.attempts,
        request.requestBytes,
        request.responseBytes,
        request.durationMs,
        request.isSimulated,
        request.costNanoUsd,
        request.modelId,
        request.target,
        request.inputTokens,
        request.outputTokens,
        request.firstTokenMs,
        request.overheadMs,
        request.route,
        request.recall,
        request.code,
        request.message,
      ])
    }
  }
}

/** Without those of a kind that this version does not know. */
export function readBookLines(text: string): readonly BookLine[] {
  const batch = parseJson(text)
  // What a version before this form left behind: each line with the names of its fields.
  if (Array.isArray(batch)) return batch.filter(isNamed)
  if (!isJsonObject(batch)) return []
  const { attributions, charges, lines } = batch
  if (!Array.isArray(attributions) || !Array.isArray(charges) || !Array.isArray(lines)) return []
  return lines.flatMap((values) => (Array.isArray(values) ? lineOf(values, { attributions, charges }) : []))
}

function isNamed(value: unknown): value is BookLine {
  return isJsonObject(value) && typeof value['type'] === 'string' && Object.hasOwn(KINDS, value['type'])
}

interface SharedParts {
  readonly attributions: readonly unknown[]
  readonly charges: readonly unknown[]
}

// Sound, all of it: the log holds whole lines of ours only (their checksums say so), and this is what `writeBookLines` writes.
function lineOf([kind, ...values]: readonly unknown[], shared: SharedParts): readonly BookLine[] {
  switch (kind) {
    case KINDS.opened:
      return [{ type: 'opened', opened: recordOf<OpenedLine>(OPENED, values, shared) }]
    case KINDS.held:
      return [{ type: 'held', held: recordOf<HeldLine>(HELD, values, shared) }]
    case KINDS.settled:
      return [{ type: 'settled', entry: recordOf<LedgerEntry>(SETTLED, values, shared) }]
    case KINDS.closed:
      return [{ type: 'closed', request: recordOf<RequestRow>(CLOSED, values, shared) }]
    default:
      return []
  }
}

function recordOf<Line>(
  fields: Fields<Line>,
  values: readonly unknown[],
  { attributions, charges }: SharedParts,
): Line {
  const present = fields.flatMap((name, place) => {
    const value = values[place]
    if (value === undefined || value === null) return []
    if (name === 'attribution') return [[name, attributions[Number(value)]] as const]
    if (name === 'charges') return [[name, charges[Number(value)]] as const]
    return [[name, value] as const]
  })
  return Object.fromEntries(present) as Line
}
