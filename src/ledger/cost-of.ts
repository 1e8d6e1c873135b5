/**
 * What an answer cost. Pure, exact and honest: where a price or a count is missing that could change the sum, the cost
 * is not known, which is never the same as nothing (fault 91).
 */

import type { Usage } from '../canonical/usage.ts'
import { tenthsIn, USUAL_TENTHS } from './inference-geo.ts'
import type { NanoUsd, Prices, SearchKind, TokenPrices } from './prices.ts'
import { searchFee } from './search-fee.ts'
import { type AskedClass, type BilledClass, billedClass } from './service-class.ts'

export interface CostOptions {
  /** What the request asked for; what the usage tells goes before it. Absent: the usual one. */
  readonly serviceClass?: AskedClass | undefined
  /** Where the request asked to be answered, in the provider's word; what the usage tells goes before it, too. */
  readonly inferenceGeo?: string | undefined
  /** How the searches that it offered are sold. */
  readonly searchKind?: SearchKind | undefined
}

/** The cost in whole nano-dollars, half a one rounded up; `undefined` where it is not known. */
export function costOf(
  usage: Usage,
  prices: Prices | undefined,
  { serviceClass, inferenceGeo, searchKind }: CostOptions = {},
): NanoUsd | undefined {
  const { inputTokens } = usage
  if (prices === undefined || inputTokens === undefined) return undefined
  const billed = billedClass({ told: usage, asked: serviceClass }, prices)
  const current = pricesFor(prices, { inputTokens, billed })
  const input = inputCost(usage, inputTokens, current)
  const output = current && outputCost(usage, current)
  const tenths = tenthsIn(usage.inferenceGeo ?? inferenceGeo)
  const fee = searchFee(usage.searches ?? 0, prices.search, searchKind)
  if (input === undefined || output === undefined) return undefined
  if (tenths === undefined || fee === undefined) return undefined
  const cost = (input + output) * BigInt(tenths) + BigInt(fee) * BigInt(USUAL_TENTHS)
  // Sound: rounded to a whole number, which is what the brand promises.
  return Number((cost + HALF) / TENTHS_OF_PICO_IN_NANO) as NanoUsd
}

const TENTHS_OF_PICO_IN_NANO = 1_000n * BigInt(USUAL_TENTHS)
const HALF = TENTHS_OF_PICO_IN_NANO / 2n

interface Circumstances {
  readonly inputTokens: number
  readonly billed: BilledClass | undefined
}

/** `undefined` where it is billed in a service class that has no known prices. */
function pricesFor(prices: Prices, { inputTokens, billed }: Circumstances): TokenPrices | undefined {
  const tier = prices.tiers?.findLast(({ aboveInputTokens }) => inputTokens > aboveInputTokens)
  if (billed === undefined) return { ...prices, ...tier }
  const own = billed === 'other' ? undefined : prices.classes?.[billed]
  // A class whose larger tier nobody published is not known to cost its smaller one.
  return own === undefined || tier !== undefined ? undefined : withSoundOf(own, prices)
}

/** Sound costs the same in every class; one that names no prices of the cache takes nothing off for it. */
function withSoundOf(own: TokenPrices, { inputAudio, outputAudio }: TokenPrices): TokenPrices {
  return {
    ...(inputAudio === undefined ? {} : { inputAudio }),
    ...(outputAudio === undefined ? {} : { outputAudio }),
    ...own,
  }
}

/** Of the input some was read from the cache, some written to it, some was sound; the rest is plain. */
function inputCost(usage: Usage, inputTokens: number, prices: TokenPrices | undefined): bigint | undefined {
  if (prices === undefined) return undefined
  const read = usage.cacheReadTokens ?? 0
  const written1h = Math.min(usage.cacheWrite1hTokens ?? 0, usage.cacheWriteTokens ?? 0)
  const written = (usage.cacheWriteTokens ?? 0) - written1h
  const audio = usage.inputAudioTokens ?? 0
  const plain = Math.max(0, inputTokens - read - written - written1h - audio)
  return sum([
    [plain, prices.input],
    // What a provider has no price for it bills as input: reading can only be cheaper.
    [read, prices.cacheRead ?? prices.input],
    [written, prices.cacheWrite ?? prices.input],
    [written1h, prices.cacheWrite1h ?? twice(prices.input)],
    // Sound costs many times as much as words: their price says nothing of it.
    [audio, prices.inputAudio],
  ])
}

/** An hour in the cache costs twice the input wherever it is sold (Anthropic and those who resell it). */
function twice(price: number | undefined): number | undefined {
  return price === undefined ? undefined : price * 2
}

/** Only a model that has no price for output may report none. */
function outputCost(usage: Usage, prices: TokenPrices): bigint | undefined {
  const { outputTokens } = usage
  if (outputTokens === undefined) return prices.output ? undefined : 0n
  const reasoning = Math.min(usage.reasoningTokens ?? 0, outputTokens)
  const audio = Math.min(usage.outputAudioTokens ?? 0, outputTokens - reasoning)
  return sum([
    [outputTokens - reasoning - audio, prices.output],
    [reasoning, prices.reasoning ?? prices.output],
    [audio, prices.outputAudio],
  ])
}

/** Whole numbers too large for a double stay exact. No tokens cost nothing whatever their price. */
function sum(kinds: readonly (readonly [tokens: number, price: number | undefined])[]): bigint | undefined {
  let total = 0n
  for (const [tokens, price] of kinds) {
    if (tokens === 0) continue
    if (price === undefined) return undefined
    total += BigInt(tokens) * BigInt(price)
  }
  return total
}
