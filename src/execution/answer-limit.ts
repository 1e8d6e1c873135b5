/**
 * Where an answer that a budget pays for is ended. Two things must both be so: it is certain that the provider went on
 * beyond the ceiling it was told, by its own count or by the least that the text can be; and what it would be settled at
 * comes to what is held. So a provider that keeps its ceiling is never cut, and none takes more than was held and what
 * came in one read.
 */

import { believableUsage, type Usage } from '../canonical/usage.ts'
import type { StreamFacts } from '../dialects/dialect.ts'
import type { GatewayError } from '../errors/gateway-error.ts'
import type { NanoUsd } from '../ledger/prices.ts'
import type { AtLimit, AttemptAsk, Reservation } from '../ledger/request-books.ts'
import { countedUsage } from './attempt-money.ts'
import { LeastTokens } from './least-tokens.ts'

/** Of an answer: some APIs take no lower ceiling, and are told this one instead (OpenAI's Responses). */
const CEILING_TOKENS_MIN = 16

export interface AnswerLimitInit {
  readonly ask: AttemptAsk
  readonly reservation: Reservation
  /** The ceiling that the provider was told, of each answer. */
  readonly ceilingTokens: number
  /** The answer may begin with what it was sent (`echo`). */
  readonly mayRepeatInput: boolean
  readonly costOf: (usage: Usage) => NanoUsd | undefined
}

export class AnswerLimit {
  readonly #init: AnswerLimitInit
  readonly #tokensMax: number
  readonly #text = new LeastTokens()

  constructor(init: AnswerLimitInit) {
    const { ask, ceilingTokens, mayRepeatInput } = init
    this.#init = init
    const repeated = mayRepeatInput ? ask.inputTokensMax : 0
    this.#tokensMax = ask.candidates * (Math.max(CEILING_TOKENS_MIN, ceilingTokens) + repeated)
  }

  get atLimit(): AtLimit {
    return this.#init.reservation.atLimit
  }

  /** Bytes of everything that the model wrote. */
  get textBytes(): number {
    return this.#text.bytes
  }

  note(text: string): void {
    this.#text.add(text)
  }

  /** Whether an answer that is not whole has to be ended here. */
  isReachedBy(facts: Pick<StreamFacts, 'usage' | 'isComplete' | 'error'>): boolean {
    const { usage } = facts
    const isBeyondCeiling = this.#text.count > this.#tokensMax || (usage?.outputTokens ?? 0) > this.#tokensMax
    if (!isBeyondCeiling || facts.isComplete || facts.error !== undefined) return false
    const { reservation, costOf } = this.#init
    const used = this.usageSoFar(usage)
    const costNanoUsd = costOf(used)
    return reservation.isReachedBy({ ...used, ...(costNanoUsd === undefined ? {} : { costNanoUsd }) })
  }

  /** What was told, and counted where it was not. */
  usageSoFar(told: Usage | undefined): Usage {
    return countedUsage(believableUsage(told), this.#text.bytes, this.#init.ask)
  }

  error(): GatewayError {
    return this.#init.reservation.error()
  }
}
