/**
 * Tells a client where it stands with its own limits and budgets, in the headers that its dialect has for it. They are
 * those of its key: what a provider says of ours never travels on.
 */

import {
  type BudgetStanding,
  type LimitStanding,
  type RateStanding,
  usedShare,
} from '../admission/limit-standing.ts'
import type { DialectId } from '../canonical/envelope.ts'
import type { BudgetFacts } from '../errors/gateway-error.ts'
import { formatUsd } from '../ledger/usd.ts'
import type { NanoUsd } from '../ledger/prices.ts'

interface RateNames {
  readonly limit: string
  readonly remaining: string
  readonly reset: string
}

const OPENAI = { requests: namesOfOpenAi('requests'), tokens: namesOfOpenAi('tokens') }
const ANTHROPIC = {
  requests: namesOfAnthropic('requests'),
  tokens: namesOfAnthropic('tokens'),
  inputTokens: namesOfAnthropic('input-tokens'),
  outputTokens: namesOfAnthropic('output-tokens'),
}

function namesOfOpenAi(kind: string): RateNames {
  const prefix = 'x-ratelimit'
  return {
    limit: `${prefix}-limit-${kind}`,
    remaining: `${prefix}-remaining-${kind}`,
    reset: `${prefix}-reset-${kind}`,
  }
}

function namesOfAnthropic(kind: string): RateNames {
  const prefix = `anthropic-ratelimit-${kind}`
  return { limit: `${prefix}-limit`, remaining: `${prefix}-remaining`, reset: `${prefix}-reset` }
}

/** On every answer. Name and value by turns. */
export function pushLimitHeaders(headers: string[], dialect: DialectId, standing: LimitStanding): void {
  const remaining = leastRemaining(standing.budgets ?? [])
  if (remaining !== undefined) headers.push('x-holdfast-budget-remaining-usd', formatUsd(remaining))
  switch (dialect) {
    case 'openai-chat':
    case 'openai-responses':
    case 'openai-completions':
      pushOpenAi(headers, OPENAI.requests, standing.requests)
      return pushOpenAi(headers, OPENAI.tokens, tightestTokens(standing))
    case 'anthropic-messages':
      pushAnthropic(headers, ANTHROPIC.requests, standing.requests, standing.wallMs)
      pushAnthropic(headers, ANTHROPIC.tokens, tightestTokens(standing), standing.wallMs)
      pushAnthropic(headers, ANTHROPIC.inputTokens, standing.inputTokens, standing.wallMs)
      return pushAnthropic(headers, ANTHROPIC.outputTokens, standing.outputTokens, standing.wallMs)
    case 'gemini':
      // Google has no headers for it.
      return
  }
}

/**
 * On an answer that is no error: Claude Code tells its user "You've used 82%" by these (its gateway contract, GET
 * /protocol of Claude Code 2.1.330). Of several budgets the fullest is told. They must not stand on a 429, or it says words
 * of its own in place of our message.
 */
export function pushUsageNotice(headers: string[], dialect: DialectId, standing: LimitStanding): void {
  const budget = fullest(standing.budgets ?? [])
  if (dialect !== 'anthropic-messages' || budget === undefined) return
  const share = usedShare(budget)
  const threshold = NOTICE_SHARES.find((noticed) => share >= noticed)
  const status = threshold === undefined ? 'allowed' : 'allowed_warning'
  headers.push(
    `${UNIFIED}-status`,
    status,
    `${UNIFIED}-representative-claim`,
    'overage',
    `${UNIFIED}-overage-status`,
    status,
    `${UNIFIED}-overage-utilization`,
    // Below 1 as long as requests are let through.
    String(Math.min(ALLOWED_SHARE_MAX, Math.round(share * 100) / 100)),
  )
  if (threshold !== undefined) headers.push(`${UNIFIED}-overage-surpassed-threshold`, String(threshold))
  if (budget.resetsAtMs !== undefined) pushUnifiedReset(headers, budget.resetsAtMs)
}

/** On the refusal of a spent budget, for the same reader. The period of a total has no word there. */
export function pushSpentNotice(headers: string[], { period, resetsAtMs }: BudgetFacts): void {
  headers.push(
    `${UNIFIED}-status`,
    'rejected',
    `${UNIFIED}-overage-utilization`,
    '1',
    `${UNIFIED}-overage-surpassed-threshold`,
    '1',
    `${UNIFIED}-overage-disabled-reason`,
    'org_spend_cap_reached',
  )
  if (period !== 'total') headers.push(`${UNIFIED}-overage-period`, periodWords[period])
  if (resetsAtMs !== undefined) pushUnifiedReset(headers, resetsAtMs)
}

const UNIFIED = 'anthropic-ratelimit-unified'
/** Highest first. */
const NOTICE_SHARES = [0.95, 0.75] as const
const ALLOWED_SHARE_MAX = 0.99

const periodWords = { day: 'daily', week: 'weekly', month: 'monthly' } as const

function pushUnifiedReset(headers: string[], resetsAtMs: number): void {
  const seconds = String(Math.ceil(resetsAtMs / 1_000))
  headers.push(`${UNIFIED}-reset`, seconds, `${UNIFIED}-overage-reset`, seconds)
}

/**
 * The limit of tokens that has the least share left, whichever tokens it counts: OpenAI has one word for all of them, and
 * Anthropic's `tokens` are those of "the most restrictive limit currently in effect"
 * (https://docs.anthropic.com/en/api/rate-limits#response-headers).
 */
function tightestTokens({ tokens, inputTokens, outputTokens }: LimitStanding): RateStanding | undefined {
  return tighter(tighter(tokens, inputTokens), outputTokens)
}

/** The first where both have as much left. */
function tighter(one: RateStanding | undefined, other: RateStanding | undefined): RateStanding | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return shareLeft(other) < shareLeft(one) ? other : one
}

function shareLeft({ limit, remaining }: RateStanding): number {
  return limit <= 0 ? 0 : remaining / limit
}

function pushOpenAi(headers: string[], names: RateNames, rate: RateStanding | undefined): void {
  if (rate === undefined) return
  headers.push(
    names.limit,
    String(rate.limit),
    names.remaining,
    String(rate.remaining),
    names.reset,
    sayDuration(rate.resetMs),
  )
}

function pushAnthropic(
  headers: string[],
  names: RateNames,
  rate: RateStanding | undefined,
  wallMs: number,
): void {
  if (rate === undefined) return
  headers.push(
    names.limit,
    String(rate.limit),
    names.remaining,
    String(rate.remaining),
    names.reset,
    rfc3339(wallMs + rate.resetMs),
  )
}

/** As OpenAI says it: `120ms`, `1.2s`, `6m0s`. */
function sayDuration(durationMs: number): string {
  const ms = Math.ceil(durationMs)
  if (ms < 1_000) return `${ms}ms`
  const minutes = Math.floor(ms / 60_000)
  const seconds = `${(ms % 60_000) / 1_000}s`
  return minutes === 0 ? seconds : `${minutes}m${seconds}`
}

/** To the second, as Anthropic says it; rounded up, so that nobody comes too early. */
function rfc3339(wallMs: number): string {
  return `${new Date(Math.ceil(wallMs / 1_000) * 1_000).toISOString().slice(0, 19)}Z`
}

function leastRemaining(budgets: readonly BudgetStanding[]): NanoUsd | undefined {
  let least: number | undefined
  for (const { limitNanoUsd, spentNanoUsd } of budgets) {
    const remaining = Math.max(0, limitNanoUsd - spentNanoUsd)
    if (least === undefined || remaining < least) least = remaining
  }
  // Sound: what is left of nano-dollars is nano-dollars.
  return least as NanoUsd | undefined
}

function fullest(budgets: readonly BudgetStanding[]): BudgetStanding | undefined {
  let found: BudgetStanding | undefined
  for (const budget of budgets) {
    if (found === undefined || usedShare(budget) > usedShare(found)) found = budget
  }
  return found
}
