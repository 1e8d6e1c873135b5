/** Chooses the fault for each call by the scenario's rules: the only part of a scenario that remembers anything. */

import { framingOf } from './call.ts'
import type { Fault, ParameterValues } from './fault.ts'
import type { SimulatedRequest } from './request.ts'
import type { FaultRule, Scenario } from './scenario.ts'
import { matchesName } from './scripted-answer.ts'
import { randomFor } from './seed.ts'

export interface ChosenFault {
  readonly fault: Fault
  readonly values: ParameterValues
}

export class FaultChooser {
  readonly #seed: number
  readonly #rules: readonly CountedRule[]

  constructor(scenario: Scenario) {
    this.#seed = scenario.seed
    this.#rules = scenario.rules.map((rule) => ({ rule, reached: 0, befallen: 0 }))
  }

  /** True where a rule may strike before a request has been read. */
  get strikesEarly(): boolean {
    return this.#rules.some(({ rule }) => rule.fault.stage === 'reading')
  }

  /** The first rule, in order, that this call meets; the call counts for every rule it reached. */
  choose(request: SimulatedRequest, stage: Fault['stage'], sinceStartMs: number): ChosenFault | undefined {
    for (const [index, counted] of this.#rules.entries()) {
      if (counted.rule.fault.stage !== stage || !meets(counted.rule, request, sinceStartMs)) continue
      counted.reached += 1
      if (!this.#isDue(counted, index)) continue
      counted.befallen += 1
      return counted.rule
    }
    return undefined
  }

  #isDue({ rule, reached, befallen }: CountedRule, index: number): boolean {
    const { first, calls, every, share, times } = rule.condition
    if (first !== undefined && reached > first) return false
    if (calls !== undefined && !calls.includes(reached)) return false
    if (every !== undefined && reached % every !== 0) return false
    if (times !== undefined && befallen >= times) return false
    return share === undefined || randomFor(this.#seed, 'share', index, reached).next() < share
  }
}

interface CountedRule {
  readonly rule: FaultRule
  /** Calls that met the rule's conditions of kind and time. */
  reached: number
  /** Calls that the fault befell. */
  befallen: number
}

function meets({ fault, condition }: FaultRule, request: SimulatedRequest, sinceStartMs: number): boolean {
  if (condition.operation !== 'any' && condition.operation !== request.operation) return false
  if (condition.dialect !== undefined && condition.dialect !== request.dialect) return false
  if (!matchesName(condition.model, request.model)) return false
  return canBefall(fault, request) && isWithin(condition, sinceStartMs)
}

/** True where the fault makes sense for this call: a fault of streams has no meaning in a plain answer, and so on. */
export function canBefall(fault: Fault, request: SimulatedRequest): boolean {
  return misfitOf(fault, request) === undefined
}

/** Why the fault cannot befall this call; `undefined` where it can. */
export function misfitOf(fault: Fault, request: SimulatedRequest): string | undefined {
  const { name, befalls, dialects, framings } = fault
  if (dialects?.includes(request.dialect) === false) {
    return `${name} does not befall ${request.dialect}, only ${dialects.join(', ')}`
  }
  if (framings?.includes(framingOf(request)) === false) {
    return `${name} befalls streams framed as ${framings.join(' or ')} only`
  }
  if (befalls === 'any') return undefined
  const isChat = request.operation === 'chat'
  if (isChat && (befalls === 'chat' || (befalls === 'stream') === request.stream)) return undefined
  if (befalls === 'chat') return `${name} befalls the answers of a chat only`
  return befalls === 'stream'
    ? `${name} befalls streams only: ask with "stream": true`
    : `${name} befalls plain answers only: ask without "stream"`
}

/** True inside the condition's window of time. */
export function isWithin(condition: FaultRule['condition'], sinceStartMs: number): boolean {
  const { fromMs = 0, untilMs = Number.POSITIVE_INFINITY, periodMs } = condition
  const time = periodMs === undefined ? sinceStartMs : sinceStartMs % periodMs
  return time >= fromMs && time < untilMs
}
