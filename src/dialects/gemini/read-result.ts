/** Decodes a whole plain answer; an error in its place is thrown by its own class. */

import type { InferenceEvent } from '../../canonical/event.ts'
import { createFold } from '../../canonical/fold.ts'
import type { Candidate, InferenceResult } from '../../canonical/result.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import { emptyAnswer } from '../../canonical/unused-answer.ts'
import { tokenCount } from '../../canonical/usage.ts'
import { arrayOf, isJsonObject, type JsonObject, objectOf } from '../../std/json.ts'
import { decodeAnswer } from '../event-decoder.ts'
import { embeddedError } from '../openai-chat/read-error.ts'
import { AnswerReader } from './answer-reader.ts'
import { hasLongNumber, parseExactly } from './exact-json.ts'
import { fieldOf } from './fields.ts'
import { foldResponses } from './fold-responses.ts'

export function readResult(body: Uint8Array): InferenceResult {
  const answer = answerIn(body)
  const error = embeddedError(answer)
  if (error !== undefined) throw error
  const result = resultOf(answer)
  if (result.candidates.some(({ parts, finish }) => parts.length > 0 || finish !== undefined)) return result
  throw emptyAnswer('The provider answered with no candidate.', result.usage)
}

function resultOf(answer: JsonObject): InferenceResult {
  const reader = new AnswerReader()
  const fold = createFold()
  const events: InferenceEvent[] = []
  reader.read(answer, events)
  for (const event of [...events, ...reader.end()]) fold.add(event)
  const result = fold.result()
  return { ...result, candidates: result.candidates.map(finished) }
}

/** A plain answer is whole, whether or not it gives a reason. */
function finished(candidate: Candidate): Candidate {
  const { parts, finish } = candidate
  if (finish !== undefined || parts.length === 0) return candidate
  const callsTools = parts.some(({ type }) => type === 'tool-call')
  return { ...candidate, finish: { reason: callsTools ? 'tool-calls' : 'stop' } }
}

/** A stream that was not asked for comes as an array of responses, which amount to one. */
function answerIn(body: Uint8Array): JsonObject {
  const text = new TextDecoder().decode(body)
  const responses = isList(body) ? arrayOf(parseExactly(text)).filter(isJsonObject) : []
  if (responses.length > 0) return responses.find(embeddedError) ?? foldResponses(responses)
  const answer = decodeAnswer(body)
  return hasLongNumber(text) ? (objectOf(parseExactly(text)) ?? answer) : answer
}

function isList(body: Uint8Array): boolean {
  return body.find((byte) => byte > 0x20) === 0x5b
}

export function readTokenCount(body: Uint8Array): number {
  const answer = decodeAnswer(body)
  const error = embeddedError(answer)
  if (error !== undefined) throw error
  const tokens = tokenCount(fieldOf(answer, 'totalTokens'))
  // An empty prompt has zero tokens, and Google leaves zeros out.
  if (tokens !== undefined || Object.keys(answer).length === 0) return tokens ?? 0
  throw new GatewayError('upstream_bad_response', 'The provider answered with something that is no count.')
}
