/** What a route's calls cost, and how much of it bought nothing. Pure. */

import type { AttemptRecord } from '../telemetry/records.ts'
import type { CostReport } from './report.ts'

export type Spent = Pick<AttemptRecord, 'target' | 'outcome' | 'isWaste' | 'usageSource' | 'costNanoUsd'>

/** The usual price of a whole answer of each target, where any is known. */
export type UsualPrices = ReadonlyMap<string, number>

export function usualPrices(attempts: readonly Spent[]): UsualPrices {
  const sums = new Map<string, { cost: number; count: number }>()
  for (const { target, outcome, costNanoUsd } of attempts) {
    if (outcome !== 'completed' || costNanoUsd === undefined) continue
    const sum = sums.get(target) ?? { cost: 0, count: 0 }
    sums.set(target, { cost: sum.cost + costNanoUsd, count: sum.count + 1 })
  }
  return new Map([...sums].map(([target, { cost, count }]) => [target, cost / count]))
}

/**
 * A call that broke off reports nothing: it is taken to have cost what a whole answer of its target usually does, which is
 * rather too much than too little.
 */
export function measureCost(attempts: readonly Spent[], prices: UsualPrices): CostReport {
  const paid = attempts.filter(({ usageSource }) => usageSource !== 'none')
  const costs = paid.map(({ costNanoUsd, target }) => costNanoUsd ?? prices.get(target))
  const isPriced = costs.every((cost) => cost !== undefined)
  const total = isPriced ? sum(costs.map((cost) => cost ?? 0)) : paid.length
  const wasted = paid.map(({ isWaste }, index) => (isWaste ? (isPriced ? (costs[index] ?? 0) : 1) : 0))
  const waste = sum(wasted)
  return {
    basis: isPriced ? 'money' : 'calls',
    total: Math.round(total),
    waste: Math.round(waste),
    ...(total > 0 && { extraShare: waste / total }),
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0)
}
