/** Speech from text, and text from speech. */

import { openaiPath } from './openai-family.ts'
import type { OperationSpec } from './operation-spec.ts'
import { readUsageField } from './read-usage.ts'

/** An hour of speech is read in a minute or two; nothing is sent before that. */
const FIRST_BYTE_MS = 300_000

const audio = {
  method: 'POST',
  dialects: ['openai-chat'],
  answer: 'any',
  placedBy: 'model',
  isOnce: false,
  queries: [],
  readUsage: readUsageField,
} as const

export const speech: OperationSpec = {
  ...audio,
  operation: 'speech',
  clientPaths: ['/audio/speech'],
  body: 'json',
  required: ['input'],
  pathAt: openaiPath('/audio/speech'),
}

export const transcription: OperationSpec = {
  ...audio,
  operation: 'transcription',
  clientPaths: ['/audio/transcriptions'],
  body: 'form',
  required: [],
  firstByteMs: FIRST_BYTE_MS,
  pathAt: openaiPath('/audio/transcriptions'),
}

export const audioTranslation: OperationSpec = {
  ...audio,
  operation: 'audio-translation',
  clientPaths: ['/audio/translations'],
  body: 'form',
  required: [],
  firstByteMs: FIRST_BYTE_MS,
  pathAt: openaiPath('/audio/translations'),
}
