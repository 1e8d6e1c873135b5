/** Learns from a raw request what routing and admission need. The model and whether it streams are said by the path. */

import type { Envelope, Operation, PathFacts } from '../../canonical/envelope.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import { type JsonObject, numberOf, objectOf } from '../../std/json.ts'
import { decodeJsonValue } from '../../wire/json-scan.ts'
import {
  type FieldCheck,
  isArray,
  isEmptyAt,
  isObject,
  missing,
  scanChecked,
  wrongType,
} from '../field-checks.ts'
import { MODEL_ID_CHARS_MAX, OUTPUT_TOKENS_MAX } from '../openai-chat/peek.ts'
import { DIALECT, fieldOf, invalid } from './fields.ts'

type Fields = Envelope['fields']

export function peek(body: Uint8Array, operation: Operation, named: PathFacts = {}): Envelope {
  if (operation !== 'chat' && operation !== 'count-tokens') {
    throw new GatewayError('not_supported', `The Gemini API has no operation "${operation}" here.`)
  }
  const { fields, bodyStart } = scanChecked(body, checks)
  const modelId = checkModel(named.modelId)
  requireContents(body, fields, operation)
  const settings = generationOf(body, fields)
  const maxOutputTokens = ceilingOf(settings)
  const stream = operation === 'chat' && named.stream === true
  return {
    dialect: DIALECT,
    operation,
    modelId,
    stream,
    ...(stream && named.streamForm !== undefined ? { streamForm: named.streamForm } : {}),
    wantsStreamUsage: true,
    ...(maxOutputTokens === undefined ? {} : { maxOutputTokens }),
    candidateCount: countOf(settings),
    bodyBytes: body.byteLength,
    fields,
    bodyStart,
  }
}

const isArrayOrObject: FieldCheck = ({ body, name, span }) => {
  const first = String.fromCharCode(body[span.start] ?? 0)
  if (!'[{n'.includes(first)) throw wrongType(name, 'an array')
}

const checks: ReadonlyMap<string, FieldCheck> = new Map([
  ['contents', isArrayOrObject],
  ['tools', isArrayOrObject],
  ['toolConfig', isObject],
  ['tool_config', isObject],
  ['generationConfig', isObject],
  ['generation_config', isObject],
  ['safetySettings', isArray],
  ['safety_settings', isArray],
])

function checkModel(modelId = ''): string {
  if (modelId === '')
    throw missing('model', 'Name a model in the path, as in /v1beta/models/gemini-2.5-flash.')
  if (modelId.length <= MODEL_ID_CHARS_MAX) return modelId
  throw wrongType('model', `a name of at most ${MODEL_ID_CHARS_MAX} characters`)
}

/** A count may wrap the whole request instead. */
function requireContents(body: Uint8Array, fields: Fields, operation: Operation): void {
  const span = fields.get('contents')
  const isWrapped = fields.has('generateContentRequest') || fields.has('generate_content_request')
  if (span === undefined && operation === 'count-tokens' && isWrapped) return
  const advice =
    'Send an array with at least one content, such as {"role": "user", "parts": [{"text": "Hello"}]}.'
  if (span === undefined) throw missing('contents', advice)
  const isList = body[span.start] === 0x5b
  if (isList ? isEmptyAt(body, span) : !isContent(decodeJsonValue(body, span)))
    throw wrongType('contents', 'an array of at least one content')
}

/** Google takes a single content for a list of one. */
function isContent(value: unknown): boolean {
  return objectOf(value)?.['parts'] !== undefined
}

function generationOf(body: Uint8Array, fields: Fields): JsonObject {
  const span = fields.get('generationConfig') ?? fields.get('generation_config')
  return (span === undefined ? undefined : objectOf(decodeJsonValue(body, span))) ?? {}
}

function ceilingOf(settings: JsonObject): number | undefined {
  // Both spellings at once mean nothing anybody can rely on: the larger one may count.
  const spellings = [settings['maxOutputTokens'], settings['max_output_tokens']].map(numberOf)
  const value = spellings.every((one) => one !== undefined)
    ? Math.max(...spellings.map((one) => one ?? 0))
    : fieldOf(settings, 'maxOutputTokens')
  if (value === undefined) return undefined
  const ceiling = numberOf(value)
  if (ceiling !== undefined && Number.isInteger(ceiling) && ceiling >= 1 && ceiling <= OUTPUT_TOKENS_MAX)
    return ceiling
  throw wrongType('generationConfig.maxOutputTokens', `a whole number from 1 to ${OUTPUT_TOKENS_MAX}`)
}

const CANDIDATES_MAX = 128

function countOf(settings: JsonObject): number {
  const value = fieldOf(settings, 'candidateCount')
  if (value === undefined) return 1
  const count = numberOf(value)
  if (count !== undefined && Number.isInteger(count) && count >= 1 && count <= CANDIDATES_MAX) return count
  throw invalid(
    'generationConfig.candidateCount',
    `"generationConfig.candidateCount" must be a whole number from 1 to ${CANDIDATES_MAX}; correct it or leave it out.`,
  )
}
