/** Says sampling, ceilings, the form of the answer and thinking as `generationConfig`. */

import type { InferenceRequest, ReasoningOptions } from '../../canonical/request.ts'
import type { JsonObject } from '../../std/json.ts'
import type { LossList } from '../anthropic-messages/losses.ts'
import { withoutAbsent } from '../openai-chat/fields.ts'
import { generationOf } from './thought-signatures.ts'
import { writeSchema } from './write-schema.ts'

/** Stop sequences that Google takes. */
const STOPS_MAX = 5

export interface GenerationContext {
  readonly modelId: string
  /** The request came in this dialect: its own words return as they were. */
  readonly isOwn: boolean
  readonly losses: LossList
}

export function writeGeneration(request: InferenceRequest, context: GenerationContext): JsonObject {
  return withoutAbsent({
    maxOutputTokens: request.maxOutputTokens,
    temperature: request.temperature,
    topP: request.topP,
    topK: request.topK,
    seed: request.seed,
    stopSequences: writeStops(request, context),
    candidateCount: request.candidateCount === 1 && !context.isOwn ? undefined : request.candidateCount,
    // A penalty of 0 asks for nothing, and some models refuse the field.
    presencePenalty: request.presencePenalty || undefined,
    frequencyPenalty: request.frequencyPenalty || undefined,
    ...(request.logprobs === undefined
      ? {}
      : withoutAbsent({ responseLogprobs: true, logprobs: request.logprobs.top })),
    responseModalities: request.modalities?.map((modality) => modality.toUpperCase()),
    ...writeOutput(request),
    thinkingConfig: request.reasoning === undefined ? undefined : writeThinking(request.reasoning, context),
  })
}

function writeStops(
  { stopSequences }: InferenceRequest,
  { losses }: GenerationContext,
): readonly string[] | undefined {
  const stops = stopSequences?.filter((stop) => stop !== '')
  if (stops === undefined || stops.length === 0) return undefined
  if (stops.length > STOPS_MAX)
    losses.add('stop', `Gemini takes ${STOPS_MAX} stop sequences; the first are sent.`)
  return stops.slice(0, STOPS_MAX)
}

function writeOutput({ output }: InferenceRequest): JsonObject {
  switch (output?.type) {
    case undefined:
      return {}
    case 'text':
      return { responseMimeType: 'text/plain' }
    case 'json-object':
      return { responseMimeType: 'application/json' }
    case 'json-schema':
      return { responseMimeType: 'application/json', responseJsonSchema: writeSchema(output.schema) }
  }
}

/** What an effort amounts to in tokens, as Google's own endpoint for OpenAI's clients has it. */
const budgets: ReadonlyMap<string, number> = new Map([
  ['none', 0],
  ['minimal', 1_024],
  ['low', 1_024],
  ['medium', 8_192],
  ['high', 24_576],
  ['xhigh', 24_576],
  ['max', 24_576],
])

/** The levels of the third generation. */
const levels: ReadonlyMap<string, string> = new Map([
  ['none', 'minimal'],
  ['minimal', 'minimal'],
  ['low', 'low'],
  ['medium', 'medium'],
  ['high', 'high'],
  ['xhigh', 'high'],
  ['max', 'high'],
])

function writeThinking(options: ReasoningOptions, context: GenerationContext): JsonObject | undefined {
  if (context.isOwn) return asSaid(options)
  const isOff = options.mode === 'off' || options.effort === 'none'
  if (generationOf(context.modelId) < THINKING_SINCE) {
    if (!isOff) context.losses.add('reasoning', 'This model does not think.')
    return undefined
  }
  const budget = isOff ? undefined : budgetOf(options)
  return withoutAbsent({
    includeThoughts: isOff || options.display === 'omitted' ? undefined : true,
    ...(budget === undefined
      ? ofEffort(isOff ? 'none' : options.effort, context)
      : { thinkingBudget: budget }),
  })
}

/** The generation with which Gemini began to think. */
const THINKING_SINCE = 2.5

function asSaid(options: ReasoningOptions): JsonObject {
  return withoutAbsent({
    includeThoughts: options.display === 'auto' ? true : undefined,
    thinkingBudget: options.mode === 'off' ? 0 : budgetOf(options),
    thinkingLevel: options.effort,
  })
}

/** -1 leaves it to the model. */
function budgetOf({ mode, effort, budgetTokens }: ReasoningOptions): number | undefined {
  return budgetTokens ?? (mode === 'adaptive' && effort === undefined ? -1 : undefined)
}

function ofEffort(effort: string | undefined, { modelId, losses }: GenerationContext): JsonObject {
  if (effort === undefined) return {}
  const level = levels.get(effort)
  const budget = budgets.get(effort)
  if (level === undefined || budget === undefined) {
    losses.add('reasoning_effort', 'Gemini has no such effort.')
    return {}
  }
  return generationOf(modelId) >= 3 ? { thinkingLevel: levelFor(modelId, level) } : { thinkingBudget: budget }
}

/** The large models know fewer levels: none of them thinks minimally, and the first knew no middle. */
function levelFor(modelId: string, level: string): string {
  if (!/gemini-[\d.]+-pro/.test(modelId)) return level
  if (level === 'minimal') return 'low'
  return level === 'medium' && /gemini-3-pro/.test(modelId) ? 'high' : level
}
