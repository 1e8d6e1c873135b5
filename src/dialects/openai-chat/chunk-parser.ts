/**
 * Parses the events of one stream. Most of them are the event before with another piece of text in one place, and need not be
 * parsed anew: the text around that place is compared, which costs a fraction of parsing it.
 */

import { arrayOf, type JsonObject, objectOf, parseJson } from '../../std/json.ts'
import { exceedsDepth } from './json-depth.ts'

/** Characters below which no event can be nested deep enough to trouble anyone. */
const SHALLOW_CHARS = 2048
/** Events that are taken for the likeness of the next ones in vain, before the stream is held to be one without any. */
const VAIN_MAX = 4
/** In place of a text, to see that it is the text which stands there. */
const PROBE = 'holdfast'
/** What the models of the field call the text that comes in pieces. */
const TEXT_FIELDS = ['content', 'reasoning_content', 'reasoning'] as const
/** A string of chance that OpenAI puts at the end of each event, to hide how long its text is. */
const PADDING = 'obfuscation'

type TextField = (typeof TEXT_FIELDS)[number]

/** An event with a place for the text of its only choice, and perhaps one for its padding. */
interface Likeness {
  readonly value: JsonObject
  readonly choice: JsonObject
  readonly delta: JsonObject
  readonly field: TextField
  /** Up to and with the quote that begins the text. */
  readonly head: string
  /** From the quote that ends it: to the end, or up to and with the quote that begins the padding. */
  readonly middle: string
  /** From the quote that ends the padding; absent where there is none. */
  readonly tail?: string
}

export class ChunkParser {
  #likeness: Likeness | undefined
  #vain = 0

  /** As `JSON.parse` has it; `undefined` where it is no JSON, no object, or nested too deep. The value shares parts with others. */
  parse(data: string): JsonObject | undefined {
    const alike = this.#likeness && another(this.#likeness, data)
    if (alike !== undefined) {
      this.#vain = 0
      return alike
    }
    const value = parseWhole(data)
    if (value !== undefined && this.#vain < VAIN_MAX) this.#learn(data, value)
    return value
  }

  #learn(data: string, value: JsonObject): void {
    const likeness = likenessOf(data, value)
    if (likeness === undefined) return
    this.#likeness = likeness
    this.#vain += 1
  }
}

function parseWhole(data: string): JsonObject | undefined {
  const value = objectOf(parseJson(data))
  return value !== undefined && data.length > SHALLOW_CHARS && exceedsDepth(data) ? undefined : value
}

/** What such an event says, where it is one. Slices are compared, since `startsWith` looks at each character of some strings by itself. */
function another(
  { value, choice, delta, field, head, middle, tail }: Likeness,
  data: string,
): JsonObject | undefined {
  if (data.slice(0, head.length) !== head) return undefined
  const end = data.indexOf('"', head.length)
  if (end === -1 || data.slice(end, end + middle.length) !== middle) return undefined
  const text = data.slice(head.length, end)
  if (!isPlain(text)) return undefined
  const rest = end + middle.length
  let padding: string | undefined
  if (tail === undefined) {
    if (rest !== data.length) return undefined
  } else {
    const paddingEnd = data.length - tail.length
    if (paddingEnd < rest || !data.endsWith(tail)) return undefined
    padding = data.slice(rest, paddingEnd)
    if (padding.includes('"') || !isPlain(padding)) return undefined
  }
  const said = { ...delta, [field]: text }
  const choices = [{ ...choice, delta: said }]
  return padding === undefined ? { ...value, choices } : { ...value, choices, [PADDING]: padding }
}

/** Whether it stands in JSON as it is, if there is no quote in it. */
function isPlain(text: string): boolean {
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code < FIRST_PLAIN || code === BACKSLASH) return false
  }
  return true
}

const FIRST_PLAIN = 0x20
const BACKSLASH = 0x5c

function likenessOf(data: string, value: JsonObject): Likeness | undefined {
  const { [PADDING]: padding } = value
  const choice = onlyChoice(value)
  const delta = objectOf(choice?.['delta'])
  if (choice === undefined || delta === undefined) return undefined
  const field = TEXT_FIELDS.find((name) => isText(delta[name]))
  const text = field === undefined ? undefined : placeOf(data, field, delta[field])
  if (field === undefined || text === undefined) return undefined
  const padded = padding === undefined ? undefined : placeOf(data, PADDING, padding)
  if (padding !== undefined && (padded === undefined || padded.start < text.end)) return undefined
  const likeness = {
    value,
    choice,
    delta,
    field,
    head: data.slice(0, text.start),
    middle: data.slice(text.end, padded?.start),
    ...(padded && { tail: data.slice(padded.end) }),
  }
  return isTrue(likeness) ? likeness : undefined
}

function onlyChoice({ choices }: JsonObject): JsonObject | undefined {
  const [first, second] = arrayOf(choices)
  return second === undefined ? objectOf(first) : undefined
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value !== PROBE
}

/** Where the text of such a name stands in the event, if it stands there as it is. */
function placeOf(
  data: string,
  name: string,
  text: unknown,
): { readonly start: number; readonly end: number } | undefined {
  if (!isText(text)) return undefined
  for (const before of [`"${name}":"`, `"${name}": "`]) {
    const found = data.indexOf(`${before}${text}"`)
    const start = found + before.length
    if (found !== -1) return { start, end: start + text.length }
  }
  return undefined
}

/** The same words may stand elsewhere in the event, or be said twice: only what changes with the place is its text. */
function isTrue({ field, head, middle, tail }: Likeness): boolean {
  const probed = parseWhole(`${head}${PROBE}${middle}${tail === undefined ? '' : `${PROBE}${tail}`}`)
  const delta = probed && objectOf(onlyChoice(probed)?.['delta'])
  return delta?.[field] === PROBE && (tail === undefined || probed?.[PADDING] === PROBE)
}
