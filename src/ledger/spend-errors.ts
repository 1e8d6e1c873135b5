/** Refusals about money, as errors: each says in one sentence what is in the way, whom to ask and what to do. */

import { type BudgetFacts, GatewayError } from '../errors/gateway-error.ts'
import type { Budget } from './budget.ts'
import { formatUsd } from './usd.ts'
import type { NanoUsd } from './prices.ts'

/** Said among the flags of an attempt, and in `x-holdfast-warning` of a whole answer: its provider went on beyond the ceiling. */
export const CEILING_IGNORED = 'ceiling_ignored'

/** A budget that has no room for a request. */
export interface FullBudget {
  readonly budget: Budget
  /** Spent and held. */
  readonly spentNanoUsd: NanoUsd
  /** The least that the request has to have held for it. */
  readonly neededNanoUsd?: NanoUsd
  /** When its period ends, ms since the Unix epoch; absent where it never does. */
  readonly resetsAtMs?: number
}

/** `wallMs`: now, ms since the Unix epoch. */
export function budgetError(full: FullBudget, wallMs: number): GatewayError {
  const { budget, spentNanoUsd, neededNanoUsd, resetsAtMs } = full
  const facts: BudgetFacts = {
    name: budget.name,
    scopeKind: budget.scope.kind,
    period: budget.period,
    limitNanoUsd: budget.limitNanoUsd,
    spentNanoUsd,
    ...(neededNanoUsd !== undefined && { neededNanoUsd }),
    ...(resetsAtMs !== undefined && { resetsAtMs, resetsInMs: Math.max(0, resetsAtMs - wallMs) }),
    ...(budget.owner !== undefined && { owner: budget.owner }),
  }
  return new GatewayError('budget_exceeded', sayBudget(full), {
    budget: facts,
    ...(!canWait(full) && { nextStep: RAISE_LIMIT }),
  })
}

/** A budget has to pay, and what the target costs is not known: it is refused, never taken for free. */
export function priceUnknownError(asked: {
  readonly target: string
  readonly provider: string
  readonly isSoldOtherwise?: true
  readonly unpricedService?: string
}): GatewayError {
  const { target, provider, unpricedService } = asked
  if (asked.isSoldOtherwise)
    return new GatewayError(
      'price_unknown',
      `A budget has to pay for this request, and what it costs at ${target} is not reckoned in tokens, so it cannot be bounded beforehand: use a key that no budget bounds.`,
    )
  if (unpricedService !== undefined)
    return new GatewayError(
      'price_unknown',
      `A budget has to pay for this request, and what ${target} costs with ${unpricedService} is not known: ask without it, or set budgets.unknownPrice.`,
    )
  return new GatewayError(
    'price_unknown',
    `A budget has to pay for this request, and what ${target} costs is not known: name it under providers.${provider}.prices, or set budgets.unknownPrice.`,
  )
}

/** An answer was ended since it came to all that was held for it. */
export function reservationError({
  target,
  nanoUsd,
  budget,
}: {
  readonly target: string
  readonly nanoUsd: NanoUsd
  readonly budget: Budget | undefined
}): GatewayError {
  return new GatewayError(
    'budget_exceeded',
    `The answer was ended at the $${formatUsd(nanoUsd)} that the budget "${budget?.name ?? ''}" holds for it: ${target} went on beyond the ceiling of tokens that it was told. ${KEEP_TO_CEILING}`,
    // Whoever is asked next would be paid for a second time, and the answer has been.
    { isFinal: true, flags: [CEILING_IGNORED], nextStep: KEEP_TO_CEILING },
  )
}

/** Instead of the row's next step: no reset helps here. */
const KEEP_TO_CEILING = 'Ask for a shorter answer, or use a model that keeps to its ceiling.'

/** Neither memory nor store knows what may still be spent. */
export function budgetUnavailableError(retryAfterMs: number, cause?: unknown): GatewayError {
  const message =
    'The store that keeps the budget of this key does not answer, so nothing can be spent of it now.'
  return new GatewayError('budget_unavailable', message, { retryAfterMs }, cause)
}

function sayBudget(full: FullBudget): string {
  const { budget, spentNanoUsd, neededNanoUsd } = full
  const limit = `$${formatUsd(budget.limitNanoUsd)} ${periodWords[budget.period]}`
  const used = `$${formatUsd(spentNanoUsd)} of ${limit} is spent or held`
  if (spentNanoUsd >= budget.limitNanoUsd) {
    return `The budget "${budget.name}" is used up: ${used}; ${listed(waysOut(full))}.`
  }
  const needed = neededNanoUsd === undefined ? '' : `, and it needs $${formatUsd(neededNanoUsd)} at least`
  return `The budget "${budget.name}" has no room for this request: ${used}${needed}; ${listed(waysOut(full))}.`
}

/** Instead of the row's next step, which begins with a wait. */
const RAISE_LIMIT = "Ask the budget's owner to raise its limit, or use a cheaper model."

/** Whether the request would fit when the period is over. */
function canWait({ budget, neededNanoUsd = budget.limitNanoUsd, resetsAtMs }: FullBudget): boolean {
  return resetsAtMs !== undefined && neededNanoUsd <= budget.limitNanoUsd
}

/** What helps, likeliest first. */
function waysOut(full: FullBudget): readonly string[] {
  const { budget, spentNanoUsd, resetsAtMs } = full
  return [
    ...(resetsAtMs !== undefined && canWait(full) ? [`wait for its reset at ${isoSeconds(resetsAtMs)}`] : []),
    `ask ${budget.owner ?? 'the operator'} for more`,
    ...(spentNanoUsd < budget.limitNanoUsd ? ['send a smaller request'] : []),
  ]
}

const periodWords: Readonly<Record<Budget['period'], string>> = {
  day: 'a day',
  week: 'a week',
  month: 'a month',
  total: 'in total',
}

function listed(ways: readonly string[]): string {
  const last = ways.at(-1) ?? ''
  return ways.length < 2 ? last : `${ways.slice(0, -1).join(', ')} or ${last}`
}

/** In UTC, to the second. */
function isoSeconds(wallMs: number): string {
  return `${new Date(wallMs).toISOString().slice(0, 19)}Z`
}
