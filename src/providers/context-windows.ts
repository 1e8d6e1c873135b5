/** How much each known model can read: decides which targets a request that was too long may still go to. */

import facts from './context-windows.json' with { type: 'json' }

const windows = new Map(
  Object.entries(facts.windows).map(([id, models]) => [id, new Map(Object.entries(models))]),
)

/** The day of the newest source of these figures. */
export const CONTEXT_WINDOWS_DATE: string = facts.date

/** The context window of a provider's model, tokens, where it is known. */
export function contextWindow(providerId: string, modelId: string): number | undefined {
  return windows.get(providerId)?.get(modelId)
}
