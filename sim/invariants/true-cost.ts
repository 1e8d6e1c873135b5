/**
 * I5: what a record says an exchange cost is what its providers reported, at their published prices; else it says nothing, or
 * that it was counted or estimated.
 */

import type { UpstreamCall } from '../../src/drill/engine/history.ts'
import { factsOfTarget } from '../../src/providers/model-facts.ts'
import type { Target, TargetId } from '../../src/providers/provider.ts'
import { type Facts, nameOf, type TryFacts } from '../facts.ts'
import type { Invariant } from './invariant.ts'

export const trueCost: Invariant = {
  id: 'I5',
  title: 'the cost in a record is what its providers reported',
  check(facts) {
    const prices = new PriceList(facts)
    return facts.tries.flatMap((one) => {
      const words = whatIsWrong(one, prices)
      return words === undefined ? [] : [`${nameOf(one)} ${words}`]
    })
  },
}

/** `undefined`: nobody can know. */
type Cost = number | undefined

function whatIsWrong({ records: [record], calls, made }: TryFacts, prices: PriceList): string | undefined {
  // Who leaves may leave unread what was reported.
  if (record === undefined || made.outcome === 'left') return undefined
  // What was never told, or not read to its end, is no more than it says of itself.
  if (record.costBasis === 'counted' || record.costBasis === 'estimated') return undefined
  const costs = calls.map((call) => costOfCall(call, prices))
  const known = costs.reduce<number>((sum, cost) => sum + (cost ?? 0), 0)
  const told = record.costNanoUsd
  if (told === undefined) {
    const isComplete = record.state === 'completed' && !costs.includes(undefined)
    return isComplete ? `cost ${known} nano-USD, and its record does not say so` : undefined
  }
  const isExact = !costs.includes(undefined)
  const isRight = isExact ? told === known : told >= known
  return isRight ? undefined : `cost ${known} nano-USD, and its record says ${told}`
}

function costOfCall(call: UpstreamCall, prices: PriceList): Cost {
  if (call.usage !== undefined) return prices.costOf(call.target, call.usage)
  // A refusal, or a connection that never stood, costs nothing.
  return call.status === 200 || call.end === 'aborted' || call.end === 'broken' ? undefined : 0
}

class PriceList {
  readonly #facts: Facts
  readonly #prices = new Map<string, { readonly input: number; readonly output: number } | undefined>()

  constructor(facts: Facts) {
    this.#facts = facts
  }

  costOf(target: string, usage: NonNullable<UpstreamCall['usage']>): Cost {
    const prices = this.#pricesOf(target)
    if (prices === undefined) return undefined
    // Prices are in trillionths of a dollar a token; half a nano-dollar is rounded up.
    return Math.floor((usage.inputTokens * prices.input + usage.outputTokens * prices.output + 500) / 1_000)
  }

  #pricesOf(target: string) {
    if (!this.#prices.has(target)) this.#prices.set(target, this.#find(target))
    return this.#prices.get(target)
  }

  #find(label: string): { readonly input: number; readonly output: number } | undefined {
    const slash = label.indexOf('/')
    const configured = this.#facts.config.providers.find(
      ({ provider }) => provider.id === label.slice(0, slash),
    )
    if (configured === undefined) return undefined
    const { provider, timers } = configured
    // Sound: a target's id is its label.
    const target: Target = { id: label as TargetId, provider, modelId: label.slice(slash + 1), timers }
    const { input, output } = factsOfTarget(target)?.prices ?? {}
    return input === undefined || output === undefined ? undefined : { input, output }
  }
}
