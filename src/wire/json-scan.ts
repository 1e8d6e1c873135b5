/**
 * Finds the top-level fields of a JSON object without decoding it. The whole text is held against RFC 8259, so that a
 * body that passes here is one that `JSON.parse` takes; nothing is allocated but the fields' names. What is refused is
 * said with its byte position and never with the text itself.
 */

import { isUtf8 } from 'node:buffer'
import type { Span } from '../canonical/envelope.ts'
import { asBuffer } from './bytes.ts'
import { JsonScanError } from './json-scan-error.ts'
import { JsonStrings } from './json-string.ts'
import { firstInvalidUtf8 } from './utf8.ts'

export { JsonScanError } from './json-scan-error.ts'

export interface JsonScanLimits {
  /** Objects and arrays inside each other, the outermost counted. Default 64 (SEC-30). */
  readonly depthMax?: number
  /** Keys of all objects together. Default 100,000. */
  readonly keysMax?: number
  /** Elements of all arrays together. Default 500,000: embeddings take up to 300,000 tokens in a request. */
  readonly elementsMax?: number
}

export interface JsonFields {
  /** Where the value of each top-level field stands, by the field's name with its escapes undone. */
  readonly fields: ReadonlyMap<string, Span>
  /** The first byte after the opening brace. */
  readonly bodyStart: number
}

/** Fields of the outermost object: no API has more than some dozens. */
const TOP_FIELDS_MAX = 1_000

const JSON_DEPTH_MAX = 64
const JSON_KEYS_MAX = 100_000
const JSON_ELEMENTS_MAX = 500_000

/** Allowed nowhere in JSON. */
const REFUSED_BYTE = Buffer.of(0)
const SPACE = 0x20
const QUOTE = 0x22
const PLUS = 0x2b
const COMMA = 0x2c
const MINUS = 0x2d
const DOT = 0x2e
const ZERO = 0x30
const NINE = 0x39
const COLON = 0x3a
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const LETTER_E = 0x65
const LETTER_F = 0x66
const LETTER_N = 0x6e
const LETTER_T = 0x74
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
/** Sets the bit that tells upper from lower case in ASCII letters. */
const CASE_BIT = 0x20
const TRUE = Buffer.from('true')
const FALSE = Buffer.from('false')
const NULL = Buffer.from('null')

/** Validates `body` as one JSON object and tells where its fields stand. Throws `JsonScanError`. */
export function scanJsonObject(body: Uint8Array, limits: JsonScanLimits = {}): JsonFields {
  if (!isUtf8(body)) throw new JsonScanError('The text is not valid UTF-8', firstInvalidUtf8(body))
  const scan = createScan(asBuffer(body), limits)
  const start = skipSpace(scan.bytes, afterMark(scan.bytes))
  if (byteAt(scan.bytes, start) !== OPEN_BRACE) throw unexpected(scan, start, 'a JSON object')
  const fields = new Map<string, Span>()
  const end = readTopFields(scan, start + 1, fields)
  if (end <= scan.last)
    throw new JsonScanError('Nothing may follow the JSON object', skipSpace(scan.bytes, end))
  return { fields, bodyStart: start + 1 }
}

/** The value at a span that `scanJsonObject` returned for this body. */
export function decodeJsonValue(body: Uint8Array, span: Span): unknown {
  const bytes = asBuffer(body)
  if (bytes[span.start] === QUOTE) return decodeString(bytes, span)
  return JSON.parse(bytes.toString('utf8', span.start, span.end))
}

/** A string that has been validated, its quotes included; only escapes need a parser. */
function decodeString(bytes: Buffer, { start, end }: Span): string {
  const text = bytes.toString('utf8', start + 1, end - 1)
  // A string literal that has been validated parses to a string.
  return text.includes('\\') ? (JSON.parse(`"${text}"`) as string) : text
}

/** Puts `text` in the place of the bytes from `start` to `end`. */
export interface Splice extends Span {
  readonly text: string
}

/** A copy of `body` with the splices made, in any order given; they may touch and never overlap. */
export function spliceBytes(body: Uint8Array, splices: readonly Splice[]): Uint8Array {
  const ordered = splices.toSorted((one, other) => one.start - other.start || one.end - other.end)
  const spliced = Buffer.allocUnsafe(splicedLength(body, ordered))
  let position = 0
  let length = 0
  for (const { start, end, text } of ordered) {
    spliced.set(body.subarray(position, start), length)
    length += start - position
    length += spliced.write(text, length)
    position = end
  }
  spliced.set(body.subarray(position), length)
  return spliced
}

function splicedLength(body: Uint8Array, ordered: readonly Splice[]): number {
  let length = body.length
  let position = 0
  for (const { start, end, text } of ordered) {
    if (start < position || end < start || end > body.length)
      throw new RangeError('splices overlap or leave the body')
    length += Buffer.byteLength(text) - (end - start)
    position = end
  }
  return length
}

/**
 * What the readers below share. They are plain functions on positions held in variables, since this is the hottest
 * loop of the house, and they check no bound: every reader but that of strings stops at the brace at `last`, and no
 * object inside another may end there. One read past the end of an array makes V8 treat all its reads as perhaps
 * undefined from then on, which made this loop three times slower.
 */
interface Scan {
  readonly bytes: Buffer
  /** The text's length. */
  readonly length: number
  /** Where the closing brace of the outermost object must stand: nothing but white space follows. */
  readonly last: number
  readonly strings: JsonStrings
  readonly depthMax: number
  readonly keysMax: number
  readonly elementsMax: number
  keyCount: number
  elementCount: number
}

function createScan(body: Buffer, limits: JsonScanLimits): Scan {
  const last = lastOfText(body)
  // Without a last brace the text is refused somewhere, at the latest at a byte that nothing allows.
  const bytes = body[last] === CLOSE_BRACE ? body : Buffer.concat([body, REFUSED_BYTE])
  return {
    bytes,
    length: body.length,
    last: body[last] === CLOSE_BRACE ? last : body.length,
    strings: new JsonStrings(body),
    depthMax: limits.depthMax ?? JSON_DEPTH_MAX,
    keysMax: limits.keysMax ?? JSON_KEYS_MAX,
    elementsMax: limits.elementsMax ?? JSON_ELEMENTS_MAX,
    keyCount: 0,
    elementCount: 0,
  }
}

/** The index of the last byte that is not white space; 0 where there is none. */
function lastOfText(body: Buffer): number {
  let index = body.length - 1
  while (index > 0 && isWhiteSpace(byteAt(body, index))) index -= 1
  return Math.max(0, index)
}

/** Reads the fields of the outermost object, the first after `start`; returns where the object ends. */
function readTopFields(scan: Scan, start: number, fields: Map<string, Span>): number {
  const { bytes } = scan
  let position = skipSpace(bytes, start)
  if (byteAt(bytes, position) === CLOSE_BRACE) return position + 1
  for (;;) {
    const nameEnd = readName(scan, position)
    const valueStart = readColon(scan, nameEnd)
    const name = decodeString(bytes, { start: position, end: nameEnd })
    if (fields.has(name))
      throw new JsonScanError('A top-level field stands here for the second time', position)
    if (fields.size >= TOP_FIELDS_MAX) throw tooMany(position, TOP_FIELDS_MAX, 'top-level fields')
    const valueEnd = readValue(scan, valueStart, 1)
    fields.set(name, { start: valueStart, end: valueEnd })
    position = skipSpace(bytes, valueEnd)
    if (isEndOfMembers(scan, position, CLOSE_BRACE)) return position + 1
    position = skipSpace(bytes, position + 1)
  }
}

function readValue(scan: Scan, start: number, depth: number): number {
  switch (byteAt(scan.bytes, start)) {
    case QUOTE:
      return scan.strings.skip(start)
    case OPEN_BRACE:
      return readObject(scan, start, depth + 1)
    case OPEN_BRACKET:
      return readArray(scan, start, depth + 1)
    case LETTER_T:
      return readLiteral(scan, start, TRUE)
    case LETTER_F:
      return readLiteral(scan, start, FALSE)
    case LETTER_N:
      return readLiteral(scan, start, NULL)
    default:
      return readNumber(scan, start)
  }
}

function readObject(scan: Scan, start: number, depth: number): number {
  const { bytes } = scan
  allowDepth(scan, start, depth)
  let position = skipSpace(bytes, start + 1)
  if (byteAt(bytes, position) === CLOSE_BRACE) return endInner(scan, position)
  for (;;) {
    const valueStart = readColon(scan, readName(scan, position))
    position = skipSpace(bytes, readValue(scan, valueStart, depth))
    if (isEndOfMembers(scan, position, CLOSE_BRACE)) return endInner(scan, position)
    position = skipSpace(bytes, position + 1)
  }
}

/** The end of an object that is not the outermost. */
function endInner(scan: Scan, position: number): number {
  if (position === scan.last) throw new JsonScanError('The text ends inside an object', scan.length)
  return position + 1
}

function readArray(scan: Scan, start: number, depth: number): number {
  const { bytes } = scan
  allowDepth(scan, start, depth)
  let position = skipSpace(bytes, start + 1)
  if (byteAt(bytes, position) === CLOSE_BRACKET) return position + 1
  for (;;) {
    scan.elementCount += 1
    if (scan.elementCount > scan.elementsMax) throw tooMany(position, scan.elementsMax, 'array elements')
    position = skipSpace(bytes, readValue(scan, position, depth))
    if (isEndOfMembers(scan, position, CLOSE_BRACKET)) return position + 1
    position = skipSpace(bytes, position + 1)
  }
}

function allowDepth(scan: Scan, start: number, depth: number): void {
  if (depth <= scan.depthMax) return
  throw new JsonScanError(`Objects and arrays are nested more than ${scan.depthMax} deep`, start)
}

/** The name of a field; returns where it ends. */
function readName(scan: Scan, start: number): number {
  if (byteAt(scan.bytes, start) !== QUOTE) throw unexpected(scan, start, 'a field name in double quotes')
  scan.keyCount += 1
  if (scan.keyCount > scan.keysMax) throw tooMany(start, scan.keysMax, 'fields')
  return scan.strings.skip(start)
}

/** The colon after a name; returns where the value begins. */
function readColon(scan: Scan, nameEnd: number): number {
  const colon = skipSpace(scan.bytes, nameEnd)
  if (byteAt(scan.bytes, colon) !== COLON) throw unexpected(scan, colon, 'a colon')
  return skipSpace(scan.bytes, colon + 1)
}

/** Whether `closer` stands at `position`; a comma promises another member, and nothing else may stand there. */
function isEndOfMembers(scan: Scan, position: number, closer: number): boolean {
  const byte = byteAt(scan.bytes, position)
  if (byte === COMMA) return false
  if (byte === closer) return true
  throw unexpected(
    scan,
    position,
    closer === CLOSE_BRACE ? 'a comma or a closing brace' : 'a comma or a closing bracket',
  )
}

function readLiteral(scan: Scan, start: number, literal: Buffer): number {
  const { bytes } = scan
  for (let index = 1; index < literal.length; index += 1) {
    if (bytes[start + index] !== literal[index]) throw unexpected(scan, start, 'true, false or null')
  }
  return start + literal.length
}

function readNumber(scan: Scan, start: number): number {
  const { bytes } = scan
  let position = start
  if (byteAt(bytes, position) === MINUS) position += 1
  else if (!isDigit(byteAt(bytes, position))) throw unexpected(scan, position, 'a value')
  position = byteAt(bytes, position) === ZERO ? position + 1 : readDigits(scan, position)
  if (byteAt(bytes, position) === DOT) position = readDigits(scan, position + 1)
  if ((byteAt(bytes, position) | CASE_BIT) !== LETTER_E) return position
  const sign = byteAt(bytes, position + 1)
  return readDigits(scan, sign === PLUS || sign === MINUS ? position + 2 : position + 1)
}

/** One digit or more. */
function readDigits(scan: Scan, start: number): number {
  const { bytes } = scan
  if (!isDigit(byteAt(bytes, start))) throw unexpected(scan, start, 'a digit')
  let position = start + 1
  while (isDigit(byteAt(bytes, position))) position += 1
  return position
}

function skipSpace(bytes: Buffer, start: number): number {
  let position = start
  while (byteAt(bytes, position) <= SPACE && isWhiteSpace(byteAt(bytes, position))) position += 1
  return position
}

/** RFC 8259 lets a parser ignore a byte order mark. */
function afterMark(bytes: Buffer): number {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0
}

/** For positions known to be inside. */
function byteAt(bytes: Buffer, position: number): number {
  return bytes[position] as number
}

function unexpected(scan: Scan, position: number, wanted: string): JsonScanError {
  const what = position < scan.length ? 'Something else stands' : 'The text ends'
  return new JsonScanError(`${what} where ${wanted} should stand`, position)
}

function tooMany(position: number, countMax: number, what: string): JsonScanError {
  return new JsonScanError(`There are more than ${countMax} ${what}`, position)
}

function isDigit(byte: number): boolean {
  return byte >= ZERO && byte <= NINE
}

function isWhiteSpace(byte: number): boolean {
  return byte === SPACE || byte === 0x0a || byte === 0x0d || byte === 0x09
}
