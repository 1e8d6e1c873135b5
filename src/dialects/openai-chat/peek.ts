/**
 * Learns from a raw request what routing and admission need, by scanning bytes: the known fields are held against
 * their types where they stand, and nothing but the model's name and the stream options is decoded.
 */

import type { Envelope, Operation, Span } from '../../canonical/envelope.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import { isJsonObject } from '../../std/json.ts'
import { decodeJsonValue, JsonScanError, scanJsonObject } from '../../wire/json-scan.ts'

/** Characters of a model's name; the longest in use have about 150. */
export const MODEL_ID_CHARS_MAX = 512

/** The largest number of output tokens a request may ask for. */
export const OUTPUT_TOKENS_MAX = 2 ** 31

/** The most answers a request may ask for. */
export const CANDIDATE_COUNT_MAX = 128

/** Of two spellings servers read the one or the other: the larger one may count. */
function largest(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? (one ?? other) : Math.max(one, other)
}

export function peek(body: Uint8Array, operation: Operation): Envelope {
  if (operation !== 'chat') {
    throw new GatewayError('not_supported', `The OpenAI chat API has no operation "${operation}".`)
  }
  const { fields, bodyStart } = scan(body)
  for (const [name, span] of fields) checks.get(name)?.({ body, name, span })
  requireMessages(body, fields)
  const maxOutputTokens = largest(
    numberAt(body, fields, 'max_completion_tokens'),
    numberAt(body, fields, 'max_tokens'),
  )
  return {
    dialect: 'openai-chat',
    operation,
    modelId: modelIdOf(body, fields),
    stream: byteAt(body, fields.get('stream')) === TRUE,
    wantsStreamUsage: wantsUsage(body, fields),
    ...(maxOutputTokens === undefined ? {} : { maxOutputTokens }),
    candidateCount: numberAt(body, fields, 'n') ?? 1,
    ...(wantsAudio(body, fields) ? { isPlainOnly: true } : {}),
    bodyBytes: body.byteLength,
    fields,
    bodyStart,
  }
}

type Fields = ReadonlyMap<string, Span>

interface Checked {
  readonly body: Uint8Array
  readonly name: string
  readonly span: Span
}

type Check = (checked: Checked) => void

const QUOTE = 0x22
const MINUS = 0x2d
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const FALSE = 0x66
const NULL = 0x6e
const TRUE = 0x74
const OPEN_BRACE = 0x7b

function scan(body: Uint8Array) {
  if (body.byteLength === 0)
    throw new GatewayError('invalid_json', 'The body is empty; send one JSON object.')
  try {
    return scanJsonObject(body)
  } catch (thrown) {
    if (thrown instanceof JsonScanError) {
      throw new GatewayError(
        'invalid_json',
        `The body is not a JSON object that can be used: ${thrown.message}`,
      )
    }
    throw thrown
  }
}

/** Types by the first byte; `null` means absent. */
const checks: ReadonlyMap<string, Check> = new Map([
  ['messages', arrayCheck],
  ['tools', arrayCheck],
  ['functions', arrayCheck],
  ['modalities', arrayCheck],
  ['model', kindCheck('a string', QUOTE)],
  ['user', kindCheck('a string', QUOTE)],
  ['reasoning_effort', kindCheck('a string', QUOTE)],
  ['service_tier', kindCheck('a string', QUOTE)],
  ['prompt_cache_key', kindCheck('a string', QUOTE)],
  ['stop', kindCheck('a string or an array of strings', QUOTE, OPEN_BRACKET)],
  ['tool_choice', kindCheck('a string or an object', QUOTE, OPEN_BRACE)],
  ['function_call', kindCheck('a string or an object', QUOTE, OPEN_BRACE)],
  ['response_format', kindCheck('an object', OPEN_BRACE)],
  ['stream_options', kindCheck('an object', OPEN_BRACE)],
  ['metadata', kindCheck('an object', OPEN_BRACE)],
  ['logit_bias', kindCheck('an object', OPEN_BRACE)],
  ['audio', kindCheck('an object', OPEN_BRACE)],
  ['stream', kindCheck('true or false', TRUE, FALSE)],
  ['logprobs', kindCheck('true or false', TRUE, FALSE)],
  ['parallel_tool_calls', kindCheck('true or false', TRUE, FALSE)],
  ['store', kindCheck('true or false', TRUE, FALSE)],
  ['max_tokens', wholeCheck(1, OUTPUT_TOKENS_MAX)],
  ['max_completion_tokens', wholeCheck(1, OUTPUT_TOKENS_MAX)],
  ['n', wholeCheck(1, CANDIDATE_COUNT_MAX)],
  ['top_logprobs', wholeCheck(0, 1000)],
  ['temperature', numberCheck],
  ['top_p', numberCheck],
  ['top_k', numberCheck],
  ['seed', numberCheck],
  ['presence_penalty', numberCheck],
  ['frequency_penalty', numberCheck],
])

function kindCheck(wanted: string, ...firstBytes: readonly number[]): Check {
  return ({ body, name, span }) => {
    const byte = body[span.start] ?? 0
    if (byte !== NULL && !firstBytes.includes(byte)) throw wrongType(name, wanted)
  }
}

function arrayCheck({ body, name, span }: Checked): void {
  const byte = body[span.start]
  if (byte !== NULL && byte !== OPEN_BRACKET) throw wrongType(name, 'an array')
}

function numberCheck({ body, name, span }: Checked): void {
  if (body[span.start] === NULL) return
  if (!Number.isFinite(readNumber(body, span))) throw wrongType(name, 'a finite number')
}

function wholeCheck(min: number, max: number): Check {
  return ({ body, name, span }) => {
    if (body[span.start] === NULL) return
    const number = readNumber(body, span)
    if (!Number.isInteger(number) || number < min || number > max) {
      throw wrongType(name, `a whole number from ${min} to ${max}`)
    }
  }
}

/** The value is never said back: it may be anything, of any length. */
function wrongType(name: string, wanted: string): GatewayError {
  return new GatewayError('invalid_request', `"${name}" must be ${wanted}; correct it or leave it out.`, {
    param: name,
  })
}

/** Digits of a number; a longer one is not a number anybody means. */
const NUMBER_CHARS_MAX = 64

/** NaN where no number stands; the scan has held it against the grammar. */
function readNumber(body: Uint8Array, { start, end }: Span): number {
  const byte = body[start] ?? 0
  const isNumber = byte === MINUS || (byte >= 0x30 && byte <= 0x39)
  if (!isNumber || end - start > NUMBER_CHARS_MAX) return Number.NaN
  let text = ''
  for (let index = start; index < end; index += 1) text += String.fromCharCode(body[index] ?? 0)
  return Number(text)
}

/** The span of a field that stands and is not `null`. */
function presentSpan(body: Uint8Array, fields: Fields, name: string): Span | undefined {
  const span = fields.get(name)
  return span !== undefined && body[span.start] !== NULL ? span : undefined
}

function byteAt(body: Uint8Array, span: Span | undefined): number | undefined {
  return span === undefined ? undefined : body[span.start]
}

function numberAt(body: Uint8Array, fields: Fields, name: string): number | undefined {
  const span = presentSpan(body, fields, name)
  return span === undefined ? undefined : readNumber(body, span)
}

function modelIdOf(body: Uint8Array, fields: Fields): string {
  const span = presentSpan(body, fields, 'model')
  if (span === undefined) throw missing('model', 'Name a model, such as "model": "gpt-5-mini".')
  const modelId = decodeJsonValue(body, span)
  if (typeof modelId !== 'string' || modelId.trim() === '')
    throw wrongType('model', 'a string that is not empty')
  if (modelId.length > MODEL_ID_CHARS_MAX) {
    throw wrongType('model', `a string of at most ${MODEL_ID_CHARS_MAX} characters`)
  }
  return modelId
}

function requireMessages(body: Uint8Array, fields: Fields): void {
  const span = presentSpan(body, fields, 'messages')
  if (span === undefined) throw missing('messages', 'Send an array of at least one message.')
  let index = span.start + 1
  while (isWhiteSpace(body[index])) index += 1
  if (body[index] === CLOSE_BRACKET) throw wrongType('messages', 'an array of at least one message')
}

function missing(name: string, advice: string): GatewayError {
  return new GatewayError('invalid_request', `"${name}" is missing. ${advice}`, { param: name })
}

function isWhiteSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
}

function wantsUsage(body: Uint8Array, fields: Fields): boolean {
  const span = presentSpan(body, fields, 'stream_options')
  if (span === undefined) return false
  const options = decodeJsonValue(body, span)
  if (!isJsonObject(options)) return false
  const asked = options['include_usage']
  if (asked !== undefined && asked !== null && typeof asked !== 'boolean') {
    throw wrongType('stream_options.include_usage', 'true or false')
  }
  return asked === true
}

/** Speech has no stream that folds into the plain answer: the formats differ. */
function wantsAudio(body: Uint8Array, fields: Fields): boolean {
  const span = presentSpan(body, fields, 'modalities')
  if (span === undefined) return false
  const modalities = decodeJsonValue(body, span)
  return Array.isArray(modalities) && modalities.includes('audio')
}
