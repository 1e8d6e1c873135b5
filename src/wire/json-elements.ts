/** Changes elements of a JSON array in place: those that stay keep every byte. For text that has been validated. */

import type { Span } from '../canonical/envelope.ts'
import { asBuffer } from './bytes.ts'

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const OPEN = new Set(Buffer.from('[{'))
const CLOSE = new Set(Buffer.from(']}'))
const SPACE = new Set(Buffer.from(' \n\r\t'))

/** What becomes of an element: `keep` it, `drop` it, or say `text` instead. */
export type ElementChange =
  | { readonly type: 'keep' }
  | { readonly type: 'drop' }
  | { readonly type: 'say'; readonly text: string }

export const KEEP: ElementChange = { type: 'keep' }
export const DROP: ElementChange = { type: 'drop' }

export interface ChangedArray {
  readonly text: string
  /** How many elements are left. */
  readonly count: number
}

/** The array with its elements changed; `undefined` where all stay as they are. `span` holds an array of `body`. */
export function changeElements(
  body: Uint8Array,
  span: Span,
  change: (element: Span) => ElementChange,
): ChangedArray | undefined {
  const bytes = asBuffer(body)
  const texts: string[] = []
  let isChanged = false
  for (const element of elementSpans(bytes, span)) {
    const made = change(element)
    if (made.type !== 'keep') isChanged = true
    if (made.type === 'say') texts.push(made.text)
    else if (made.type === 'keep') texts.push(bytes.toString('utf8', element.start, element.end))
  }
  return isChanged ? { text: `[${texts.join(',')}]`, count: texts.length } : undefined
}

/** Where the elements of an array stand, white space around them left out. */
export function elementSpans(bytes: Buffer, { start, end }: Span): readonly Span[] {
  const spans: Span[] = []
  let depth = 0
  let from = start + 1
  for (let at = start + 1; at < end; at += 1) {
    const byte = bytes[at] ?? 0
    if (byte === QUOTE) at = endOfString(bytes, at)
    else if (OPEN.has(byte)) depth += 1
    else if (CLOSE.has(byte) && depth > 0) depth -= 1
    else if (depth === 0 && (byte === COMMA || at === end - 1)) {
      const element = trimmed(bytes, { start: from, end: at })
      if (element.start < element.end) spans.push(element)
      from = at + 1
    }
  }
  return spans
}

/** The index of the quote that ends the string which begins at `start`. */
function endOfString(bytes: Buffer, start: number): number {
  let quote = bytes.indexOf(QUOTE, start + 1)
  while (quote >= 0 && isEscaped(bytes, quote)) quote = bytes.indexOf(QUOTE, quote + 1)
  return quote < 0 ? bytes.length : quote
}

function isEscaped(bytes: Buffer, quote: number): boolean {
  let at = quote - 1
  while (bytes[at] === BACKSLASH) at -= 1
  return (quote - at) % 2 === 0
}

function trimmed(bytes: Buffer, { start, end }: Span): Span {
  let first = start
  let last = end
  while (first < last && SPACE.has(bytes[first] ?? 0)) first += 1
  while (last > first && SPACE.has(bytes[last - 1] ?? 0)) last -= 1
  return { start: first, end: last }
}
