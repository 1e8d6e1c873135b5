/**
 * What is published of models: how much they read and write, what they can do, what their tokens cost. Dated data, and
 * never the last word: a model that is not in it is served all the same.
 */

import { readFileSync } from 'node:fs'
import type { Prices, SearchPrices, ServiceClass, TokenPrices } from '../ledger/prices.ts'
import {
  type FactsFile,
  type Modality,
  type ModelRow,
  modalityLetters,
  type PriceRow,
  type PricesRow,
  type SearchRow,
} from './model-facts-file.ts'
import { factsNames } from './model-facts-names.ts'
import { type ModelName, parseModelName } from './model-name.ts'
import type { Provider, ProviderId } from './provider.ts'

/** Absent means not known. */
export interface ModelFacts {
  /** The context window, tokens. */
  readonly contextTokens?: number
  readonly inputTokensMax?: number
  readonly outputTokensMax?: number
  readonly inputs?: readonly Modality[]
  readonly outputs?: readonly Modality[]
  readonly callsTools?: boolean
  readonly keepsToSchemas?: boolean
  readonly reasons?: boolean
  readonly prices?: Prices
}

/** The facts of a provider's model, by any of its names; `undefined` where nothing is known. */
export function modelFacts(providerId: ProviderId, modelId: string): ModelFacts | undefined {
  for (const name of factsNames.get(providerId) ?? []) {
    const facts = tableOf(name).find(modelId)
    if (facts !== undefined) return facts
  }
  return undefined
}

/** The facts of a target, at whatever instance of a known provider it is. */
export function factsOfTarget(target: {
  readonly provider: Pick<Provider, 'id' | 'instanceOf' | 'prices'>
  readonly modelId: string
}): ModelFacts | undefined {
  const { id, instanceOf, prices: own } = target.provider
  const facts = modelFacts(instanceOf ?? id, target.modelId)
  if (own === undefined) return facts
  const prices = own[target.modelId] ?? own['*']
  return prices === undefined ? facts : pricedFacts(facts ?? NO_FACTS, prices)
}

const NO_FACTS: ModelFacts = {}
/** Facts with prices of the operator's, made once. */
const priced = new WeakMap<Prices, WeakMap<ModelFacts, ModelFacts>>()

function pricedFacts(facts: ModelFacts, prices: Prices): ModelFacts {
  const made = priced.get(prices) ?? new WeakMap<ModelFacts, ModelFacts>()
  priced.set(prices, made)
  const known = made.get(facts)
  if (known !== undefined) return known
  const joined = { ...facts, prices: withPublishedSearch(prices, facts.prices?.search) }
  made.set(facts, joined)
  return joined
}

/** How searches are counted is the provider's, whoever says what one costs. */
function withPublishedSearch(prices: Prices, published: SearchPrices | undefined): Prices {
  if (published === undefined) return prices
  if (prices.search === undefined) return { ...prices, search: published }
  const { low, medium, high } = prices.search
  const { preview: _preview, ...counted } = published
  return { ...prices, search: { ...counted, low, medium, high } }
}

/** What a model's tokens cost, where that is known (fault 91: not known is never zero). */
export function priceOf(providerId: ProviderId, modelId: string): Prices | undefined {
  return modelFacts(providerId, modelId)?.prices
}

/** How many models of a provider are known. */
export function knownModelCount(providerId: ProviderId): number {
  return (factsNames.get(providerId) ?? []).reduce((count, name) => count + tableOf(name).size, 0)
}

/** The day of the newest source, and what the sources are. */
export function factsSources(): Pick<FactsFile, 'date' | 'sources'> {
  return factsFile()
}

let file: FactsFile | undefined

/** Read when it is first asked for: the start does not wait for it. Some milliseconds. */
function factsFile(): FactsFile {
  // Sound: the file is our own, written by tools/update-facts.ts in this form, which a test compares.
  file ??= JSON.parse(readFileSync(new URL('./model-facts.json', import.meta.url), 'utf8')) as FactsFile
  return file
}

const tables = new Map<string, ModelTable>()

function tableOf(name: string): ModelTable {
  const known = tables.get(name)
  if (known !== undefined) return known
  const table = new ModelTable(factsFile().models[name] ?? {})
  tables.set(name, table)
  return table
}

interface KeyedRow {
  readonly row: ModelRow
  readonly name: ModelName
}

/** The models of one provider, by their very names and by what is left of them without dates and regions. */
class ModelTable {
  readonly #byId: ReadonlyMap<string, ModelRow>
  readonly #byKey = new Map<string, KeyedRow>()
  /** Read from their rows once. Bounded by the rows. */
  readonly #read = new Map<ModelRow, ModelFacts>()

  constructor(rows: Readonly<Record<string, ModelRow>>) {
    this.#byId = new Map(Object.entries(rows))
    for (const [id, row] of this.#byId) this.#index(id, row)
  }

  get size(): number {
    return this.#byId.size
  }

  find(modelId: string): ModelFacts | undefined {
    const exact = this.#byId.get(modelId)
    if (exact !== undefined) return this.#facts(exact)
    const name = parseModelName(modelId)
    const found = this.#byKey.get(name.key)
    if (found === undefined) return undefined
    const { prices: own, ...abilities } = this.#facts(found.row)
    const isSameSale = !name.isPricedApart && !found.name.isPricedApart
    const prices = isSameSale ? own : this.#tunedPrices(modelId)
    return prices === undefined ? abilities : { ...abilities, prices }
  }

  /** What fine-tunes of a model cost is published under its name after `ft:`. */
  #tunedPrices(modelId: string): Prices | undefined {
    const row = this.#byId.get(modelId.split(':').slice(0, 2).join(':'))
    return modelId.startsWith('ft:') && row !== undefined ? this.#facts(row).prices : undefined
  }

  /** A bare name stands for the model without a date, else for the latest one; for a variant only where there is no other. */
  #index(id: string, row: ModelRow): void {
    const name = parseModelName(id)
    const known = this.#byKey.get(name.key)
    if (known === undefined || isMeantRather(name, known.name)) this.#byKey.set(name.key, { row, name })
  }

  #facts(row: ModelRow): ModelFacts {
    const known = this.#read.get(row)
    if (known !== undefined) return known
    const facts = readRow(row)
    this.#read.set(row, facts)
    return facts
  }
}

function isMeantRather(name: ModelName, known: ModelName): boolean {
  if (name.isPricedApart !== known.isPricedApart) return known.isPricedApart
  return name.date === '' || (known.date !== '' && name.date > known.date)
}

function readRow(row: ModelRow): ModelFacts {
  return {
    ...(row.c === undefined ? {} : { contextTokens: row.c }),
    ...(row.i === undefined ? {} : { inputTokensMax: row.i }),
    ...(row.o === undefined ? {} : { outputTokensMax: row.o }),
    ...(row.m === undefined ? {} : { inputs: readModalities(row.m) }),
    ...(row.n === undefined ? {} : { outputs: readModalities(row.n) }),
    ...(row.t === undefined ? {} : { callsTools: row.t === 1 }),
    ...(row.s === undefined ? {} : { keepsToSchemas: row.s === 1 }),
    ...(row.r === undefined ? {} : { reasons: row.r === 1 }),
    ...(row.p === undefined ? {} : { prices: readPrices(row.p) }),
  }
}

const modalities: readonly Modality[] = ['text', 'image', 'pdf', 'audio', 'video', 'embedding']

function readModalities(letters: string): readonly Modality[] {
  return modalities.filter((modality) => letters.includes(modalityLetters[modality]))
}

function readPrices(row: PricesRow): Prices {
  const classes: Partial<Record<ServiceClass, TokenPrices>> = {
    ...(row.b === undefined ? {} : { batch: readPriceRow(row.b) }),
    ...(row.f === undefined ? {} : { flex: readPriceRow(row.f) }),
    ...(row.p === undefined ? {} : { priority: readPriceRow(row.p) }),
    ...(row.x === undefined ? {} : { fast: readPriceRow(row.x) }),
  }
  return {
    ...readPriceRow(row),
    ...(row.t === undefined
      ? {}
      : { tiers: row.t.map((tier) => ({ aboveInputTokens: tier.a, ...readPriceRow(tier) })) }),
    ...(Object.keys(classes).length === 0 ? {} : { classes }),
    ...(row.s === undefined ? {} : { search: readSearchRow(row.s) }),
  }
}

function readSearchRow({ l, m, h, p, r, a, u }: SearchRow): SearchPrices {
  return {
    low: l,
    medium: m,
    high: h,
    per: r === undefined ? 'query' : 'request',
    ...(p === undefined ? {} : { preview: p }),
    ...(l === h ? {} : { isBySize: true }),
    usualKind: u === undefined ? 'medium' : 'low',
    ...(a === undefined ? {} : { isAlways: true }),
  }
}

function readPriceRow(row: PriceRow): TokenPrices {
  return {
    ...(row.i === undefined ? {} : { input: row.i }),
    ...(row.o === undefined ? {} : { output: row.o }),
    ...(row.r === undefined ? {} : { cacheRead: row.r }),
    ...(row.w === undefined ? {} : { cacheWrite: row.w }),
    ...(row.h === undefined ? {} : { cacheWrite1h: row.h }),
    ...(row.n === undefined ? {} : { reasoning: row.n }),
    ...(row.ai === undefined ? {} : { inputAudio: row.ai }),
    ...(row.ao === undefined ? {} : { outputAudio: row.ao }),
    ...(row.ar === undefined ? {} : { cacheReadAudio: row.ar }),
  }
}
