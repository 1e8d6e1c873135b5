/** What hedges may cost, route by route: a share of what the route spends, as its operator set it. */

import { createSpendBudget, SPEND_WINDOW_MS, type SpendBudget } from '../resilience/spend-budget.ts'
import type { Plan } from '../routing/plan.ts'

/** Outlives configurations: a share that was changed begins anew. */
export class HedgeBudgets {
  readonly #budgets = new Map<string, { readonly share: number; readonly budget: SpendBudget }>()

  /** `undefined` where the route does not hedge. */
  of({ hedge, routeName = '' }: Pick<Plan, 'hedge' | 'routeName'>): SpendBudget | undefined {
    if (hedge === undefined) return undefined
    const share = hedge.spendShare
    const known = this.#budgets.get(routeName)
    if (known?.share === share) return known.budget
    // A hedge is a luxury: nothing is spent on it before there is anything to take its share of.
    const budget = createSpendBudget({ share, windowMs: SPEND_WINDOW_MS, floorNanoUsd: 0, floorCount: 0 })
    this.#budgets.set(routeName, { share, budget })
    return budget
  }
}
