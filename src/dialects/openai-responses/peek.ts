/** Learns from a raw request what routing and admission need, by scanning bytes; of the values only the model's name is decoded. */

import type { Envelope, Operation } from '../../canonical/envelope.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import {
  type FieldCheck,
  isArray,
  isEmptyAt,
  isNumber,
  isObject,
  isText,
  isTextOrArray,
  isTextOrObject,
  isTrueAt,
  isTrueOrFalse,
  isWhole,
  missing,
  modelIdOf,
  numberAt,
  presentSpan,
  scanChecked,
  wrongType,
} from '../field-checks.ts'
import { MODEL_ID_CHARS_MAX, OUTPUT_TOKENS_MAX } from '../openai-chat/peek.ts'
import { DIALECT } from './fields.ts'

export function peek(body: Uint8Array, operation: Operation): Envelope {
  if (operation !== 'chat' && operation !== 'count-tokens') {
    throw new GatewayError('not_supported', `The OpenAI Responses API has no operation "${operation}".`)
  }
  const { fields, bodyStart } = scanChecked(body, checks)
  requireInput(body, fields)
  const maxOutputTokens = numberAt(body, fields, 'max_output_tokens')
  return {
    dialect: DIALECT,
    operation,
    modelId: modelIdOf(body, fields, MODEL_ID_CHARS_MAX),
    stream: isTrueAt(body, fields, 'stream'),
    wantsStreamUsage: true,
    ...(maxOutputTokens === undefined ? {} : { maxOutputTokens }),
    candidateCount: 1,
    bodyBytes: body.byteLength,
    fields,
    bodyStart,
  }
}

const checks: ReadonlyMap<string, FieldCheck> = new Map([
  ['input', isTextOrArray],
  ['instructions', isText],
  ['tools', isArray],
  ['include', isArray],
  ['model', isText],
  ['user', isText],
  ['safety_identifier', isText],
  ['service_tier', isText],
  ['prompt_cache_key', isText],
  ['previous_response_id', isText],
  ['truncation', isText],
  ['tool_choice', isTextOrObject],
  ['conversation', isTextOrObject],
  ['text', isObject],
  ['reasoning', isObject],
  ['metadata', isObject],
  ['prompt', isObject],
  ['stream_options', isObject],
  ['stream', isTrueOrFalse],
  ['store', isTrueOrFalse],
  ['background', isTrueOrFalse],
  ['parallel_tool_calls', isTrueOrFalse],
  ['max_output_tokens', isWhole(1, OUTPUT_TOKENS_MAX)],
  ['max_tool_calls', isWhole(0, OUTPUT_TOKENS_MAX)],
  ['top_logprobs', isWhole(0, 1000)],
  ['temperature', isNumber],
  ['top_p', isNumber],
])

/** What may stand in the place of an input: a stored prompt, or what was said before. */
const standIns: readonly string[] = ['prompt', 'previous_response_id', 'conversation']

function requireInput(body: Uint8Array, fields: Envelope['fields']): void {
  const span = presentSpan(body, fields, 'input')
  if (span !== undefined && !isEmptyAt(body, span)) return
  if (standIns.some((name) => presentSpan(body, fields, name) !== undefined)) return
  if (span === undefined) throw missing('input', 'Send a string, or an array of at least one item.')
  throw wrongType('input', 'a string that is not empty or an array of at least one item')
}
