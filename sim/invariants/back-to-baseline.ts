/** I9: timers, listeners and calls are back to what they were before the first request when everybody has gone. */

import type { HeldThing } from '../../src/drill/engine/history.ts'
import type { Invariant } from './invariant.ts'

const LEFT_BEHIND = ['timers', 'listeners', 'upstreamCalls'] as const satisfies readonly HeldThing[]

export const backToBaseline: Invariant = {
  id: 'I9',
  title: 'timers, listeners and calls return to the baseline',
  check: ({ history }) =>
    LEFT_BEHIND.flatMap((thing) =>
      history.held[thing] === 0 ? [] : [`${history.held[thing]} ${thing} are left after everybody has gone`],
    ),
}
