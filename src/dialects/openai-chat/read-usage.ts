/** Token counts as this dialect's many speakers report them, in the meaning every dialect shares. */

import { tokenCount, type Usage } from '../../canonical/usage.ts'
import { isJsonObject, type JsonObject, objectOf, stringOf } from '../../std/json.ts'
import { withoutAbsent } from './fields.ts'

/** The usage of a chunk or an answer, wherever it put it; `undefined` where it reports none. */
export function usageOfAnswer(answer: JsonObject): Usage | undefined {
  const { usage } = answer
  if (isJsonObject(usage)) return withTier(readUsage(usage), answer)
  const groq = answer['x_groq']
  if (!isJsonObject(groq) || !isJsonObject(groq['usage'])) return undefined
  return withTier(readUsage(groq['usage']), answer)
}

/** The service class stands beside the counts. */
export function withTier(usage: Usage | undefined, answer: JsonObject): Usage | undefined {
  const serviceTier = stringOf(answer['service_tier'])
  return usage === undefined || !serviceTier ? usage : { ...usage, serviceTier }
}

/** `undefined` where no count in it can be believed. */
export function readUsage(raw: JsonObject): Usage | undefined {
  const input = tokenCount(raw['prompt_tokens'] ?? raw['input_tokens'])
  const output = outputTokens(raw, input)
  if (input === undefined && output.outputTokens === undefined) return undefined
  return withoutAbsent({
    inputTokens: input,
    ...output,
    ...inputDetails(raw, input),
    // Perplexity's.
    searches: tokenCount(raw['num_search_queries']),
    outputAudioTokens: tokenCount(objectOf(raw['completion_tokens_details'])?.['audio_tokens']),
    raw,
  })
}

/**
 * Reasoning belongs to the output, and at most servers it is counted there. At xAI it stands outside (the total shows
 * it), and Google's endpoint shows thoughts in nothing but the total.
 */
function outputTokens(raw: JsonObject, input: number | undefined) {
  const details = objectOf(raw['completion_tokens_details']) ?? objectOf(raw['output_tokens_details'])
  const completion = tokenCount(raw['completion_tokens'] ?? raw['output_tokens'])
  const total = tokenCount(raw['total_tokens'])
  const reasoning = tokenCount(details?.['reasoning_tokens'] ?? raw['reasoning_tokens'])
  if (completion === undefined) return { outputTokens: undefined, reasoningTokens: reasoning }
  const hidden = total !== undefined && input !== undefined ? total - input - completion : 0
  if (reasoning !== undefined && reasoning > 0) {
    const isOutside = hidden > 0 || reasoning > completion
    const outside = hidden > 0 ? Math.min(hidden, reasoning) : reasoning
    return { outputTokens: completion + (isOutside ? outside : 0), reasoningTokens: reasoning }
  }
  return hidden > 0 && reasoning === undefined
    ? { outputTokens: completion + hidden, reasoningTokens: hidden }
    : { outputTokens: completion, reasoningTokens: reasoning }
}

function inputDetails(raw: JsonObject, input: number | undefined) {
  const details = objectOf(raw['prompt_tokens_details']) ?? objectOf(raw['input_tokens_details'])
  return {
    // OpenAI and most others; DeepSeek; Moonshot and Together; servers with Anthropic behind them.
    cacheReadTokens: partOf(
      input,
      details?.['cached_tokens'] ??
        raw['prompt_cache_hit_tokens'] ??
        raw['cached_tokens'] ??
        raw['cache_read_input_tokens'],
    ),
    cacheWriteTokens: partOf(
      input,
      details?.['cache_write_tokens'] ??
        details?.['cache_creation_tokens'] ??
        raw['cache_creation_input_tokens'],
    ),
    inputAudioTokens: partOf(input, details?.['audio_tokens']),
  }
}

/** A part larger than its whole is not believed. */
function partOf(whole: number | undefined, value: unknown): number | undefined {
  const count = tokenCount(value)
  return count !== undefined && whole !== undefined && count > whole ? undefined : count
}
