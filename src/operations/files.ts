/** Files kept at a provider, in OpenAI's words and in Anthropic's: the paths are the same. */

import type { TargetDialectId } from '../canonical/envelope.ts'
import { namedIds } from './named-ids.ts'
import { isOpenaiFamily } from './openai-family.ts'
import type { OperationSpec } from './operation-spec.ts'

const files = {
  operation: 'files',
  dialects: ['openai-chat', 'anthropic-messages'],
  body: 'none',
  answer: 'json',
  placedBy: 'provider',
  isOnce: false,
  queries: ['beta'],
  required: [],
  pathAt: (dialect: TargetDialectId) =>
    isOpenaiFamily(dialect) || dialect === 'anthropic-messages' ? '/files' : undefined,
  readIds: namedIds,
} as const

export const fileUpload: OperationSpec = {
  ...files,
  method: 'POST',
  clientPaths: ['/files'],
  body: 'form',
  isOnce: true,
}

export const fileList: OperationSpec = {
  ...files,
  method: 'GET',
  clientPaths: ['/files'],
  queries: ['purpose', 'limit', 'after', 'order', 'before_id', 'after_id', 'beta'],
}

export const fileFacts: OperationSpec = {
  ...files,
  method: 'GET',
  clientPaths: ['/files/*'],
  pathEnd: '/*',
}

export const fileDeletion: OperationSpec = {
  ...files,
  method: 'DELETE',
  clientPaths: ['/files/*'],
  pathEnd: '/*',
}

const { readIds: _ids, ...withoutIds } = files

export const fileContent: OperationSpec = {
  ...withoutIds,
  method: 'GET',
  clientPaths: ['/files/*/content'],
  pathEnd: '/*/content',
  answer: 'any',
}
