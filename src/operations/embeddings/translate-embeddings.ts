/** Says a request for embeddings to a provider of another dialect: OpenAI's, Gemini's, Cohere's, Ollama's own. */

import type { TargetDialectId } from '../../canonical/envelope.ts'
import type { Loss } from '../../canonical/loss.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import type { JsonObject } from '../../std/json.ts'
import type { AskedBody } from '../asked-body.ts'
import type { TranslatedOperation, TranslationTarget } from '../translated-operation.ts'
import {
  type EmbeddingsAnswer,
  readCohereAnswer,
  readGeminiAnswer,
  readOllamaAnswer,
  readOpenaiAnswer,
  writeGeminiAnswer,
  writeOpenaiAnswer,
} from './embeddings-answer.ts'
import { type EmbeddingsRequest, readGeminiRequest, readOpenaiRequest } from './embeddings-request.ts'

export function translateEmbeddings(
  request: AskedBody,
  target: TranslationTarget,
): TranslatedOperation | GatewayError | undefined {
  const face = faces.get(target.dialect)
  if (face === undefined) return undefined
  const asked =
    request.dialect === 'gemini' ? readGeminiRequest(request.body) : readOpenaiRequest(request.body)
  if (asked instanceof GatewayError) return asked
  const { path, fields, losses = [] } = face.write(asked, target.modelId)
  return {
    path,
    body: Buffer.from(JSON.stringify(fields)),
    losses: [...asked.losses, ...losses],
    readAnswer(bytes) {
      const answer = face.read(bytes)
      if (answer.vectors.length !== asked.texts.length) throw wrongNumber(answer, asked)
      const body =
        request.dialect === 'gemini'
          ? writeGeminiAnswer(answer, asked.isSingle)
          : writeOpenaiAnswer(answer, { modelId: target.publicModelId, isBase64: asked.wantsBase64 })
      return { body, ...(answer.usage === undefined ? {} : { usage: answer.usage }) }
    },
  }
}

interface WrittenRequest {
  readonly path: string
  readonly fields: JsonObject
  readonly losses?: readonly Loss[]
}

interface Face {
  write(request: EmbeddingsRequest, modelId: string): WrittenRequest
  read(answer: Uint8Array): EmbeddingsAnswer
}

const openai: Face = {
  write: (request, modelId) => ({
    path: '/embeddings',
    fields: {
      model: modelId,
      input: [...request.texts],
      ...(request.dimensions === undefined ? {} : { dimensions: request.dimensions }),
      encoding_format: 'float',
    },
    losses: taskTypeLoss(request),
  }),
  read: readOpenaiAnswer,
}

const gemini: Face = {
  write: ({ texts, dimensions, taskType }, modelId) => ({
    path: `/models/${encodeURIComponent(modelId)}:batchEmbedContents`,
    fields: {
      requests: texts.map((text) => ({
        model: `models/${modelId}`,
        content: { parts: [{ text }] },
        ...(taskType === undefined ? {} : { taskType }),
        ...(dimensions === undefined ? {} : { outputDimensionality: dimensions }),
      })),
    },
  }),
  read: readGeminiAnswer,
}

const cohere: Face = {
  write: ({ texts, dimensions, taskType }, modelId) => ({
    path: '/embed',
    fields: {
      model: modelId,
      texts: [...texts],
      // Cohere wants to be told; documents are what most texts are.
      input_type: cohereInputTypes.get(taskType ?? '') ?? 'search_document',
      embedding_types: ['float'],
      ...(dimensions === undefined ? {} : { output_dimension: dimensions }),
    },
  }),
  read: readCohereAnswer,
}

const cohereInputTypes: ReadonlyMap<string, string> = new Map([
  ['RETRIEVAL_QUERY', 'search_query'],
  ['QUESTION_ANSWERING', 'search_query'],
  ['FACT_VERIFICATION', 'search_query'],
  ['CODE_RETRIEVAL_QUERY', 'search_query'],
  ['CLASSIFICATION', 'classification'],
  ['CLUSTERING', 'clustering'],
])

const ollama: Face = {
  write: (request, modelId) => ({
    path: '/embed',
    fields: {
      model: modelId,
      input: [...request.texts],
      ...(request.dimensions === undefined ? {} : { dimensions: request.dimensions }),
    },
    losses: taskTypeLoss(request),
  }),
  read: readOllamaAnswer,
}

const faces: ReadonlyMap<TargetDialectId, Face> = new Map([
  ['openai-chat', openai],
  ['openai-completions', openai],
  ['openai-responses', openai],
  ['gemini', gemini],
  ['cohere-chat', cohere],
  ['ollama-chat', ollama],
])

function taskTypeLoss({ taskType }: EmbeddingsRequest): readonly Loss[] {
  return taskType === undefined
    ? []
    : [{ field: 'taskType', reason: 'The target is not told what embeddings are for.' }]
}

function wrongNumber(answer: EmbeddingsAnswer, asked: EmbeddingsRequest): GatewayError {
  const numbers = `${answer.vectors.length} embeddings for ${asked.texts.length} texts`
  return new GatewayError('upstream_bad_response', `The provider answered with ${numbers}.`)
}
