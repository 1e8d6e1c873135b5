/**
 * What a played model says: words of one length, each with the mark of the request it answers, the voice that says it and
 * its number in the answer. So any text tells by itself where it comes from, and whether something is missing in it.
 */

/** Characters of one word; a whole number of simulated tokens, so that an event holds whole words. */
export const WORD_LENGTH = 16
export const TOKENS_PER_WORD = 4
/** Words of an answer at most: their number has three digits of base 36. */
export const WORDS_MAX = 46_655
const TAG_LENGTH = 6
const VOICE_LENGTH = 4
/** One character of two bytes in UTF-8: slices of a stream go through the middle of it. */
const END = '·'
const BASE = 36

/** What a template holds in place of tag and voice; as long as both. */
export const PLACEHOLDER = '@@@@@@_@@@@'
/** The voice of answers that every target gives alike. */
export const SAME_VOICE = voiceOf(0)

export function tagOf(number: number): string {
  return number.toString(BASE).padStart(TAG_LENGTH, '0')
}

export function voiceOf(number: number): string {
  return number.toString(BASE).padStart(VOICE_LENGTH, '0').slice(-VOICE_LENGTH)
}

/** The words `from` to `until` with a placeholder for who says them. */
export function templateWords(from: number, until: number): string {
  let text = ''
  for (let index = from; index < until; index += 1)
    text += `${PLACEHOLDER}_${index.toString(BASE).padStart(3, '0')}${END}`
  return text
}

/** A run of words that one voice said in order, as found in a text. */
export interface WordRun {
  readonly tag: string
  readonly voice: string
  readonly from: number
  readonly until: number
}

export type ReadWords =
  | { readonly type: 'words'; readonly runs: readonly WordRun[] }
  /** Where in the text something is no word: cut, doubled in part, or foreign. */
  | { readonly type: 'broken'; readonly at: number }

const WORD = /^([0-9a-z]{6})_([0-9a-z]{4})_([0-9a-z]{3})·$/

export function readWords(text: string): ReadWords {
  const runs: { tag: string; voice: string; from: number; until: number }[] = []
  for (let at = 0; at < text.length; at += WORD_LENGTH) {
    const [, tag, voice, digits] = WORD.exec(text.slice(at, at + WORD_LENGTH)) ?? []
    if (tag === undefined || voice === undefined || digits === undefined) return { type: 'broken', at }
    const index = Number.parseInt(digits, BASE)
    const last = runs.at(-1)
    if (last?.tag === tag && last.voice === voice && last.until === index) last.until += 1
    else runs.push({ tag, voice, from: index, until: index + 1 })
  }
  return { type: 'words', runs }
}
