/**
 * Learns from a raw request what routing and admission need, by scanning bytes: the known fields are held against their
 * types where they stand. Of the values only the model's name, the stream options and a list of prompts are decoded.
 */

import type { Envelope, Operation, Span } from '../../canonical/envelope.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import { isJsonObject } from '../../std/json.ts'
import { decodeJsonValue } from '../../wire/json-scan.ts'
import {
  type FieldCheck,
  isNumber,
  isObject,
  isText,
  isTextOrArray,
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
import { CANDIDATE_COUNT_MAX, MODEL_ID_CHARS_MAX, OUTPUT_TOKENS_MAX } from '../openai-chat/peek.ts'
import { DIALECT } from './dialect-id.ts'

/** Prompts of one request; OpenAI takes as many. */
export const PROMPTS_MAX = 2_048

export function peek(body: Uint8Array, operation: Operation): Envelope {
  if (operation !== 'chat') {
    throw new GatewayError('not_supported', `The OpenAI completions API has no operation "${operation}".`)
  }
  const { fields, bodyStart } = scanChecked(body, checks)
  const prompts = promptCount(body, fields)
  const maxOutputTokens = numberAt(body, fields, 'max_tokens')
  const bestOf = numberAt(body, fields, 'best_of') ?? 1
  return {
    dialect: DIALECT,
    operation,
    modelId: modelIdOf(body, fields, MODEL_ID_CHARS_MAX),
    stream: isTrueAt(body, fields, 'stream'),
    wantsStreamUsage: wantsUsage(body, fields),
    ...(maxOutputTokens === undefined ? {} : { maxOutputTokens }),
    candidateCount: prompts * (numberAt(body, fields, 'n') ?? 1),
    // The best of several is known only when all of them are whole: no server streams it.
    ...(bestOf > 1 ? { isPlainOnly: true, generatedCount: prompts * bestOf } : {}),
    bodyBytes: body.byteLength,
    fields,
    bodyStart,
  }
}

type Fields = ReadonlyMap<string, Span>

const QUOTE = 0x22

const checks: ReadonlyMap<string, FieldCheck> = new Map([
  ['prompt', isTextOrArray],
  ['model', isText],
  ['suffix', isText],
  ['user', isText],
  ['stop', isTextOrArray],
  ['stream_options', isObject],
  ['logit_bias', isObject],
  ['stream', isTrueOrFalse],
  ['echo', isTrueOrFalse],
  // A prompt may be judged without a word being added to it: `echo` with no tokens at all.
  ['max_tokens', isWhole(0, OUTPUT_TOKENS_MAX)],
  ['n', isWhole(1, CANDIDATE_COUNT_MAX)],
  ['best_of', isWhole(1, CANDIDATE_COUNT_MAX)],
  ['logprobs', isWhole(0, 1000)],
  ['temperature', isNumber],
  ['top_p', isNumber],
  ['seed', isNumber],
  ['presence_penalty', isNumber],
  ['frequency_penalty', isNumber],
])

/** How many prompts there are: one text, one list of tokens, or a list of either; each is answered by itself. */
function promptCount(body: Uint8Array, fields: Fields): number {
  const span = presentSpan(body, fields, 'prompt')
  if (span === undefined) throw missing('prompt', 'Send a text to complete.')
  if (body[span.start] === QUOTE) return 1
  const prompts = decodeJsonValue(body, span)
  if (!Array.isArray(prompts) || prompts.length === 0) {
    throw wrongType('prompt', 'a string or an array of at least one prompt')
  }
  if (typeof prompts[0] === 'number') return 1
  if (prompts.length > PROMPTS_MAX) throw wrongType('prompt', `an array of at most ${PROMPTS_MAX} prompts`)
  return prompts.length
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
