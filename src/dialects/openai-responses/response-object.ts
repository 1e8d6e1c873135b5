/** The response object, with every field that the official description requires, as it stands in each phase of an answer. */

import { arrayOf, isJsonObject, type JsonObject, type JsonValue, objectOf } from '../../std/json.ts'
import { parseBody } from './read-request.ts'

/** What tells one response from another. */
export interface ResponseIdentity {
  readonly id: string
  readonly modelId: string
  readonly createdAtS: number
  readonly echo: JsonObject
}

/** Fields of a request that its answer repeats. */
const echoed: readonly string[] = [
  'instructions',
  'tools',
  'tool_choice',
  'parallel_tool_calls',
  'temperature',
  'top_p',
  'top_logprobs',

  'metadata',
  'text',
  'reasoning',
  'max_output_tokens',
  'max_tool_calls',
  'previous_response_id',
  'store',
  'user',
  'safety_identifier',
  'truncation',
  'service_tier',
  'prompt_cache_key',
  'background',
  'prompt',
  'conversation',
  'prompt_cache_retention',
]

export function readEcho(body: Uint8Array): JsonObject {
  const fields = parseBody(body)
  const kept = echoed.flatMap((name): [string, JsonValue][] => {
    const value = fields[name]
    return value === undefined || value === null ? [] : [[name, value]]
  })
  return Object.fromEntries(kept)
}

/** A response in progress: nothing said yet. */
export function beginResponse({ id, modelId, createdAtS, echo }: ResponseIdentity): JsonObject {
  return {
    id,
    object: 'response',
    created_at: createdAtS,
    status: 'in_progress',
    completed_at: null,
    error: null,
    incomplete_details: null,
    instructions: null,
    max_output_tokens: null,
    max_tool_calls: null,
    output: [],
    previous_response_id: null,
    top_logprobs: 0,
    ...defaults,
    ...echo,
    model: modelId,
    text: { format: { type: 'text' }, ...objectOf(echo['text']) },
    reasoning: { effort: null, summary: null, ...objectOf(echo['reasoning']) },
    conversation: conversationOf(echo['conversation']),
    tools: arrayOf(echo['tools']).filter(isJsonObject).map(echoedTool),
  }
}

/** What OpenAI says where the request said nothing. */
const defaults: JsonObject = {
  background: false,
  metadata: {},
  parallel_tool_calls: true,
  service_tier: 'default',
  store: true,
  temperature: 1,
  tool_choice: 'auto',
  top_p: 1,
  truncation: 'disabled',
}

function conversationOf(value: JsonValue | undefined): JsonObject | null {
  if (typeof value === 'string') return { id: value }
  return objectOf(value) ?? null
}

/** A function always says its parameters and whether it is strict. */
function echoedTool(tool: JsonObject): JsonObject {
  return tool['type'] === 'function' ? { parameters: null, strict: null, ...tool } : tool
}
