/** What tokens cost, as published: a value that others hand in, so that the arithmetic knows no provider. */

import type { Brand } from '../std/brand.ts'

/** Billionths of a US dollar, a whole number. */
export type NanoUsd = Brand<number, 'NanoUsd'>

/**
 * By kind of token, in trillionths of a US dollar each: a dollar for a million tokens is 1,000,000. Whole numbers, since
 * published prices go below a billionth a token. Absent means not known, and zero means free.
 */
export interface TokenPrices {
  readonly input?: number
  readonly output?: number
  readonly cacheRead?: number
  /** Kept for minutes. */
  readonly cacheWrite?: number
  readonly cacheWrite1h?: number
  readonly reasoning?: number
  readonly inputAudio?: number
  readonly outputAudio?: number
  readonly cacheReadAudio?: number
}

/** How fast an answer may be paid for: what is asked in a batch, out of turn or of faster machines has prices of its own. */
export type ServiceClass = 'batch' | 'flex' | 'priority' | 'fast'

export interface PriceTier extends TokenPrices {
  /** Holds for the whole request once its input is larger than this. */
  readonly aboveInputTokens: number
}

/** How a search is sold: by how much of what it finds the model is given, or OpenAI's older tool, `web_search_preview`. */
export type SearchKind = 'low' | 'medium' | 'high' | 'preview'

/** What searches of the web cost that the provider makes by itself, in trillionths of a US dollar each. */
export interface SearchPrices extends Readonly<Record<Exclude<SearchKind, 'preview'>, number>> {
  /** Absent: as any other. */
  readonly preview?: number
  /** What is counted: every query, or every request that led to any. */
  readonly per: 'query' | 'request'
  /** Where the request names none. */
  readonly usualKind: SearchKind
  /** By how much of what they find is read, which is in their price; absent: that is input like any other. */
  readonly isBySize?: true
  /** Every request to the model leads to one at least, whatever it asks and the answer tells. */
  readonly isAlways?: true
}

export interface Prices extends TokenPrices {
  /** Smallest bound first; what a tier does not name costs what it costs without. */
  readonly tiers?: readonly PriceTier[]
  readonly classes?: Readonly<Partial<Record<ServiceClass, TokenPrices>>>
  readonly search?: SearchPrices
}
