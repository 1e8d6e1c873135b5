/** I10: no request outlives its deadline, no answer begins after its client's patience, and nothing hangs. */

import { CLIENT_TIMEOUT_MARGIN_MS } from '../../src/execution/deadline.ts'
import { nameOf, type TryFacts } from '../facts.ts'
import type { Invariant } from './invariant.ts'

/** How late the end of a request may be, ms. */
const LATE_MAX_MS = 250

export const deadlinesKept: Invariant = {
  id: 'I10',
  title: 'deadlines are kept',
  check: ({ tries }) =>
    tries.flatMap((facts) => breachesOf(facts).map((words) => `${nameOf(facts)} ${words}`)),
}

function breachesOf({ made, calls }: TryFacts): readonly string[] {
  const { outcome, endMs, deadlineAtMs, beginByMs, begunAtMs, dawdledMs, startMs } = made
  if (outcome === 'hung') return ['never ended']
  const breaches: string[] = []
  // What the client itself let pass is not the gateway's.
  const overMs = endMs - dawdledMs - deadlineAtMs
  if (made.isAccepted && overMs > LATE_MAX_MS)
    breaches.push(`ended ${Math.round(overMs)} ms after its deadline`)
  const lateMs = beginByMs === undefined ? 0 : (begunAtMs ?? endMs) - (beginByMs - CLIENT_TIMEOUT_MARGIN_MS)
  const hasMargin = beginByMs !== undefined && beginByMs - startMs > CLIENT_TIMEOUT_MARGIN_MS
  if (made.isAccepted && hasMargin && lateMs > LATE_MAX_MS)
    breaches.push(`began ${Math.round(lateMs)} ms after its client's patience`)
  for (const call of calls) {
    const late = call.startMs - deadlineAtMs
    if (late > 0) breaches.push(`caused call ${call.number} ${Math.round(late)} ms after its deadline`)
  }
  return breaches
}
