/**
 * I2: a client got its dialect's sign of a whole answer exactly if the record says completed or rescued, and only if some
 * provider's terminal was seen; and a stream that is not whole says so.
 */

import { nameOf, type TryFacts } from '../facts.ts'
import type { Invariant } from './invariant.ts'

export const honestEnd: Invariant = {
  id: 'I2',
  title: 'a success marker is told exactly if the answer is whole',
  check: ({ tries }) =>
    tries.flatMap((facts) => breachesOf(facts).map((words) => `${nameOf(facts)} ${words}`)),
}

function breachesOf({ made, records, calls, story }: TryFacts): readonly string[] {
  const [record] = records
  const breaches: string[] = []
  const isWhole = record?.state === 'completed' || record?.state === 'rescued'
  // Who leaves with the whole answer in hand may miss its last word (fault 109).
  const leftWithAll = made.outcome === 'left' && isWhole && calls.some((call) => call.hasTerminal)
  if (record !== undefined && made.hasSuccessMarker !== isWhole && !leftWithAll)
    breaches.push(
      `${made.hasSuccessMarker ? 'got' : 'did not get'} a success marker, and its record says ${record.state}`,
    )
  if (made.hasSuccessMarker && !calls.some((call) => call.hasTerminal))
    breaches.push('got a success marker, and no provider ever finished')
  if (made.hasSuccessMarker && made.error !== undefined) breaches.push('got a success marker and an error')
  const brokeOffInSilence = made.outcome === 'lost' && made.isAccepted && made.begunAtMs !== undefined
  if (brokeOffInSilence && story.isStream) breaches.push('ended with neither a success marker nor an error')
  return breaches
}
