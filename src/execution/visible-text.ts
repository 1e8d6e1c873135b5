/**
 * An answer that ran into its ceiling while the model was still thinking (fault 86): it is the client's own ceiling, so it
 * passes as it is, with a warning beside it.
 */

import type { Part } from '../canonical/message.ts'
import type { InferenceResult } from '../canonical/result.ts'
import type { Dialect, StreamFacts } from '../dialects/dialect.ts'

/** Said in `x-holdfast-warning` and among the flags of the attempt. */
export const NO_VISIBLE_TEXT = 'no_visible_text'

const NONE: readonly string[] = []
const WARNED: readonly string[] = [NO_VISIBLE_TEXT]

export function warningsOfResult({ candidates }: InferenceResult): readonly string[] {
  const [first] = candidates
  const isCut = first?.finish?.reason === 'length'
  return isCut && !candidates.some(({ parts }) => parts.some(isVisible)) ? WARNED : NONE
}

/** Of a folded answer: looked at again only where its end allows the suspicion. */
export function warningsOfFolded(facts: StreamFacts, body: Uint8Array, dialect: Dialect): readonly string[] {
  if (facts.finish?.reason !== 'length') return NONE
  try {
    return warningsOfResult(dialect.readResult(body))
  } catch {
    // What this dialect calls an answer without content.
    return WARNED
  }
}

/** Of a stream, by what it has said so far: where thoughts are counted and not shown, that there was nothing else. */
export function warningsOfStream({ finish, usage, hasContent }: StreamFacts): readonly string[] {
  if (finish?.reason !== 'length') return NONE
  const { outputTokens = 0, reasoningTokens } = usage ?? {}
  const isAllThought = reasoningTokens !== undefined && reasoningTokens >= outputTokens && outputTokens > 0
  return isAllThought || !hasContent ? WARNED : NONE
}

function isVisible(part: Part): boolean {
  switch (part.type) {
    case 'text':
    case 'refusal':
      return part.text !== ''
    case 'reasoning':
      return false
    default:
      return true
  }
}
