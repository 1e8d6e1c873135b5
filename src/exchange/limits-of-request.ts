/** What a request takes of the limits of its key and project, and where its caller stands with them and with its budgets. */

import {
  type CallerLimits,
  countsTokens,
  type LimitedCaller,
  type LimitPermit,
} from '../admission/caller-limits.ts'
import { limitError } from '../admission/limit-errors.ts'
import type { LimitStanding } from '../admission/limit-standing.ts'
import { NO_TOKENS, SHARED_ASK } from '../admission/limit-terms.ts'
import type { GatewayError } from '../errors/gateway-error.ts'
import type { Exchange } from '../execution/exchange.ts'
import type { RequestBooks } from '../ledger/request-books.ts'
import type { Planner } from '../routing/planner.ts'
import type { Clock } from '../std/clock.ts'
import { recallOwnerOf } from './caller-owner.ts'
import { expectedTokens } from './expected-tokens.ts'
import type { Admission, Caller } from './gateway.ts'
import type { Recall } from './recall.ts'

export interface LimitingRooms {
  readonly limits: CallerLimits
  readonly planner: Pick<Planner, 'inputRoom'>
  readonly recall: Pick<Recall, 'isUnderWay'>
}

export interface TakenLimits {
  readonly permit: LimitPermit
  /** There was no room for a request that is made: this one may read along with the one under its key, and else fails with it. */
  readonly refusal?: GatewayError
}

/** Throws `key_rate_limited` where a limit has no room. */
export function takeLimits(
  exchange: Exchange,
  { caller, isOwn }: Admission,
  { limits, planner, recall }: LimitingRooms,
): TakenLimits {
  const limited = isOwn === true ? undefined : limitedCallerOf(caller)
  const isCounted = limited !== undefined && countsTokens(limited)
  const verdict = limits.reserve(limited, isCounted ? expectedTokens(exchange, planner) : NO_TOKENS)
  if (verdict.type === 'granted') return verdict
  const refusal = limitError(verdict)
  if (!recall.isUnderWay(exchange, recallOwnerOf(caller))) throw refusal
  const shared = limits.reserve(limited, SHARED_ASK)
  if (shared.type === 'granted') return { permit: shared.permit, refusal }
  throw limitError(shared)
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
