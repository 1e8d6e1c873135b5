/** Token counts. Converse's `inputTokens` leaves cached tokens out, ours counts them in; cache counts come under two names. */

import { tokenCount, type Usage } from '../../canonical/usage.ts'
import { arrayOf, isJsonObject, type JsonObject } from '../../std/json.ts'

export function readUsage(raw: JsonObject): Usage {
  const fresh = tokenCount(raw['inputTokens'])
  const output = tokenCount(raw['outputTokens'])
  const cacheRead = tokenCount(raw['cacheReadInputTokens'] ?? raw['cacheReadInputTokenCount'])
  const cacheWrite = tokenCount(raw['cacheWriteInputTokens'] ?? raw['cacheWriteInputTokenCount'])
  const cacheWrite1h = hourWrites(raw['cacheDetails'])
  const input = fresh === undefined ? undefined : tokenCount(fresh + (cacheRead ?? 0) + (cacheWrite ?? 0))
  return {
    ...(input === undefined ? {} : { inputTokens: input }),
    ...(output === undefined ? {} : { outputTokens: output }),
    ...(cacheRead === undefined ? {} : { cacheReadTokens: cacheRead }),
    ...(cacheWrite === undefined ? {} : { cacheWriteTokens: cacheWrite }),
    ...(cacheWrite1h === undefined ? {} : { cacheWrite1hTokens: cacheWrite1h }),
    raw,
  }
}

function hourWrites(details: unknown): number | undefined {
  const detail = arrayOf(details).find((entry) => isJsonObject(entry) && entry['ttl'] === '1h')
  return isJsonObject(detail) ? tokenCount(detail['inputTokens']) : undefined
}
