/** What a response that failed amounts to. */

import { GatewayError } from '../../errors/gateway-error.ts'
import { isJsonObject, type JsonObject } from '../../std/json.ts'
import { embeddedError } from '../openai-chat/read-error.ts'

/** By the error it carries; a failed response without one is an error all the same. */
export function failureOf(response: JsonObject): GatewayError {
  const { error, status } = response
  const known = isJsonObject(error) || typeof error === 'string' ? embeddedError({ error }) : undefined
  if (known !== undefined) return known
  return status === 'cancelled'
    ? new GatewayError('upstream_error', 'The provider cancelled the response.')
    : new GatewayError('upstream_error', 'The provider failed on this response and did not say why.')
}

/** Fault 82: words lost in a gap whose successors have been said cannot be put in their place any more. */
export function missingWords(): GatewayError {
  return new GatewayError('upstream_truncated', 'Events of the stream are missing, and words with them.')
}
