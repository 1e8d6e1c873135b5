/** When a breaker opens, apart from what it does then. Pure. Numbers: resilience.md, target health. */

/** Failures in a row that are too many. */
export const CONSECUTIVE_FAILURES_MAX = 3
/** The share of recent calls that are too many failures, */
export const FAILURE_SHARE_MAX = 0.5
/** where there were at least so many calls. */
export const CALLS_MIN = 5

/** What is known of the latest calls; failures are sums of weights. */
export interface CallCounts {
  /** Since the last success, however long that is. */
  readonly consecutiveFailures: number
  /** Within the window. */
  readonly calls: number
  readonly failures: number
}

/** Three in a row, or half of at least five. */
export function isTooMuch({ consecutiveFailures, calls, failures }: CallCounts): boolean {
  if (consecutiveFailures >= CONSECUTIVE_FAILURES_MAX) return true
  return calls >= CALLS_MIN && failures >= calls * FAILURE_SHARE_MAX
}
