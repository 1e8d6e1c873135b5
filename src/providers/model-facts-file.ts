/** The form of model-facts.json, which `npm run facts:update` writes: short names, since there are thousands of rows. */

/** Trillionths of a US dollar a token. */
export interface PriceRow {
  /** Input, output. */
  readonly i?: number
  readonly o?: number
  /** Read from the cache, written to it, written for an hour. */
  readonly r?: number
  readonly w?: number
  readonly h?: number
  /** Reasoning. */
  readonly n?: number
  /** Sound: in, out, read from the cache. */
  readonly ai?: number
  readonly ao?: number
  readonly ar?: number
}

export interface PricesRow extends PriceRow {
  /** Tiers: above `a` tokens of input. */
  readonly t?: readonly (PriceRow & { readonly a: number })[]
  /** Batch, flex, priority, fast. */
  readonly b?: PriceRow
  readonly f?: PriceRow
  readonly p?: PriceRow
  readonly x?: PriceRow
  readonly s?: SearchRow
}

/** Searches of the web, trillionths of a US dollar each: little, more, most of what they find. */
export interface SearchRow {
  readonly l: number
  readonly m: number
  readonly h: number
  /** OpenAI's older tool. */
  readonly p?: number
  /** 1: counted by the request, not by the query; every request is one; `l` is the usual size, not `m`. */
  readonly r?: 1
  readonly a?: 1
  readonly u?: 1
}

export interface ModelRow {
  /** Tokens: the context window, the largest input, the largest output. */
  readonly c?: number
  readonly i?: number
  readonly o?: number
  /** Modalities in and out, a letter each (`modalityLetters`). */
  readonly m?: string
  readonly n?: string
  /** 1 or 0: calls tools, keeps to a schema, reasons. */
  readonly t?: number
  readonly s?: number
  readonly r?: number
  readonly p?: PricesRow
}

export interface FactsFile {
  /** The day of the newest source. */
  readonly date: string
  readonly sources: readonly {
    readonly name: string
    readonly repository: string
    readonly licence: string
    readonly date: string
  }[]
  /** By the provider's name in the sources, then by the model's. */
  readonly models: Readonly<Record<string, Readonly<Record<string, ModelRow>>>>
}

export const modalityLetters = {
  text: 't',
  image: 'i',
  pdf: 'p',
  audio: 'a',
  video: 'v',
  embedding: 'e',
} as const

export type Modality = keyof typeof modalityLetters
