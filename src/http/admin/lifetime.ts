/** How long something is good for: over as soon as either clock says so, whatever sleeps or is set back. */

import type { Clock } from '../../std/clock.ts'

export interface Lifetime {
  readonly endsAtMs: number
  readonly endsAtWallMs: number
}

export function beginLifetime(clock: Clock, durationMs: number): Lifetime {
  return { endsAtMs: clock.nowMs() + durationMs, endsAtWallMs: clock.wallMs() + durationMs }
}

export function isOver({ endsAtMs, endsAtWallMs }: Lifetime, clock: Clock): boolean {
  return clock.nowMs() >= endsAtMs || clock.wallMs() >= endsAtWallMs
}
