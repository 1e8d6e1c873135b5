/**
 * Finds what a body holds beside its text: pictures, sound and files as base64, over all dialects. They stand in a data URL
 * (OpenAI) or in a field named `data` (Anthropic, Google, OpenAI's sound), and are the whole of their string.
 */

import type { Span } from '../canonical/envelope.ts'
import { asBuffer, indexOrLength } from '../wire/bytes.ts'

export interface InlineData extends Span {
  readonly isPicture: boolean
}

const QUOTE = 0x22
const COMMA = 0x2c
/** With the escapes that some encoders make of slashes and of ends of lines. */
const ALPHABET = new Uint8Array(256)
for (const byte of Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=\\'))
  ALPHABET[byte] = 1
/** What stands before the data, of a data URL or of a field; behind an escaped quote it is but the text of somebody's JSON. */
const HEAD = /(?<!\\)"(?:data"\s*:\s*"|data:(?<type>[^",]*);base64,)$/
const HEAD_BYTES_MAX = 256
/** How files of PNG, JPEG, GIF and WebP begin. */
const PICTURE = /^(?:iVBOR|\\?\/9j|R0lGO|UklGR.{7}RUJQ)/
const PICTURE_BYTES = 16
/** An estimate needs not every byte; no length of a line that anybody uses is a multiple of it. */
const SAMPLE_EVERY_BYTES = 61

/**
 * Pieces of `bytesMin` bytes or more, in order. Text is looked at in one place in so many bytes, and only data is gone
 * through, natively or by samples: nothing is looked at twice.
 */
export function findInlineData(body: Uint8Array, bytesMin: number): readonly InlineData[] {
  const bytes = asBuffer(body)
  const found: InlineData[] = []
  let passed = 0
  // What is as long as that stands on one of these places.
  for (let place = bytesMin; place < bytes.length; place = passed + bytesMin) {
    const data = dataAround(bytes, place, passed)
    if (data !== undefined && data.end - data.start >= bytesMin) found.push(data)
    passed = data?.end ?? place
  }
  return found
}

function dataAround(bytes: Buffer, place: number, passed: number): InlineData | undefined {
  if (!isOfAlphabet(bytes, place)) return undefined
  let start = place
  while (start > passed && isOfAlphabet(bytes, start - 1)) start -= 1
  const before = bytes[start - 1]
  if (before !== QUOTE && before !== COMMA) return undefined
  const head = HEAD.exec(bytes.toString('latin1', Math.max(0, start - HEAD_BYTES_MAX), start))
  if (head === null) return undefined
  const end = indexOrLength(bytes, QUOTE, start)
  for (let at = start; at < end; at += SAMPLE_EVERY_BYTES) if (!isOfAlphabet(bytes, at)) return undefined
  const isPicture =
    head.groups?.['type']?.startsWith('image') === true ||
    PICTURE.test(bytes.toString('latin1', start, start + PICTURE_BYTES))
  return { start, end, isPicture }
}

/** For positions known to be inside. */
function isOfAlphabet(bytes: Buffer, position: number): boolean {
  return ALPHABET[bytes[position] as number] === 1
}
