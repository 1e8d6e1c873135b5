/**
 * Token counts as Cohere reports them: what was processed (`tokens`, with the words Cohere puts around a prompt, and
 * pictures counted beside them) and what is charged (`billed_units`). The first is what every other dialect counts.
 */

import { tokenCount, type Usage } from '../../canonical/usage.ts'
import { isJsonObject, objectOf } from '../../std/json.ts'
import { withoutAbsent } from '../openai-chat/fields.ts'

/** `undefined` where no count in it can be believed. */
export function readUsage(raw: unknown): Usage | undefined {
  if (!isJsonObject(raw)) return undefined
  const tokens = objectOf(raw['tokens'])
  const billed = objectOf(raw['billed_units'])
  const words = tokenCount(tokens?.['input_tokens'])
  const input =
    words === undefined
      ? tokenCount(billed?.['input_tokens'])
      : words + (tokenCount(tokens?.['image_tokens']) ?? 0)
  const output = tokenCount(tokens?.['output_tokens'] ?? billed?.['output_tokens'])
  if (input === undefined && output === undefined) return undefined
  return withoutAbsent({
    inputTokens: input,
    outputTokens: output,
    cacheReadTokens: partOf(input, raw['cached_tokens']),
    reasoningTokens: partOf(output, tokens?.['reasoning_tokens']),
    raw,
  })
}

/** A part larger than its whole is not believed. */
function partOf(whole: number | undefined, value: unknown): number | undefined {
  const count = tokenCount(value)
  return count !== undefined && whole !== undefined && count > whole ? undefined : count
}
