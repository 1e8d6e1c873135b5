/** Holds the top-level fields of a raw request against their types where they stand: by the first byte, and numbers by value. */

import type { Span } from '../canonical/envelope.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import { decodeJsonValue, type JsonFields, JsonScanError, scanJsonObject } from '../wire/json-scan.ts'

export interface CheckedField {
  readonly body: Uint8Array
  readonly name: string
  readonly span: Span
}

/** Throws `invalid_request` where the field is not of its type; `null` means absent. */
export type FieldCheck = (field: CheckedField) => void

type Fields = ReadonlyMap<string, Span>

const QUOTE = 0x22
const MINUS = 0x2d
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const FALSE = 0x66
const NULL = 0x6e
const TRUE = 0x74
const OPEN_BRACE = 0x7b

export const isText: FieldCheck = firstByteCheck('a string', QUOTE)
export const isArray: FieldCheck = firstByteCheck('an array', OPEN_BRACKET)
export const isObject: FieldCheck = firstByteCheck('an object', OPEN_BRACE)
export const isTextOrArray: FieldCheck = firstByteCheck('a string or an array', QUOTE, OPEN_BRACKET)
export const isTextOrObject: FieldCheck = firstByteCheck('a string or an object', QUOTE, OPEN_BRACE)
export const isTrueOrFalse: FieldCheck = firstByteCheck('true or false', TRUE, FALSE)

export const isNumber: FieldCheck = ({ body, name, span }) => {
  if (body[span.start] === NULL) return
  if (!Number.isFinite(readNumber(body, span))) throw wrongType(name, 'a finite number')
}

export function isWhole(min: number, max: number): FieldCheck {
  return ({ body, name, span }) => {
    if (body[span.start] === NULL) return
    const number = readNumber(body, span)
    if (Number.isInteger(number) && number >= min && number <= max) return
    throw wrongType(name, `a whole number from ${min} to ${max}`)
  }
}

/** The fields of a body, each held against its check. Throws `invalid_json` or `invalid_request`. */
export function scanChecked(body: Uint8Array, checks: ReadonlyMap<string, FieldCheck>): JsonFields {
  const scanned = scan(body)
  for (const [name, span] of scanned.fields) checks.get(name)?.({ body, name, span })
  return scanned
}

function scan(body: Uint8Array): JsonFields {
  if (body.byteLength === 0)
    throw new GatewayError('invalid_json', 'The body is empty; send one JSON object.')
  try {
    return scanJsonObject(body)
  } catch (thrown) {
    if (!(thrown instanceof JsonScanError)) throw thrown
    throw new GatewayError(
      'invalid_json',
      `The body is not a JSON object that can be used: ${thrown.message}`,
    )
  }
}

/** The model's name, which must stand. */
export function modelIdOf(body: Uint8Array, fields: Fields, charsMax: number): string {
  const span = presentSpan(body, fields, 'model')
  if (span === undefined) throw missing('model', 'Name a model, such as "model": "gpt-5-mini".')
  const modelId = decodeJsonValue(body, span)
  if (typeof modelId !== 'string' || modelId.trim() === '')
    throw wrongType('model', 'a string that is not empty')
  if (modelId.length > charsMax) throw wrongType('model', `a string of at most ${charsMax} characters`)
  return modelId
}

/** The span of a field that stands and is not `null`. */
export function presentSpan(body: Uint8Array, fields: Fields, name: string): Span | undefined {
  const span = fields.get(name)
  return span !== undefined && body[span.start] !== NULL ? span : undefined
}

export function numberAt(body: Uint8Array, fields: Fields, name: string): number | undefined {
  const span = presentSpan(body, fields, name)
  return span === undefined ? undefined : readNumber(body, span)
}

export function isTrueAt(body: Uint8Array, fields: Fields, name: string): boolean {
  const span = fields.get(name)
  return span !== undefined && body[span.start] === TRUE
}

/** Whether the array or the string at a span holds nothing. */
export function isEmptyAt(body: Uint8Array, span: Span): boolean {
  if (body[span.start] === QUOTE) return span.end - span.start === 2
  let index = span.start + 1
  while (isWhiteSpace(body[index])) index += 1
  return body[index] === CLOSE_BRACKET
}

export function missing(name: string, advice: string): GatewayError {
  return new GatewayError('invalid_request', `"${name}" is missing. ${advice}`, { param: name })
}

/** The value is never said back: it may be anything, of any length. */
export function wrongType(name: string, wanted: string): GatewayError {
  return new GatewayError('invalid_request', `"${name}" must be ${wanted}; correct it or leave it out.`, {
    param: name,
  })
}

function firstByteCheck(wanted: string, ...firstBytes: readonly number[]): FieldCheck {
  return ({ body, name, span }) => {
    const byte = body[span.start] ?? 0
    if (byte !== NULL && !firstBytes.includes(byte)) throw wrongType(name, wanted)
  }
}

/** Digits of a number; a longer one is not a number anybody means. */
const NUMBER_CHARS_MAX = 64

/** NaN where no number stands; the scan has held it against the grammar. */
function readNumber(body: Uint8Array, { start, end }: Span): number {
  const byte = body[start] ?? 0
  const isDigits = byte === MINUS || (byte >= 0x30 && byte <= 0x39)
  if (!isDigits || end - start > NUMBER_CHARS_MAX) return Number.NaN
  return Number(Buffer.from(body.buffer, body.byteOffset + start, end - start).toString('latin1'))
}

function isWhiteSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
}
