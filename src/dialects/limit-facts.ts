/** What an error knows of a budget or a limit, as every dialect tells it among the gateway's own facts. */

import type { BudgetFacts, ErrorFacts, LimitFacts } from '../errors/gateway-error.ts'
import { formatUsd } from '../ledger/usd.ts'
import type { NanoUsd } from '../ledger/prices.ts'
import type { JsonObject } from '../std/json.ts'

/** Nothing for an error of another kind. */
export function limitFacts({ budget, limit }: ErrorFacts): JsonObject {
  return {
    ...(budget === undefined ? {} : { budget: budgetObject(budget) }),
    ...(limit === undefined ? {} : { limit: limitObject(limit) }),
  }
}

function budgetObject(budget: BudgetFacts): JsonObject {
  const { neededNanoUsd, resetsAtMs, owner } = budget
  return {
    name: budget.name,
    scope: budget.scopeKind,
    period: budget.period,
    limit_usd: usd(budget.limitNanoUsd),
    spent_usd: usd(budget.spentNanoUsd),
    ...(neededNanoUsd === undefined ? {} : { needed_usd: usd(neededNanoUsd) }),
    ...(resetsAtMs === undefined ? {} : { resets_at: new Date(resetsAtMs).toISOString() }),
    ...(owner === undefined ? {} : { owner }),
  }
}

function limitObject({ kind, of, limit, remaining, needed }: LimitFacts): JsonObject {
  return { kind, of, limit, remaining, needed }
}

/** A string: the amounts are exact. */
function usd(nanoUsd: number): string {
  // Sound: facts of errors stand below the ledger and name its unit in words.
  return formatUsd(nanoUsd as NanoUsd)
}
