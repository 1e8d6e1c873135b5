/** Texts judged: whether they may be said (moderations), and how well they answer a question (rerank). */

import { isOpenaiFamily, openaiPath } from './openai-family.ts'
import type { OperationSpec } from './operation-spec.ts'
import { readBilledUsage, readUsageField } from './read-usage.ts'

const judging = {
  method: 'POST',
  dialects: ['openai-chat'],
  body: 'json',
  answer: 'json',
  placedBy: 'model',
  isOnce: false,
  queries: [],
} as const

export const moderations: OperationSpec = {
  ...judging,
  operation: 'moderations',
  clientPaths: ['/moderations'],
  required: ['input'],
  pathAt: openaiPath('/moderations'),
  readUsage: readUsageField,
}

/** Cohere's shape, which Jina, Voyage, vLLM, llama.cpp and the others took over with little change. */
export const rerank: OperationSpec = {
  ...judging,
  operation: 'rerank',
  clientPaths: ['/rerank', '/v2/rerank'],
  required: ['query', 'documents'],
  pathAt: (dialect) => (isOpenaiFamily(dialect) || dialect === 'cohere-chat' ? '/rerank' : undefined),
  readUsage: readBilledUsage,
}
