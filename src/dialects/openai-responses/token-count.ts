/** The answer of `/responses/input_tokens`. */

import { tokenCount } from '../../canonical/usage.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import { isJsonObject, parseJson } from '../../std/json.ts'
import { embeddedError } from '../openai-chat/read-error.ts'

export function readTokenCount(body: Uint8Array): number {
  const answer = parseJson(new TextDecoder().decode(body))
  if (isJsonObject(answer)) {
    const error = embeddedError(answer)
    if (error !== undefined) throw error
    const tokens = tokenCount(answer['input_tokens'])
    if (tokens !== undefined) return tokens
  }
  throw new GatewayError(
    'upstream_bad_response',
    'The provider answered with something that is no token count.',
  )
}

export function writeTokenCount(tokens: number): string {
  return JSON.stringify({ object: 'response.input_tokens', input_tokens: tokens })
}
