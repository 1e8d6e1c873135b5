/** Numbers for what entries in columns are told apart by, the same in every block, and the words they stand for. */

import type { SpendDimension } from '../../reports/report-store.ts'
import type { EntryColumns } from './entry-columns.ts'
import { NumberedTimes, NumberedWords } from './groups.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/** What the numbers of origins stand for; nothing where an entry has none. */
export type Origins = ReadonlyMap<number, OriginWords>
export type OriginWords = Readonly<Partial<Record<SpendDimension, string>>>

/** What a group is ordered by: times are in ms. */
export type Word = string | number | undefined

export interface Coder {
  /** One for each of the rows, in a list of its own. */
  codesOf(block: EntryColumns, rows: Uint32Array): Uint32Array
  wordOf(code: number): Word
  textOf(word: Word): string | undefined
  /** The numbers of all that one number stands for; from then on `wordOf` is asked for these. */
  split?(code: number): readonly number[]
}

export interface CoderOptions {
  readonly origins: Origins
  /** Whether a tag of a set counts: each of them is a group. */
  readonly counts: (tag: string | undefined) => boolean
}

export function coderOf(dimension: SpendDimension, { origins, counts }: CoderOptions): Coder {
  switch (dimension) {
    case 'hour':
      return timeCoder(HOUR_MS, (atMs) => atMs)
    case 'day':
      return timeCoder(DAY_MS, (atMs) => atMs)
    case 'month':
      return timeCoder(DAY_MS, monthOf)
    case 'end-user':
      return wordCoder(({ endUser, endUsers }) => ({ column: endUser, words: [undefined, ...endUsers] }))
    case 'session':
      return wordCoder(({ session, sessions }) => ({ column: session, words: [undefined, ...sessions] }))
    case 'tag':
      return tagCoder(counts)
    default:
      return originCoder(dimension, origins)
  }
}

interface WordColumn {
  readonly column: Uint32Array
  readonly words: readonly (string | undefined)[]
}

/** Words that stand in no row that counts get no number: each number is a group. */
function wordCoder(columnOf: (block: EntryColumns) => WordColumn): Coder {
  const numbered = new NumberedWords()
  return {
    codesOf: (block, rows) => {
      const { column, words } = columnOf(block)
      const codes = new Int32Array(words.length).fill(-1)
      const coded = new Uint32Array(rows.length)
      // Not with `map`: it would call a function for each of a million entries.
      for (let place = 0; place < rows.length; place += 1) {
        const word = column[rows[place] ?? 0] ?? 0
        let code = codes[word] ?? -1
        if (code < 0) codes[word] = code = numbered.codeOf(words[word])
        coded[place] = code
      }
      return coded
    },
    wordOf: (code) => numbered.all[code],
    textOf: textOfWord,
  }
}

function tagCoder(counts: (tag: string | undefined) => boolean): Coder {
  const sets = wordCoder(({ tags, tagSets }) => ({ column: tags, words: tagSets }))
  const numbered = new NumberedWords()
  return {
    codesOf: (block, rows) => sets.codesOf(block, rows),
    wordOf: (code) => numbered.all[code],
    textOf: textOfWord,
    split: (code) =>
      tagsIn(String(sets.wordOf(code)))
        .filter((tag) => counts(tag))
        .map((tag) => numbered.codeOf(tag)),
  }
}

/** None is a word, too: of entries that have no tag. */
export function tagsIn(set: string): readonly (string | undefined)[] {
  // Sound: what a store wrote of the tags of an entry.
  const tags = JSON.parse(set) as readonly string[]
  return tags.length === 0 ? [undefined] : tags
}

function originCoder(dimension: SpendDimension, all: Origins): Coder {
  return wordCoder(({ origin, origins }) => ({
    column: origin,
    words: origins.map((number) => all.get(number)?.[dimension]),
  }))
}

/** Entries come about in the order of time: most are in the same hour as the one before them. */
function timeCoder(unitMs: number, startOf: (atMs: number) => number): Coder {
  const numbered = new NumberedTimes()
  return {
    codesOf: ({ atMs }, rows) => {
      let lastUnit = Number.NaN
      let lastCode = 0
      const coded = new Uint32Array(rows.length)
      for (let place = 0; place < rows.length; place += 1) {
        const unit = Math.floor((atMs[rows[place] ?? 0] ?? 0) / unitMs)
        if (unit !== lastUnit) lastCode = numbered.codeOf(startOf(unit * unitMs))
        lastUnit = unit
        coded[place] = lastCode
      }
      return coded
    },
    wordOf: (code) => numbered.all[code],
    textOf: (word) => new Date(Number(word)).toISOString(),
  }
}

function monthOf(atMs: number): number {
  const date = new Date(atMs)
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), 1)
}

function textOfWord(word: Word): string | undefined {
  return word === undefined ? undefined : String(word)
}
