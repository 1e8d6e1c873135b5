/** The lines of the books: one entry an attempt, one row a request. Written once, never changed. */

import type { BudgetId } from './budget.ts'
import type { NanoUsd } from './prices.ts'

/** Whom a request is charged to, and by what it can be found again. All of it fits in a few hundred bytes. */
export interface Attribution {
  readonly keyId?: string
  readonly keyName?: string
  readonly projectId?: string
  readonly teamId?: string
  /** The user the key belongs to. */
  readonly userId?: string
  /** The person or thing the client says it asks for. */
  readonly endUser?: string
  readonly sessionId?: string
  /** `name` or `name:value`, sorted, each once. */
  readonly tags: readonly string[]
}

/**
 * Where the sum comes from: `reported` by the provider; `counted` by us from what was sent and received; `estimated`, as
 * high as it can have been, where nobody can know; `none`: nothing was spent.
 */
export type CostBasis = 'reported' | 'counted' | 'estimated' | 'none'

/** Money taken from one budget, in the period that the money was held in. */
export interface Charge {
  readonly budgetId: BudgetId
  /** When the period began, ms since 1970; 0 for a budget without periods. */
  readonly periodStartMs: number
}

/** Whether they take from the same budgets, in the same periods and order. */
export function areChargesAlike(some: readonly Charge[], others: readonly Charge[]): boolean {
  if (some === others) return true
  return (
    some.length === others.length &&
    some.every(({ budgetId, periodStartMs }, place) => {
      const other = others[place]
      return other?.budgetId === budgetId && other.periodStartMs === periodStartMs
    })
  )
}

export interface LedgerEntry {
  readonly exchangeId: string
  /** 1 for the first attempt of its exchange; with the exchange's id, the identity of the entry. */
  readonly attempt: number
  /** When it was settled, ms since 1970. */
  readonly atMs: number
  readonly attribution: Attribution
  readonly route?: string
  /** The model as the client named it. */
  readonly modelId: string
  /** `provider/model`. */
  readonly target: string
  readonly provider: string
  readonly outcome: 'completed' | 'cancelled' | 'failed' | 'orphaned'
  readonly code?: string
  readonly upstreamStatus?: number
  readonly message?: string
  readonly durationMs: number
  readonly firstTokenMs?: number
  readonly inputTokens?: number
  readonly outputTokens?: number
  readonly cacheReadTokens?: number
  readonly cacheWriteTokens?: number
  readonly reasoningTokens?: number
  readonly basis: CostBasis
  /** Absent where the price is not known: never 0 for that. */
  readonly costNanoUsd?: NanoUsd
  /** Paid for, and of no use to anybody: it failed, or lost a race. */
  readonly isWaste: boolean
  /** Every budget it is charged to in full. */
  readonly charges: readonly Charge[]
}

/** How a request ended; exactly one row for each that was accepted. */
export interface RequestRow {
  readonly exchangeId: string
  /** When it arrived, ms since 1970. */
  readonly atMs: number
  readonly attribution: Attribution
  /** One of reports/request-states.ts. */
  readonly state: string
  readonly dialect: string
  readonly operation: string
  readonly modelId?: string
  readonly route?: string
  readonly target?: string
  readonly status: number
  readonly code?: string
  readonly message?: string
  readonly stream: boolean
  readonly attempts: number
  readonly requestBytes: number
  readonly responseBytes: number
  readonly durationMs: number
  readonly firstTokenMs?: number
  readonly overheadMs?: number
  readonly inputTokens?: number
  readonly outputTokens?: number
  /** Of all attempts; absent where any of it is not known. */
  readonly costNanoUsd?: NanoUsd
  /** Answered from what was kept: `hit` and `semantic` of the cache, `coalesced` with another request, `replayed` of the journal. */
  readonly recall?: 'hit' | 'semantic' | 'coalesced' | 'replayed'
  readonly isSimulated: boolean
}
