/** Decodes a whole request. What the canonical language has no word for is kept under `vendor`, for this dialect. */

import type { InferenceRequest, OutputFormat, ReasoningOptions } from '../../canonical/request.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import {
  isJsonObject,
  type JsonObject,
  type JsonValue,
  numberOf,
  objectOf,
  stringOf,
} from '../../std/json.ts'
import { readMessages } from './read-messages.ts'
import { readToolChoice, readTools } from './read-tools.ts'
import { DIALECT, invalid, withoutAbsent } from './fields.ts'

export function readRequest(body: Uint8Array): InferenceRequest {
  const fields = parseBody(body)
  const modelId = stringOf(fields['model'])
  if (!modelId) throw invalid('model', '"model" must be a string that is not empty.')
  const { messages } = fields
  if (!Array.isArray(messages) || messages.length === 0) {
    throw invalid('messages', '"messages" must be an array of at least one message.')
  }
  const streamOptions = objectOf(fields['stream_options'])
  return withoutAbsent({
    modelId,
    messages: readMessages(messages),
    stream: fields['stream'] === true,
    wantsStreamUsage: streamOptions?.['include_usage'] === true,
    tools: readTools(fields),
    toolChoice: readToolChoice(fields),
    allowsParallelToolCalls: booleanOf(fields['parallel_tool_calls']),
    output: readOutput(fields['response_format']),
    reasoning: readReasoningOptions(fields),
    maxOutputTokens: numberOf(fields['max_completion_tokens']) ?? numberOf(fields['max_tokens']),
    temperature: numberOf(fields['temperature']),
    topP: numberOf(fields['top_p']),
    topK: numberOf(fields['top_k']),
    frequencyPenalty: numberOf(fields['frequency_penalty']),
    presencePenalty: numberOf(fields['presence_penalty']),
    seed: numberOf(fields['seed']),
    stopSequences: readStop(fields['stop']),
    candidateCount: numberOf(fields['n']),
    logprobs: readLogprobs(fields),
    modalities: readStrings(fields['modalities']),
    audio: objectOf(fields['audio']),
    userId: stringOf(fields['user']),
    metadata: objectOf(fields['metadata']),
    serviceTier: stringOf(fields['service_tier']),
    promptCacheKey: stringOf(fields['prompt_cache_key']),
    // Always there, even empty: it says whose words these are.
    vendor: { dialect: DIALECT, fields: readVendor(fields) },
  })
}

function parseBody(body: Uint8Array): JsonObject {
  let parsed: unknown
  try {
    parsed = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch {
    throw new GatewayError('invalid_json', 'The body is not valid JSON; send one JSON object.')
  }
  if (!isJsonObject(parsed)) throw new GatewayError('invalid_json', 'The body must be one JSON object.')
  return parsed
}

function booleanOf(value: unknown): boolean | undefined {
  return typeof value === 'boolean' ? value : undefined
}

function readStrings(value: unknown): readonly string[] | undefined {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : undefined
}

function readStop(value: unknown): readonly string[] | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value === 'string') return [value]
  if (!Array.isArray(value) || !value.every((item) => typeof item === 'string')) {
    throw invalid('stop', '"stop" must be a string or an array of strings.')
  }
  return value.length === 0 ? undefined : value
}

function readLogprobs(fields: JsonObject): { top?: number } | undefined {
  if (fields['logprobs'] !== true) return undefined
  const top = numberOf(fields['top_logprobs'])
  return top === undefined ? {} : { top }
}

/** Formats other than the three of the dialect (a grammar) are kept as vendor fields. */
function readOutput(value: unknown): OutputFormat | undefined {
  if (!isJsonObject(value)) return undefined
  switch (value['type']) {
    case 'text':
      return { type: 'text' }
    case 'json_object':
      return isJsonObject(value['schema'])
        ? { type: 'json-schema', schema: value['schema'] }
        : { type: 'json-object' }
    case 'json_schema':
      return readSchema(objectOf(value['json_schema']) ?? value)
    default:
      return undefined
  }
}

function readSchema(format: JsonObject): OutputFormat {
  const schema = objectOf(format['schema'])
  if (schema === undefined) {
    throw invalid(
      'response_format.json_schema.schema',
      '"response_format.json_schema.schema" must be an object.',
    )
  }
  return withoutAbsent({
    type: 'json-schema' as const,
    schema,
    name: stringOf(format['name']),
    description: stringOf(format['description']),
    isStrict: booleanOf(format['strict']),
  })
}

/** `reasoning_effort`, or OpenRouter's `reasoning` where it says no more than the canonical words do. */
function readReasoningOptions(fields: JsonObject): ReasoningOptions | undefined {
  const effort = stringOf(fields['reasoning_effort'])
  if (effort !== undefined) return effort === 'none' ? { mode: 'off', effort } : { mode: 'on', effort }
  const reasoning = objectOf(fields['reasoning'])
  if (reasoning === undefined) return undefined
  const options = withoutAbsent({
    mode: reasoning['enabled'] === false ? ('off' as const) : ('on' as const),
    effort: stringOf(reasoning['effort']),
    budgetTokens: numberOf(reasoning['max_tokens']),
  })
  return options.effort === 'none' ? { ...options, mode: 'off' } : options
}

const canonicalFields: ReadonlySet<string> = new Set([
  'model',
  'messages',
  'stream',
  'tools',
  'functions',
  'tool_choice',
  'function_call',
  'parallel_tool_calls',
  'response_format',
  'reasoning_effort',
  'max_tokens',
  'max_completion_tokens',
  'temperature',
  'top_p',
  'top_k',
  'frequency_penalty',
  'presence_penalty',
  'seed',
  'stop',
  'n',
  'logprobs',
  'top_logprobs',
  'modalities',
  'audio',
  'user',
  'metadata',
  'service_tier',
  'prompt_cache_key',
])

function readVendor(fields: JsonObject): JsonObject {
  const kept: [string, JsonValue][] = []
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined || value === null) continue
    const rest = vendorValue(name, value)
    if (rest !== undefined) kept.push([name, rest])
  }
  // fromEntries defines its members, so that a field named __proto__ stays a field.
  return Object.fromEntries(kept)
}

/** What of a field the canonical words leave unsaid. */
function vendorValue(name: string, value: JsonValue): JsonValue | undefined {
  if (name === 'stream_options') {
    if (!isJsonObject(value)) return undefined
    const { include_usage: _asked, ...rest } = value
    return Object.keys(rest).length === 0 ? undefined : rest
  }
  if (name === 'response_format') {
    return isJsonObject(value) && readOutput(value) === undefined ? value : undefined
  }
  if (name === 'top_logprobs' || name === 'logprobs') return undefined
  return canonicalFields.has(name) ? undefined : value
}
