/** I1: each accepted request has exactly one terminal record, and there is no record of anything else. */

import { nameOf } from '../facts.ts'
import type { Invariant } from './invariant.ts'

export const oneRecord: Invariant = {
  id: 'I1',
  title: 'each accepted request has exactly one terminal record',
  check({ tries, history }) {
    const breaches = tries.flatMap((facts) => {
      const wanted = facts.made.isAccepted ? 1 : 0
      if (facts.records.length === wanted) return []
      return [`${nameOf(facts)} has ${facts.records.length} records instead of ${wanted}`]
    })
    const known = new Set(tries.map(({ made }) => made.exchangeId))
    const strangers = history.exchanges.filter(({ exchangeId }) => !known.has(exchangeId))
    return [
      ...breaches,
      ...strangers.map(({ exchangeId }) => `${exchangeId} has a record and was never asked`),
    ]
  },
}
