/** `GET /v1/models`, in the shape of each dialect that has such a list. */

import { simulatedModels } from './models.ts'
import type { SimulatedModel } from './models.ts'
import type { SimulatedDialect } from './request.ts'

/** Every simulated model was made on the same day: 2026-01-01. */
const CREATED_SECONDS = 1_767_225_600
const CREATED_AT = new Date(CREATED_SECONDS * 1000).toISOString()

/** The list, or the one model that the path names; nothing where there is none of that name. */
export function listModels(dialect: SimulatedDialect, path: string): object | undefined {
  const id = /\/models\/([^/?]+)/.exec(path)?.[1]
  if (id === undefined) return listOf(dialect)
  const model = simulatedModels.find((each) => each.id === id)
  return model && describe(dialect, model)
}

function listOf(dialect: SimulatedDialect): object {
  const data = simulatedModels.map((model) => describe(dialect, model))
  switch (dialect) {
    case 'anthropic-messages': {
      const [first, last] = [simulatedModels.at(0), simulatedModels.at(-1)]
      return { data, has_more: false, first_id: first?.id ?? null, last_id: last?.id ?? null }
    }
    case 'gemini':
    case 'ollama-chat':
      return { models: data }
    default:
      return { object: 'list', data }
  }
}

function describe(dialect: SimulatedDialect, model: SimulatedModel): object {
  switch (dialect) {
    case 'anthropic-messages':
      return anthropicModel(model)
    case 'gemini':
      return geminiModel(model)
    case 'ollama-chat':
      return { name: model.id, model: model.id, modified_at: CREATED_AT }
    default:
      return openAiModel(model)
  }
}

function openAiModel(model: SimulatedModel): object {
  return { id: model.id, object: 'model', created: CREATED_SECONDS, owned_by: 'simulator' }
}

function anthropicModel(model: SimulatedModel): object {
  return { type: 'model', id: model.id, display_name: `Simulated ${model.id}`, created_at: CREATED_AT }
}

function geminiModel(model: SimulatedModel): object {
  return {
    name: `models/${model.id}`,
    version: '1',
    displayName: `Simulated ${model.id}`,
    supportedGenerationMethods: ['generateContent', 'countTokens'],
  }
}
