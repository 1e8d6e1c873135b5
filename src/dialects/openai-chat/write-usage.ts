/** Usage in this dialect's words. */

import type { Usage } from '../../canonical/usage.ts'
import type { JsonObject } from '../../std/json.ts'
import { withoutAbsent } from './fields.ts'

/** `undefined` where nothing was reported. The three totals are required by clients: an unknown one is said as 0. */
export function writeUsage(usage: Usage | undefined): JsonObject | undefined {
  const input = usage?.inputTokens
  const output = usage?.outputTokens
  if (usage === undefined || (input === undefined && output === undefined)) return undefined
  const promptDetails = withoutAbsent({
    cached_tokens: usage.cacheReadTokens,
    cache_write_tokens: usage.cacheWriteTokens,
    audio_tokens: usage.inputAudioTokens,
  })
  const completionDetails = withoutAbsent({
    reasoning_tokens: usage.reasoningTokens,
    audio_tokens: usage.outputAudioTokens,
  })
  return {
    prompt_tokens: input ?? 0,
    completion_tokens: output ?? 0,
    total_tokens: (input ?? 0) + (output ?? 0),
    ...(Object.keys(promptDetails).length === 0 ? {} : { prompt_tokens_details: promptDetails }),
    ...(Object.keys(completionDetails).length === 0 ? {} : { completion_tokens_details: completionDetails }),
  }
}
