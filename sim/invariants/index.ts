/** Everything that must hold, in the order of resilience.md. */

import type { Facts } from '../facts.ts'
import { backToBaseline } from './back-to-baseline.ts'
import { boundedEffort } from './bounded-effort.ts'
import { deadlinesKept } from './deadlines-kept.ts'
import { honestEnd } from './honest-end.ts'
import { illLeftAlone } from './ill-left-alone.ts'
import type { Breach, Invariant } from './invariant.ts'
import { noSecret } from './no-secret.ts'
import { nothingReserved } from './nothing-reserved.ts'
import { oneRecord } from './one-record.ts'
import { trueCost } from './true-cost.ts'
import { trueText } from './true-text.ts'
import { upstreamLetGo } from './upstream-let-go.ts'

export const invariants: readonly Invariant[] = [
  oneRecord,
  honestEnd,
  trueText,
  boundedEffort,
  trueCost,
  nothingReserved,
  upstreamLetGo,
  illLeftAlone,
  backToBaseline,
  deadlinesKept,
  noSecret,
]

/** Every breach of every invariant. */
export function checkAll(facts: Facts): readonly Breach[] {
  return invariants.flatMap(({ id, check }) => check(facts).map((message) => ({ invariant: id, message })))
}
