/** The list of models in the shape the caller's SDK reads; one path serves all dialects (clients.md 11). */

import type { DialectId } from '../canonical/envelope.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import type { ModelEntry } from '../exchange/gateway.ts'
import type { JsonObject } from '../std/json.ts'

export interface ModelsQuery {
  readonly dialect: DialectId
  /** Said as the creation time of every model: ours to choose, so it is when this list came up, s since the epoch. */
  readonly createdAtS: number
}

export function listModels(models: readonly ModelEntry[], query: ModelsQuery): JsonObject {
  const data = models.map((model) => describeModel(model, query))
  // All of them at once, whatever page size was asked for: no next page is named.
  if (query.dialect === 'gemini') return { models: data }
  if (query.dialect !== 'anthropic-messages') return { object: 'list', data }
  return { data, has_more: false, first_id: models[0]?.id ?? null, last_id: models.at(-1)?.id ?? null }
}

/** One model by its name. Throws `model_not_found`. */
export function findModel(models: readonly ModelEntry[], id: string, query: ModelsQuery): JsonObject {
  const name = query.dialect === 'gemini' ? id.replace(/^models\//, '') : id
  const model = models.find((entry) => entry.id === name)
  if (model === undefined)
    throw new GatewayError('model_not_found', 'There is no model of this name.', { param: 'model' })
  return describeModel(model, query)
}

function describeModel(model: ModelEntry, query: ModelsQuery): JsonObject {
  const described = shapeOf(query.dialect)(model, query.createdAtS)
  return model.isSimulated ? { ...described, holdfast_simulated: true } : described
}

function shapeOf(dialect: DialectId): (model: ModelEntry, createdAtS: number) => JsonObject {
  switch (dialect) {
    case 'anthropic-messages':
      return anthropicModel
    case 'gemini':
      return geminiModel
    default:
      return openaiModel
  }
}

/** Limits are left out: they are the targets' own, and Google's clients do without. */
function geminiModel(model: ModelEntry): JsonObject {
  return {
    name: `models/${model.id}`,
    baseModelId: model.id,
    version: '001',
    displayName: model.id,
    description: `Served by ${model.ownedBy}.`,
    supportedGenerationMethods: [
      'generateContent',
      'streamGenerateContent',
      'countTokens',
      'embedContent',
      'batchEmbedContents',
    ],
  }
}

/** Mistral's SDK wants `type: "base"` and capabilities, or reports the entry as unknown; the others do not mind. */
function openaiModel(model: ModelEntry, createdAtS: number): JsonObject {
  return {
    id: model.id,
    object: 'model',
    created: createdAtS,
    owned_by: model.ownedBy,
    type: 'base',
    capabilities: { completion_chat: true, function_calling: true },
  }
}

function anthropicModel(model: ModelEntry, createdAtS: number): JsonObject {
  return {
    type: 'model',
    id: model.id,
    display_name: model.id,
    created_at: `${new Date(createdAtS * 1_000).toISOString().slice(0, 19)}Z`,
    max_input_tokens: null,
    max_tokens: null,
  }
}
