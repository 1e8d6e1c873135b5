/**
 * JSON whose whole numbers keep their digits. Arguments of calls are objects in this dialect and text in every other, so
 * that they are parsed and printed on the way; an id of 19 digits must come out as the model wrote it.
 */

import { parseJson } from '../../std/json.ts'

/** Whole numbers of 16 digits and more may be beyond those that JavaScript counts exactly. */
const LONG_NUMBER = /[:,[\s]-?\d{16}/

/** As `parseJson`; numbers that JavaScript would round stand as text that prints without quotes. */
export function parseExactly(text: string): unknown {
  if (!hasLongNumber(text)) return parseJson(text)
  try {
    return json.parse(text, keepDigits)
  } catch {
    return undefined
  }
}

interface Context {
  /** As the value was spelled. */
  readonly source?: string
}

interface SourceTextJson {
  parse(text: string, revive: (name: string, value: unknown, context: Context) => unknown): unknown
  rawJSON(text: string): unknown
}

/** Sound: ECMAScript's source text access, which TypeScript does not describe yet. */
const json = JSON as unknown as SourceTextJson

function keepDigits(_name: string, value: unknown, { source }: Context): unknown {
  const isRounded = typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value)
  return isRounded && source !== undefined && /^-?\d+$/.test(source) ? json.rawJSON(source) : value
}

/** Whether the text may hold such numbers at all. */
export function hasLongNumber(text: string): boolean {
  return LONG_NUMBER.test(text)
}
