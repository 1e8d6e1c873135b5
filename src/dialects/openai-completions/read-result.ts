/** Decodes a whole plain answer, or throws what it amounts to where it is none. */

import type { InferenceResult } from '../../canonical/result.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import { isJsonObject, parseJson } from '../../std/json.ts'
import { exceedsDepth } from '../openai-chat/json-depth.ts'
import { resultOf } from '../openai-chat/read-result.ts'
import { asChatAnswer } from './chat-form.ts'

const decoder = new TextDecoder()

export function readResult(body: Uint8Array): InferenceResult {
  const text = decoder.decode(body)
  const answer = parseJson(text)
  if (!isJsonObject(answer)) throw badResponse('something that is not a JSON object')
  if (exceedsDepth(text)) throw badResponse('JSON that is nested too deeply')
  return resultOf(asChatAnswer(answer))
}

function badResponse(what: string): GatewayError {
  return new GatewayError('upstream_bad_response', `The provider answered with ${what}.`)
}
