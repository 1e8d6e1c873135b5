/** Reads `generationConfig`: sampling, ceilings, the form of the answer, thinking. */

import type { InferenceRequest, OutputFormat, ReasoningOptions } from '../../canonical/request.ts'
import { arrayOf, type JsonObject, numberOf, objectOf, stringOf } from '../../std/json.ts'
import { withoutAbsent } from '../openai-chat/fields.ts'
import { fieldOf, objectAt } from './fields.ts'
import { toJsonSchema } from './read-schema.ts'

/** What is read here; the rest of `generationConfig` is the vendor's. */
export const generationFieldsRead: ReadonlySet<string> = new Set([
  'maxOutputTokens',
  'temperature',
  'topP',
  'topK',
  'seed',
  'stopSequences',
  'candidateCount',
  'presencePenalty',
  'frequencyPenalty',
  'responseLogprobs',
  'logprobs',
  'responseMimeType',
  'responseSchema',
  'responseJsonSchema',
  'responseFormat',
  'responseModalities',
  'thinkingConfig',
])

export function readGeneration(settings: JsonObject): Partial<InferenceRequest> {
  const number = (name: string) => numberOf(fieldOf(settings, name))
  const stops = arrayOf(fieldOf(settings, 'stopSequences')).filter((stop) => typeof stop === 'string')
  return withoutAbsent({
    maxOutputTokens: number('maxOutputTokens'),
    temperature: number('temperature'),
    topP: number('topP'),
    topK: number('topK'),
    seed: number('seed'),
    stopSequences: stops.length === 0 ? undefined : stops,
    candidateCount: number('candidateCount'),
    presencePenalty: number('presencePenalty'),
    frequencyPenalty: number('frequencyPenalty'),
    logprobs: readLogprobsAsk(settings),
    modalities: readModalities(settings),
    output: readOutput(settings),
    reasoning: readThinking(objectAt(settings, 'thinkingConfig')),
  })
}

function readLogprobsAsk(settings: JsonObject): { readonly top?: number } | undefined {
  if (fieldOf(settings, 'responseLogprobs') !== true) return undefined
  return withoutAbsent({ top: numberOf(fieldOf(settings, 'logprobs')) })
}

function readModalities(settings: JsonObject): readonly string[] | undefined {
  const names = arrayOf(fieldOf(settings, 'responseModalities')).filter((name) => typeof name === 'string')
  return names.length === 0 ? undefined : names.map((name) => name.toLowerCase())
}

/** A schema is said in Google's own form, as JSON Schema, or inside the newer `responseFormat`. */
function readOutput(settings: JsonObject): OutputFormat | undefined {
  const format = formatOf(fieldOf(settings, 'responseFormat'))
  const mimeType = format?.mimeType ?? stringOf(fieldOf(settings, 'responseMimeType'))
  const own = objectAt(settings, 'responseSchema')
  const schema =
    format?.schema ??
    objectAt(settings, 'responseJsonSchema') ??
    (own === undefined ? undefined : toJsonSchema(own))
  if (schema !== undefined) return { type: 'json-schema', schema }
  if (mimeType === 'application/json') return { type: 'json-object' }
  return mimeType === 'text/plain' ? { type: 'text' } : undefined
}

function formatOf(value: unknown): { mimeType?: string; schema?: JsonObject } | undefined {
  const format = Array.isArray(value) ? objectOf(value[0]) : objectOf(value)
  if (format === undefined) return undefined
  const inner = objectOf(format['text']) ?? format
  return withoutAbsent({
    mimeType: stringOf(fieldOf(inner, 'mimeType')),
    schema: objectOf(inner['schema']),
  })
}

function readThinking(config: JsonObject | undefined): ReasoningOptions | undefined {
  if (config === undefined) return undefined
  const budget = numberOf(fieldOf(config, 'thinkingBudget'))
  const level = stringOf(fieldOf(config, 'thinkingLevel'))?.toLowerCase()
  const isShown = fieldOf(config, 'includeThoughts')
  const options: ReasoningOptions = withoutAbsent({
    ...modeOf(budget),
    effort: level === undefined || level === 'thinking_level_unspecified' ? undefined : level,
  })
  if (isShown === true) return { ...options, display: 'auto' }
  if (Object.keys(options).length === 0) return undefined
  // Thoughts are shown only to those who ask for them.
  return options.mode === 'off' ? options : { ...options, display: 'omitted' }
}

/** 0 is off, -1 as the model sees fit. */
function modeOf(budget: number | undefined): ReasoningOptions {
  if (budget === undefined) return {}
  if (budget === 0) return { mode: 'off' }
  return budget < 0 ? { mode: 'adaptive' } : { mode: 'on', budgetTokens: budget }
}
