/** From the changes that the gateway published to what each breaker was, and how long. Pure. */

import type { TransitionRecord } from '../telemetry/records.ts'
import type { BreakerSpan, BreakerTimeline } from './report.ts'

export function breakerTimelines(
  transitions: readonly TransitionRecord[],
  targets: readonly string[],
  endMs: number,
): readonly BreakerTimeline[] {
  return targets.flatMap((target) => {
    const byKey = Map.groupBy(
      transitions.filter(({ label }) => label === target),
      ({ fingerprint }) => fingerprint,
    )
    return [...byKey.values()].flatMap((changes, index) => {
      const spans = spansOf(changes, endMs)
      return spans.length === 0 ? [] : [{ target, key: index + 1, spans }]
    })
  })
}

function spansOf(changes: readonly TransitionRecord[], endMs: number): readonly BreakerSpan[] {
  return changes.flatMap(({ to, nowMs, untilMs, cause }, index) => {
    if (to === 'closed') return []
    const nextMs = changes[index + 1]?.nowMs ?? endMs
    const endsMs = lapses(to) ? Math.min(nextMs, untilMs ?? endMs) : nextMs
    return [{ state: to, fromMs: Math.round(nowMs), untilMs: Math.round(Math.max(nowMs, endsMs)), cause }]
  })
}

/** These end by themselves; a breaker that is open stays so until a call finds out. */
function lapses(state: string): boolean {
  return state === 'limited' || state === 'exhausted' || state === 'auth-dead'
}
