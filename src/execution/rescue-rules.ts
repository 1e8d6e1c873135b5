/** Which rungs of the rescue ladder may be tried, by what was asked for and what was delivered (resilience.md). */

import type { Delivered } from '../dialects/dialect.ts'
import type { Plan } from '../routing/plan.ts'
import type { RescueWish } from './encode-rescue.ts'
import type { Exchange } from './exchange.ts'

/** A rung that asks somebody; rung 0 is the late commit, rung 4 the error in the stream. */
export type Rung = 1 | 2 | 3

const NONE: readonly Rung[] = []
const SAFE: readonly Rung[] = [1, 2]
const FULL: readonly Rung[] = [1, 2, 3]

/** Several candidates are told apart by nobody else's answer. */
export function rungsFor(policy: Plan['rescue'], { envelope }: Pick<Exchange, 'envelope'>): readonly Rung[] {
  if (policy === 'off' || envelope.candidateCount > 1) return NONE
  return policy === 'full' ? FULL : SAFE
}

/** What is asked of a target on this rung; `undefined` where what was delivered does not allow it. */
export function wishOf(rung: Rung, delivered: Delivered): RescueWish | undefined {
  if (!delivered.isRescuable) return undefined
  if (rung === 2) return { type: 'restart' }
  const isText = delivered.text !== '' && delivered.parts.every(({ type }) => type === 'text')
  if (!isText) return undefined
  return { type: rung === 1 ? 'native' : 'instructed', text: delivered.text }
}
