/** What a request takes of the limits of its key and project, and where its caller stands with them and with its budgets. */

import type { CallerLimits, LimitedCaller, LimitPermit } from '../admission/caller-limits.ts'
import { limitError } from '../admission/limit-errors.ts'
import type { LimitStanding } from '../admission/limit-standing.ts'
import { type LimitAsk, NO_TOKENS } from '../admission/limit-terms.ts'
import { isFree } from '../execution/attempt-money.ts'
import type { Exchange } from '../execution/exchange.ts'
import type { RequestBooks } from '../ledger/request-books.ts'
import type { Clock } from '../std/clock.ts'
import type { Caller } from './gateway.ts'

/** Bytes of a request for each token of its input, as most texts have them. */
const BYTES_A_TOKEN = 4
/** What an answer is reckoned with whose request says no ceiling, tokens. */
const OUTPUT_TOKENS_EXPECTED = 1_000

/** Throws `key_rate_limited` where a limit has no room. */
export function takeLimits(exchange: Exchange, caller: Caller, limits: CallerLimits): LimitPermit {
  const verdict = limits.reserve(
    limitedCallerOf(caller),
    isFree(exchange) ? NO_TOKENS : expectedTokens(exchange),
  )
  if (verdict.type === 'granted') return verdict.permit
  throw limitError(verdict)
}

function expectedTokens({ envelope }: Exchange): LimitAsk {
  return {
    inputTokens: Math.ceil(envelope.bodyBytes / BYTES_A_TOKEN),
    outputTokens: (envelope.maxOutputTokens ?? OUTPUT_TOKENS_EXPECTED) * Math.max(1, envelope.candidateCount),
  }
}

export interface StandingRooms {
  readonly limits: CallerLimits
  readonly clock: Clock
}

/** `undefined` where nothing bounds the caller. */
export function standingOf(
  caller: Caller,
  books: RequestBooks,
  { limits, clock }: StandingRooms,
): LimitStanding | undefined {
  const rates = limits.standing(limitedCallerOf(caller))
  const budgets = books.standings
  if (budgets.length === 0) return rates
  return {
    ...(rates ?? { wallMs: clock.wallMs() }),
    budgets,
  }
}

const limited = new WeakMap<Caller, LimitedCaller>()

/** The same object for the same holder, so that nothing is made anew for each request. */
function limitedCallerOf(caller: Caller): LimitedCaller | undefined {
  const { keyId, projectId, limits, projectLimits } = caller
  if (limits === undefined && projectLimits === undefined) return undefined
  const known = limited.get(caller)
  if (known !== undefined) return known
  const made: LimitedCaller = {
    ...(limits !== undefined && keyId !== undefined
      ? { key: { id: caller.line?.[0] ?? keyId, limits } }
      : {}),
    ...(projectLimits !== undefined && projectId !== undefined
      ? { project: { id: projectId, limits: projectLimits } }
      : {}),
  }
  limited.set(caller, made)
  return made
}
