/** One text for all ways of writing one JSON value: what two requests that mean the same have in common. */

import type { JsonValue } from '../std/json.ts'

/** Deeper values are not written; whoever asks leaves them alone. */
const DEPTH_MAX = 256

/** A number that a double does not hold as it was written, kept as its text. */
class ExactNumber {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

/** JSON in which every digit counts: `undefined` where the bytes are no JSON, or not UTF-8. */
export function parseExact(bytes: Uint8Array): unknown {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes)
    return HAS_LONG_NUMBER.test(text) ? JSON.parse(text, withDigits) : JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Fewer digits, and no exponent, are exact in a double. */
const HAS_LONG_NUMBER = /\d[\d.]{14}|\d[eE]/

function keepDigits(_key: string, value: unknown, context: { readonly source?: string }): unknown {
  if (typeof value !== 'number' || context.source === undefined) return value
  return String(value) === context.source ? value : new ExactNumber(context.source)
}

// Sound: the engine hands in the source text as well (ECMA-262, JSON.parse with source), which the type does not know.
const withDigits = keepDigits as (key: string, value: unknown) => unknown

/** Keys in order, no white space. Throws RangeError beyond all sensible depth. */
export function canonicalJson(value: unknown, depth = 0): string {
  if (depth > DEPTH_MAX) throw new RangeError(`The value is more than ${DEPTH_MAX} levels deep.`)
  if (value instanceof ExactNumber) return value.text
  if (Array.isArray(value)) return `[${value.map((item) => canonicalJson(item, depth + 1)).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  // Sound: what is no array and no null is an object of what JSON holds, or of what this function is given like it.
  const fields = value as Readonly<Record<string, JsonValue | undefined>>
  const written = Object.keys(fields)
    .filter((key) => fields[key] !== undefined)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonicalJson(fields[key], depth + 1)}`)
  return `{${written.join(',')}}`
}
