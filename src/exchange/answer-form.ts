/** How an answer is said: what two requests must have in common to get the same bytes. */

import type { Envelope } from '../canonical/envelope.ts'

/** `plain`, `sse` (without its usage: `sse-bare`), `json-array`. */
export type AnswerForm = 'plain' | 'sse' | 'sse-bare' | 'json-array'

export function answerForm({ stream, streamForm, wantsStreamUsage }: Envelope): AnswerForm {
  if (!stream) return 'plain'
  if (streamForm === 'json-array') return 'json-array'
  return wantsStreamUsage ? 'sse' : 'sse-bare'
}
