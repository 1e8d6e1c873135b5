/**
 * The most an attempt can cost, before it is made: so much is held of every budget. A token is at least one byte of
 * what was sent, and no model reads more than its context window; of the output a ceiling is enforced. Of several prices
 * that may apply (tiers, caches, classes, sound, reasoning) the highest counts.
 */

import { US_TENTHS, USUAL_TENTHS } from './inference-geo.ts'
import type { NanoUsd, Prices, SearchKind, TokenPrices } from './prices.ts'
import { searchFee } from './search-fee.ts'
import type { AskedClass } from './service-class.ts'

export interface TokenBounds {
  readonly inputTokensMax: number
  /** Of all candidates together. */
  readonly outputTokensMax: number
}

/** In nano-dollars a token, fractions kept. */
export interface WorstPrices {
  readonly input: number
  readonly output: number
  /** Nano-dollars for what is sold beside the tokens; absent: nothing. */
  readonly fee?: number
}

export interface WorstCaseFacts {
  /** The request may hold sound, or ask for it. */
  readonly hasSound: boolean
  /** Absent: the usual one. */
  readonly serviceClass?: AskedClass | undefined
  /** The request may ask for a prompt to be kept for an hour. */
  readonly mayCacheForAnHour: boolean
  /** It may be answered in the United States alone, at a price for that. */
  readonly mayStayInUs?: boolean
  /** Queries of the web that it lets the provider make; absent: none. */
  readonly searchesMax?: number
  readonly searchKind?: SearchKind | undefined
}

const PICO_IN_NANO = 1_000
const TENTHS_OF_PICO_IN_NANO = PICO_IN_NANO * USUAL_TENTHS

/**
 * `undefined` where a price is missing that could matter. Of a class without a price it is the most that is known, which is
 * not enough for one that may cost more (`isUnpriced` in ledger/service-class.ts).
 */
export function worstPrices(
  prices: Prices | undefined,
  inputTokensMax: number,
  facts: WorstCaseFacts,
): WorstPrices | undefined {
  const { hasSound, serviceClass, mayCacheForAnHour, mayStayInUs = false } = facts
  if (prices === undefined) return undefined
  const reached = (prices.tiers ?? []).filter(({ aboveInputTokens }) => inputTokensMax > aboveInputTokens)
  const usual: readonly TokenPrices[] = [prices, ...reached]
  const classes = classTables(prices, serviceClass)
  const tables = [...usual, ...classes]
  const worst = (read: ReadPrices) => dearest(highest(tables, read), tiered({ prices, usual, classes }, read))
  const input = worst(mayCacheForAnHour ? hourPricesOf : inputPricesOf)
  const output = worst(outputPricesOf)
  if (input === undefined || output === undefined) return undefined
  // Sound costs many times as much as words: where its price is not known, nothing is.
  if (hasSound && (prices.inputAudio === undefined || prices.outputAudio === undefined)) return undefined
  const inputSound = hasSound ? highest(tables, ({ inputAudio }) => [inputAudio]) : undefined
  const outputSound = hasSound ? highest(tables, ({ outputAudio }) => [outputAudio]) : undefined
  const tenths = mayStayInUs ? US_TENTHS : USUAL_TENTHS
  const fee = (searchFee(facts.searchesMax ?? 0, prices.search, facts.searchKind) ?? 0) / PICO_IN_NANO
  return {
    ...(fee === 0 ? {} : { fee }),
    input: (Math.max(input, inputSound ?? 0) * tenths) / TENTHS_OF_PICO_IN_NANO,
    output: (Math.max(output, outputSound ?? 0) * tenths) / TENTHS_OF_PICO_IN_NANO,
  }
}

/** Rounded up: what is held must never be less than what is settled. */
export function worstCaseOf(
  { inputTokensMax, outputTokensMax }: TokenBounds,
  { input, output, fee = 0 }: WorstPrices,
): NanoUsd {
  // Sound: a whole number.
  return Math.ceil(inputTokensMax * input + outputTokensMax * output + fee) as NanoUsd
}

/** How many tokens of output so much pays for, beside all of the input; below 0 where not even that. */
export function affordableOutput(nanoUsd: number, inputTokensMax: number, prices: WorstPrices): number {
  const left = nanoUsd - Math.ceil(inputTokensMax * prices.input + (prices.fee ?? 0))
  if (left < 0) return -1
  if (prices.output === 0) return Number.POSITIVE_INFINITY
  const outputTokensMax = Math.min(Math.floor(left / prices.output), Number.MAX_SAFE_INTEGER)
  if (worstCaseOf({ inputTokensMax, outputTokensMax }, prices) <= nanoUsd) return outputTokensMax
  // Fractions of nano-dollars are not exact in binary: tokens for one nano-dollar less are surely paid for.
  return Math.max(0, outputTokensMax - Math.ceil(1 / prices.output))
}

type ReadPrices = (prices: TokenPrices) => readonly (number | undefined)[]

/** Of the class that is named, which the provider may still not serve it in; of all of them where it has no price or is not said. */
function classTables({ classes = {} }: Prices, asked: AskedClass | undefined): readonly TokenPrices[] {
  if (asked === undefined) return []
  const own = asked === 'any' || asked === 'other' ? undefined : classes[asked]
  if (own !== undefined) return [own]
  // No provider makes an answer a fast one unless it is asked for by that name.
  const { fast: _fast, ...others } = classes
  return Object.values(asked === 'other' ? classes : others)
}

interface Sale {
  readonly prices: TokenPrices
  /** The usual prices, and those of the tiers that the input may reach. */
  readonly usual: readonly TokenPrices[]
  readonly classes: readonly TokenPrices[]
}

/** Nobody publishes the tiers of a class: it is taken to become dearer by as much as the usual one does. */
function tiered({ prices, usual, classes }: Sale, read: ReadPrices): number | undefined {
  const inClass = highest(classes, read)
  const base = highest([prices], read)
  const most = highest(usual, read)
  if (inClass === undefined || base === undefined || most === undefined || base === 0) return undefined
  return Math.ceil((inClass * most) / base)
}

function dearest(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? (one ?? other) : Math.max(one, other)
}

function highest(tables: readonly TokenPrices[], read: ReadPrices): number | undefined {
  let found: number | undefined
  for (const table of tables) {
    for (const price of read(table))
      if (price !== undefined && (found === undefined || price > found)) found = price
  }
  return found
}

/** An hour in the cache costs twice the input where no price for it is known (ledger/cost-of.ts). */
function inputPricesOf({ input, cacheRead, cacheWrite, cacheWrite1h }: TokenPrices) {
  const hour = cacheWrite1h ?? (cacheWrite === undefined || input === undefined ? undefined : input * 2)
  return [input, cacheRead, cacheWrite, hour]
}

/** The same where it may be asked for though nothing is published of caches at all. */
function hourPricesOf(prices: TokenPrices) {
  const { input, cacheWrite1h = input === undefined ? undefined : input * 2 } = prices
  return [...inputPricesOf(prices), cacheWrite1h]
}

function outputPricesOf({ input, output, reasoning }: TokenPrices) {
  // What has a price for input alone (embeddings) answers nothing that costs.
  return [output ?? (input === undefined ? undefined : 0), reasoning]
}
