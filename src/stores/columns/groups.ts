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
  for (let place = 0; place < word.length; place += 1) hash = Math.imul(hash ^ word.charCodeAt(place), FACTOR)
  return mixed(hash) >>> 0
}

function mixed(hash: number): number {
  return hash ^ (hash >>> 15)
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
  /** Of each word, by its code. */
  #hashes = new Uint32Array(1_024)

  codeOf(word: string | undefined): number {
    const hash = hashOf(word)
    const slots = this.#slots
    let slot = slots.first(hash)
    for (let code = slots.at(slot); code >= 0; code = slots.at(slot)) {
      if (this.#hashes[code] === hash && this.all[code] === word) return code
      slot = slots.next(slot)
    }
    const added = this.all.push(word) - 1
    if (added === this.#hashes.length) this.#hashes = longer(this.#hashes, new Uint32Array(added * 2))
    this.#hashes[added] = hash
    slots.put(slot, added)
    if (slots.isHalfFull(this.all.length)) slots.spread(this.all.length, (code) => this.#hashes[code] ?? 0)
    return added
  }
}

/** A table of codes with open places, at most half full. */
class Slots {
  /** The code and one, 0 where nothing is. */
  #codes = new Int32Array(4_096)

  first(hash: number): number {
    return hash & (this.#codes.length - 1)
  }

  next(slot: number): number {
    return (slot + 1) & (this.#codes.length - 1)
  }

  /** Below 0 where nothing is. */
  at(slot: number): number {
    return (this.#codes[slot] ?? 0) - 1
  }

  put(slot: number, code: number): void {
    this.#codes[slot] = code + 1
  }

  isHalfFull(count: number): boolean {
    return count * 2 > this.#codes.length
  }

  /** Over twice as many places. */
  spread(count: number, hashOf: (code: number) => number): void {
    this.#codes = new Int32Array(this.#codes.length * 2)
    for (let code = 0; code < count; code += 1) {
      let slot = this.first(hashOf(code))
      while (this.at(slot) >= 0) slot = this.next(slot)
      this.put(slot, code)
    }
  }
}

function longer<List extends Float64Array | Uint32Array>(list: List, into: List): List {
  into.set(list)
  return into
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
  #count = 0

  codeOf(first: number, second: number): number {
    const key = first * CODES_MAX + second
    const slots = this.#slots
    let slot = slots.first(hashOfPair(first, second))
    for (let code = slots.at(slot); code >= 0; code = slots.at(slot)) {
      if (this.#keys[code] === key) return code
      slot = slots.next(slot)
    }
    const added = this.#count
    this.#count += 1
    if (added === this.#keys.length) this.#keys = longer(this.#keys, new Float64Array(added * 2))
    this.#keys[added] = key
    slots.put(slot, added)
    if (slots.isHalfFull(this.#count))
      slots.spread(this.#count, (code) => hashOfPair(this.firstOf(code), this.secondOf(code)))
    return added
  }

  firstOf(code: number): number {
    return Math.floor((this.#keys[code] ?? 0) / CODES_MAX)
  }

  secondOf(code: number): number {
    return (this.#keys[code] ?? 0) % CODES_MAX
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
    const sums = new Float64Array(Math.max(count * SUMS, this.#sums.length * 2))
    sums.set(this.#sums)
    this.#sums = sums
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
