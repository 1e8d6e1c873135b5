/**
 * Which model answered, by the provider's own word (fault 52): what differs from the name that was asked for is told to
 * the client, and what is another model altogether is an oddity of the attempt.
 */

import { parseModelName } from '../providers/model-name.ts'
import type { Target } from '../providers/provider.ts'

/** A longer name is none. */
const NAME_CHARS_MAX = 256

/** The name in the answer where it is not the one that was asked for. */
export function answeredModel(said: string | undefined, target: Target): { upstreamModelId?: string } {
  const isNews = said !== undefined && said !== '' && said !== target.modelId && said.length <= NAME_CHARS_MAX
  return isNews ? { upstreamModelId: said } : {}
}

export function modelFlags(said: string | undefined, target: Target): readonly string[] {
  const { upstreamModelId } = answeredModel(said, target)
  return upstreamModelId === undefined || isSameModel(upstreamModelId, target.modelId) ? [] : ['other_model']
}

/** A date, a region, a vendor or a revision more or less is the same model. */
function isSameModel(said: string, asked: string): boolean {
  const one = parseModelName(said).key
  const other = parseModelName(asked).key
  return one === other || isRevisionOf(one, other) || isRevisionOf(other, one)
}

/** `gpt-4-0613` of `gpt-4`, `gemini-2.0-flash-001` of `gemini-2.0-flash`. */
function isRevisionOf(longer: string, shorter: string): boolean {
  return longer.startsWith(shorter) && /^-\d{3,4}$/.test(longer.slice(shorter.length))
}
