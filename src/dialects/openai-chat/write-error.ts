/** Errors in this dialect's words, for an HTTP answer and for a stream already begun. */

import type { GatewayError } from '../../errors/gateway-error.ts'
import type { ErrorContext } from '../dialect.ts'
import { errorObject } from '../openai-error.ts'

export { writeError } from '../openai-error.ts'

/**
 * No `[DONE]` follows: the finish reason says to those who read no errors that the answer is not whole. The choice has no
 * index, or Vercel's AI SDK takes the event for a chunk like any other and never sees the error.
 */
export function writeStreamError(error: GatewayError, context: ErrorContext): string {
  const choices = [{ delta: {}, finish_reason: 'error' }]
  return `data: ${JSON.stringify({ error: errorObject(error, context), choices })}\n\n`
}
