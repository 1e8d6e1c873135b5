/** What to change, in plain sentences, from what was measured and how the route is set up. Pure; each rule stands alone. */

import { availabilityRules } from './advice-availability.ts'
import { qualityRules } from './advice-quality.ts'
import type { Advised } from './advised.ts'
import type { Advice } from './report.ts'

/** Nothing where nothing was missed: what works is left alone. */
export function advise(advised: Advised): readonly Advice[] {
  if (advised.verdict.result !== 'missed') return []
  const found = Object.entries({ ...availabilityRules, ...qualityRules }).flatMap(([rule, say]) => {
    const text = say(advised)
    return text === undefined ? [] : [{ rule, text }]
  })
  return found.length > 0 ? found : [NOTHING_FITS]
}

const NOTHING_FITS: Advice = {
  rule: 'look-at-errors',
  text: 'No single setting explains it: look at what was told, and at the times in which targets were left alone.',
}
