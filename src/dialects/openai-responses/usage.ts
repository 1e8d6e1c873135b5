/** Token counts of this dialect, read and written. */

import { tokenCount, type Usage } from '../../canonical/usage.ts'
import { arrayOf, isJsonObject, type JsonObject, objectOf } from '../../std/json.ts'
import { readUsage, withTier } from '../openai-chat/read-usage.ts'

/** `undefined` where none is reported. `seen`: searches among the items before, which some leave out at the end. */
export function usageOf(response: JsonObject, seen = 0): Usage | undefined {
  const { usage, output } = response
  const counts = isJsonObject(usage) ? withTier(readUsage(usage), response) : undefined
  if (counts === undefined) return undefined
  const searches = arrayOf(output).filter(isSearch).length || seen
  return searches === 0 ? counts : { ...counts, searches }
}

/** Its tool also opens pages and looks for words in them, which is no search. */
export function isSearch(item: unknown): boolean {
  if (!isJsonObject(item) || item['type'] !== 'web_search_call') return false
  const action = objectOf(item['action'])?.['type']
  return action === undefined || action === 'search'
}

/** All five members are required, and a count that nobody reported is said as 0; no report at all is left out. */
export function writeUsage(usage: Usage | undefined): { usage?: JsonObject } {
  const input = tokenCount(usage?.inputTokens)
  // Reasoning is part of the output, which cannot be less.
  const output = tokenCount(usage?.outputTokens) ?? tokenCount(usage?.reasoningTokens)
  if (usage === undefined || (input === undefined && output === undefined)) return {}
  const written = {
    input_tokens: input ?? 0,
    input_tokens_details: {
      cached_tokens: usage.cacheReadTokens ?? 0,
      cache_write_tokens: usage.cacheWriteTokens ?? 0,
    },
    output_tokens: output ?? 0,
    output_tokens_details: { reasoning_tokens: usage.reasoningTokens ?? 0 },
    total_tokens: (input ?? 0) + (output ?? 0),
  }
  return { usage: written }
}
