/**
 * Reads what routing needs from a request's bytes without decoding the body, and turns away a request whose known fields
 * have the wrong type before anything is spent on it. Nothing of the body is ever repeated in an error.
 */

import type { Envelope, Operation, Span } from '../../canonical/envelope.ts'
import { TOKEN_COUNT_MAX } from '../../canonical/usage.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import { decodeJsonValue, JsonScanError, scanJsonObject } from '../../wire/json-scan.ts'
import { DIALECT } from './dialect-id.ts'
import { invalid } from './invalid.ts'

/** Characters of a model name; every real one is far shorter. */
const MODEL_ID_LENGTH_MAX = 256

type Fields = ReadonlyMap<string, Span>

export function peek(body: Uint8Array, operation: Operation): Envelope {
  const { fields, bodyStart } = scan(body)
  const modelId = readModelId(body, fields)
  checkMessages(body, fields)
  checkTypes(body, fields)
  const maxOutputTokens = readMaxTokens(body, fields, operation)
  return {
    dialect: DIALECT,
    operation,
    modelId,
    stream: operation === 'chat' && readStream(body, fields),
    wantsStreamUsage: true,
    ...(maxOutputTokens === undefined ? {} : { maxOutputTokens }),
    candidateCount: 1,
    bodyBytes: body.length,
    fields,
    bodyStart,
  }
}

function scan(body: Uint8Array): { fields: Fields; bodyStart: number } {
  try {
    return scanJsonObject(body)
  } catch (error) {
    if (!(error instanceof JsonScanError)) throw error
    throw new GatewayError('invalid_json', `The body is not one JSON object: ${error.message}`, {}, error)
  }
}

function readModelId(body: Uint8Array, fields: Fields): string {
  const span = fields.get('model')
  if (span === undefined) throw invalid('model', 'is missing', 'name the model to use')
  const value = kindAt(body, span) === 'string' ? decodeJsonValue(body, span) : undefined
  if (typeof value !== 'string') throw invalid('model', 'must be a string', 'name the model to use')
  if (value === '') throw invalid('model', 'is empty', 'name the model to use')
  if (value.length > MODEL_ID_LENGTH_MAX) {
    throw invalid('model', `is longer than ${MODEL_ID_LENGTH_MAX} characters`, 'name a model that exists')
  }
  return value
}

function checkMessages(body: Uint8Array, fields: Fields): void {
  const mend = 'send at least one message, such as {"role": "user", "content": "Hello"}'
  const span = fields.get('messages')
  if (span === undefined) throw invalid('messages', 'is missing', mend)
  if (kindAt(body, span) !== 'array') throw invalid('messages', 'must be an array', mend)
  if (isEmptyArray(body, span)) throw invalid('messages', 'is empty', mend)
}

/** 0 is allowed: it fills the prompt cache without generating. */
function readMaxTokens(body: Uint8Array, fields: Fields, operation: Operation): number | undefined {
  const mend = 'send a whole number of tokens, such as 1024'
  const span = fields.get('max_tokens')
  if (span === undefined) {
    if (operation === 'count-tokens') return undefined
    throw invalid('max_tokens', 'is missing', mend)
  }
  return readNumber(body, span, 'max_tokens', { min: 0, max: TOKEN_COUNT_MAX, isWhole: true, mend })
}

function readStream(body: Uint8Array, fields: Fields): boolean {
  const span = fields.get('stream')
  if (span === undefined) return false
  const kind = kindAt(body, span)
  if (kind !== 'true' && kind !== 'false' && kind !== 'null') {
    throw invalid('stream', 'must be true or false', 'send a JSON boolean, not a string')
  }
  return kind === 'true'
}

/** The optional fields whose type every server of this dialect agrees on; null counts as absent. */
const typedFields: ReadonlyMap<string, readonly Kind[]> = new Map<string, readonly Kind[]>([
  ['system', ['string', 'array']],
  ['tools', ['array']],
  ['tool_choice', ['object']],
  ['thinking', ['object']],
  ['metadata', ['object']],
  ['output_config', ['object']],
  ['stop_sequences', ['array']],
  ['service_tier', ['string']],
])

function checkTypes(body: Uint8Array, fields: Fields): void {
  for (const [name, kinds] of typedFields) {
    const span = fields.get(name)
    if (span === undefined) continue
    const kind = kindAt(body, span)
    if (kind !== 'null' && !kinds.includes(kind)) {
      throw invalid(name, `must be ${kinds.map(withArticle).join(' or ')}`, 'see the Messages API')
    }
  }
  checkNumber(body, fields, 'temperature', { min: 0, max: 2, mend: 'send a number from 0 to 1' })
  checkNumber(body, fields, 'top_p', { min: 0, max: 1, mend: 'send a number from 0 to 1' })
  checkNumber(body, fields, 'top_k', {
    min: 0,
    max: TOKEN_COUNT_MAX,
    isWhole: true,
    mend: 'send a whole number',
  })
}

interface NumberRule {
  readonly min: number
  readonly max: number
  readonly isWhole?: boolean
  readonly mend: string
}

function checkNumber(body: Uint8Array, fields: Fields, name: string, rule: NumberRule): void {
  const span = fields.get(name)
  if (span !== undefined && kindAt(body, span) !== 'null') readNumber(body, span, name, rule)
}

function readNumber(body: Uint8Array, span: Span, name: string, rule: NumberRule): number {
  const { min, max, isWhole, mend } = rule
  if (kindAt(body, span) !== 'number') throw invalid(name, 'must be a number', mend)
  const value = Number(decodeJsonValue(body, span))
  if (isWhole && !Number.isInteger(value)) throw invalid(name, 'must be a whole number', mend)
  if (!(value >= min && value <= max)) throw invalid(name, `must be from ${min} to ${max}`, mend)
  return value
}

type Kind = 'string' | 'number' | 'array' | 'object' | 'true' | 'false' | 'null'

/** The type of a value by its first byte: the scan has proved that the rest follows. */
function kindAt(body: Uint8Array, span: Span): Kind {
  switch (body[span.start]) {
    case 0x22:
      return 'string'
    case 0x5b:
      return 'array'
    case 0x7b:
      return 'object'
    case 0x74:
      return 'true'
    case 0x66:
      return 'false'
    case 0x6e:
      return 'null'
    default:
      return 'number'
  }
}

function isEmptyArray(body: Uint8Array, span: Span): boolean {
  for (let at = span.start + 1; at < span.end - 1; at += 1) {
    const byte = body[at]
    if (byte !== 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d) return false
  }
  return true
}

function withArticle(kind: Kind): string {
  return kind === 'array' || kind === 'object' ? `an ${kind}` : `a ${kind}`
}
