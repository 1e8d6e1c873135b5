/** I7: no call to a provider lives longer than a moment after the client that it was made for has left. */

import { DRAIN_AFTER_TERMINAL_MS } from '../../src/resilience/timers.ts'
import type { UpstreamCall } from '../../src/drill/engine/history.ts'
import { nameOf, type TryFacts } from '../facts.ts'
import type { Invariant } from './invariant.ts'

/** How long a call may outlive its client, ms. */
const OUTLIVED_MAX_MS = 1_000

export const upstreamLetGo: Invariant = {
  id: 'I7',
  title: 'no upstream call outlives its client by more than a second',
  check: ({ tries }) => tries.flatMap((facts) => facts.calls.flatMap((call) => breachOf(facts, call))),
}

function breachOf(facts: TryFacts, call: UpstreamCall): readonly string[] {
  const { leftAtMs } = facts.made
  if (leftAtMs === undefined) return []
  if (call.startMs > leftAtMs) return [`${nameOf(facts)} left, and call ${call.number} was made after that`]
  // After its end an answer is waited for a little longer: it may still say what it cost (fault 109).
  const isOver = call.terminalAtMs !== undefined && call.terminalAtMs <= leftAtMs + OUTLIVED_MAX_MS
  const allowedMs = isOver ? OUTLIVED_MAX_MS + DRAIN_AFTER_TERMINAL_MS : OUTLIVED_MAX_MS
  const outlivedMs = call.endMs - leftAtMs
  if (call.end !== 'open' && outlivedMs <= allowedMs) return []
  return [`${nameOf(facts)} left, and call ${call.number} lived on for ${Math.round(outlivedMs)} ms`]
}
