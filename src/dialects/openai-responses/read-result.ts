/** Decodes a whole plain answer: its items as the parts of one candidate. */

import type { Part } from '../../canonical/message.ts'
import type { InferenceResult } from '../../canonical/result.ts'
import { emptyAnswer } from '../../canonical/unused-answer.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import { arrayOf, isJsonObject, type JsonObject, type JsonValue } from '../../std/json.ts'
import { exceedsDepth } from '../openai-chat/json-depth.ts'
import { embeddedError } from '../openai-chat/read-error.ts'
import { startOf } from './answer-fields.ts'
import { DIALECT } from './fields.ts'
import { readContent } from './read-content.ts'
import { failureOf } from './read-failure.ts'
import { readFinish } from './read-finish.ts'
import { readReasoning, readToolCall } from './read-item.ts'
import { usageOf } from './usage.ts'
import { isFailed } from './wire-events.ts'

export function readResult(body: Uint8Array): InferenceResult {
  return resultOf(parseAnswer(body))
}

function parseAnswer(body: Uint8Array): JsonObject {
  const text = new TextDecoder().decode(body)
  if (text.trim() === '') throw emptyAnswer('The provider answered with an empty body.')
  const parsed = exceedsDepth(text) ? undefined : parse(text)
  if (!isJsonObject(parsed)) throw notAnAnswer()
  return parsed
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new GatewayError(
      'upstream_bad_response',
      'The provider answered with something that is no JSON.',
      {},
      cause,
    )
  }
}

function notAnAnswer(): GatewayError {
  return new GatewayError(
    'upstream_bad_response',
    'The provider answered with something that is no response.',
  )
}

export function resultOf(response: JsonObject): InferenceResult {
  if (isFailed(response)) throw failureOf(response)
  const error = embeddedError(response)
  if (error !== undefined) throw error
  const { output } = response
  if (!Array.isArray(output)) throw notAnAnswer()
  const items = output.filter(isJsonObject)
  const parts = items.flatMap((item: JsonObject, index) => partsOf(item, `output[${index}]`))
  const finish = readFinish(
    response,
    parts.some((part) => part.type === 'tool-call'),
  )
  const usage = usageOf(response)
  if (parts.length === 0 && finish?.reason === 'stop' && !usage?.outputTokens)
    throw emptyAnswer('The provider answered without any output.', usage)
  const logprobs = items.flatMap(logprobsOf)
  return {
    ...startOf(response),
    candidates: [
      {
        index: 0,
        parts,
        ...(finish === undefined ? {} : { finish }),
        ...(logprobs.length === 0 ? {} : { logprobs }),
      },
    ],
    ...(usage === undefined ? {} : { usage }),
  }
}

/** What a request keeps beside a message or a call (`phase`) is of no use in an answer to somebody else. */
function partsOf(item: JsonObject, param: string): readonly Part[] {
  switch (item['type']) {
    case 'message':
      return readAnswer(item, param)
    case 'function_call':
    case 'custom_tool_call':
      return readToolCall(item).filter(({ type }) => type === 'tool-call')
    case 'reasoning':
      return readReasoning(item).filter(({ text, encrypted, signature }) => text || encrypted || signature)
    default:
      return [{ type: 'opaque', dialect: DIALECT, value: item }]
  }
}

function readAnswer(item: JsonObject, param: string): readonly Part[] {
  try {
    return readContent(item['content'], param)
  } catch (cause) {
    // A refusal of a client's field elsewhere; here the provider is at fault.
    throw new GatewayError('upstream_bad_response', 'A message of the provider has no text.', {}, cause)
  }
}

function logprobsOf(item: JsonObject): readonly JsonValue[] {
  // What was parsed as JSON is JSON.
  return arrayOf(item['content']).flatMap((part) =>
    isJsonObject(part) ? (arrayOf(part['logprobs']) as JsonValue[]) : [],
  )
}
