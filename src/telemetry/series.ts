/**
 * Counters and histograms as plain numbers in bounded maps: what the hot path touches. Labels come from bounded sets
 * (SEC-45), and should one turn out not to be, the bound here keeps memory and the scrape small all the same.
 */

/** Values by label name; the order of names is fixed by the family. */
export type LabelValues = readonly (string | undefined)[]

export interface Labels {
  readonly [name: string]: string
}

export interface Counted {
  readonly labels: Labels
  value: number
}

export interface Distributed {
  readonly labels: Labels
  count: number
  sum: number
  /** One more than there are boundaries. */
  readonly bucketCounts: number[]
}

/** Label sets one family may hold; what comes after them is counted under `other`. */
export const SERIES_MAX = 2_000
const LABEL_LENGTH_MAX = 64
const OVERFLOW = 'other'

class Family<Entry> {
  readonly #labelNames: readonly string[]
  readonly #create: (labels: Labels) => Entry
  readonly #seriesMax: number
  readonly #entries = new Map<string, Entry>()
  /** Traffic comes in runs: the label set of the last time is usually the one of this time. */
  #last: { readonly values: LabelValues; readonly entry: Entry } | undefined

  constructor(labelNames: readonly string[], create: (labels: Labels) => Entry, seriesMax: number) {
    this.#labelNames = labelNames
    this.#create = create
    this.#seriesMax = seriesMax
  }

  of(values: LabelValues): Entry {
    if (this.#last !== undefined && isSame(this.#last.values, values)) return this.#last.entry
    const entry = this.#find(values)
    this.#last = { values, entry }
    return entry
  }

  #find(values: LabelValues): Entry {
    const key = values.join('\n')
    const known = this.#entries.get(key)
    if (known !== undefined) return known
    if (this.#entries.size >= this.#seriesMax) return this.#overflow()
    const created = this.#create(this.#label(values))
    this.#entries.set(key, created)
    return created
  }

  entries(): readonly Entry[] {
    return [...this.#entries.values()]
  }

  #overflow(): Entry {
    const values = this.#labelNames.map(() => OVERFLOW)
    const key = values.join('\n')
    const known = this.#entries.get(key)
    if (known !== undefined) return known
    const created = this.#create(this.#label(values))
    this.#entries.set(key, created)
    return created
  }

  /** Absent values are left out, as Prometheus reads an empty label. */
  #label(values: LabelValues): Labels {
    const pairs = this.#labelNames.map((name, at) => [name, values[at]?.slice(0, LABEL_LENGTH_MAX)] as const)
    return Object.fromEntries(pairs.filter((pair): pair is [string, string] => pair[1] !== undefined))
  }
}

function isSame(left: LabelValues, right: LabelValues): boolean {
  for (let at = 0; at < right.length; at += 1) if (left[at] !== right[at]) return false
  return left.length === right.length
}

export class Counter {
  readonly #family: Family<Counted>

  constructor(labelNames: readonly string[], seriesMax: number = SERIES_MAX) {
    this.#family = new Family(labelNames, (labels) => ({ labels, value: 0 }), seriesMax)
  }

  add(amount: number, values: LabelValues): void {
    this.#family.of(values).value += amount
  }

  entries(): readonly Counted[] {
    return this.#family.entries()
  }
}

export class Distribution {
  readonly boundaries: readonly number[]
  readonly #family: Family<Distributed>

  constructor(labelNames: readonly string[], boundaries: readonly number[], seriesMax: number = SERIES_MAX) {
    this.boundaries = boundaries
    this.#family = new Family(
      labelNames,
      (labels) => ({
        labels,
        count: 0,
        sum: 0,
        bucketCounts: Array.from({ length: boundaries.length + 1 }, () => 0),
      }),
      seriesMax,
    )
  }

  record(value: number, values: LabelValues): void {
    const entry = this.#family.of(values)
    entry.count += 1
    entry.sum += value
    let bucket = 0
    while (bucket < this.boundaries.length && value > (this.boundaries[bucket] ?? Infinity)) bucket += 1
    entry.bucketCounts[bucket] = (entry.bucketCounts[bucket] ?? 0) + 1
  }

  entries(): readonly Distributed[] {
    return this.#family.entries()
  }
}
