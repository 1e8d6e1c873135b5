/**
 * Lines of the books as rows of their tables, there and back: values in the order of the columns, what many lines have in
 * common apart. A batch travels to the thread that posts it as one text, which costs a third of a structured clone.
 */

import {
  areChargesAlike,
  type Attribution,
  type Charge,
  type LedgerEntry,
  type RequestRow,
} from '../../ledger/entry.ts'
import { trimmed } from '../../std/trimmed.ts'
import type { Row } from './database.ts'
import { fromJson, marked, nano, unmarked } from './values.ts'

export type Value = string | number | null

export interface BatchValues {
  /** In the order of `ORIGIN_COLUMNS`. */
  readonly origins: readonly (readonly string[])[]
  /** Texts of what entries are charged to. */
  readonly charges: readonly string[]
  /** The id of the exchange, the places of its origin and its charges, then `ENTRY_COLUMNS`, without the absent values at the end. */
  readonly entries: readonly Value[][]
  /** The id of the exchange, the place of its origin, then `REQUEST_COLUMNS` in the same way. */
  readonly requests: readonly Value[][]
}

export const ORIGIN_COLUMNS = [
  'key_id',
  'key_name',
  'project',
  'team',
  'user',
  'route',
  'model',
  'target',
  'provider',
] as const

/** After exchange, origin and charges; what is seldom there is last. */
export const ENTRY_COLUMNS = [
  'attempt',
  'at_ms',
  'cost_nano',
  'is_waste',
  'basis',
  'outcome',
  'duration_ms',
  'input_tokens',
  'output_tokens',
  'upstream_status',
  'first_token_ms',
  'cache_read_tokens',
  'reasoning_tokens',
  'cache_write_tokens',
  'session',
  'end_user',
  'tags',
  'code',
  'message',
] as const
/** Where a posting looks into the values of an entry. */
export const CHARGES_PLACE = 2
export const AT_PLACE = 3 + ENTRY_COLUMNS.indexOf('at_ms')
export const COST_PLACE = 3 + ENTRY_COLUMNS.indexOf('cost_nano')

/** After exchange and origin; what is seldom there is last. */
export const REQUEST_COLUMNS = [
  'at_ms',
  'state',
  'dialect',
  'operation',
  'status',
  'stream',
  'attempts',
  'request_bytes',
  'response_bytes',
  'duration_ms',
  'is_simulated',
  'input_tokens',
  'output_tokens',
  'cost_nano',
  'first_token_ms',
  'overhead_ms',
  'session',
  'end_user',
  'tags',
  'recall',
  'code',
  'message',
] as const

export function batchText(entries: readonly LedgerEntry[], requests: readonly RequestRow[]): string {
  const origins = new Origins()
  const charges = new ChargeTexts()
  const batch: BatchValues = {
    entries: entries.map((entry) => entryValues(entry, origins, charges)),
    requests: requests.map((row) => requestValues(row, origins)),
    origins: origins.all,
    charges: charges.all,
  }
  return JSON.stringify(batch)
}

interface Served {
  readonly route?: string | undefined
  readonly modelId?: string | undefined
  readonly target?: string | undefined
  readonly provider?: string | undefined
}

class Origins {
  readonly all: (readonly string[])[] = []
  readonly #places = new Map<string, number>()
  #last: (Served & { readonly attribution: Attribution; readonly place: number }) | undefined

  /** Lines of one kind mostly have the origin of the one before them. */
  placeOf(attribution: Attribution, { route, modelId, target, provider }: Served): number {
    const last = this.#last
    const isAsBefore =
      last?.attribution === attribution &&
      last.target === target &&
      last.modelId === modelId &&
      last.route === route &&
      last.provider === provider
    if (isAsBefore) return last.place
    const place = this.#findPlace(attribution, { route, modelId, target, provider })
    this.#last = { attribution, route, modelId, target, provider, place }
    return place
  }

  #findPlace(
    { keyId, keyName, projectId, teamId, userId }: Attribution,
    { route, modelId, target, provider }: Served,
  ): number {
    const name = `${keyId}\n${keyName}\n${projectId}\n${teamId}\n${userId}\n${route}\n${modelId}\n${target}\n${provider}`
    const known = this.#places.get(name)
    if (known !== undefined) return known
    const names = [keyId, keyName, projectId, teamId, userId, route, modelId, target, provider]
    this.#places.set(name, this.all.length)
    this.all.push(names.map(marked))
    return this.all.length - 1
  }
}

class ChargeTexts {
  readonly all: string[] = []
  #last: readonly Charge[] = []

  /** Entries of one moment are mostly charged to the same. */
  placeOf(charges: readonly Charge[]): number | null {
    if (charges.length === 0) return null
    if (!areChargesAlike(charges, this.#last)) {
      this.#last = charges
      this.all.push(JSON.stringify(charges))
    }
    return this.all.length - 1
  }
}

function entryValues(entry: LedgerEntry, origins: Origins, charges: ChargeTexts): Value[] {
  const { attribution } = entry
  return trimmed([
    entry.exchangeId,
    origins.placeOf(attribution, entry),
    charges.placeOf(entry.charges),
    entry.attempt,
    entry.atMs,
    entry.costNanoUsd ?? null,
    entry.isWaste ? 1 : 0,
    entry.basis,
    entry.outcome,
    entry.durationMs,
    entry.inputTokens ?? null,
    entry.outputTokens ?? null,
    entry.upstreamStatus ?? null,
    entry.firstTokenMs ?? null,
    entry.cacheReadTokens ?? null,
    entry.reasoningTokens ?? null,
    entry.cacheWriteTokens ?? null,
    attribution.sessionId ?? null,
    attribution.endUser ?? null,
    tagsText(attribution),
    entry.code ?? null,
    entry.message ?? null,
  ])
}

function requestValues(row: RequestRow, origins: Origins): Value[] {
  const { attribution } = row
  return trimmed([
    row.exchangeId,
    origins.placeOf(attribution, row),
    row.atMs,
    row.state,
    row.dialect,
    row.operation,
    row.status,
    row.stream ? 1 : 0,
    row.attempts,
    row.requestBytes,
    row.responseBytes,
    row.durationMs,
    row.isSimulated ? 1 : 0,
    row.inputTokens ?? null,
    row.outputTokens ?? null,
    row.costNanoUsd ?? null,
    row.firstTokenMs ?? null,
    row.overheadMs ?? null,
    attribution.sessionId ?? null,
    attribution.endUser ?? null,
    tagsText(attribution),
    row.recall ?? null,
    row.code ?? null,
    row.message ?? null,
  ])
}

function tagsText({ tags }: Attribution): string | null {
  return tags.length === 0 ? null : JSON.stringify(tags)
}

/** Of a row joined with its exchange and its origin. */
export function entryOf(row: Row): LedgerEntry {
  const origin = originOf(row)
  return whole<LedgerEntry>({
    exchangeId: row['exchange_id'],
    attempt: row['attempt'],
    atMs: row['at_ms'],
    attribution: attributionOf(row),
    route: origin('route'),
    modelId: origin('model'),
    target: origin('target'),
    provider: origin('provider'),
    outcome: row['outcome'],
    code: row['code'],
    upstreamStatus: row['upstream_status'],
    message: row['message'],
    durationMs: row['duration_ms'],
    firstTokenMs: row['first_token_ms'],
    inputTokens: row['input_tokens'],
    outputTokens: row['output_tokens'],
    cacheReadTokens: row['cache_read_tokens'],
    cacheWriteTokens: row['cache_write_tokens'],
    reasoningTokens: row['reasoning_tokens'],
    basis: row['basis'],
    costNanoUsd: row['cost_nano'],
    isWaste: row['is_waste'] === 1,
    charges: row['charges'] === null ? [] : fromJson<readonly Charge[]>(row['charges']),
  })
}

/** Of a row joined with its exchange and its origin. */
export function requestOf(row: Row): RequestRow {
  const origin = originOf(row)
  return whole<RequestRow>({
    exchangeId: row['exchange_id'],
    atMs: row['at_ms'],
    attribution: attributionOf(row),
    state: row['state'],
    dialect: row['dialect'],
    operation: row['operation'],
    modelId: origin('model'),
    route: origin('route'),
    target: origin('target'),
    status: row['status'],
    code: row['code'],
    message: row['message'],
    stream: row['stream'] === 1,
    attempts: row['attempts'],
    requestBytes: row['request_bytes'],
    responseBytes: row['response_bytes'],
    durationMs: row['duration_ms'],
    firstTokenMs: row['first_token_ms'],
    overheadMs: row['overhead_ms'],
    inputTokens: row['input_tokens'],
    outputTokens: row['output_tokens'],
    costNanoUsd: row['cost_nano'] === null ? undefined : nano(row['cost_nano']),
    recall: row['recall'],
    isSimulated: row['is_simulated'] === 1,
  })
}

function attributionOf(row: Row): Attribution {
  const origin = originOf(row)
  return whole<Attribution>({
    keyId: origin('key_id'),
    keyName: origin('key_name'),
    projectId: origin('project'),
    teamId: origin('team'),
    userId: origin('user'),
    endUser: row['end_user'],
    sessionId: row['session'],
    tags: row['tags'] === null ? [] : fromJson<readonly string[]>(row['tags']),
  })
}

function originOf(row: Row): (column: (typeof ORIGIN_COLUMNS)[number]) => string | undefined {
  return (column) => unmarked(String(row[column]))
}

/** Without the fields that are absent: `NULL` in the table. */
function whole<Record>(fields: { readonly [Field in keyof Record]-?: unknown }): Record {
  const present = Object.entries(fields).filter(([, value]) => value !== null && value !== undefined)
  // Sound: each column holds what the field of its name was, and the schema says which are never absent.
  return Object.fromEntries(present) as Record
}
