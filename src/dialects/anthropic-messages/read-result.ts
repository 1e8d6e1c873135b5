/** Reads a whole plain answer. */

import type { Part } from '../../canonical/message.ts'
import { tokenCount, type Usage } from '../../canonical/usage.ts'
import type { InferenceResult } from '../../canonical/result.ts'
import { emptyAnswer } from '../../canonical/unused-answer.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import { isJsonObject, type JsonObject, parseJson, stringOf } from '../../std/json.ts'
import { unknownFields } from './message-fields.ts'
import { opaque, readBlock } from './read-block.ts'
import { isErrorBody, readErrorEvent } from './read-error.ts'
import { readFinish } from './stop-reason.ts'
import { readUsage } from './usage.ts'

export function readResult(body: Uint8Array): InferenceResult {
  const message = decode(body)
  if (isErrorBody(message)) throw readErrorEvent(message)
  const { content, usage } = message
  const told = isJsonObject(usage) ? readUsage(usage) : undefined
  if (!Array.isArray(content)) {
    throw new GatewayError('upstream_bad_response', 'The provider answered with JSON that is no message.')
  }
  if (isEmpty(message, told)) throw emptyAnswer('The provider answered with an empty message.', told)
  const finish = readFinish(message)
  const responseId = stringOf(message['id'])
  const modelId = stringOf(message['model'])
  const raw = unknownFields(message)
  return {
    ...(responseId === undefined ? {} : { responseId }),
    ...(modelId === undefined ? {} : { modelId }),
    candidates: [{ index: 0, parts: content.flatMap(readPart), ...(finish === undefined ? {} : { finish }) }],
    ...(told === undefined ? {} : { usage: told }),
    ...(raw === undefined ? {} : { raw }),
  }
}

/** The answer to `count_tokens`. */
export function readTokenCount(body: Uint8Array): number {
  const answer = decode(body)
  if (isErrorBody(answer)) throw readErrorEvent(answer)
  const count = tokenCount(answer['input_tokens'])
  if (count !== undefined) return count
  throw new GatewayError(
    'upstream_bad_response',
    'The provider answered with JSON that is no count of tokens.',
  )
}

function decode(body: Uint8Array): JsonObject {
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8')
  const value = parseJson(text)
  if (!isJsonObject(value)) {
    throw new GatewayError(
      'upstream_bad_response',
      'The provider answered with something that is not a JSON object.',
    )
  }
  return value
}

/** Reasons to stop that account for an answer without content; the provider may well have meant it. */
const explainsEmptiness = new Set([
  'max_tokens',
  'stop_sequence',
  'refusal',
  'pause_turn',
  'model_context_window_exceeded',
])

/**
 * No content, and nothing was generated. A turn without content that counts output tokens is an answer: Claude ends a
 * turn so when there is nothing to add to a tool's result.
 */
function isEmpty(message: JsonObject, told: Usage | undefined): boolean {
  const { content, stop_reason: reason } = message
  if (!Array.isArray(content) || content.length > 0) return false
  if (typeof reason === 'string' && explainsEmptiness.has(reason)) return false
  return (told?.outputTokens ?? 0) === 0
}

/** A block that breaks its own type's rules is kept raw rather than failing the answer. */
function readPart(block: unknown, index: number): readonly Part[] {
  if (!isJsonObject(block)) return []
  try {
    return [readBlock(block, `content.${index}`)]
  } catch (error) {
    if (error instanceof GatewayError) return [opaque(block)]
    throw error
  }
}
