/**
 * Decodes a whole request: a prompt is what a user says. What the canonical language has no word for is kept under
 * `vendor`, for this dialect; so are prompts that are not one text, which no other dialect can answer.
 */

import type { Message } from '../../canonical/message.ts'
import type { InferenceRequest } from '../../canonical/request.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import {
  isJsonObject,
  type JsonObject,
  type JsonValue,
  numberOf,
  objectOf,
  parseJson,
  stringOf,
} from '../../std/json.ts'
import { invalid, withoutAbsent } from '../openai-chat/fields.ts'
import { DIALECT } from './dialect-id.ts'

export function readRequest(body: Uint8Array): InferenceRequest {
  const fields = parseBody(body)
  const modelId = stringOf(fields['model'])
  if (!modelId) throw invalid('model', '"model" must be a string that is not empty.')
  const prompt = promptText(fields['prompt'])
  const top = numberOf(fields['logprobs'])
  return withoutAbsent({
    modelId,
    messages: [userMessage(prompt ?? '')],
    stream: fields['stream'] === true,
    wantsStreamUsage: objectOf(fields['stream_options'])?.['include_usage'] === true,
    maxOutputTokens: numberOf(fields['max_tokens']),
    temperature: numberOf(fields['temperature']),
    topP: numberOf(fields['top_p']),
    frequencyPenalty: numberOf(fields['frequency_penalty']),
    presencePenalty: numberOf(fields['presence_penalty']),
    seed: numberOf(fields['seed']),
    stopSequences: readStop(fields['stop']),
    candidateCount: numberOf(fields['n']),
    logprobs: top === undefined ? undefined : { top },
    userId: stringOf(fields['user']),
    vendor: { dialect: DIALECT, fields: readVendor(fields, prompt === undefined) },
  })
}

/** The one text that a prompt is; `undefined` where it is tokens, or several. */
function promptText(prompt: JsonValue | undefined): string | undefined {
  if (typeof prompt === 'string') return prompt
  if (!Array.isArray(prompt) || prompt.length === 0) {
    throw invalid('prompt', '"prompt" must be a string or an array of at least one prompt.')
  }
  return prompt.length === 1 ? stringOf(prompt[0]) : undefined
}

function userMessage(text: string): Message {
  return { role: 'user', parts: [{ type: 'text', text }] }
}

function parseBody(body: Uint8Array): JsonObject {
  const parsed = parseJson(decodeUtf8(body))
  if (!isJsonObject(parsed)) throw new GatewayError('invalid_json', 'The body must be one JSON object.')
  return parsed
}

function decodeUtf8(body: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body)
  } catch {
    throw new GatewayError('invalid_json', 'The body is not UTF-8; send one JSON object.')
  }
}

function readStop(value: unknown): readonly string[] | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value === 'string') return [value]
  if (!Array.isArray(value) || !value.every((item) => typeof item === 'string')) {
    throw invalid('stop', '"stop" must be a string or an array of strings.')
  }
  return value.length === 0 ? undefined : value
}

const canonicalFields: ReadonlySet<string> = new Set([
  'model',
  'stream',
  'max_tokens',
  'temperature',
  'top_p',
  'frequency_penalty',
  'presence_penalty',
  'seed',
  'stop',
  'n',
  'logprobs',
  'user',
])

function readVendor(fields: JsonObject, keepsPrompt: boolean): JsonObject {
  const kept: [string, JsonValue][] = []
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined || value === null || canonicalFields.has(name)) continue
    const rest = name === 'stream_options' ? otherOptions(value) : value
    if (rest !== undefined && (name !== 'prompt' || keepsPrompt)) kept.push([name, rest])
  }
  // fromEntries defines its members, so that a field named __proto__ stays a field.
  return Object.fromEntries(kept)
}

function otherOptions(value: JsonValue): JsonObject | undefined {
  if (!isJsonObject(value)) return undefined
  const { include_usage: _asked, ...rest } = value
  return Object.keys(rest).length === 0 ? undefined : rest
}
