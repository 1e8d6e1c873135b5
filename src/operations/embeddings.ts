/** Embeddings, as OpenAI's clients ask for them and as Google's do. */

import { isJsonObject, type JsonObject, objectOf, parseJson } from '../std/json.ts'
import { readGeminiUsage, withBase64 } from './embeddings/embeddings-answer.ts'
import { translateEmbeddings } from './embeddings/translate-embeddings.ts'
import { openaiPath } from './openai-family.ts'
import type { AskedBody } from './asked-body.ts'
import type { OperationSpec, PatchTarget } from './operation-spec.ts'
import { readUsageField } from './read-usage.ts'

const embeddings = {
  operation: 'embeddings',
  method: 'POST',
  body: 'json',
  answer: 'json',
  placedBy: 'model',
  isOnce: false,
  queries: [],
  translate: translateEmbeddings,
} as const

export const openaiEmbeddings: OperationSpec = {
  ...embeddings,
  clientPaths: ['/embeddings'],
  dialects: ['openai-chat'],
  required: ['input'],
  pathAt: openaiPath('/embeddings'),
  readUsage: readUsageField,
  finish: inAskedEncoding,
}

export const geminiEmbedContent = geminiMethod('embedContent', 'content')
export const geminiBatchEmbedContents = geminiMethod('batchEmbedContents', 'requests')

function geminiMethod(method: string, required: string): OperationSpec {
  return {
    ...embeddings,
    clientPaths: [`/models/**:${method}`],
    dialects: ['gemini'],
    required: [required],
    pathAt: (dialect, modelId) =>
      dialect === 'gemini' ? `/models/${encodeURIComponent(modelId)}:${method}` : undefined,
    readUsage: readGeminiUsage,
    patch: nameGeminiModels,
  }
}

/**
 * OpenAI's own libraries ask for base64 unasked and decode whatever comes as such; some servers give numbers all the same
 * (clients.md 21).
 */
function inAskedEncoding(answer: Uint8Array, request: AskedBody): Uint8Array {
  const asked = parseJson(Buffer.from(request.body).toString())
  if (!isJsonObject(asked) || asked['encoding_format'] !== 'base64') return answer
  return withBase64(answer) ?? answer
}

/** The model stands in the path and in each request of the body. */
function nameGeminiModels(body: Uint8Array, { modelId }: PatchTarget): Uint8Array {
  const fields = objectOf(parseJson(Buffer.from(body).toString())) ?? {}
  const model = `models/${modelId}`
  const named = (one: JsonObject): JsonObject => (one['model'] === undefined ? one : { ...one, model })
  const { requests } = fields
  const patched = Array.isArray(requests)
    ? { ...fields, requests: requests.map((one) => (isJsonObject(one) ? { ...one, model } : one)) }
    : fields
  return Buffer.from(JSON.stringify(named(patched)))
}
