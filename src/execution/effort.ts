/**
 * How much may be tried for one request, and for all of its tenant together: attempts, second tries, and the budgets that
 * keep the load of failing providers from growing (resilience.md, retries and budgets).
 */

import { GatewayError } from '../errors/gateway-error.ts'
import type { NanoUsd } from '../ledger/prices.ts'
import type { Target } from '../providers/provider.ts'
import type { RetryBudget } from '../resilience/retry-budget.ts'
import type { SpendBudget, SpendBudgets } from '../resilience/spend-budget.ts'
import type { TargetHealth } from '../resilience/target-health.ts'
import type { Plan } from '../routing/plan.ts'
import { healthKey } from '../routing/planner.ts'
import type { Clock } from '../std/clock.ts'
import type { Exchange } from './exchange.ts'
import type { HedgeBudgets } from './hedge-budgets.ts'

/** What all requests share. */
export interface SharedBudgets {
  readonly retries: RetryBudget
  /** The input that second tries of a pool cost, as a share of what everything of it costs. */
  readonly retrySpend: SpendBudgets
  readonly hedges: HedgeBudgets
}

export interface EffortInit {
  readonly clock: Clock
  readonly health: TargetHealth
  readonly budgets: SharedBudgets
  readonly plan: Pick<Plan, 'attemptsMax' | 'retries' | 'routeName'>
  readonly exchange: Pick<Exchange, 'headers' | 'envelope' | 'tenant'>
  /** What the input of the request costs at a target, as far as it is known. */
  inputCostOf(target: Target): NanoUsd | undefined
}

/** Who asks and what for: whose second tries are counted together. */
export function poolOf(
  { routeName }: Pick<Plan, 'routeName'>,
  { tenant = '', envelope }: Pick<Exchange, 'tenant' | 'envelope'>,
): string {
  return `${tenant}\n${routeName ?? envelope.modelId}`
}

export class Effort {
  readonly #init: EffortInit
  readonly #pool: string
  #attempts = 0
  #retries = 0
  /** A client's own second try, let in for nothing. */
  #isRepeated = false
  /** The next call is charged already. */
  #isPaid = false

  constructor(init: EffortInit) {
    const { plan, exchange } = init
    this.#init = init
    this.#pool = poolOf(plan, exchange)
  }

  /**
   * Counts the request itself. What a client sends again is a second try too: throws `retry_budget_spent` where there are
   * enough of those and `first`, the target it would go to, has not answered well of late.
   */
  begin(first: Target | undefined): void {
    const { budgets, clock, exchange } = this.#init
    const nowMs = clock.nowMs()
    if (!isClientRetry(exchange.headers)) return budgets.retries.noteRequest(this.#pool, nowMs)
    this.#isRepeated = first !== undefined && this.#isTrusted(first)
    if (!this.#isRepeated && !budgets.retries.take(this.#pool, nowMs)) throw budgetSpent()
  }

  get attempts(): number {
    return this.#attempts
  }

  get attemptsLeft(): number {
    return this.#init.plan.attemptsMax - this.#attempts
  }

  /** Second tries that may still be made at targets which were tried; none where a budget is spent. */
  get retriesLeft(): number {
    return this.#mayCharge() ? this.#init.plan.retries - this.#retries : 0
  }

  /** No further try can be paid for: the client must not make up for it. */
  get isSpent(): boolean {
    return !this.#mayCharge()
  }

  /** Whether a call of this target may be made now: the first always, one more where nothing is known against it or the budgets allow. */
  mayCall(target: Target): boolean {
    // A client's second try that was let in for nothing may have waited since, and its target failed meanwhile.
    if (this.#attempts === 0 && !this.#isRepeated) return true
    return this.#isTrusted(target) || this.#mayCharge()
  }

  /** A call begins. */
  call(target: Target): void {
    this.#attempts += 1
    const { budgets, clock } = this.#init
    if (this.#attempts === 1) {
      // Another target than the one it was let in for may have become free first.
      if (this.#isRepeated && !this.#isTrusted(target)) budgets.retries.take(this.#pool, clock.nowMs())
      return
    }
    const nowMs = clock.nowMs()
    this.#spendAt(nowMs).noteExtra(this.#init.inputCostOf(target), nowMs)
    if (!this.#isPaid && !this.#isTrusted(target)) budgets.retries.take(this.#pool, nowMs)
    this.#isPaid = false
  }

  /** The last call never left us: it does not count. */
  uncount(): void {
    this.#attempts -= 1
  }

  /** The target that failed is tried again, after a wait perhaps: paid for now, so that nobody else spends it meanwhile. */
  retry(): void {
    this.#retries += 1
    const { budgets, clock } = this.#init
    this.#isPaid = budgets.retries.take(this.#pool, clock.nowMs())
  }

  #mayCharge(): boolean {
    const { budgets, clock } = this.#init
    const nowMs = clock.nowMs()
    return budgets.retries.mayRetry(this.#pool, nowMs) && this.#spendAt(nowMs).mayExtra(nowMs)
  }

  #spendAt(nowMs: number): SpendBudget {
    return this.#init.budgets.retrySpend.of(this.#pool, nowMs)
  }

  /** Nothing is known against it: it answered well of late, or was not asked. */
  #isTrusted(target: Target): boolean {
    return !this.#init.health.isSuspect(healthKey(target))
  }
}

/** The official SDKs count their own tries of a request in this header, from 0. */
function isClientRetry(headers: Exchange['headers']): boolean {
  return Number(headers['x-stainless-retry-count'] ?? 0) >= 1
}

function budgetSpent(): GatewayError {
  return new GatewayError(
    'retry_budget_spent',
    'This is a repeated request, and the providers of its route have failed too often of late for more of those.',
    { isClientRetryable: false },
  )
}
