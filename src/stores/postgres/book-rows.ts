/** Lines of the books as rows: the line itself, beside it what is asked for, and what budgets pay for it. */

import type { Attribution, LedgerEntry, RequestRow } from '../../ledger/entry.ts'

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

function compare(one: string, other: string): number {
  if (one === other) return 0
  return one < other ? -1 : 1
}
