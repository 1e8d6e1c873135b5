/**
 * Sampling, ceilings and reasoning: `inferenceConfig` for what every model takes, `additionalModelRequestFields` for what
 * is its maker's own. Claude is told as Anthropic's own API tells it.
 */

import type { InferenceRequest, ReasoningOptions } from '../../canonical/request.ts'
import type { JsonObject } from '../../std/json.ts'
import type { LossList } from '../anthropic-messages/losses.ts'
import { modelTraits } from '../anthropic-messages/model-family.ts'
import { writeReasoning } from '../anthropic-messages/write-reasoning.ts'
import type { ModelFamily } from './model-family.ts'

export interface WrittenInference {
  readonly inferenceConfig: JsonObject
  readonly additional: JsonObject
}

/** What a request is written for. */
export interface WriteContext {
  readonly request: InferenceRequest
  readonly modelId: string
  readonly family: ModelFamily
  readonly losses: LossList
}

interface Reasoning {
  readonly additional: JsonObject
  readonly maxTokens?: number | undefined
  readonly isThinking: boolean
}

export function writeInference(context: WriteContext): WrittenInference {
  const { request } = context
  const reasoning = context.family === 'claude' ? claudeReasoning(context) : otherReasoning(context)
  const sampling = writeSampling(context, reasoning.isThinking)
  const maxTokens = request.maxOutputTokens ?? reasoning.maxTokens
  const stops = writeStops(context)
  return {
    inferenceConfig: {
      ...(maxTokens === undefined ? {} : { maxTokens }),
      ...sampling.config,
      ...(stops.length === 0 ? {} : { stopSequences: stops }),
    },
    additional: { ...reasoning.additional, ...sampling.additional },
  }
}

function claudeReasoning({ request, modelId, losses }: WriteContext): Reasoning {
  const { thinking, effort, maxTokens, isThinking } = writeReasoning(request, modelId, losses)
  return {
    additional: {
      ...(thinking === undefined ? {} : { thinking }),
      ...(effort === undefined ? {} : { output_config: { effort } }),
    },
    // A budget must stay below the ceiling; without one the model's own default ceiling is the better one.
    maxTokens: thinking?.['budget_tokens'] === undefined ? undefined : maxTokens,
    isThinking,
  }
}

function otherReasoning({ request, family, losses }: WriteContext): Reasoning {
  const options = request.reasoning
  if (options === undefined) return { additional: {}, isThinking: false }
  const additional = reasoningFields(family, reasoningLevel(options))
  if (additional === undefined)
    losses.add('reasoning', 'This model takes no wish for more or less reasoning.')
  return { additional: additional ?? {}, isThinking: false }
}

type ReasoningLevel = 'off' | 'low' | 'medium' | 'high'

/** Three levels are what the other makers know; a budget falls into the level whose models spend about as much. */
function reasoningLevel({ mode, effort, budgetTokens }: ReasoningOptions): ReasoningLevel {
  if (mode === 'off' || effort === 'none') return 'off'
  switch (effort) {
    case 'minimal':
    case 'low':
      return 'low'
    case 'high':
    case 'xhigh':
    case 'max':
      return 'high'
    default:
      if (budgetTokens === undefined) return 'medium'
      return budgetTokens <= 2_048 ? 'low' : budgetTokens <= 8_192 ? 'medium' : 'high'
  }
}

/** `undefined` where the model cannot be told. */
function reasoningFields(family: ModelFamily, level: ReasoningLevel): JsonObject | undefined {
  switch (family) {
    case 'nova-2':
      if (level === 'off') return { reasoningConfig: { type: 'disabled' } }
      return { reasoningConfig: { type: 'enabled', maxReasoningEffort: level } }
    case 'gpt-oss':
      return level === 'off' ? undefined : { reasoning_effort: level }
    case 'qwen':
      return level === 'off' ? undefined : { reasoning_config: level }
    default:
      // A model that does not reason does not have to be stopped.
      return level === 'off' ? {} : undefined
  }
}

interface Sampling {
  readonly config: JsonObject
  readonly additional: JsonObject
}

function writeSampling(context: WriteContext, isThinking: boolean): Sampling {
  const { request, family, losses } = context
  const { temperature, topP, topK } = request
  const refusal = samplingRefusal(context, isThinking)
  if (refusal !== undefined) {
    // 1 is the default and accepted everywhere, and so is a topP of almost everything.
    if (temperature !== undefined && temperature !== 1) losses.add('temperature', refusal)
    if (topP !== undefined && topP < 0.99) losses.add('top_p', refusal)
    if (topK !== undefined) losses.add('top_k', refusal)
    return { config: {}, additional: {} }
  }
  const takesBoth = family !== 'claude' || modelTraits(context.modelId).takesTemperatureWithTopP
  const keepsTopP = temperature === undefined || takesBoth
  if (topP !== undefined && topP < 1 && !keepsTopP) {
    losses.add('top_p', 'This model takes temperature or top_p, not both.')
  }
  return {
    config: {
      ...(temperature === undefined ? {} : { temperature: clampTemperature(temperature, losses) }),
      ...(topP === undefined || !keepsTopP ? {} : { topP }),
    },
    additional: topK === undefined ? {} : writeTopK(topK, family, losses),
  }
}

function samplingRefusal({ family, modelId }: WriteContext, isThinking: boolean): string | undefined {
  if (family !== 'claude') return undefined
  if (!modelTraits(modelId).takesSampling) return 'This model takes no sampling parameters.'
  return isThinking ? 'Claude takes no sampling parameters while it thinks.' : undefined
}

function clampTemperature(temperature: number, losses: LossList): number {
  if (temperature <= 1) return Math.max(0, temperature)
  losses.add('temperature', 'The highest temperature of the Converse API is 1, which is sent.')
  return 1
}

function writeTopK(topK: number, family: ModelFamily, losses: LossList): JsonObject {
  switch (family) {
    case 'claude':
    case 'mistral':
      return { top_k: topK }
    case 'nova':
    case 'nova-2':
      return { inferenceConfig: { topK } }
    case 'cohere':
      return { k: topK }
    default:
      losses.add('top_k', 'This model takes no top_k.')
      return {}
  }
}

function writeStops({ request, losses }: WriteContext): readonly string[] {
  const asked = request.stopSequences ?? []
  const stops = asked.filter((stop) => stop.trim() !== '')
  if (stops.length < asked.length) {
    losses.add('stop', 'A stop sequence of the Converse API must hold more than white space.')
  }
  return stops
}
