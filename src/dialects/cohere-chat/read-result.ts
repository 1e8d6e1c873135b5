/** Decodes a whole plain answer, or throws what it amounts to where it is none. */

import type { InferenceResult } from '../../canonical/result.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import { isJsonObject } from '../../std/json.ts'
import { resultOfEvents } from '../answer-parts.ts'
import { decodeAnswer } from '../event-decoder.ts'
import { AnswerReader } from './answer-reader.ts'
import { embeddedError } from './read-error.ts'

export function readResult(body: Uint8Array): InferenceResult {
  const answer = decodeAnswer(body)
  const error = embeddedError(answer)
  if (error !== undefined) throw error
  if (!isJsonObject(answer['message'])) {
    throw new GatewayError('upstream_bad_response', 'The provider answered with JSON that holds no message.')
  }
  const reader = new AnswerReader()
  reader.readAnswer(answer)
  return resultOfEvents(reader.parts.take())
}
