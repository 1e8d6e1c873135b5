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
    candidateCount: request.candidateCount === 1 ? undefined : request.candidateCount,
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
    case 'text':
      return {}
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

function writeThinking(
  options: ReasoningOptions,
  { modelId, losses }: GenerationContext,
): JsonObject | undefined {
  const generation = generationOf(modelId)
  if (generation < 2.5) {
    if (options.mode !== 'off' && options.effort !== 'none')
      losses.add('reasoning', 'This model does not think.')
    return undefined
  }
  const isOff = options.mode === 'off' || options.effort === 'none'
  const amount =
    options.budgetTokens ?? (options.mode === 'adaptive' && options.effort === undefined ? -1 : undefined)
  return withoutAbsent({
    includeThoughts: isOff || options.display === 'omitted' ? undefined : true,
    ...(amount === undefined || isOff
      ? ofEffort(isOff ? 'none' : options.effort, { generation, losses })
      : { thinkingBudget: amount }),
  })
}

function ofEffort(
  effort: string | undefined,
  { generation, losses }: { readonly generation: number; readonly losses: LossList },
): JsonObject {
  if (effort === undefined) return {}
  const level = levels.get(effort)
  const budget = budgets.get(effort)
  if (level === undefined || budget === undefined) {
    losses.add('reasoning_effort', 'Gemini has no such effort.')
    return {}
  }
  return generation >= 3 ? { thinkingLevel: level } : { thinkingBudget: budget }
}
