/** Takes secrets out of a body before it is kept, and leaves JSON what it was: JSON. */

import { isUtf8 } from 'node:buffer'
import { isJsonObject, parseJson } from '../std/json.ts'
import type { KeptBody } from './kept-bodies.ts'

export type Redact = (text: string) => string

/** A letter written as an escape hides a secret from whoever looks for its letters. */
const HIDDEN_LETTER = /\\u00[2-7][0-9a-f]/i

export interface RedactRules {
  readonly redact: Redact
  /** Of what is kept; the rest is cut off. */
  readonly bytesMax: number
}

/** `bytes`: of the whole of it, of which `body` may be only the beginning. */
export function redactBody(body: Uint8Array, bytes: number, { redact, bytesMax }: RedactRules): KeptBody {
  const buffer = Buffer.from(body.buffer, body.byteOffset, body.length)
  // Whatever the bytes are, each is a character of latin1, and secrets are of ASCII.
  const encoding = isUtf8(buffer) ? 'utf8' : 'latin1'
  const text = buffer.toString(encoding)
  const redacted = redactText(text, redact)
  if (redacted === undefined) return { type: 'left-out', reason: 'unsafe', bytes }
  const isRedacted = redacted !== text
  // Cut only now, so that no half of a secret is left at the end.
  const kept = isRedacted ? Buffer.from(redacted, encoding) : buffer
  const isCut = bytes > body.length || kept.length > bytesMax
  return { type: 'kept', body: kept.subarray(0, bytesMax), bytes, isRedacted, isCut }
}

/** `undefined` where secrets cannot be taken out of it. */
function redactText(text: string, redact: Redact): string | undefined {
  const redacted = redact(text)
  const isHiding = HIDDEN_LETTER.test(text)
  if (redacted === text && !isHiding) return text
  const value = parseJson(text)
  if (value === undefined) return redacted
  if (!isHiding && parseJson(redacted) !== undefined) return redacted
  try {
    const anew = JSON.stringify(redactValue(value, redact))
    return anew === JSON.stringify(value) ? text : anew
  } catch {
    // Nested beyond what can be walked through.
    return undefined
  }
}

function redactValue(value: unknown, redact: Redact): unknown {
  if (typeof value === 'string') return redact(value)
  if (Array.isArray(value)) return value.map((item) => redactValue(item, redact))
  if (!isJsonObject(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, field]) => [redact(name), redactValue(field, redact)]),
  )
}
