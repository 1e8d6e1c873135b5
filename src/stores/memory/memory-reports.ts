/** What can be asked of the books of a memory store. */

import type { LedgerEntry, RequestRow } from '../../ledger/entry.ts'
import { listOf } from '../../reports/key-ids.ts'
import type { Page, RequestQuery, SpendDimension, SpendQuery, SpendRow } from '../../reports/report-store.ts'
import { compareRows } from '../columns/column-sums.ts'
import type { MemoryLedger } from './memory-ledger.ts'

type Sums = { -readonly [Field in Exclude<keyof SpendRow, 'group'>]: number }

export class MemoryReports {
  readonly #ledger: MemoryLedger

  constructor(ledger: MemoryLedger) {
    this.#ledger = ledger
  }

  spend({ fromMs, untilMs, by, where = {}, rowsMax }: SpendQuery): readonly SpendRow[] {
    const groups = new Map<string, { readonly group: SpendRow['group']; readonly sums: Sums }>()
    for (const entry of this.#ledger.entries) {
      if (entry.atMs < fromMs || entry.atMs >= untilMs || !fits(entry, where)) continue
      for (const group of groupsOf(entry, by)) {
        const id = JSON.stringify(group)
        const known = groups.get(id) ?? { group, sums: noSums() }
        groups.set(id, known)
        add(known.sums, entry)
      }
    }
    const rows = [...groups.values()].map(({ group, sums }) => ({ group, ...sums }))
    return rows.sort((one, other) => compareRows(by, one, other)).slice(0, rowsMax)
  }

  requests(query: RequestQuery): Page<RequestRow> {
    const { provider } = query
    const askedThere = provider === undefined ? undefined : this.#exchangesAt(provider)
    const rows = [...this.#ledger.requests]
      .filter((row) => matches(row, query) && (askedThere?.has(row.exchangeId) ?? true))
      .sort(newestFirst)
    const page = rows.filter((row) => query.cursor === undefined || cursorOf(row) < query.cursor)
    const shown = page.slice(0, query.limit)
    const last = shown.at(-1)
    return {
      rows: shown,
      ...(page.length > query.limit && last !== undefined ? { next: cursorOf(last) } : {}),
    }
  }

  request(exchangeId: string): { request: RequestRow; attempts: readonly LedgerEntry[] } | undefined {
    const request = this.#ledger.requestOf(exchangeId)
    if (request === undefined) return undefined
    const attempts = [...this.#ledger.entries].filter((entry) => entry.exchangeId === exchangeId)
    return { request, attempts: attempts.sort((one, other) => one.attempt - other.attempt) }
  }

  #exchangesAt(provider: string): ReadonlySet<string> {
    const there = [...this.#ledger.entries].filter((entry) => entry.provider === provider)
    return new Set(there.map(({ exchangeId }) => exchangeId))
  }
}

function noSums(): Sums {
  return {
    entries: 0,
    costNanoUsd: 0,
    wasteNanoUsd: 0,
    estimatedNanoUsd: 0,
    unpriced: 0,
    inputTokens: 0,
    outputTokens: 0,
  }
}

function add(sums: Sums, { costNanoUsd, isWaste, basis, inputTokens, outputTokens }: LedgerEntry): void {
  sums.entries += 1
  sums.costNanoUsd += costNanoUsd ?? 0
  if (isWaste) sums.wasteNanoUsd += costNanoUsd ?? 0
  if (basis === 'counted' || basis === 'estimated') sums.estimatedNanoUsd += costNanoUsd ?? 0
  if (costNanoUsd === undefined && basis !== 'none') sums.unpriced += 1
  sums.inputTokens += inputTokens ?? 0
  sums.outputTokens += outputTokens ?? 0
}

/** An entry counts once for each of its tags. */
function groupsOf(entry: LedgerEntry, by: readonly SpendDimension[]): readonly SpendRow['group'][] {
  return by.reduce<readonly SpendRow['group'][]>(
    (groups, dimension) =>
      groups.flatMap((group) => valuesOf(entry, dimension).map((value) => [...group, value])),
    [[]],
  )
}

function valuesOf(entry: LedgerEntry, dimension: SpendDimension): readonly (string | undefined)[] {
  const { attribution, atMs } = entry
  const iso = () => new Date(atMs).toISOString()
  switch (dimension) {
    case 'key':
      return [attribution.keyId ?? attribution.keyName]
    case 'project':
      return [attribution.projectId]
    case 'team':
      return [attribution.teamId]
    case 'user':
      return [attribution.userId]
    case 'end-user':
      return [attribution.endUser]
    case 'tag':
      return attribution.tags.length === 0 ? [undefined] : attribution.tags
    case 'session':
      return [attribution.sessionId]
    case 'route':
      return [entry.route]
    case 'model':
      return [entry.modelId]
    case 'target':
      return [entry.target]
    case 'provider':
      return [entry.provider]
    case 'hour':
      return [`${iso().slice(0, 13)}:00:00.000Z`]
    case 'day':
      return [`${iso().slice(0, 10)}T00:00:00.000Z`]
    case 'month':
      return [`${iso().slice(0, 7)}-01T00:00:00.000Z`]
  }
}

function fits(entry: LedgerEntry, where: NonNullable<SpendQuery['where']>): boolean {
  return Object.entries(where).every(
    // Sound: the names of `where` are dimensions.
    ([dimension, wanted]) => {
      const values = valuesOf(entry, dimension as SpendDimension)
      return listOf(wanted).some((word) => values.includes(word))
    },
  )
}

function matches(row: RequestRow, query: RequestQuery): boolean {
  const { attribution } = row
  const isWithin = row.atMs >= (query.fromMs ?? 0) && row.atMs < (query.untilMs ?? Number.POSITIVE_INFINITY)
  const same = (wanted: string | undefined, value: string | undefined) =>
    wanted === undefined || wanted === value
  return (
    isWithin &&
    (query.endedFromMs === undefined || row.atMs + row.durationMs >= query.endedFromMs) &&
    (query.keyId === undefined ||
      listOf(query.keyId).some((id) => id === (attribution.keyId ?? attribution.keyName))) &&
    same(query.projectId, attribution.projectId) &&
    same(query.teamId, attribution.teamId) &&
    same(query.userId, attribution.userId) &&
    same(query.sessionId, attribution.sessionId) &&
    same(query.endUser, attribution.endUser) &&
    (query.tag === undefined || attribution.tags.includes(query.tag)) &&
    same(query.modelId, row.modelId) &&
    same(query.route, row.route) &&
    same(query.target, row.target) &&
    same(query.state, row.state) &&
    same(query.code, row.code)
  )
}

/** By time and then by id, so that a page ends at one place among requests of one millisecond. */
function cursorOf({ atMs, exchangeId }: RequestRow): string {
  return `${String(atMs).padStart(16, '0')}.${exchangeId}`
}

function newestFirst(one: RequestRow, other: RequestRow): number {
  return cursorOf(one) < cursorOf(other) ? 1 : -1
}
