/** A request for embeddings as every dialect can say it, read from OpenAI's and Gemini's words. */

import type { Loss } from '../../canonical/loss.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import {
  arrayOf,
  isJsonObject,
  type JsonObject,
  numberOf,
  objectOf,
  parseJson,
  stringOf,
} from '../../std/json.ts'

export interface EmbeddingsRequest {
  readonly texts: readonly string[]
  readonly dimensions?: number
  /** What they are for, in Gemini's words (`RETRIEVAL_QUERY`). */
  readonly taskType?: string
  /** The client wants base64 of little-endian float32 rather than numbers (OpenAI). */
  readonly wantsBase64: boolean
  /** The client asked for one embedding outside of a list (Gemini's `embedContent`). */
  readonly isSingle: boolean
  /** What of the request has no place here. */
  readonly losses: readonly Loss[]
}

export function readOpenaiRequest(body: Uint8Array): EmbeddingsRequest | GatewayError {
  const fields = objectIn(body)
  const { input } = fields
  const texts = typeof input === 'string' ? [input] : arrayOf(input)
  if (texts.length === 0 || !texts.every((text) => typeof text === 'string'))
    return untranslatable('input', 'Only texts can be embedded by this target: it has another tokenizer.')
  const dimensions = numberOf(fields['dimensions'])
  return {
    texts,
    ...(dimensions === undefined ? {} : { dimensions }),
    wantsBase64: fields['encoding_format'] === 'base64',
    isSingle: false,
    losses: lossesOf(fields, ['user'], 'The target has no such field for embeddings.'),
  }
}

export function readGeminiRequest(body: Uint8Array): EmbeddingsRequest | GatewayError {
  const fields = objectIn(body)
  const isSingle = fields['requests'] === undefined
  const requests = isSingle ? [fields] : arrayOf(fields['requests']).filter(isJsonObject)
  const texts: string[] = []
  for (const request of requests) {
    const text = textOf(request)
    if (text === undefined)
      return untranslatable('content.parts', 'Only texts can be embedded by this target.')
    texts.push(text)
  }
  const [first] = requests
  if (first === undefined)
    return new GatewayError('invalid_request', '"requests" must be an array of at least one request.', {
      param: 'requests',
    })
  if (requests.some((request) => request['outputDimensionality'] !== first['outputDimensionality']))
    return untranslatable('outputDimensionality', 'This target gives all embeddings of a request one size.')
  const dimensions = numberOf(first['outputDimensionality'])
  const taskType = stringOf(first['taskType'])
  return {
    texts,
    ...(dimensions === undefined ? {} : { dimensions }),
    ...(taskType === undefined ? {} : { taskType }),
    wantsBase64: false,
    isSingle,
    losses: lossesOf(first, ['title'], 'The target does not take the title of a text.'),
  }
}

/** `undefined` where a part is no text. */
function textOf(request: JsonObject): string | undefined {
  const parts = arrayOf(objectOf(request['content'])?.['parts'])
  const texts = parts.map((part) => stringOf(objectOf(part)?.['text']))
  return parts.length > 0 && texts.every((text) => text !== undefined) ? texts.join('\n') : undefined
}

function lossesOf(fields: JsonObject, names: readonly string[], reason: string): readonly Loss[] {
  return names.filter((name) => (fields[name] ?? null) !== null).map((field) => ({ field, reason }))
}

/** The peek has found one JSON object in it. */
function objectIn(body: Uint8Array): JsonObject {
  return objectOf(parseJson(Buffer.from(body.buffer, body.byteOffset, body.length).toString())) ?? {}
}

function untranslatable(param: string, message: string): GatewayError {
  return new GatewayError('loss_refused', message, { param })
}
