/**
 * Converse has one form for every maker's models, but what lies beyond that form (sampling, thinking, cache points) is
 * each maker's own. The maker is told by the model's name: `us.anthropic.claude-...`, `amazon.nova-...`, or the same
 * inside an ARN. An application inference profile names no model: it is taken to understand the common form only.
 */

export type ModelFamily = 'claude' | 'nova' | 'nova-2' | 'gpt-oss' | 'qwen' | 'mistral' | 'cohere' | 'other'

const families: readonly (readonly [ModelFamily, RegExp])[] = [
  ['claude', /\bclaude\b/i],
  ['nova-2', /\bnova-2\b/i],
  ['nova', /\bnova\b/i],
  ['gpt-oss', /\bgpt-oss\b/i],
  ['qwen', /\bqwen/i],
  ['mistral', /\b(?:mistral|mixtral|ministral|pixtral|magistral|voxtral)/i],
  ['cohere', /\bcohere\b/i],
]

export function modelFamily(modelId: string): ModelFamily {
  const name = modelId.slice(0, 2_048)
  return families.find(([, pattern]) => pattern.test(name))?.[0] ?? 'other'
}

/** Whether cache points are understood; other makers' models refuse a request that has one. */
export function takesCachePoints(family: ModelFamily): boolean {
  return family === 'claude' || family === 'nova' || family === 'nova-2'
}
