/** Where a caller stands with its limits and budgets at one moment: a small value that headers are written from. */

import type { NanoUsd } from '../ledger/prices.ts'

export interface LimitStanding {
  /** When this was so, ms since the Unix epoch. */
  readonly wallMs: number
  readonly requests?: RateStanding | undefined
  /** Input and output together. */
  readonly tokens?: RateStanding | undefined
  readonly inputTokens?: RateStanding | undefined
  readonly outputTokens?: RateStanding | undefined
  /** All that apply to the caller, in any order. */
  readonly budgets?: readonly BudgetStanding[]
}

/** One limit of so much a minute. */
export interface RateStanding {
  readonly limit: number
  /** What may be used at once; a whole number, 0 or more. */
  readonly remaining: number
  /** Until all of it is back, ms. */
  readonly resetMs: number
}

export interface BudgetStanding {
  readonly limitNanoUsd: NanoUsd
  /** Spent and held. */
  readonly spentNanoUsd: NanoUsd
  /** When its period ends, ms since the Unix epoch; absent where it never does. */
  readonly resetsAtMs?: number
}

/** The share of a budget that is used, 0 to 1; one of nothing is used up. */
export function usedShare({ limitNanoUsd, spentNanoUsd }: BudgetStanding): number {
  return limitNanoUsd <= 0 ? 1 : Math.min(1, Math.max(0, spentNanoUsd / limitNanoUsd))
}
