/** `GET /v1/models`, in the shape of either dialect. */

import { simulatedModels } from './models.ts'
import type { SimulatedModel } from './models.ts'
import type { SimulatedDialect } from './request.ts'

/** Every simulated model was made on the same day: 2026-01-01. */
const CREATED_SECONDS = 1_767_225_600

/** The list, or the one model that the path names; nothing where there is none of that name. */
export function listModels(dialect: SimulatedDialect, path: string): object | undefined {
  const describe = dialect === 'openai-chat' ? openAiModel : anthropicModel
  const id = /\/models\/([^/?]+)/.exec(path)?.[1]
  if (id !== undefined) {
    const model = simulatedModels.find((each) => each.id === id)
    return model && describe(model)
  }
  const data = simulatedModels.map(describe)
  if (dialect === 'openai-chat') return { object: 'list', data }
  return {
    data,
    has_more: false,
    first_id: simulatedModels[0]?.id ?? null,
    last_id: simulatedModels.at(-1)?.id ?? null,
  }
}

function openAiModel(model: SimulatedModel): object {
  return { id: model.id, object: 'model', created: CREATED_SECONDS, owned_by: 'simulator' }
}

function anthropicModel(model: SimulatedModel): object {
  const createdAt = new Date(CREATED_SECONDS * 1000).toISOString()
  return { type: 'model', id: model.id, display_name: `Simulated ${model.id}`, created_at: createdAt }
}
