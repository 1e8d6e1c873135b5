/**
 * Decodes a whole request. Only a translation needs this: where the target speaks this dialect the client's bytes pass
 * as they are. Hence Claude Code's attribution block, which changes with every request and would defeat every cache, is
 * dropped here and still reaches Anthropic.
 */

import type { Message, Part, Role } from '../../canonical/message.ts'
import type { InferenceRequest } from '../../canonical/request.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import {
  arrayOf,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  numberOf,
  objectOf,
  parseJson,
  stringOf,
} from '../../std/json.ts'
import { openSeals } from '../open-seals.ts'
import { DIALECT } from './dialect-id.ts'
import { invalid } from './invalid.ts'
import { readCacheHint, readContent } from './read-block.ts'
import {
  isKnownFormat,
  isKnownThinking,
  readOutput,
  readReasoning,
  readToolChoice,
  readTools,
} from './read-options.ts'

/** How Claude Code's attribution block begins. */
const ATTRIBUTION_PREFIX = 'x-anthropic-billing-header:'

export function readRequest(body: Uint8Array): InferenceRequest {
  const fields = decode(body)
  const model = fields['model']
  if (typeof model !== 'string') throw invalid('model', 'must be a string', 'name the model to use')
  return {
    modelId: model,
    messages: [...readSystem(fields['system']), ...readMessages(fields['messages'])],
    stream: fields['stream'] === true,
    wantsStreamUsage: true,
    ...readTools(fields['tools']),
    ...readToolChoice(fields['tool_choice']),
    ...readOutput(fields),
    ...readReasoning(fields),
    ...readNumbers(fields),
    ...readRest(fields),
    ...readVendor(fields),
  }
}

function decode(body: Uint8Array): JsonObject {
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8')
  const value = parseJson(text)
  if (!isJsonObject(value)) throw new GatewayError('invalid_json', 'The body is not one JSON object.')
  return value
}

function readSystem(value: unknown): readonly Message[] {
  if (value === undefined || value === null) return []
  const parts = readContent(value, 'system').filter((part) => !isAttribution(part))
  return parts.length === 0 ? [] : [{ role: 'system', parts }]
}

function isAttribution(part: Part): boolean {
  return part.type === 'text' && part.text.startsWith(ATTRIBUTION_PREFIX)
}

function readMessages(value: unknown): readonly Message[] {
  const mend = 'send at least one message, such as {"role": "user", "content": "Hello"}'
  if (!Array.isArray(value)) throw invalid('messages', 'must be an array', mend)
  if (value.length === 0) throw invalid('messages', 'is empty', mend)
  return value.flatMap((message, index) => readMessage(message, `messages.${index}`))
}

function readMessage(value: unknown, path: string): readonly Message[] {
  if (!isJsonObject(value)) throw invalid(path, 'must be an object', 'send a role and content')
  const role = readRole(value['role'], path)
  const parts = readContent(value['content'], `${path}.content`)
  return role === 'user' ? splitToolResults(parts) : [{ role, parts: openSeals(parts) }]
}

function readRole(value: unknown, path: string): Role {
  if (value === 'user' || value === 'assistant' || value === 'system') return value
  throw invalid(`${path}.role`, 'is not a role of this API', 'send "user", "assistant" or "system"')
}

/** A user turn of this dialect holds tool results too; in the canonical language each is a turn of its own. */
function splitToolResults(parts: readonly Part[]): readonly Message[] {
  const messages: Message[] = []
  let said: Part[] = []
  for (const part of parts) {
    if (part.type !== 'tool-result') {
      said.push(part)
      continue
    }
    if (said.length > 0) messages.push({ role: 'user', parts: said })
    said = []
    messages.push({ role: 'tool', parts: [part] })
  }
  if (said.length > 0 || messages.length === 0) messages.push({ role: 'user', parts: said })
  return messages
}

function readNumbers(fields: JsonObject): Partial<InferenceRequest> {
  const maxOutputTokens = numberOf(fields['max_tokens'])
  const temperature = numberOf(fields['temperature'])
  const topP = numberOf(fields['top_p'])
  const topK = numberOf(fields['top_k'])
  return {
    ...(maxOutputTokens === undefined ? {} : { maxOutputTokens }),
    ...(temperature === undefined ? {} : { temperature }),
    ...(topP === undefined ? {} : { topP }),
    ...(topK === undefined ? {} : { topK }),
  }
}

function readRest(fields: JsonObject): Partial<InferenceRequest> {
  const stopSequences = arrayOf(fields['stop_sequences']).filter((stop) => typeof stop === 'string')
  const userId = stringOf(objectOf(fields['metadata'])?.['user_id'])
  const serviceTier = stringOf(fields['service_tier'])
  const cacheHint = readCacheHint(fields['cache_control'])
  return {
    ...(stopSequences.length === 0 ? {} : { stopSequences }),
    ...(userId === undefined ? {} : { userId }),
    ...(serviceTier === undefined ? {} : { serviceTier }),
    ...(cacheHint === undefined ? {} : { cacheHint }),
  }
}

/** Top-level fields that are read above as a whole. */
const fieldsRead = new Set([
  'model',
  'messages',
  'system',
  'stream',
  'tools',
  'tool_choice',
  'max_tokens',
  'temperature',
  'top_p',
  'top_k',
  'stop_sequences',
  'service_tier',
  'cache_control',
])

/** Everything else, whole or what is left of it. Always there, even empty: it says whose words these are. */
function readVendor(fields: JsonObject): Partial<InferenceRequest> {
  const unread = Object.entries(fields).flatMap(([name, value]) => {
    const rest = fieldsRead.has(name) ? undefined : unreadOf(name, value)
    return rest === undefined || rest === null ? [] : [[name, rest] as const]
  })
  return { vendor: { dialect: DIALECT, fields: Object.fromEntries(unread) } }
}

function unreadOf(name: string, value: JsonValue | undefined): JsonValue | undefined {
  switch (name) {
    case 'thinking':
      return isKnownThinking(value) ? without(value, ['type', 'budget_tokens', 'display']) : value
    case 'output_config':
      return without(value, isKnownFormat(objectOf(value)?.['format']) ? ['effort', 'format'] : ['effort'])
    case 'output_format':
      return isKnownFormat(value) ? undefined : value
    case 'metadata':
      return without(value, ['user_id'])
    default:
      return value
  }
}

function without(value: JsonValue | undefined, names: readonly string[]): JsonValue | undefined {
  if (!isJsonObject(value)) return undefined
  const rest = Object.entries(value).filter(([name, inner]) => !names.includes(name) && inner !== null)
  return rest.length === 0 ? undefined : Object.fromEntries(rest)
}
