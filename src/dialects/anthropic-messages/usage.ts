/**
 * Token counts, between the canonical meaning and Anthropic's: its `input_tokens` leaves cached tokens out, ours counts
 * them in. Usage in a stream is cumulative, so a later number replaces an earlier one and nothing is summed.
 */

import { tokenCount, type Usage } from '../../canonical/usage.ts'
import { isJsonObject, type JsonObject, objectOf, stringOf } from '../../std/json.ts'

/** The later usage object over the earlier one; `null` says nothing and replaces nothing. */
export function mergeUsage(earlier: JsonObject | undefined, later: unknown): JsonObject | undefined {
  if (!isJsonObject(later)) return earlier
  if (earlier === undefined) return later
  const said = Object.entries(later).filter(([, value]) => value !== null)
  // fromEntries defines own properties, so a key named __proto__ stays a key.
  return { ...earlier, ...Object.fromEntries(said) }
}

/** The usage a stream begins with. Its output is a placeholder, true of nothing: an answer that breaks off has made more. */
export function usageAtStart(usage: unknown): JsonObject | undefined {
  if (!isJsonObject(usage)) return undefined
  const { output_tokens: _placeholder, ...rest } = usage
  return rest
}

export function readUsage(raw: JsonObject): Usage {
  const counts = addUp(iterationsOf(raw) ?? [raw])
  const details = raw['output_tokens_details']
  const reasoningTokens = isJsonObject(details) ? tokenCount(details['thinking_tokens']) : undefined
  const serviceTier = stringOf(raw['service_tier'])
  const searches = tokenCount(objectOf(raw['server_tool_use'])?.['web_search_requests'])
  const speed = stringOf(raw['speed'])
  const inferenceGeo = stringOf(raw['inference_geo'])
  return {
    ...counts,
    ...(reasoningTokens === undefined ? {} : { reasoningTokens }),
    ...(searches ? { searches } : {}),
    ...(serviceTier === undefined ? {} : { serviceTier }),
    ...(speed === undefined ? {} : { speed }),
    ...(inferenceGeo === undefined ? {} : { inferenceGeo }),
    raw,
  }
}

/**
 * Where the provider ran the model more than once for one answer (compaction, fallback), its top-level counts leave
 * those runs out and `iterations` lists every run; all of them are billed.
 */
function iterationsOf(raw: JsonObject): readonly JsonObject[] | undefined {
  const iterations = raw['iterations']
  if (!Array.isArray(iterations)) return undefined
  const runs = iterations.filter(isJsonObject)
  return runs.some((run) => run['type'] !== 'message') ? runs : undefined
}

type Counts = Pick<
  Usage,
  'inputTokens' | 'outputTokens' | 'cacheReadTokens' | 'cacheWriteTokens' | 'cacheWrite1hTokens'
>

function addUp(runs: readonly JsonObject[]): Counts {
  const fresh = sum(runs.map((run) => run['input_tokens']))
  const cacheRead = sum(runs.map((run) => run['cache_read_input_tokens']))
  const cacheWrite = sum(runs.map((run) => run['cache_creation_input_tokens']))
  const cacheWrite1h = sum(
    runs.map(({ cache_creation: kinds }) => (isJsonObject(kinds) ? kinds['ephemeral_1h_input_tokens'] : 0)),
  )
  const output = sum(runs.map((run) => run['output_tokens']))
  const input = fresh === undefined ? undefined : tokenCount(fresh + (cacheRead ?? 0) + (cacheWrite ?? 0))
  return {
    ...(input === undefined ? {} : { inputTokens: input }),
    ...(output === undefined ? {} : { outputTokens: output }),
    ...(cacheRead === undefined ? {} : { cacheReadTokens: cacheRead }),
    ...(cacheWrite === undefined ? {} : { cacheWriteTokens: cacheWrite }),
    ...(cacheWrite1h === undefined || cacheWrite1h === 0 ? {} : { cacheWrite1hTokens: cacheWrite1h }),
  }
}

/** The sum of believable counts; `undefined` where none is. */
function sum(values: readonly unknown[]): number | undefined {
  const counts = values.map(tokenCount).filter((count) => count !== undefined)
  return counts.length === 0 ? undefined : tokenCount(counts.reduce((total, count) => total + count, 0))
}

/** Usage at the start of a stream. Some clients add its output to the last count, so it says 0. */
export function writeInputUsage(usage: Usage | undefined): JsonObject {
  const { reasoningTokens: _reasoning, ...counts } = usage ?? {}
  return writeUsage({ ...counts, outputTokens: 0 })
}

/**
 * A usage object as Anthropic says it. Every count is a number: clients add them up without asking whether they are
 * there, so what was not reported is said as 0.
 */
export function writeUsage(usage: Usage | undefined): JsonObject {
  const cacheRead = usage?.cacheReadTokens ?? 0
  const cacheWrite = usage?.cacheWriteTokens ?? 0
  const { reasoningTokens } = usage ?? {}
  return {
    input_tokens: Math.max(0, (usage?.inputTokens ?? 0) - cacheRead - cacheWrite),
    cache_creation_input_tokens: cacheWrite,
    cache_read_input_tokens: cacheRead,
    // Reasoning is part of the output, which cannot be less.
    output_tokens: usage?.outputTokens ?? reasoningTokens ?? 0,
    ...(reasoningTokens === undefined ? {} : { output_tokens_details: { thinking_tokens: reasoningTokens } }),
  }
}
