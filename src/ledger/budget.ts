/** A budget as it is kept: whose money, how much of it, and for how long. */

import type { Brand } from '../std/brand.ts'
import type { NanoUsd } from './prices.ts'

export type BudgetId = Brand<string, 'BudgetId'>

/** What a budget bounds the spending of. Requests to which several apply must find room in every one of them. */
export type BudgetScope =
  | { readonly kind: 'key' | 'project' | 'team' | 'user'; readonly id: string }
  /** A tag as clients send it, `name` or `name:value`; the end user they name; a model or `provider/model` as asked for. */
  | { readonly kind: 'tag' | 'end-user' | 'model'; readonly id: string }
  | { readonly kind: 'all'; readonly id: '' }

export type BudgetPeriod = 'day' | 'week' | 'month' | 'total'

export interface Budget {
  /** `bud_` and 32 hex digits. */
  readonly id: BudgetId
  readonly name: string
  readonly scope: BudgetScope
  readonly period: BudgetPeriod
  readonly limitNanoUsd: NanoUsd
  /** Whom to ask for more; told to the client whose request it refuses. */
  readonly owner?: string
  readonly createdAtMs: number
  /** No longer in force. */
  readonly removedAtMs?: number
}

/** The largest limit, a million dollars: sums of spending stay whole numbers a double holds exactly. */
export const BUDGET_NANO_USD_MAX = 1_000_000_000_000_000
