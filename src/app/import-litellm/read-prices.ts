/** What an entry of `model_list` says its model costs: dollars for one token there, for a million of them here. */

import { PICO_USD_PER_MILLION, PRICE_MAX } from '../../ledger/config-schema.ts'
import { priceOf } from '../../providers/model-facts.ts'
import type { Fields, Findings } from './findings.ts'
import type { ImportContext } from './import-context.ts'
import type { PricedModel, SaidPrice } from './price-book.ts'
import type { ModelPrices } from './provider-book.ts'
import { isFieldName } from './reference.ts'

export interface PriceAsk {
  /** Its name in the written file. */
  readonly provider: string
  /** The known provider it is an instance of, where it is one. */
  readonly known: string | undefined
  readonly modelId: string
  readonly params: Fields
  /** What says it where `params` do not. */
  readonly info: Fields | undefined
}

/** Said of every other field that is about costs. */
export const OTHER_PRICES =
  'prices here are those of input, output, reasoning and the prompt cache, one for each'

const fields: readonly (readonly [string, SaidPrice['field']])[] = [
  ['input_cost_per_token', 'input'],
  ['output_cost_per_token', 'output'],
  ['cache_read_input_token_cost', 'cacheRead'],
  ['cache_creation_input_token_cost', 'cacheWrite'],
  ['output_cost_per_reasoning_token', 'reasoning'],
]

export function isPriceField(name: string): boolean {
  return fields.some(([field]) => field === name)
}

export function readPrices(ask: PriceAsk, { findings, prices }: ImportContext): void {
  const said = fields.flatMap(([name, field]) => saidPrice({ name, field, ...ask }, findings))
  if (said.length === 0) return
  const read = hasPrices(ask.modelId)
    ? complete(said, ask)
    : 'are of one model by its name, or of all of a provider'
  if (typeof read === 'string') for (const { place } of said) findings.cannot(place, `prices ${read}`)
  else prices.add({ provider: ask.provider, modelId: ask.modelId, said, ...read })
}

function hasPrices(modelId: string): boolean {
  return isFieldName(modelId) && (modelId === '*' || !modelId.includes('*'))
}

interface PriceLine extends PriceAsk {
  readonly name: string
  readonly field: SaidPrice['field']
}

function saidPrice({ name, field, params, info }: PriceLine, findings: Findings): readonly SaidPrice[] {
  const source = params.has(name) ? params : info
  const dollarsPerToken = source?.number(name)
  if (source === undefined || dollarsPerToken === undefined) return []
  const dollars = perMillion(dollarsPerToken)
  const place = source.at(name)
  if (dollars <= PRICE_MAX) return [{ field, dollars, place }]
  findings.cannot(
    place,
    `is more than ${PRICE_MAX} dollars for a million tokens: it is the price of one token`,
  )
  return []
}

/** The product of two such numbers has digits that nobody wrote; more than six decimals are no price here. */
function perMillion(dollarsPerToken: number): number {
  return Number((dollarsPerToken * 1_000_000).toFixed(6))
}

/** Both sides have a price or none has: what is not known is never free. The text says what is lacking. */
function complete(
  said: readonly SaidPrice[],
  ask: PriceAsk,
): Pick<PricedModel, 'prices' | 'assumed'> | string {
  const given: Partial<ModelPrices> = Object.fromEntries(said.map(({ field, dollars }) => [field, dollars]))
  const input = given.input ?? published('input', ask)
  const output = given.output ?? published('output', ask) ?? (writesNothing(ask) ? 0 : undefined)
  if (input === undefined || output === undefined)
    return 'need both input_cost_per_token and output_cost_per_token: what is not known is never free'
  const prices = { ...given, input, output }
  const assumed = (['input', 'output'] as const).filter((field) => given[field] === undefined)
  return {
    prices,
    ...(assumed.length > 0 && {
      assumed: `${assumed.map((field) => `${field}: ${prices[field]}`).join(' and ')}, which the file does not say`,
    }),
  }
}

function published(field: 'input' | 'output', { known, modelId }: PriceAsk): number | undefined {
  const price = known === undefined ? undefined : priceOf(known, modelId)?.[field]
  return price === undefined ? undefined : price / PICO_USD_PER_MILLION
}

function writesNothing({ info }: PriceAsk): boolean {
  return /^(?:embedding|rerank)$/.test(info?.text('mode') ?? '')
}
