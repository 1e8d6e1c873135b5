/** Groups of a report, numbered in the order in which they turn up, and what is added up of each: numbers alone, since there may be millions. */

import { randomInt } from 'node:crypto'

/**
 * Whoever chooses the words does not know it, so he cannot make them all fall to one place, or to one pass. What is added
 * up is the same whatever it is.
 */
const FACTOR = randomInt(2 ** 32) | 1

/** Alike for a word wherever it stands; 0 for none. */
export function hashOf(word: string | undefined): number {
  let hash = 0
  if (word === undefined) return hash
  // Two letters at a time: what takes long is one product waiting for the one before it. Past the end there is none.
  for (let place = 0; place < word.length; place += 2)
    hash = Math.imul(hash ^ word.charCodeAt(place) ^ (word.charCodeAt(place + 1) << 16), FACTOR)
  return mixed(hash) >>> 0
}

/** Every bit of it has a say in every other (the last steps of MurmurHash3): short words would fall to few places, and passes. */
function mixed(hash: number): number {
  const once = Math.imul(hash ^ (hash >>> 16), 0x85_eb_ca_6b)
  const twice = Math.imul(once ^ (once >>> 13), 0xc2_b2_ae_35)
  return twice ^ (twice >>> 16)
}

/** Numbers times in the order in which they turn up: there are few. */
export class NumberedTimes {
  readonly all: number[] = []
  readonly #codes = new Map<number, number>()

  codeOf(time: number): number {
    const known = this.#codes.get(time)
    if (known !== undefined) return known
    const code = this.all.length
    this.#codes.set(time, code)
    this.all.push(time)
    return code
  }
}

/** The same for words, `undefined` among them: of half a million a `Map` takes four times as long. */
export class NumberedWords {
  readonly all: (string | undefined)[] = []
  readonly #slots = new Slots()

  codeOf(word: string | undefined): number {
    const slots = this.#slots
    const hash = hashOf(word) | 0
    let slot = slots.first(hash)
    for (let code = slots.codeAt(slot); code >= 0; code = slots.codeAt(slot)) {
      if (slots.hashAt(slot) === hash && this.all[code] === word) return code
      slot = slots.next(slot)
    }
    const added = this.all.push(word) - 1
    slots.put(slot, hash, added)
    return added
  }
}

/**
 * A table of codes with open places, at most three quarters full: a larger one costs more by lying outside of what is near
 * the processor than it saves. Hashes stand in it, so that it grows without a look elsewhere.
 */
class Slots {
  /** Of each place the hash, then the code and one, or 0 where nothing is. */
  #pairs = new Int32Array(2 * 4_096)
  #count = 0

  first(hash: number): number {
    return (hash * 2) & (this.#pairs.length - 1)
  }

  next(slot: number): number {
    return (slot + 2) & (this.#pairs.length - 1)
  }

  hashAt(slot: number): number {
    return this.#pairs[slot] ?? 0
  }

  /** Below 0 where nothing is. */
  codeAt(slot: number): number {
    return (this.#pairs[slot + 1] ?? 0) - 1
  }

  /** Slots are others afterwards. */
  put(slot: number, hash: number, code: number): void {
    this.#set(slot, hash, code)
    this.#count += 1
    if (this.#count * 8 > this.#pairs.length * 3) this.#spread()
  }

  #set(slot: number, hash: number, code: number): void {
    this.#pairs[slot] = hash
    this.#pairs[slot + 1] = code + 1
  }

  /** Over twice as many places, in the order of the old ones: each goes to its own or to one in the other half. */
  #spread(): void {
    const before = this.#pairs
    this.#pairs = new Int32Array(before.length * 2)
    for (let place = 0; place < before.length; place += 2) {
      const code = (before[place + 1] ?? 0) - 1
      if (code < 0) continue
      const hash = before[place] ?? 0
      let slot = this.first(hash)
      while (this.codeAt(slot) >= 0) slot = this.next(slot)
      this.#set(slot, hash, code)
    }
  }
}

function longer(list: Float64Array, length: number): Float64Array<ArrayBuffer> {
  const copy = new Float64Array(length)
  copy.set(list)
  return copy
}

/** More groups than a report can have; two such numbers fit into one that is exact. */
const CODES_MAX = 2 ** 26
/** An odd number with its bits well mixed. */
const MIX = 0x9e3779b1

/** Numbers pairs of numbers. */
export class Pairs {
  /** By code: `first * CODES_MAX + second`. */
  #keys = new Float64Array(1_024)
  readonly #slots = new Slots()
  readonly #grid = new Grid()
  #count = 0

  codeOf(first: number, second: number): number {
    const known = this.#grid.codeAt(first, second)
    if (known >= 0) return known
    const code = this.#codeOf(first, second)
    this.#grid.put(first, second, code)
    return code
  }

  #codeOf(first: number, second: number): number {
    const key = first * CODES_MAX + second
    const slots = this.#slots
    const hash = hashOfPair(first, second)
    let slot = slots.first(hash)
    for (let code = slots.codeAt(slot); code >= 0; code = slots.codeAt(slot)) {
      if (this.#keys[code] === key) return code
      slot = slots.next(slot)
    }
    const added = this.#count
    this.#count += 1
    if (added === this.#keys.length) this.#keys = longer(this.#keys, added * 2)
    this.#keys[added] = key
    slots.put(slot, hash, added)
    return added
  }

  firstOf(code: number): number {
    return Math.floor((this.#keys[code] ?? 0) / CODES_MAX)
  }

  secondOf(code: number): number {
    return (this.#keys[code] ?? 0) % CODES_MAX
  }
}

/** Places of a grid: 4 MiB, which is near the processor. */
const PLACES_MAX = 2 ** 20

/** Codes of pairs by both of their numbers, as far as there is room: found there sooner than by a hash. */
class Grid {
  /** Row by row, for each place the code and one, or 0 where nothing is. */
  #codes = new Int32Array(0)
  /** Powers of two, or 0. */
  #rows = 0
  #columns = 0

  /** Below 0 where nothing is. */
  codeAt(row: number, column: number): number {
    if (row >= this.#rows || column >= this.#columns) return -1
    return (this.#codes[row * this.#columns + column] ?? 0) - 1
  }

  put(row: number, column: number, code: number): void {
    if ((row >= this.#rows || column >= this.#columns) && !this.#grow(row, column)) return
    this.#codes[row * this.#columns + column] = code + 1
  }

  #grow(row: number, column: number): boolean {
    const rows = Math.max(this.#rows, 2 ** Math.ceil(Math.log2(row + 1)))
    const columns = Math.max(this.#columns, 2 ** Math.ceil(Math.log2(column + 1)))
    if (rows * columns > PLACES_MAX) return false
    const codes = new Int32Array(rows * columns)
    for (let before = 0; before < this.#rows; before += 1) {
      const start = before * this.#columns
      codes.set(this.#codes.subarray(start, start + this.#columns), before * columns)
    }
    this.#codes = codes
    this.#rows = rows
    this.#columns = columns
    return true
  }
}

function hashOfPair(first: number, second: number): number {
  return mixed(Math.imul(Math.imul(first, FACTOR) ^ second, MIX))
}

/** Places of the sums of a group. */
export const SUM = { entries: 0, cost: 1, waste: 2, estimated: 3, unpriced: 4, input: 5, output: 6 } as const
export const SUMS = 7

/** Sums by group, side by side. */
export class GroupSums {
  #sums = new Float64Array(1_024 * SUMS)
  count = 0

  /** Where the sums of a group begin in `all`, which is another one after every call. */
  placeOf(group: number): number {
    if (group >= this.count) this.#grow(group + 1)
    return group * SUMS
  }

  get all(): Float64Array {
    return this.#sums
  }

  of(group: number, sum: number): number {
    return this.#sums[group * SUMS + sum] ?? 0
  }

  #grow(count: number): void {
    this.count = count
    if (count * SUMS <= this.#sums.length) return
    this.#sums = longer(this.#sums, Math.max(count * SUMS, this.#sums.length * 2))
  }
}

/** The first so many of `0 .. count - 1`, in order, without sorting the rest. */
export function firstOf(
  count: number,
  wanted: number,
  compare: (one: number, other: number) => number,
): readonly number[] {
  let kept: number[] = []
  let last: number | undefined
  for (let one = 0; one < count; one += 1) {
    if (last !== undefined && compare(one, last) >= 0) continue
    kept.push(one)
    if (kept.length < wanted * 2 + 1_024) continue
    kept = kept.sort(compare).slice(0, wanted)
    last = kept.at(-1)
  }
  return kept.sort(compare).slice(0, wanted)
}
