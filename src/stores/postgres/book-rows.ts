/** Lines of the books as rows: the line itself, beside it what is asked for, and the sums of an hour that it adds to. */

import { createHash } from 'node:crypto'
import type { Attribution, LedgerEntry, RequestRow } from '../../ledger/entry.ts'

const HOUR_MS = 3_600_000

export function entryRow(entry: LedgerEntry) {
  return {
    exchange_id: entry.exchangeId,
    attempt: entry.attempt,
    at_ms: entry.atMs,
    ...attributionColumns(entry.attribution),
    team: entry.attribution.teamId,
    user: entry.attribution.userId,
    route: entry.route,
    model: entry.modelId,
    target: entry.target,
    provider: entry.provider,
    cost: entry.costNanoUsd,
    is_waste: entry.isWaste,
    basis: entry.basis,
    input_tokens: entry.inputTokens,
    output_tokens: entry.outputTokens,
    record: entry,
  }
}

export function requestRow(row: RequestRow) {
  return {
    exchange_id: row.exchangeId,
    at_ms: row.atMs,
    ...attributionColumns(row.attribution),
    model: row.modelId,
    route: row.route,
    target: row.target,
    state: row.state,
    code: row.code,
    record: row,
  }
}

/** A key of the file has no id but its name. */
function attributionColumns({ keyId, keyName, projectId, endUser, sessionId, tags }: Attribution) {
  return { key: keyId ?? keyName, project: projectId, end_user: endUser, session: sessionId, tags }
}

/** What is the same for every entry that adds to one sum. */
export interface SumRow {
  readonly hour_ms: number
  /** The hash of all the dimensions, as one column to find a sum by. */
  readonly dimensions: string
  entries: number
  cost: number
  waste: number
  estimated: number
  unpriced: number
  input_tokens: number
  output_tokens: number
}

/** In the order that every node writes them in: whoever waits for a row waits for nobody that waits for him. */
export function sumRows(entries: readonly LedgerEntry[]): readonly SumRow[] {
  const sums = new Map<string, SumRow>()
  for (const entry of entries) {
    const hourMs = Math.floor(entry.atMs / HOUR_MS) * HOUR_MS
    const dimensions = dimensionsOf(entry)
    const text = JSON.stringify(dimensions)
    const id = `${hourMs}\n${text}`
    const sum = sums.get(id) ?? { hour_ms: hourMs, dimensions: hashOf(text), ...dimensions, ...noSums() }
    sums.set(id, sum)
    add(sum, entry)
  }
  return [...sums.values()].sort(inOrder)
}

/** All but sessions and end users, of which there may be as many as entries. */
function dimensionsOf({ attribution, route, modelId, target, provider }: LedgerEntry) {
  const { keyId, keyName, projectId, teamId, userId, tags } = attribution
  return {
    key: keyId ?? keyName ?? null,
    project: projectId ?? null,
    team: teamId ?? null,
    user: userId ?? null,
    tags,
    route: route ?? null,
    model: modelId,
    target,
    provider,
  }
}

function noSums() {
  return { entries: 0, cost: 0, waste: 0, estimated: 0, unpriced: 0, input_tokens: 0, output_tokens: 0 }
}

function add(sum: SumRow, { costNanoUsd, isWaste, basis, inputTokens, outputTokens }: LedgerEntry): void {
  const cost = costNanoUsd ?? 0
  sum.entries += 1
  sum.cost += cost
  if (isWaste) sum.waste += cost
  if (basis === 'counted' || basis === 'estimated') sum.estimated += cost
  if (costNanoUsd === undefined && basis !== 'none') sum.unpriced += 1
  sum.input_tokens += inputTokens ?? 0
  sum.output_tokens += outputTokens ?? 0
}

/** What charges come to, by budget and period, in the one order that everybody locks in. */
export interface PaidRow {
  readonly budget_id: string
  readonly period_start_ms: number
  nano: number
}

export function paidRows(entries: readonly LedgerEntry[]): readonly PaidRow[] {
  const paid = new Map<string, PaidRow>()
  for (const { costNanoUsd, charges } of entries) {
    if (costNanoUsd === undefined || costNanoUsd === 0) continue
    for (const { budgetId, periodStartMs } of charges) {
      const id = `${budgetId}\n${periodStartMs}`
      const row = paid.get(id) ?? { budget_id: budgetId, period_start_ms: periodStartMs, nano: 0 }
      paid.set(id, row)
      row.nano += costNanoUsd
    }
  }
  return [...paid.values()].sort(
    (one, other) => compare(one.budget_id, other.budget_id) || one.period_start_ms - other.period_start_ms,
  )
}

function inOrder(one: SumRow, other: SumRow): number {
  return one.hour_ms - other.hour_ms || compare(one.dimensions, other.dimensions)
}

function compare(one: string, other: string): number {
  if (one === other) return 0
  return one < other ? -1 : 1
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32)
}
