/**
 * How much money may go into calls that deliver nothing: retried input, hedges that lost. A count alone would let one
 * retried prompt of a million tokens pass for one small call.
 */

import { BoundedCells } from './bounded-cells.ts'
import { ShareWindow } from './share-window.ts'

/** Share of spend that may go into retried input. */
export const RETRY_SPEND_SHARE = 0.1
/** Share of spend that may go into hedges. */
export const HEDGE_SPEND_SHARE = 0.02
/** The window over which spend is compared. */
export const SPEND_WINDOW_MS = 600_000

export interface SpendBudget {
  /** A call that was delivered; `undefined` where its price is not known. Amounts that make no sense count as unknown. */
  noteSpend(costNanoUsd: number | undefined, nowMs: number): void
  /** An extra call: by its estimate, when it begins, so that many begun at once see each other. */
  noteExtra(costNanoUsd: number | undefined, nowMs: number): void
  /**
   * Whether another extra may begin. What it will cost is not known yet, so money may pass the share by the cost of the
   * one extra that reaches it. Calls without a price keep the same share, counted in calls.
   */
  mayExtra(nowMs: number): boolean
  /** Nothing in it speaks of the present any more. */
  isIdleAt(nowMs: number): boolean
}

/** A budget for each pool, who asks and what for: one tenant's failures must not spend what another may try again with (SEC-44). */
export interface SpendBudgets {
  of(pool: string, nowMs: number): SpendBudget
}

/** Pools kept apart; beyond them, new ones share a budget for as long as the kept ones are all in use. */
export const SPEND_POOLS_MAX = 10_000

export interface SpendOptions {
  /** Extra per spend, 0 to 1. */
  readonly share: number
  readonly windowMs: number
  /** Extra money that is always allowed in a window, 10^-9 US dollars. */
  readonly floorNanoUsd: number
  /** Extra calls of unknown price that are always allowed in a window. */
  readonly floorCount: number
}

export function createSpendBudget(options: SpendOptions): SpendBudget {
  const { share, windowMs } = options
  const money = new ShareWindow({ share, windowMs, floor: options.floorNanoUsd })
  const calls = new ShareWindow({ share, windowMs, floor: options.floorCount })
  return {
    noteSpend(costNanoUsd, nowMs) {
      if (isPrice(costNanoUsd)) money.noteWhole(costNanoUsd, nowMs)
      else calls.noteWhole(1, nowMs)
    },
    noteExtra(costNanoUsd, nowMs) {
      if (isPrice(costNanoUsd)) money.noteExtra(costNanoUsd, nowMs)
      else calls.noteExtra(1, nowMs)
    },
    mayExtra: (nowMs) => money.leftAt(nowMs) >= 0 && (calls.leftAt(nowMs) >= 1 || calls.isIdleAt(nowMs)),
    isIdleAt: (nowMs) => money.isIdleAt(nowMs) && calls.isIdleAt(nowMs),
  }
}

export function createSpendBudgets(options: SpendOptions, poolsMax = SPEND_POOLS_MAX): SpendBudgets {
  const pools = new BoundedCells<SpendBudget>(poolsMax)
  const crowd = createSpendBudget(options)
  return {
    of: (pool, nowMs) =>
      pools.get(pool) ??
      (pools.makeRoom((budget) => budget.isIdleAt(nowMs))
        ? pools.add(pool, createSpendBudget(options))
        : crowd),
  }
}

function isPrice(costNanoUsd: number | undefined): costNanoUsd is number {
  return costNanoUsd !== undefined && costNanoUsd >= 0 && Number.isFinite(costNanoUsd)
}
