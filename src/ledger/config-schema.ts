/** What the file says of money: prices that nobody publishes, and what becomes of models without one. */

import { z } from 'zod'

/** Trillionths of a dollar a token in one dollar for a million of them. */
export const PICO_USD_PER_MILLION = 1_000_000
/** Dearest price, dollars for a million tokens. */
export const PRICE_MAX = 100_000

/** Dollars for a million tokens; read as trillionths of a dollar a token. */
const priceSchema = z
  .number()
  .min(0)
  .max(PRICE_MAX)
  .transform((dollars) => Math.round(dollars * PICO_USD_PER_MILLION))

/** What one model's tokens cost. */
export const pricesSchema = z
  .strictObject({
    input: priceSchema.describe('Of input.'),
    output: priceSchema.describe('Of output.'),
    cacheRead: priceSchema.optional().describe('Of input read from the prompt cache. Default: as input.'),
    cacheWrite: priceSchema.optional().describe('Of input written to it. Default: as input.'),
    reasoning: priceSchema.optional().describe('Of reasoning. Default: as output.'),
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
