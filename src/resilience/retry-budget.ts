/**
 * How many calls beyond the first the requests of a pool may cause. When everything fails, retries are what turns an
 * outage into a storm: the budget keeps the load at 1.2 times the requests, however many of them fail.
 */

import { BoundedCells } from './bounded-cells.ts'
import { ShareWindow } from './share-window.ts'

/** The rolling window over which requests and retries are compared. */
export const RETRY_WINDOW_MS = 10_000
/** Retries per request in the window (Finagle's and Linkerd's default). */
export const RETRY_SHARE = 0.2
/** Retries that are allowed in any window, so that a quiet pool may retry too. */
export const RETRY_FLOOR = 3
/** Pools kept apart; beyond them, new ones share a budget for as long as the kept ones are all in use. */
export const RETRY_POOLS_MAX = 10_000

/** A pool is who asks and what for: one tenant's storm must not spend another's retries. */
export interface RetryBudget {
  /** A request came in that is not itself a client's retry. */
  noteRequest(pool: string, nowMs: number): void
  mayRetry(pool: string, nowMs: number): boolean
  /** Takes one retry, if the pool still has one: whether it had. */
  take(pool: string, nowMs: number): boolean
  /** What is counted in the window now. */
  state(pool: string, nowMs: number): RetryState
  /** Every pool with something in its window. */
  pools(nowMs: number): readonly (RetryState & { readonly pool: string })[]
}

export interface RetryState {
  readonly requests: number
  readonly retries: number
}

export function createRetryBudget(): RetryBudget {
  const pools = new BoundedCells<ShareWindow>(RETRY_POOLS_MAX)
  const crowd = createPool()

  const open = (pool: string, nowMs: number): ShareWindow => {
    const known = pools.get(pool)
    if (known !== undefined) return known
    return pools.makeRoom((window) => window.isIdleAt(nowMs)) ? pools.add(pool, createPool()) : crowd
  }

  const stateOf = (window: ShareWindow | undefined, nowMs: number): RetryState => ({
    requests: window?.wholeAt(nowMs) ?? 0,
    retries: window?.extraAt(nowMs) ?? 0,
  })

  return {
    noteRequest: (pool, nowMs) => open(pool, nowMs).noteWhole(1, nowMs),
    // One that is not known has never asked for anything, and has its floor.
    mayRetry: (pool, nowMs) => (pools.get(pool)?.leftAt(nowMs) ?? RETRY_FLOOR) >= 1,
    take(pool, nowMs) {
      const window = open(pool, nowMs)
      if (window.leftAt(nowMs) < 1) return false
      window.noteExtra(1, nowMs)
      return true
    },
    state: (pool, nowMs) => stateOf(pools.get(pool), nowMs),
    pools: (nowMs) =>
      [...pools.entries()]
        .filter(([, window]) => !window.isIdleAt(nowMs))
        .map(([pool, window]) => ({ pool, ...stateOf(window, nowMs) })),
  }
}

function createPool(): ShareWindow {
  return new ShareWindow({ share: RETRY_SHARE, floor: RETRY_FLOOR, windowMs: RETRY_WINDOW_MS })
}
