/** What is said of records to programs: names in snake case, times in ISO 8601, money in dollars and beside it in nano-USD. */

import type { ProjectRecord, RateLimits } from '../keys/records.ts'
import type { Budget, BudgetPeriod } from '../ledger/budget.ts'
import type { BudgetStanding } from '../ledger/ledger-store.ts'
import { periodEnd, periodStart } from '../ledger/period.ts'
import { writeUsd } from '../ledger/usd.ts'

/** `null` for what is absent. */
export function sayTime(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString()
}

export function sayMoney<Name extends string>(name: Name, nanoUsd: number | undefined) {
  // Sound: the two names that the keys are made of.
  return {
    [`${name}_usd`]: nanoUsd === undefined ? null : writeUsd(nanoUsd),
    [`${name}_nano_usd`]: nanoUsd ?? null,
  } as { [Key in `${Name}_usd`]: string | null } & { [Key in `${Name}_nano_usd`]: number | null }
}

const LIMITS = {
  requests_per_minute: 'requestsPerMinute',
  input_tokens_per_minute: 'inputTokensPerMinute',
  output_tokens_per_minute: 'outputTokensPerMinute',
  tokens_per_minute: 'tokensPerMinute',
  concurrent_requests: 'concurrentRequests',
} as const satisfies Record<string, keyof RateLimits>

// Sound: the keys of an object that is written above.
export const LIMIT_NAMES = Object.keys(LIMITS) as readonly (keyof typeof LIMITS)[]

/** Without those that are absent. */
export function sayLimits(limits: RateLimits = {}): { [Name in keyof typeof LIMITS]?: number } {
  return Object.fromEntries(
    LIMIT_NAMES.flatMap((name) => {
      const limit = limits[LIMITS[name]]
      return limit === undefined ? [] : [[name, limit]]
    }),
  )
}

export function sayProject(project: ProjectRecord) {
  return {
    id: project.id,
    name: project.name,
    team_id: project.teamId ?? null,
    limits: sayLimits(project.limits),
    created_at: new Date(project.createdAtMs).toISOString(),
    archived_at: sayTime(project.archivedAtMs),
  }
}

export interface BudgetNow {
  /** Of the period that runs; absent: nothing was spent in it. */
  readonly standing: BudgetStanding | undefined
  readonly nowMs: number
}

export function sayBudget(budget: Budget, { standing, nowMs }: BudgetNow) {
  return {
    id: budget.id,
    name: budget.name,
    scope: budget.scope,
    period: budget.period,
    ...sayMoney('limit', budget.limitNanoUsd),
    owner: budget.owner ?? null,
    created_at: new Date(budget.createdAtMs).toISOString(),
    removed_at: sayTime(budget.removedAtMs),
    standing: {
      ...sayPeriod(budget.period, nowMs),
      ...sayMoney('spent', standing?.spentNanoUsd ?? 0),
      ...sayMoney('leased', standing?.leasedNanoUsd ?? 0),
      ...sayMoney('left', leftOf(budget, standing)),
    },
  }
}

function sayPeriod(period: BudgetPeriod, nowMs: number) {
  const startMs = periodStart(period, nowMs)
  return {
    period_start: period === 'total' ? null : sayTime(startMs),
    resets_at: sayTime(periodEnd(period, startMs)),
  }
}

/** Beside what is spent and what gateways have taken out. */
function leftOf({ limitNanoUsd }: Budget, standing: BudgetStanding | undefined): number {
  const { spentNanoUsd = 0, leasedNanoUsd = 0 } = standing ?? {}
  return Math.max(0, limitNanoUsd - spentNanoUsd - leasedNanoUsd)
}
