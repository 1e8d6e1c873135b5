/** Every operation that is served beside chats and token counts. A new one is a spec and a line here. */

import { audioTranslation, speech, transcription } from './audio.ts'
import {
  messageBatchCancel,
  messageBatchCreation,
  messageBatchDeletion,
  messageBatchFacts,
  messageBatchList,
  messageBatchResults,
  openaiBatchCancel,
  openaiBatchCreation,
  openaiBatchFacts,
  openaiBatchList,
} from './batches.ts'
import { geminiBatchEmbedContents, geminiEmbedContent, openaiEmbeddings } from './embeddings.ts'
import { fileContent, fileDeletion, fileFacts, fileList, fileUpload } from './files.ts'
import { imageEdit, imageGeneration, imageVariation } from './images.ts'
import { moderations, rerank } from './judging.ts'
import type { OperationSpec } from './operation-spec.ts'

export const operationSpecs: readonly OperationSpec[] = [
  openaiEmbeddings,
  geminiEmbedContent,
  geminiBatchEmbedContents,
  imageGeneration,
  imageEdit,
  imageVariation,
  speech,
  transcription,
  audioTranslation,
  moderations,
  rerank,
  fileUpload,
  fileList,
  fileFacts,
  fileContent,
  fileDeletion,
  openaiBatchCreation,
  openaiBatchList,
  openaiBatchFacts,
  openaiBatchCancel,
  messageBatchCreation,
  messageBatchList,
  messageBatchResults,
  messageBatchFacts,
  messageBatchCancel,
  messageBatchDeletion,
]
