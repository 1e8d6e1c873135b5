/**
 * Embeddings as they come back, between the dialects. A number that was read as JSON is written as the shortest decimal
 * that reads as the same number, so a float32 survives bit for bit; base64 is made of little-endian float32.
 */

import { GatewayError } from '../../errors/gateway-error.ts'
import { arrayOf, isJsonObject, type JsonObject, objectOf, parseJson } from '../../std/json.ts'
import { tokenCount, type Usage } from '../../canonical/usage.ts'
import { readBilledUsage, readUsageField, usageOf } from '../read-usage.ts'

export type Vector = readonly number[]

export interface EmbeddingsAnswer {
  readonly vectors: readonly Vector[]
  readonly usage?: Usage
}

export function readOpenaiAnswer(answer: Uint8Array): EmbeddingsAnswer {
  const fields = readObject(answer)
  const data = arrayOf(fields['data']).filter(isJsonObject)
  const ordered = data.toSorted((one, other) => indexOf(one) - indexOf(other))
  return found(
    ordered.map((one) => one['embedding']),
    readUsageField(fields),
  )
}

export function readGeminiAnswer(answer: Uint8Array): EmbeddingsAnswer {
  const fields = readObject(answer)
  const many = fields['embeddings'] === undefined ? [fields['embedding']] : arrayOf(fields['embeddings'])
  return found(
    many.map((one) => objectOf(one)?.['values']),
    readGeminiUsage(fields),
  )
}

export function readCohereAnswer(answer: Uint8Array): EmbeddingsAnswer {
  const fields = readObject(answer)
  return found(arrayOf(objectOf(fields['embeddings'])?.['float']), readBilledUsage(fields))
}

export function readOllamaAnswer(answer: Uint8Array): EmbeddingsAnswer {
  const fields = readObject(answer)
  const tokens = tokenCount(fields['prompt_eval_count'])
  const usage = tokens === undefined ? undefined : usageOf(tokens, 0, { prompt_eval_count: tokens })
  return found(arrayOf(fields['embeddings']), usage)
}

/** Gemini's `usageMetadata`, which only its newer models send. */
export function readGeminiUsage(fields: JsonObject): Usage | undefined {
  const metadata = objectOf(fields['usageMetadata'])
  const tokens = tokenCount(metadata?.['promptTokenCount'])
  return metadata === undefined || tokens === undefined ? undefined : usageOf(tokens, 0, metadata)
}

export interface OpenaiAnswerOptions {
  readonly modelId: string
  readonly isBase64: boolean
}

export function writeOpenaiAnswer(answer: EmbeddingsAnswer, options: OpenaiAnswerOptions): Uint8Array {
  const write = options.isBase64 ? (vector: Vector) => JSON.stringify(toBase64(vector)) : numbersText
  const data = answer.vectors
    .map((vector, index) => `{"object":"embedding","index":${index},"embedding":${write(vector)}}`)
    .join(',')
  const tokens = answer.usage?.inputTokens
  const usage = tokens === undefined ? '' : `,"usage":{"prompt_tokens":${tokens},"total_tokens":${tokens}}`
  return Buffer.from(`{"object":"list","data":[${data}],"model":${JSON.stringify(options.modelId)}${usage}}`)
}

export function writeGeminiAnswer(answer: EmbeddingsAnswer, isSingle: boolean): Uint8Array {
  const values = answer.vectors.map((vector) => `{"values":${numbersText(vector)}}`)
  const tokens = answer.usage?.inputTokens
  const usage = tokens === undefined ? '' : `,"usageMetadata":{"promptTokenCount":${tokens}}`
  const field = isSingle ? `"embedding":${values[0] ?? '{}'}` : `"embeddings":[${values.join(',')}]`
  return Buffer.from(`{${field}${usage}}`)
}

/** An OpenAI answer whose embeddings are numbers, with base64 in their place; `undefined` where they are none. */
export function withBase64(answer: Uint8Array): Uint8Array | undefined {
  const fields = readObject(answer)
  const data = arrayOf(fields['data'])
  const vectors = data.map((one) => vectorOf(objectOf(one)?.['embedding']))
  if (vectors.length === 0 || !vectors.every((vector) => vector !== undefined)) return undefined
  const encoded = data.map((one, index) => ({ ...objectOf(one), embedding: toBase64(vectors[index] ?? []) }))
  return Buffer.from(JSON.stringify({ ...fields, data: encoded }))
}

/** Base64 of little-endian float32. */
export function toBase64(vector: Vector): string {
  const bytes = new DataView(new ArrayBuffer(vector.length * 4))
  for (const [index, number] of vector.entries()) bytes.setFloat32(index * 4, number, true)
  return Buffer.from(bytes.buffer).toString('base64')
}

/** As JSON; `JSON.stringify` alone would take the sign of a negative zero away. */
function numbersText(vector: Vector): string {
  return `[${vector.map((number) => (Object.is(number, -0) ? '-0' : String(number))).join(',')}]`
}

function found(vectors: readonly unknown[], usage: Usage | undefined): EmbeddingsAnswer {
  const read = vectors.map(vectorOf)
  if (read.length === 0 || !read.every((vector) => vector !== undefined))
    throw new GatewayError('upstream_bad_response', 'The provider answered with no list of embeddings.')
  return { vectors: read, ...(usage === undefined ? {} : { usage }) }
}

function vectorOf(value: unknown): Vector | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined
  return value.every((number) => typeof number === 'number') ? value : undefined
}

function indexOf(one: JsonObject): number {
  return typeof one['index'] === 'number' ? one['index'] : 0
}

function readObject(answer: Uint8Array): JsonObject {
  const parsed = parseJson(Buffer.from(answer.buffer, answer.byteOffset, answer.length).toString())
  if (isJsonObject(parsed)) return parsed
  throw new GatewayError(
    'upstream_bad_response',
    'The provider answered with something that is no JSON object.',
  )
}
