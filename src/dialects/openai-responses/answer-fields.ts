/** The top-level fields of a response that the canonical language has words for, or that only repeat the request. */

import { type JsonObject, numberOf, stringOf } from '../../std/json.ts'
import { unknownFields } from './fields.ts'

/** As the official description lists them, with what the wire has beside it. */
const known: ReadonlySet<string> = new Set([
  'id',
  'object',
  'status',
  'created_at',
  'completed_at',
  'error',
  'incomplete_details',
  'output',
  'output_text',
  'usage',
  'model',
  'instructions',
  'metadata',
  'temperature',
  'top_p',
  'top_logprobs',
  'user',
  'safety_identifier',
  'prompt_cache_key',
  'prompt_cache_retention',
  'prompt_cache_options',
  'previous_response_id',
  'background',
  'max_tool_calls',
  'max_output_tokens',
  'text',
  'tools',
  'tool_choice',
  'prompt',
  'service_tier',
  'truncation',
  'reasoning',
  'parallel_tool_calls',
  'store',
  'conversation',
  'frequency_penalty',
  'presence_penalty',
  'billing',
  'tool_usage',
])

/** What begins an answer. */
export function startOf(response: JsonObject) {
  const responseId = stringOf(response['id'])
  const modelId = stringOf(response['model'])
  const createdAtS = numberOf(response['created_at'])
  const raw = unknownFields(response, known)
  return {
    ...(responseId ? { responseId } : {}),
    ...(modelId ? { modelId } : {}),
    ...(createdAtS !== undefined && createdAtS > 0 ? { createdAtS: Math.floor(createdAtS) } : {}),
    ...(raw === undefined ? {} : { raw }),
  }
}
