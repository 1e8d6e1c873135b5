/**
 * Adds up entries in columns by anything a report can ask for: for each block the entries that count, a number for what
 * each of them is told apart by, then the sums. Tags and texts come in at the end, when there are only groups left.
 */

import { type KeyIds, listOf } from '../../reports/key-ids.ts'
import type { SpendDimension, SpendQuery, SpendRow } from '../../reports/report-store.ts'
import { type Coder, coderOf, type Origins, type OriginWords, tagsIn, type Word } from './column-coders.ts'
import { isOwn, isTime, type TimeDimension } from './dimensions.ts'
import { type EntryColumns, FLAGS } from './entry-columns.ts'
import { firstOf, GroupSums, hashOf, Pairs, SUM, SUMS } from './groups.ts'

/** Of the groups, those of one pass. */
export interface Share {
  /** Which of them a group is of, by its word of this dimension. */
  readonly dimension: ShareDimension
  readonly place: number
  readonly of: number
}

export type ShareDimension = Exclude<SpendDimension, TimeDimension>

/** What blocks come to: add each of them, then ask. */
export class ColumnSums {
  readonly #query: SpendQuery
  readonly #filter: Filter
  readonly #coders: readonly Coder[]
  readonly #groups: Groups

  /** `share` absent: all groups. */
  constructor(query: SpendQuery, origins: Origins, share?: Share) {
    const counts = (tag: string | undefined) => share?.dimension !== 'tag' || isOf(share, tag)
    this.#query = query
    this.#filter = new Filter(query, origins, share)
    this.#coders = query.by.map((dimension) => coderOf(dimension, { origins, counts }))
    this.#groups = new Groups(query.by.length)
  }

  /** Entries beside the time may be among those of the block, which is not needed afterwards. */
  add(block: EntryColumns): void {
    const rows = this.#filter.rowsOf(block)
    if (rows.length === 0) return
    const codes = this.#coders.map((coder) => coder.codesOf(block, rows))
    addUp(this.#groups.sums, block, rows, this.#groups.groupsOf(codes, rows.length))
  }

  /** The groups that come first, as a report orders them. Asked for once, at the end. */
  rows(): readonly SpendRow[] {
    return rowsOf(this.#query, this.#coders, splitTags(this.#query.by, this.#coders, this.#groups))
  }
}

/** Which entries of a block count. */
class Filter {
  readonly #query: SpendQuery
  readonly #origins: Origins
  readonly #share: Share | undefined
  /** What is asked of origins: of each dimension one of these words. */
  readonly #wanted: readonly (readonly [ShareDimension, readonly string[]])[]
  readonly #all = new AllRows()

  constructor(query: SpendQuery, origins: Origins, share: Share | undefined) {
    this.#query = query
    this.#origins = origins
    this.#share = share
    // Sound: the names of `where` are dimensions.
    const wanted = Object.entries(query.where ?? {}) as [ShareDimension, KeyIds | undefined][]
    this.#wanted = wanted.flatMap(([name, words]) =>
      words === undefined || isOwn(name) ? [] : [[name, listOf(words)]],
    )
  }

  rowsOf(block: EntryColumns): Uint32Array {
    const passes = this.#passesOf(block)
    // Where a word stands nowhere in a block, nothing in it is looked at.
    if (passes.some(({ fits }) => !fits.includes(1))) return new Uint32Array(0)
    return passes.reduce((rows, pass) => rowsThrough(pass, rows), this.#inTime(block))
  }

  #passesOf(block: EntryColumns): readonly Pass[] {
    const { where = {} } = this.#query
    const { tag, session } = where
    const endUser = where['end-user']
    const wanted = this.#wanted
    return [
      ...(wanted.length === 0 ? [] : [this.#originPass(block, (words) => hasAll(words, wanted))]),
      ...(endUser === undefined ? [] : [endUserPass(block, (word) => word === endUser)]),
      ...(session === undefined ? [] : [sessionPass(block, (word) => word === session)]),
      ...(tag === undefined ? [] : [tagPass(block, (word) => word === tag)]),
      ...(this.#share === undefined ? [] : [this.#sharePass(block, this.#share)]),
    ]
  }

  #sharePass(block: EntryColumns, share: Share): Pass {
    const { dimension } = share
    const isShared = (word: string | undefined) => isOf(share, word)
    switch (dimension) {
      case 'session':
        return sessionPass(block, isShared)
      case 'end-user':
        return endUserPass(block, isShared)
      case 'tag':
        return tagPass(block, isShared)
      default:
        return this.#originPass(block, (words) => isShared(words?.[dimension]))
    }
  }

  #originPass(block: EntryColumns, isWanted: (words: OriginWords | undefined) => boolean): Pass {
    return passOf(block.origin, block.origins, (number) => isWanted(this.#origins.get(number)))
  }

  #inTime(block: EntryColumns): Uint32Array {
    const { fromMs, untilMs } = this.#query
    if (block.firstMs >= fromMs && block.lastMs < untilMs) return this.#all.upTo(block.count)
    const rows = new Uint32Array(block.count)
    const { atMs } = block
    let length = 0
    for (let row = 0; row < rows.length; row += 1) {
      const at = atMs[row] ?? 0
      if (at < fromMs || at >= untilMs) continue
      rows[length] = row
      length += 1
    }
    return rows.subarray(0, length)
  }
}

/** The numbers of rows, made once for many blocks. */
class AllRows {
  #rows = new Uint32Array()

  upTo(count: number): Uint32Array {
    if (count > this.#rows.length) this.#rows = new Uint32Array(count).map((_, row) => row)
    return this.#rows.subarray(0, count)
  }
}

/** What a column may say of a row: 1 at the places that fit. */
interface Pass {
  readonly column: Uint32Array
  readonly fits: Uint8Array
}

function rowsThrough({ column, fits }: Pass, rows: Uint32Array): Uint32Array {
  const through = new Uint32Array(rows.length)
  let length = 0
  for (let place = 0; place < rows.length; place += 1) {
    const row = rows[place] ?? 0
    if (fits[column[row] ?? 0] !== 1) continue
    through[length] = row
    length += 1
  }
  return through.subarray(0, length)
}

function passOf<Word>(column: Uint32Array, words: readonly Word[], isWanted: (word: Word) => boolean): Pass {
  return { column, fits: Uint8Array.from(words, (word) => (isWanted(word) ? 1 : 0)) }
}

type IsWanted = (word: string | undefined) => boolean

function endUserPass({ endUser, endUsers }: EntryColumns, isWanted: IsWanted): Pass {
  return passOf(endUser, [undefined, ...endUsers], isWanted)
}

function sessionPass({ session, sessions }: EntryColumns, isWanted: IsWanted): Pass {
  return passOf(session, [undefined, ...sessions], isWanted)
}

function tagPass({ tags, tagSets }: EntryColumns, isWanted: IsWanted): Pass {
  return passOf(tags, tagSets, (set) => tagsIn(set).some(isWanted))
}

function hasAll(
  words: OriginWords | undefined,
  wanted: readonly (readonly [ShareDimension, readonly string[]])[],
): boolean {
  return wanted.every(([name, accepted]) => accepted.some((word) => words?.[name] === word))
}

/** A word of none falls to the first share. */
function isOf({ place, of }: Share, word: string | undefined): boolean {
  return hashOf(word) % of === place
}

/** Groups by up to three numbers, and their sums. */
class Groups {
  readonly sums = new GroupSums()
  /** One pairs the first two numbers, the next that pair with the third. */
  readonly #pairs: readonly Pairs[]
  readonly #dimensions: number

  constructor(dimensions: number) {
    this.#dimensions = dimensions
    this.#pairs = Array.from({ length: Math.max(0, dimensions - 1) }, () => new Pairs())
  }

  /** Of each row; `codes` is written over. */
  groupsOf(codes: readonly Uint32Array[], count: number): Uint32Array {
    const groups = codes[0] ?? new Uint32Array(count)
    for (const [place, pairs] of this.#pairs.entries()) {
      const more = codes[place + 1] ?? groups
      for (let row = 0; row < count; row += 1) groups[row] = pairs.codeOf(groups[row] ?? 0, more[row] ?? 0)
    }
    return groups
  }

  groupOf(codes: readonly number[]): number {
    const [first = 0, ...others] = codes
    return others.reduce((group, code, place) => this.#pairs[place]?.codeOf(group, code) ?? group, first)
  }

  codesOf(group: number): readonly number[] {
    if (this.#dimensions === 0) return []
    const codes: number[] = []
    let left = group
    for (const pairs of this.#pairs.toReversed()) {
      codes.unshift(pairs.secondOf(left))
      left = pairs.firstOf(left)
    }
    return [left, ...codes]
  }
}

function addUp(sums: GroupSums, block: EntryColumns, rows: Uint32Array, groups: Uint32Array): void {
  const { costNano, inputTokens, outputTokens, flags } = block
  for (let place = 0; place < rows.length; place += 1) {
    const row = rows[place] ?? 0
    const start = sums.placeOf(groups[place] ?? 0)
    const { all } = sums
    const cost = costNano[row] ?? 0
    const flag = flags[row] ?? 0
    add(all, start + SUM.entries, 1)
    add(all, start + SUM.cost, cost)
    if ((flag & FLAGS.isWaste) !== 0) add(all, start + SUM.waste, cost)
    if ((flag & FLAGS.isEstimated) !== 0) add(all, start + SUM.estimated, cost)
    if ((flag & FLAGS.isUnpriced) !== 0) add(all, start + SUM.unpriced, 1)
    add(all, start + SUM.input, inputTokens[row] ?? 0)
    add(all, start + SUM.output, outputTokens[row] ?? 0)
  }
}

function add(all: Float64Array, place: number, value: number): void {
  all[place] = (all[place] ?? 0) + value
}

/** Groups of sets of tags become those of each tag: an entry counts once for each of its own. */
function splitTags(by: readonly SpendDimension[], coders: readonly Coder[], groups: Groups): Groups {
  const place = by.indexOf('tag')
  const coder = coders[place]
  if (coder?.split === undefined) return groups
  const parts = new Groups(by.length)
  for (let group = 0; group < groups.sums.count; group += 1) {
    const codes = groups.codesOf(group)
    for (const tag of coder.split(codes[place] ?? 0)) {
      const part = parts.sums.placeOf(parts.groupOf(codes.with(place, tag)))
      for (let sum = 0; sum < SUMS; sum += 1) add(parts.sums.all, part + sum, groups.sums.of(group, sum))
    }
  }
  return parts
}

/** The costliest first; where time is asked for, the earliest. */
function rowsOf({ by, rowsMax }: SpendQuery, coders: readonly Coder[], groups: Groups): readonly SpendRow[] {
  const { sums } = groups
  const time = by.findIndex((dimension) => isTime(dimension))
  const wordsOf = (group: number) => groups.codesOf(group).map((code, place) => coders[place]?.wordOf(code))
  const timeOf = (group: number) => (time < 0 ? 0 : Number(wordsOf(group)[time]))
  const compare = (one: number, other: number) =>
    timeOf(one) - timeOf(other) ||
    sums.of(other, SUM.cost) - sums.of(one, SUM.cost) ||
    compareWords(wordsOf(one), wordsOf(other))
  return firstOf(sums.count, rowsMax, compare).map((group) => ({
    group: wordsOf(group).map((word, place) => coders[place]?.textOf(word)),
    entries: sums.of(group, SUM.entries),
    costNanoUsd: sums.of(group, SUM.cost),
    wasteNanoUsd: sums.of(group, SUM.waste),
    estimatedNanoUsd: sums.of(group, SUM.estimated),
    unpriced: sums.of(group, SUM.unpriced),
    inputTokens: sums.of(group, SUM.input),
    outputTokens: sums.of(group, SUM.output),
  }))
}

/** In the order of a report: the texts of times are in theirs, too. */
export function compareRows(by: readonly SpendDimension[], one: SpendRow, other: SpendRow): number {
  const time = by.findIndex((dimension) => isTime(dimension))
  return (
    (time < 0 ? 0 : compareWords([one.group[time]], [other.group[time]])) ||
    other.costNanoUsd - one.costNanoUsd ||
    compareWords(one.group, other.group)
  )
}

/** None comes before all others. */
function compareWords(some: readonly Word[], others: readonly Word[]): number {
  for (const [place, one] of some.entries()) {
    const other = others[place]
    if (one === other) continue
    if (one === undefined) return -1
    if (other === undefined) return 1
    return one < other ? -1 : 1
  }
  return 0
}
