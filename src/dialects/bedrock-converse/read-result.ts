/** Reads a whole plain answer. */

import type { InferenceResult } from '../../canonical/result.ts'
import { emptyAnswer } from '../../canonical/unused-answer.ts'
import { tokenCount } from '../../canonical/usage.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import { arrayOf, isJsonObject, type JsonObject, objectOf, parseJson } from '../../std/json.ts'
import { readBlock } from './read-block.ts'
import { isErrorBody, readException } from './read-error.ts'
import { readFinish } from './stop-reason.ts'
import { readUsage } from './usage.ts'

export function readResult(body: Uint8Array): InferenceResult {
  const answer = decode(body)
  const message = objectOf(objectOf(answer['output'])?.['message'])
  if (message === undefined || !Array.isArray(message['content'])) {
    throw new GatewayError('upstream_bad_response', 'The provider answered with JSON that is no message.')
  }
  const parts = arrayOf(message['content']).flatMap((block, index) =>
    isJsonObject(block) ? readBlock(block, `tooluse_${index}`) : [],
  )
  const usage = isJsonObject(answer['usage']) ? readUsage(answer['usage']) : undefined
  const finish = readFinish(answer)
  if (parts.length === 0 && !explainsEmptiness.has(finish?.reason) && !usage?.outputTokens) {
    throw emptyAnswer('The provider answered with an empty message.', usage)
  }
  const raw = unknownFields(answer)
  return {
    candidates: [{ index: 0, parts, ...(finish === undefined ? {} : { finish }) }],
    ...(usage === undefined ? {} : { usage }),
    ...(raw === undefined ? {} : { raw }),
  }
}

/** Reasons to stop that account for an answer without content. */
const explainsEmptiness: ReadonlySet<string | undefined> = new Set([
  'length',
  'content-filter',
  'refusal',
  'pause',
  'context-window',
  'malformed-tool-call',
])

/** The answer to `count-tokens`. */
export function readTokenCount(body: Uint8Array): number {
  const count = tokenCount(decode(body)['inputTokens'])
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
  if (isErrorBody(value)) throw readException(undefined, value)
  return value
}

/** What the canonical language has no word for: measurements, traces of guardrails, the tier that served. */
function unknownFields(answer: JsonObject): JsonObject | undefined {
  const { output: _output, stopReason: _reason, usage: _usage, p: _padding, ...rest } = answer
  return Object.keys(rest).length === 0 ? undefined : rest
}
