/**
 * I4: calls of one request stay below their cap and are all recorded; and calls beyond the first, at targets that have
 * failed since they last answered, stay within a fifth of the requests and a floor, the clients' own retries included.
 */

import type { UpstreamCall } from '../../src/drill/engine/history.ts'
import { ATTEMPTS_MAX } from '../../src/resilience/timers.ts'
import { RETRY_FLOOR, RETRY_SHARE, RETRY_WINDOW_MS } from '../../src/resilience/retry-budget.ts'
import { type Facts, groupBy, nameOf, type TryFacts } from '../facts.ts'
import type { Invariant } from './invariant.ts'

/** The budget counts in buckets of a second, and what was free when it was taken may be made a moment later. */
const SLACK_MS = 1_000

export const boundedEffort: Invariant = {
  id: 'I4',
  title: 'calls per request stay below the cap, and all together within the retry budget',
  check: (facts) => [...facts.tries.flatMap(capBreaches), ...budgetBreaches(facts)],
}

function capBreaches(facts: TryFacts): readonly string[] {
  const { calls, attempts } = facts
  const counted = calls.filter((call) => !neverLeft(call)).length
  const breaches: string[] = []
  if (counted > ATTEMPTS_MAX)
    breaches.push(`${nameOf(facts)} caused ${counted} calls, ${ATTEMPTS_MAX} at most`)
  if (attempts.length !== calls.length)
    breaches.push(`${nameOf(facts)} caused ${calls.length} calls, and ${attempts.length} were recorded`)
  return breaches
}

/** Nothing had left the gateway: such a call is made once more for free. */
function neverLeft({ fault }: UpstreamCall): boolean {
  return fault === 'connect-refused' || fault === 'black-hole'
}

function budgetBreaches({ tries, history }: Facts): readonly string[] {
  const suspicion = new Suspicion(history.calls)
  const pools = groupBy(tries, ({ story }) => story.model)
  return [...pools].flatMap(([pool, ofPool]) => {
    const requests = ofPool.filter(({ earlier }) => earlier === 0).map(({ made }) => made.startMs)
    const extra = ofPool.flatMap((one) => extraCalls(one, suspicion)).sort((one, other) => one - other)
    return overspent(
      requests.sort((one, other) => one - other),
      extra,
    ).map(
      (atMs) =>
        `calls beyond the first for ${JSON.stringify(pool)} exceed their budget at ${Math.round(atMs)} ms`,
    )
  })
}

/** When calls were made that the budget must have paid for. */
function extraCalls({ calls, earlier, made }: TryFacts, suspicion: Suspicion): readonly number[] {
  return calls.flatMap((call, index) => {
    const before = calls[index - 1]
    const isFirst = index === 0 && earlier === 0
    const isFree = before !== undefined && neverLeft(before) && before.target === call.target
    return isFirst || isFree || !suspicion.holds(call, made.startMs)
      ? []
      : // What a client asks for again is paid for when it comes, and may then wait in line.
        [index === 0 ? made.startMs : call.startMs]
  })
}

/** The first moment, if any, at which more was spent than there was. */
function overspent(requests: readonly number[], extra: readonly number[]): readonly number[] {
  const windowMs = RETRY_WINDOW_MS + SLACK_MS
  const found = extra.find((atMs) => {
    const within = (moment: number) => moment > atMs - windowMs && moment <= atMs
    const spent = extra.filter(within).length
    return spent > Math.ceil(requests.filter(within).length * RETRY_SHARE) + RETRY_FLOOR + 4
  })
  return found === undefined ? [] : [found]
}

/** Against which targets something was known, told from what the providers saw. */
class Suspicion {
  readonly #ends: ReadonlyMap<string, readonly UpstreamCall[]>

  constructor(calls: readonly UpstreamCall[]) {
    const ended = [...calls].sort((one, other) => one.endMs - other.endMs)
    this.#ends = groupBy(ended, keyOf)
  }

  /** It had failed since it last answered well, when the call began and when its request came: what was taken for free then may have waited. */
  holds(call: UpstreamCall, askedAtMs: number): boolean {
    const ends = this.#ends.get(keyOf(call)) ?? []
    return isSuspectAt(ends, call.startMs) && isSuspectAt(ends, askedAtMs)
  }
}

function isSuspectAt(ends: readonly UpstreamCall[], atMs: number): boolean {
  const before = ends.filter(({ endMs }) => endMs < atMs)
  return before.findLastIndex(isFailure) > before.findLastIndex(({ hasTerminal }) => hasTerminal)
}

function keyOf({ target, fingerprint }: UpstreamCall): string {
  return `${target} ${fingerprint}`
}

/** What counts against a target for certain; of a call that the gateway closed nobody outside can tell why. */
function isFailure({ end, status = 0, hasTerminal }: UpstreamCall): boolean {
  if (hasTerminal) return false
  return end === 'broken' || (end === 'refused' && (status >= 500 || status === 408))
}
