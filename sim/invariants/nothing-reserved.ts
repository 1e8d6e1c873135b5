/** I6: when nobody is served, nothing is reserved: no place, no bytes, no slot at a target, nobody in a queue. */

import type { HeldThing } from '../../src/drill/engine/history.ts'
import type { Invariant } from './invariant.ts'

const RESERVED = [
  'requestsInFlight',
  'bufferedBytes',
  'deliveredBytes',
  'slots',
  'queued',
] as const satisfies readonly HeldThing[]

export const nothingReserved: Invariant = {
  id: 'I6',
  title: 'nothing is reserved when nobody is served',
  check: ({ history }) =>
    RESERVED.flatMap((thing) =>
      history.held[thing] === 0 ? [] : [`${thing} is ${history.held[thing]} after everybody has gone`],
    ),
}
