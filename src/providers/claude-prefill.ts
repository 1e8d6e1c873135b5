/** Which Claude models go on with an answer whose beginning they are given. */

import { modelTraits } from '../dialects/anthropic-messages/model-family.ts'
import type { NativeContinuation } from './provider.ts'

/** Those before 4.6 (docs.anthropic.com/en/docs/build-with-claude/prompt-engineering/prefill-claudes-response). */
export function claudePrefill(modelId: string): NativeContinuation | undefined {
  return modelTraits(modelId).takesPrefill ? 'assistant-prefill' : undefined
}
