/** Decodes a whole request. What the canonical language has no word for is kept under `vendor`, for this dialect. */

import type { Message } from '../../canonical/message.ts'
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
import { DIALECT, invalid, withoutAbsent } from './fields.ts'
import { readInput } from './read-items.ts'
import { readToolChoice, readTools } from './read-tools.ts'

/** What `include` asks for log probabilities with. */
export const INCLUDE_LOGPROBS = 'message.output_text.logprobs'

/** What `include` asks for reasoning with that can be sent back without being stored. */
export const INCLUDE_ENCRYPTED = 'reasoning.encrypted_content'

export function readRequest(body: Uint8Array): InferenceRequest {
  const fields = parseBody(body)
  const modelId = stringOf(fields['model'])
  if (!modelId) throw invalid('model', '"model" must be a string that is not empty.')
  return withoutAbsent({
    modelId,
    messages: [...readInstructions(fields['instructions']), ...readInput(fields['input'])],
    stream: fields['stream'] === true,
    wantsStreamUsage: true,
    tools: readTools(fields['tools']),
    toolChoice: readToolChoice(fields['tool_choice']),
    allowsParallelToolCalls: booleanOf(fields['parallel_tool_calls']),
    output: readOutput(objectOf(fields['text'])?.['format']),
    reasoning: readReasoningOptions(objectOf(fields['reasoning'])),
    wantsReasoningState: includes(fields, INCLUDE_ENCRYPTED) || undefined,
    maxOutputTokens: numberOf(fields['max_output_tokens']),
    temperature: numberOf(fields['temperature']),
    topP: numberOf(fields['top_p']),
    logprobs: readLogprobs(fields),
    userId: stringOf(fields['user']) ?? stringOf(fields['safety_identifier']),
    metadata: objectOf(fields['metadata']),
    serviceTier: stringOf(fields['service_tier']),
    promptCacheKey: stringOf(fields['prompt_cache_key']),
    // Always there, even empty: it says whose words these are.
    vendor: { dialect: DIALECT, fields: readVendor(fields) },
  })
}

export function parseBody(body: Uint8Array): JsonObject {
  let parsed: unknown
  try {
    parsed = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch {
    throw new GatewayError('invalid_json', 'The body is not valid JSON; send one JSON object.')
  }
  if (!isJsonObject(parsed)) throw new GatewayError('invalid_json', 'The body must be one JSON object.')
  return parsed
}

/** Instructions come first, as a system message; a leading one is written back as instructions. */
function readInstructions(value: unknown): readonly Message[] {
  if (typeof value === 'string') return value === '' ? [] : systemMessage(value)
  return Array.isArray(value) ? readInput(value) : []
}

function systemMessage(text: string): readonly Message[] {
  return [{ role: 'system', parts: [{ type: 'text', text }] }]
}

function booleanOf(value: unknown): boolean | undefined {
  return typeof value === 'boolean' ? value : undefined
}

function includes(fields: JsonObject, wanted: string): boolean {
  const { include } = fields
  return Array.isArray(include) && include.includes(wanted)
}

function readLogprobs(fields: JsonObject): { top?: number } | undefined {
  const top = numberOf(fields['top_logprobs'])
  if (top !== undefined && top > 0) return { top }
  return includes(fields, INCLUDE_LOGPROBS) ? {} : undefined
}

/** Formats other than the three of the dialect (a grammar) are kept as vendor fields. */
function readOutput(format: unknown): OutputFormat | undefined {
  if (!isJsonObject(format)) return undefined
  switch (format['type']) {
    case 'text':
      return { type: 'text' }
    case 'json_object':
      return { type: 'json-object' }
    case 'json_schema':
      return readSchema(format)
    default:
      return undefined
  }
}

function readSchema(format: JsonObject): OutputFormat {
  const schema = objectOf(format['schema'])
  if (schema === undefined) throw invalid('text.format.schema', '"text.format.schema" must be an object.')
  return withoutAbsent({
    type: 'json-schema' as const,
    schema,
    name: stringOf(format['name']),
    description: stringOf(format['description']),
    isStrict: booleanOf(format['strict']),
  })
}

/** `reasoning: {}` says nothing; a summary alone says how reasoning should be shown, not that there be any. */
function readReasoningOptions(reasoning: JsonObject | undefined): ReasoningOptions | undefined {
  const effort = stringOf(reasoning?.['effort'])
  const display = stringOf(reasoning?.['summary'])
  if (effort === undefined && display === undefined) return undefined
  const mode = effort === undefined ? undefined : effort === 'none' ? ('off' as const) : ('on' as const)
  return withoutAbsent({ mode, effort, display })
}

const canonicalFields: ReadonlySet<string> = new Set([
  'model',
  'input',
  'instructions',
  'stream',
  'tools',
  'tool_choice',
  'parallel_tool_calls',
  'max_output_tokens',
  'temperature',
  'top_p',
  'top_logprobs',
  'user',
  'metadata',
  'service_tier',
  'prompt_cache_key',
])

function readVendor(fields: JsonObject): JsonObject {
  const kept: [string, JsonValue][] = []
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined || value === null || canonicalFields.has(name)) continue
    const rest = vendorValue(name, value, fields)
    if (rest !== undefined) kept.push([name, rest])
  }
  // fromEntries defines its members, so that a field named __proto__ stays a field.
  return Object.fromEntries(kept)
}

/** What of a field the canonical words leave unsaid. */
function vendorValue(name: string, value: JsonValue, fields: JsonObject): JsonValue | undefined {
  switch (name) {
    case 'text':
      return without(value, readOutput(objectOf(value)?.['format']) === undefined ? [] : ['format'])
    case 'reasoning':
      return without(value, ['effort', 'summary'])
    case 'include':
      return otherIncludes(value)
    // Nothing is stored at a provider unless the client said so, and who runs in the background is this gateway.
    case 'store':
      return value === false ? undefined : value
    case 'background':
      return undefined
    case 'safety_identifier':
      return typeof fields['user'] === 'string' ? value : undefined
    default:
      return value
  }
}

function without(value: JsonValue, names: readonly string[]): JsonValue | undefined {
  if (!isJsonObject(value)) return undefined
  const rest = Object.entries(value).filter(([name, member]) => !names.includes(name) && member !== null)
  return rest.length === 0 ? undefined : Object.fromEntries(rest)
}

function otherIncludes(value: JsonValue): JsonValue | undefined {
  if (!Array.isArray(value)) return undefined
  const rest = value.filter((entry: JsonValue) => entry !== INCLUDE_LOGPROBS && entry !== INCLUDE_ENCRYPTED)
  return rest.length === 0 ? undefined : rest
}
