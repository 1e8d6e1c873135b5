/** What the imported file says models cost: gathered until all of it is read, since two entries may say it of one model. */

import type { Findings, Place } from './findings.ts'
import type { ModelPrices, ProviderBook } from './provider-book.ts'

/** One price, and the line that says it. */
export interface SaidPrice {
  readonly field: keyof ModelPrices
  /** For a million tokens. */
  readonly dollars: number
  readonly place: Place
}

/** What one entry says of its model. */
export interface PricedModel {
  /** Its name in the written file. */
  readonly provider: string
  readonly modelId: string
  readonly prices: ModelPrices
  readonly said: readonly SaidPrice[]
  /** What was put in place of a price that the entry does not say. */
  readonly assumed?: string
}

export class PriceBook {
  readonly #models: PricedModel[] = []

  add(model: PricedModel): void {
    this.#models.push(model)
  }

  /** Of two prices of one model the dearer counts: with the other one, budgets would let too much through. */
  settle(providers: ProviderBook, findings: Findings): void {
    const byTarget = Map.groupBy(this.#models, ({ provider, modelId }) => `${provider}/${modelId}`)
    for (const models of byTarget.values()) {
      const prices = models.map((model) => model.prices).reduce(dearer)
      for (const model of models) {
        providers.setPrices(model, prices)
        say(model, prices, findings)
      }
    }
  }
}

const defaults = { cacheRead: 'input', cacheWrite: 'input', reasoning: 'output' } as const
const optional = ['cacheRead', 'cacheWrite', 'reasoning'] as const

function dearer(one: ModelPrices, other: ModelPrices): ModelPrices {
  const said = optional.filter((field) => one[field] !== undefined || other[field] !== undefined)
  const priceOf = (prices: ModelPrices, field: (typeof optional)[number]) =>
    prices[field] ?? prices[defaults[field]]
  return {
    input: Math.max(one.input, other.input),
    output: Math.max(one.output, other.output),
    ...Object.fromEntries(said.map((field) => [field, Math.max(priceOf(one, field), priceOf(other, field))])),
  }
}

function say(
  { provider, modelId, said, assumed }: PricedModel,
  prices: ModelPrices,
  findings: Findings,
): void {
  for (const { field, dollars, place } of said) {
    const became = `providers.${provider}.prices.${modelId}.${field}: ${prices[field]} for a million tokens`
    if (prices[field] !== dollars)
      findings.changes(
        place,
        `${became}: another entry makes it dearer than ${dollars}, and the dearer counts`,
      )
    else if (assumed !== undefined) findings.changes(place, `${became}, with ${assumed}`)
    else findings.maps(place, became)
  }
}
