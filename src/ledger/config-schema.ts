/** What the file says of money: prices that nobody publishes, and what becomes of models without one. */

import { z } from 'zod'

/** Trillionths of a dollar a token in one dollar for a million of them. */
export const PICO_USD_PER_MILLION = 1_000_000
/** Trillionths of a dollar a search in one dollar for a thousand of them. */
const PICO_USD_PER_THOUSAND = 1_000_000_000
/** Dearest price, dollars for a million tokens or a thousand searches. */
export const PRICE_MAX = 100_000

/** Dollars for a million tokens; read as trillionths of a dollar a token. */
const priceSchema = z
  .number()
  .min(0)
  .max(PRICE_MAX)
  .transform((dollars) => Math.round(dollars * PICO_USD_PER_MILLION))

const tokenPricesSchema = z.strictObject({
  input: priceSchema.describe('Of input.'),
  output: priceSchema.describe('Of output.'),
  cacheRead: priceSchema.optional().describe('Of input read from the prompt cache. Default: as input.'),
  cacheWrite: priceSchema.optional().describe('Of input written to it. Default: as input.'),
  cacheWrite1h: priceSchema.optional().describe('Of input kept there for an hour. Default: twice the input.'),
  reasoning: priceSchema.optional().describe('Of reasoning. Default: as output.'),
})

export type TokenPricesEntry = z.output<typeof tokenPricesSchema>

/** What one model's tokens cost. */
export const pricesSchema = tokenPricesSchema
  .extend({
    classes: z
      .strictObject({
        batch: tokenPricesSchema.optional().describe('In a batch, within a day.'),
        flex: tokenPricesSchema.optional().describe('Slower: service_tier flex.'),
        priority: tokenPricesSchema.optional().describe('Out of turn: service_tier priority.'),
        fast: tokenPricesSchema.optional().describe("Anthropic's speed: fast."),
      })
      .optional()
      .describe('What it costs in other classes of service (service_tier, speed) than the usual one.'),
    search: z
      .number()
      .min(0)
      .max(PRICE_MAX)
      .transform((dollars) => Math.round(dollars * PICO_USD_PER_THOUSAND))
      .optional()
      .describe(
        'US dollars for a thousand queries of the web that the provider makes by itself. Default: as published.',
      ),
  })
  .describe('US dollars for a million tokens.')

export const budgetsSchema = z
  .strictObject({
    unknownPrice: z
      .union([z.literal('refuse'), pricesSchema.pick({ input: true, output: true })])
      .default('refuse')
      .describe(
        'What becomes of a request that a budget has to pay for and whose model has no known price: refuse (the default), or the prices that it is charged at.',
      ),
    atLimit: z
      .enum(['length', 'error'])
      .default('length')
      .describe(
        'How an answer ends that reaches what was held for it because its provider goes on beyond the ceiling it was told: as one of full length (the default), or with the error budget_exceeded.',
      ),
  })
  .prefault({})
  .describe('Rules for budgets; the budgets themselves are made with holdfast budget or the admin API.')
