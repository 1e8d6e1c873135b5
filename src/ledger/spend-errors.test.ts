import { describe, expect, test } from 'vitest'
import type { Budget, BudgetId } from './budget.ts'
import type { NanoUsd } from './prices.ts'
import {
  budgetError,
  budgetUnavailableError,
  type FullBudget,
  priceUnknownError,
  reservationError,
} from './spend-errors.ts'

const wallMs = Date.UTC(2026, 10, 29, 18, 0, 0, 250)
const resetsAtMs = Date.UTC(2026, 10, 30)

// Sound: a whole number of nano-dollars.
const usd = (dollars: number) => Math.round(dollars * 1e9) as NanoUsd

function full(budget: Partial<Budget> = {}, more: Partial<FullBudget> = {}): FullBudget {
  return {
    budget: {
      id: 'bud_1' as BudgetId,
      name: 'laptop',
      scope: { kind: 'key', id: 'key_1' },
      period: 'day',
      limitNanoUsd: usd(5),
      owner: 'ada@example.com',
      createdAtMs: 0,
      ...budget,
    },
    spentNanoUsd: usd(4.98),
    neededNanoUsd: usd(0.3),
    resetsAtMs,
    ...more,
  }
}

describe('fault 117: a budget without room', () => {
  test('says its limit, what is spent, when it resets and whom to ask', () => {
    const error = budgetError(full(), wallMs)
    expect(error).toMatchObject({ code: 'budget_exceeded', status: 429, isClientRetryable: false })
    expect(error.message).toBe(
      'The budget "laptop" has no room for this request: $4.98 of $5 a day is spent or held, and it needs $0.3 at least; wait for its reset at 2026-11-30T00:00:00Z, ask ada@example.com for more or send a smaller request.',
    )
    expect(error.facts).toEqual({
      budget: {
        name: 'laptop',
        scopeKind: 'key',
        period: 'day',
        limitNanoUsd: 5_000_000_000,
        spentNanoUsd: 4_980_000_000,
        neededNanoUsd: 300_000_000,
        resetsAtMs,
        resetsInMs: 6 * 3_600_000 - 250,
        owner: 'ada@example.com',
      },
    })
  })

  test('that is used up does not advise a smaller request', () => {
    const { message } = budgetError(
      full(
        { limitNanoUsd: usd(0.01), period: 'month' },
        { spentNanoUsd: usd(0.01), neededNanoUsd: usd(0.001) },
      ),
      wallMs,
    )
    expect(message).toBe(
      'The budget "laptop" is used up: $0.01 of $0.01 a month is spent or held; wait for its reset at 2026-11-30T00:00:00Z or ask ada@example.com for more.',
    )
  })

  test('that never resets advises no wait, and where nobody owns it the operator is asked', () => {
    const { owner: _owner, ...unowned } = full().budget
    const { resetsAtMs: _reset, ...total } = full({}, { spentNanoUsd: usd(5) })
    const { message, facts } = budgetError({ ...total, budget: { ...unowned, period: 'total' } }, wallMs)
    expect(message).toBe(
      'The budget "laptop" is used up: $5 of $5 in total is spent or held; ask the operator for more.',
    )
    expect(facts.nextStep).toBe("Ask the budget's owner to raise its limit, or use a cheaper model.")
    expect(facts.budget).not.toHaveProperty('resetsAtMs')
    expect(facts.budget).not.toHaveProperty('resetsInMs')
    expect(facts.budget).not.toHaveProperty('owner')
  })

  test('is no use waiting for where the request costs more than all of it', () => {
    const { message, nextStep } = budgetError(full({}, { neededNanoUsd: usd(8) }), wallMs)
    expect(message).not.toContain('wait')
    expect(nextStep).not.toContain('Wait')
    expect(message).toMatch(
      /it needs \$8 at least; ask ada@example\.com for more or send a smaller request\.$/,
    )
  })

  test('whose reset has just passed resets in no time, never in less', () => {
    expect(budgetError(full(), resetsAtMs + 5).facts.budget?.resetsInMs).toBe(0)
  })
})

test('fault 91: a price that is not known is refused by name, with what to do', () => {
  const error = priceUnknownError({ target: 'acme/gpt-9', provider: 'acme' })
  expect(error).toMatchObject({ code: 'price_unknown', status: 400, isClientRetryable: false })
  expect(error.message).toBe(
    'A budget has to pay for this request, and what acme/gpt-9 costs is not known: name it under providers.acme.prices, or set budgets.unknownPrice.',
  )
})

test('a budget that cannot be read is the gateway’s fault, and one to try again', () => {
  const error = budgetUnavailableError(2_000)
  expect(error).toMatchObject({ code: 'budget_unavailable', status: 503, isClientRetryable: true })
  expect(error.facts.retryAfterMs).toBe(2_000)
})

test('an answer that was ended at its hold is told what it cost, and no reset that would not help', () => {
  const { budget } = full()
  const error = reservationError({ target: 'openai/m', nanoUsd: usd(0.25), budget })
  expect(error.message).toContain('at the $0.25 that the budget "laptop" holds for it: openai/m went on')
  expect(error.nextStep).toBe('Ask for a shorter answer, or use a model that keeps to its ceiling.')
  expect(error.facts.isFinal).toBe(true)
})
