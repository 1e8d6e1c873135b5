/** Errors where nothing is known of the stream they stand in. */

import type { GatewayError } from '../../errors/gateway-error.ts'
import type { ErrorContext } from '../dialect.ts'
import { failedEvent, failedResponse } from './answer-error.ts'
import { beginResponse } from './response-object.ts'

export { writeError } from '../openai-error.ts'

export function writeStreamError(error: GatewayError, context: ErrorContext): string {
  const identity = { id: responseIdOf(context.requestId), modelId: '', createdAtS: 0, echo: {} }
  return failedEvent(failedResponse(beginResponse(identity), error, context), 0)
}

/** An id as this dialect has them. */
export function responseIdOf(id: string): string {
  return id.startsWith('resp_') ? id : `resp_${id.replaceAll(/[^A-Za-z0-9]/g, '')}`
}
