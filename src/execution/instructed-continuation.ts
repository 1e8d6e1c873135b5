/** A request whose answer is to go on where another broke off, asked for in words: any model can be asked so. */

import type { InferenceRequest } from '../canonical/request.ts'

const WISH =
  'Your last message broke off in the middle. Continue it from exactly where it stopped: begin with the very next ' +
  'character, repeat nothing that it already says, do not comment on the interruption, and keep to the same language, ' +
  'tone and format.'

/** `text`: the visible text of the answer so far. */
export function instructedContinuation(request: InferenceRequest, text: string): InferenceRequest {
  return {
    ...request,
    messages: [
      ...request.messages,
      { role: 'assistant', parts: [{ type: 'text', text }] },
      { role: 'user', parts: [{ type: 'text', text: WISH }] },
    ],
  }
}
