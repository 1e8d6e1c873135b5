/** The list of models in the shape the caller's SDK reads; one path serves both dialects. */

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
  if (query.dialect !== 'anthropic-messages') return { object: 'list', data }
  return { data, has_more: false, first_id: models[0]?.id ?? null, last_id: models.at(-1)?.id ?? null }
}

/** One model by its name. Throws `model_not_found`. */
export function findModel(models: readonly ModelEntry[], id: string, query: ModelsQuery): JsonObject {
  const model = models.find((entry) => entry.id === id)
  if (model === undefined)
    throw new GatewayError('model_not_found', 'There is no model of this name.', { param: 'model' })
  return describeModel(model, query)
}

function describeModel(model: ModelEntry, query: ModelsQuery): JsonObject {
  const shape = query.dialect === 'anthropic-messages' ? anthropicModel : openaiModel
  const described = shape(model, query.createdAtS)
  return model.isSimulated ? { ...described, holdfast_simulated: true } : described
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
