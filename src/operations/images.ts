/** Pictures: made from words, and from other pictures. */

import { openaiPath } from './openai-family.ts'
import type { OperationSpec } from './operation-spec.ts'
import { readUsageField } from './read-usage.ts'

/** A picture of good quality takes up to two minutes, and nothing is sent before it is there. */
const FIRST_BYTE_MS = 300_000

const images = {
  method: 'POST',
  dialects: ['openai-chat'],
  // Parts of a picture may come as events while it is made.
  answer: 'any',
  placedBy: 'model',
  isOnce: false,
  queries: [],
  firstByteMs: FIRST_BYTE_MS,
  readUsage: readUsageField,
} as const

export const imageGeneration: OperationSpec = {
  ...images,
  operation: 'image-generation',
  clientPaths: ['/images/generations'],
  body: 'json',
  required: ['prompt'],
  pathAt: openaiPath('/images/generations'),
}

export const imageEdit: OperationSpec = {
  ...images,
  operation: 'image-edit',
  clientPaths: ['/images/edits'],
  body: 'form',
  required: [],
  pathAt: openaiPath('/images/edits'),
}

export const imageVariation: OperationSpec = {
  ...images,
  operation: 'image-variation',
  clientPaths: ['/images/variations'],
  body: 'form',
  required: [],
  pathAt: openaiPath('/images/variations'),
}
