/** Many requests handed over at once and answered within a day: OpenAI's batches, and Anthropic's of messages. */

import { arrayOf, isJsonObject, type JsonObject, objectOf, parseJson, stringOf } from '../std/json.ts'
import { namedIds } from './named-ids.ts'
import { openaiPath } from './openai-family.ts'
import type { AskedBody, Reference } from './asked-body.ts'
import type { OperationSpec, PatchTarget } from './operation-spec.ts'

const common = {
  operation: 'batches',
  answer: 'json',
  placedBy: 'provider',
  isOnce: false,
  body: 'none',
  queries: [],
  required: [],
  readIds: namedIds,
} as const

const openai = { ...common, dialects: ['openai-chat'], pathAt: openaiPath('/batches') } as const

const anthropic = {
  ...common,
  dialects: ['anthropic-messages'],
  queries: ['beta'],
  pathAt: (dialect: string) => (dialect === 'anthropic-messages' ? '/messages/batches' : undefined),
  finish: withOwnAddress,
} as const

export const openaiBatchCreation: OperationSpec = {
  ...openai,
  method: 'POST',
  clientPaths: ['/batches'],
  body: 'json',
  isOnce: true,
  required: ['input_file_id', 'endpoint'],
  readReference: inputFile,
}
export const openaiBatchList: OperationSpec = {
  ...openai,
  method: 'GET',
  clientPaths: ['/batches'],
  queries: ['limit', 'after'],
}
export const openaiBatchFacts: OperationSpec = {
  ...openai,
  method: 'GET',
  clientPaths: ['/batches/*'],
  pathEnd: '/*',
}
export const openaiBatchCancel: OperationSpec = {
  ...openai,
  method: 'POST',
  clientPaths: ['/batches/*/cancel'],
  pathEnd: '/*/cancel',
}

export const messageBatchCreation: OperationSpec = {
  ...anthropic,
  method: 'POST',
  clientPaths: ['/messages/batches'],
  body: 'json',
  isOnce: true,
  required: ['requests'],
  readReference: firstModel,
  patch: withOwnModelNames,
}
export const messageBatchList: OperationSpec = {
  ...anthropic,
  method: 'GET',
  clientPaths: ['/messages/batches'],
  queries: ['limit', 'before_id', 'after_id', 'beta'],
}
export const messageBatchFacts: OperationSpec = {
  ...anthropic,
  method: 'GET',
  clientPaths: ['/messages/batches/*'],
  pathEnd: '/*',
}
export const messageBatchDeletion: OperationSpec = {
  ...anthropic,
  method: 'DELETE',
  clientPaths: ['/messages/batches/*'],
  pathEnd: '/*',
}
export const messageBatchCancel: OperationSpec = {
  ...anthropic,
  method: 'POST',
  clientPaths: ['/messages/batches/*/cancel'],
  pathEnd: '/*/cancel',
}

const { readIds: _ids, finish: _finish, ...asItComes } = anthropic

export const messageBatchResults: OperationSpec = {
  ...asItComes,
  method: 'GET',
  clientPaths: ['/messages/batches/*/results'],
  pathEnd: '/*/results',
  answer: 'any',
}

/** Its provider is the one that has the file. */
function inputFile(body: Uint8Array): Reference {
  const id = stringOf(objectOf(parseJson(Buffer.from(body).toString()))?.['input_file_id'])
  return id === undefined ? {} : { id }
}

/** All of a batch goes to one provider: the one of its first request. */
function firstModel(body: Uint8Array): Reference {
  const [first] = arrayOf(objectOf(parseJson(Buffer.from(body).toString()))?.['requests'])
  const modelId = stringOf(objectOf(objectOf(first)?.['params'])?.['model'])
  return modelId === undefined ? {} : { modelId }
}

/** Clients write `provider/model`; the provider knows only the second half. */
function withOwnModelNames(body: Uint8Array, { providerId }: PatchTarget): Uint8Array {
  const fields = objectOf(parseJson(Buffer.from(body).toString())) ?? {}
  const { requests } = fields
  if (!Array.isArray(requests)) return body
  const prefix = `${providerId}/`
  const renamed = requests.map((one) => {
    const params = isJsonObject(one) ? objectOf(one['params']) : undefined
    const model = params?.['model']
    if (!isJsonObject(one) || typeof model !== 'string' || !model.startsWith(prefix)) return one
    return { ...one, params: { ...params, model: model.slice(prefix.length) } }
  })
  return Buffer.from(JSON.stringify({ ...fields, requests: renamed }))
}

/** `results_url` is absolute and clients follow it with their key: it must lead here (clients.md 20). */
function withOwnAddress(answer: Uint8Array, request: AskedBody): Uint8Array {
  const fields = objectOf(parseJson(Buffer.from(answer).toString()))
  if (fields === undefined) return answer
  const { data } = fields
  const written = Array.isArray(data)
    ? { ...fields, data: data.map((one) => (isJsonObject(one) ? leadingHere(one, request) : one)) }
    : leadingHere(fields, request)
  return Buffer.from(JSON.stringify(written))
}

function leadingHere(batch: JsonObject, { ownAddress }: AskedBody): JsonObject {
  const { id } = batch
  if (typeof batch['results_url'] !== 'string' || typeof id !== 'string') return batch
  return { ...batch, results_url: `${ownAddress}/${encodeURIComponent(id)}/results` }
}
