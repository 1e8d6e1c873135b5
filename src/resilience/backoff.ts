/** How long to wait before a retry of our own accord: the draws of chance that keep retries from coming in step. */

import type { Random } from '../std/ids.ts'

/** The first retry waits at most this. */
export const BACKOFF_BASE_MS = 250
/** No retry waits longer than this of our own accord. */
export const BACKOFF_CAP_MS = 8_000
/** An overloaded target is left in peace for at least this, and at most twice this. */
export const OVERLOAD_PAUSE_MS = 1_000
/** Full jitter: anything from nothing to 250 ms, 500 ms, 1 s ... 8 s, doubling with each retry made before this one. */
export function drawBackoffMs(retriesBefore: number, random: Random): number {
  return random.next() * Math.min(BACKOFF_CAP_MS, BACKOFF_BASE_MS * 2 ** Math.max(0, retriesBefore))
}

/** The pause before an overloaded target is tried again: jittered, never shorter than a second. */
export function drawOverloadPauseMs(random: Random): number {
  return OVERLOAD_PAUSE_MS * (1 + random.next())
}
