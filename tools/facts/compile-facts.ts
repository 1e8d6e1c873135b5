/** Compiles published facts of models into the compact form that the package carries. */

import {
  type FactsFile,
  type ModelRow,
  modalityLetters,
  type PriceRow,
  type PricesRow,
  type SearchRow,
} from '../../src/providers/model-facts-file.ts'
import { factsNames } from '../../src/providers/model-facts-names.ts'

/** The file of facts, as far as it is used; its own `fields` describe it. */
export interface PublishedFacts {
  readonly sources: readonly {
    readonly name: string
    readonly repo: string
    readonly license: string
    readonly date: string
  }[]
  readonly models: readonly PublishedModel[]
}

interface PublishedModel {
  readonly provider: string
  readonly id: string
  readonly context?: number
  readonly max_input?: number
  readonly max_output?: number
  readonly in?: readonly string[]
  readonly out?: readonly string[]
  readonly tools?: boolean
  readonly structured_output?: boolean
  readonly reasoning?: boolean
  readonly usd_per_mtok?: PublishedPrices
  /** By how much of what it finds is read. */
  readonly usd_per_search?: Readonly<Record<'low' | 'medium' | 'high', number>>
}

type PublishedPrices = Readonly<Record<string, unknown>> & {
  readonly tiers?: readonly (Readonly<Record<string, unknown>> & { readonly above_input_tokens: number })[]
}

/** The text of model-facts.json: a line a model, so that a change of the facts is a change of its line. */
export function compileFacts(facts: PublishedFacts): string {
  const names = [...new Set([...factsNames.values()].flat())].sort()
  const sources: FactsFile['sources'] = facts.sources.map(({ name, repo, license, date }) => ({
    name,
    repository: repo,
    licence: license,
    date,
  }))
  const date = sources
    .map((source) => source.date)
    .sort()
    .at(-1)
  const models = names.map((name) => `${JSON.stringify(name)}: {\n${linesOf(name, facts)}\n}`)
  return `{\n"date": ${JSON.stringify(date)},\n"sources": ${JSON.stringify(sources)},\n"models": {\n${models.join(',\n')}\n}\n}\n`
}

function linesOf(provider: string, { models }: PublishedFacts): string {
  return models
    .filter((model) => model.provider === provider)
    .map((model) => [model.id, compileModel(model)] as const)
    .filter(([, row]) => Object.keys(row).length > 0)
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([id, row]) => `${JSON.stringify(id)}: ${JSON.stringify(row)}`)
    .join(',\n')
}

function compileModel(model: PublishedModel): ModelRow {
  const prices = { ...compilePrices(model), ...compileSearch(model) }
  return {
    ...count('c', model.context),
    ...count('i', model.max_input),
    ...count('o', model.max_output),
    ...letters('m', model.in),
    ...letters('n', model.out),
    ...claim('t', model.tools),
    ...claim('s', model.structured_output),
    ...claim('r', model.reasoning),
    ...(Object.keys(prices).length === 0 ? {} : { p: prices }),
  }
}

function count(name: string, value: number | undefined): Readonly<Record<string, number>> {
  return value !== undefined && Number.isInteger(value) && value > 0 ? { [name]: value } : {}
}

function claim(name: string, value: boolean | undefined): Readonly<Record<string, number>> {
  return value === undefined ? {} : { [name]: value ? 1 : 0 }
}

function letters(name: string, modalities: readonly string[] | undefined): Readonly<Record<string, string>> {
  const known = new Map<string, string>(Object.entries(modalityLetters))
  const said = (modalities ?? []).map((modality) => known.get(modality) ?? '').join('')
  return said === '' ? {} : { [name]: said }
}

function compilePrices({ provider, id, usd_per_mtok: published = {} }: PublishedModel): PricesRow {
  const usual = compilePrice(published, '')
  const tiers = (published.tiers ?? [])
    .map((tier) => ({ a: tier.above_input_tokens, ...compilePrice(tier, '') }))
    .sort((left, right) => left.a - right.a)
  return {
    ...usual,
    ...(tiers.length === 0 ? {} : { t: tiers }),
    ...serviceClass('b', compilePrice(published, 'batch_')),
    ...serviceClass('f', compilePrice(published, 'flex_')),
    ...serviceClass('p', compilePrice(published, 'priority_')),
    ...serviceClass('x', times(usual, provider === 'anthropic' ? (fastFactorOf(id) ?? 0) : 0)),
  }
}

/**
 * How many times its usual price a model of Anthropic's costs where the request asks for `speed: fast`, which the sources do
 * not hold (platform.claude.com, "Fast mode", of 2026-06): every kind of token, whatever the length of the input.
 */
const FAST_FACTORS: readonly (readonly [id: string, factor: number])[] = [
  ['claude-opus-4-6', 6],
  ['claude-opus-4-7', 6],
  ['claude-opus-4-8', 2],
]

function fastFactorOf(id: string): number | undefined {
  return FAST_FACTORS.find(([name]) => id === name || id.startsWith(`${name}-`))?.[1]
}

/** Nothing where there is no factor. */
function times(row: PriceRow, factor: number): PriceRow {
  if (factor === 0) return {}
  return Object.fromEntries(Object.entries(row).map(([kind, price]) => [kind, price * factor]))
}

/**
 * What a query costs, dollars, whichever model it is made for, where the sources hold it for some models only or as it was
 * once (platform.openai.com and platform.claude.com, "Pricing"). OpenAI's older tool, `web_search_preview`, costs more with
 * models that do not reason.
 */
const OPENAI_USD_PER_SEARCH = 0.01
const OPENAI_USD_PER_PREVIEW = 0.025
const CLAUDE_USD_PER_SEARCH = 0.01
const CLAUDE_SELLERS: ReadonlySet<string> = new Set(['anthropic', 'google-vertex-anthropic', 'azure'])
/** Google sold searches by the request at this price, dollars, and by the query at another ever since (ai.google.dev, "Pricing"). */
const GOOGLE_USD_PER_REQUEST = 0.035

function compileSearch(model: PublishedModel): { readonly s?: SearchRow } {
  const { provider, id } = model
  const prices = searchPricesOf(model)
  if (prices === undefined) return {}
  const { low, medium, high } = prices
  const isPerplexity = provider === 'perplexity'
  const searchesAlways = isPerplexity || isSearchModel(model)
  const isByRequest = provider.startsWith('google')
    ? medium === GOOGLE_USD_PER_REQUEST
    : searchesAlways && !id.includes('deep-research')
  const hasDearerTool = provider === 'openai' && !isSearchModel(model) && model.reasoning !== true
  return {
    s: {
      l: Math.round(low * PICO_USD_PER_USD),
      m: Math.round(medium * PICO_USD_PER_USD),
      h: Math.round(high * PICO_USD_PER_USD),
      ...(hasDearerTool ? { p: Math.round(OPENAI_USD_PER_PREVIEW * PICO_USD_PER_USD) } : {}),
      ...(isByRequest ? { r: 1 } : {}),
      ...(searchesAlways ? { a: 1 } : {}),
      // Where a request names no size (docs.perplexity.ai, "Pricing").
      ...(isPerplexity ? { u: 1 } : {}),
    },
  }
}

type SearchUsd = NonNullable<PublishedModel['usd_per_search']>

function searchPricesOf({
  provider,
  id,
  out,
  usd_per_search: published,
}: PublishedModel): SearchUsd | undefined {
  if (out?.includes('text') !== true) return undefined
  if (provider === 'openai' && !id.includes('search-preview')) return ofAnySize(OPENAI_USD_PER_SEARCH)
  if (published !== undefined) return published
  return CLAUDE_SELLERS.has(provider) && id.startsWith('claude-')
    ? ofAnySize(CLAUDE_USD_PER_SEARCH)
    : undefined
}

function ofAnySize(usd: number): SearchUsd {
  return { low: usd, medium: usd, high: usd }
}

/** A model of OpenAI's whose every answer is searched for. */
function isSearchModel({ provider, id }: PublishedModel): boolean {
  return provider === 'openai' && /search-(?:preview|api)/.test(id)
}

function serviceClass(name: string, row: PriceRow): Readonly<Record<string, PriceRow>> {
  return Object.keys(row).length === 0 ? {} : { [name]: row }
}

const priceFields: readonly (readonly [keyof PriceRow, string])[] = [
  ['i', 'input'],
  ['o', 'output'],
  ['r', 'cache_read'],
  ['w', 'cache_write'],
  ['h', 'cache_write_1h'],
  ['n', 'reasoning'],
  ['ai', 'input_audio'],
  ['ao', 'output_audio'],
  ['ar', 'cache_read_audio'],
]

function compilePrice(published: Readonly<Record<string, unknown>>, prefix: string): PriceRow {
  return Object.fromEntries(
    priceFields.flatMap(([name, field]) => {
      const dollars = published[prefix + field]
      if (typeof dollars !== 'number' || !Number.isFinite(dollars) || dollars < 0) return []
      return [[name, Math.round(dollars * PICO_USD_PER_TOKEN)]]
    }),
  )
}

const PICO_USD_PER_USD = 1_000_000_000_000
/** A dollar for a million tokens, in trillionths of a dollar a token. */
const PICO_USD_PER_TOKEN = 1_000_000
