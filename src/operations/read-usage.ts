/** What the answers of operations say of their cost, in the few shapes there are. */

import { tokenCount, type Usage } from '../canonical/usage.ts'
import { type JsonObject, type JsonValue, objectOf } from '../std/json.ts'

/**
 * OpenAI's `usage` of embeddings (`prompt_tokens`), pictures and speech (`input_tokens`, `output_tokens`), and what others
 * that follow it say. What makes no tokens reports none: then there were none.
 */
export function readUsageField(answer: JsonObject): Usage | undefined {
  const usage = objectOf(answer['usage'])
  if (usage === undefined) return undefined
  const total = tokenCount(usage['total_tokens'])
  const inputTokens = tokenCount(usage['prompt_tokens']) ?? tokenCount(usage['input_tokens']) ?? total
  const outputTokens = tokenCount(usage['completion_tokens']) ?? tokenCount(usage['output_tokens'])
  return usageOf(inputTokens, outputTokens ?? (inputTokens === undefined ? undefined : 0), usage)
}

/** Cohere's `meta.billed_units`, else as above. */
export function readBilledUsage(answer: JsonObject): Usage | undefined {
  const units = objectOf(objectOf(answer['meta'])?.['billed_units'])
  if (units === undefined) return readUsageField(answer)
  const inputTokens = tokenCount(units['input_tokens'])
  return usageOf(inputTokens, inputTokens === undefined ? undefined : 0, units)
}

export function usageOf(
  inputTokens: number | undefined,
  outputTokens: number | undefined,
  raw: JsonValue,
): Usage {
  return {
    ...(inputTokens === undefined ? {} : { inputTokens }),
    ...(outputTokens === undefined ? {} : { outputTokens }),
    raw,
  }
}
