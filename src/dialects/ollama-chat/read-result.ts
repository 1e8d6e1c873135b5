/** Decodes a whole plain answer, or throws what it amounts to where it is none. */

import type { InferenceResult } from '../../canonical/result.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import { isJsonObject } from '../../std/json.ts'
import { resultOfEvents } from '../answer-parts.ts'
import { decodeAnswer } from '../event-decoder.ts'
import { embeddedError } from '../openai-chat/read-error.ts'
import { AnswerReader } from './answer-reader.ts'

export function readResult(body: Uint8Array): InferenceResult {
  const answer = decodeAnswer(body)
  const error = embeddedError(answer)
  if (error !== undefined) throw error
  if (!isJsonObject(answer['message'])) {
    throw new GatewayError('upstream_bad_response', 'The provider answered with JSON that holds no message.')
  }
  const reader = new AnswerReader()
  // The whole body came: an answer that does not say that it is done is done all the same.
  reader.read({ ...answer, done: true })
  return resultOfEvents(reader.parts.take())
}
