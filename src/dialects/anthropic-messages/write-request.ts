/** Says a request in Anthropic's Messages API, version 2023-06-01; what it cannot say is returned as losses. */

import type { InferenceRequest, ToolChoice, ToolDefinition } from '../../canonical/request.ts'
import { isJsonObject, type JsonObject, objectOf, stringOf } from '../../std/json.ts'
import { DESCRIPTION_FIELD, describedSchema, losesDescription } from '../described-schema.ts'
import { asksForNothing } from '../asks-for-nothing.ts'
import type { EncodedRequest, WriteRequestOptions } from '../dialect.ts'
import { DIALECT } from './dialect-id.ts'
import { LossList } from './losses.ts'
import { modelTraits } from './model-family.ts'
import { cacheControl } from './write-block.ts'
import { writeMessages } from './write-messages.ts'
import { writeReasoning } from './write-reasoning.ts'

/** Characters of `metadata.user_id` that Anthropic takes. */
const USER_ID_LENGTH_MAX = 512

export function writeRequest(request: InferenceRequest, options: WriteRequestOptions): EncodedRequest {
  const losses = new LossList()
  const own = request.vendor?.dialect === DIALECT ? request.vendor.fields : {}
  const conversation = writeMessages(request.messages, losses)
  const reasoning = writeReasoning(request, options.modelId, losses)
  const tools = (request.tools ?? []).flatMap((tool) => writeTool(tool, losses))
  const fields: JsonObject = {
    ...own,
    model: options.modelId,
    max_tokens: reasoning.maxTokens,
    ...(options.stream ? { stream: true } : {}),
    ...(conversation.system === undefined ? {} : { system: conversation.system }),
    messages: conversation.messages,
    ...(tools.length === 0 ? {} : { tools, ...writeToolChoice(request, losses) }),
    ...(reasoning.thinking === undefined
      ? {}
      : { thinking: { ...objectOf(own['thinking']), ...reasoning.thinking } }),
    ...writeOutputConfig(request, reasoning.effort, objectOf(own['output_config']), losses),
    ...writeSampling({ request, modelId: options.modelId, isThinking: reasoning.isThinking }, losses),
    ...writeStops(request, losses),
    ...writeMetadata(request, objectOf(own['metadata']), losses),
    ...writeServiceTier(request, losses),
    ...cacheControl(request.cacheHint),
  }
  addLosses(request, losses)
  return { fields, losses: losses.list }
}

function writeTool(tool: ToolDefinition, losses: LossList): readonly JsonObject[] {
  if (tool.kind === 'opaque') {
    if (tool.dialect === DIALECT) return [tool.value]
    const name = tool.name ?? stringOf(tool.value['type']) ?? 'other'
    losses.add(`tools.${name}`, 'Only its own API knows this kind of tool.')
    return []
  }
  if (tool.vendor !== undefined && tool.vendor.dialect !== DIALECT) {
    for (const name of Object.keys(tool.vendor.fields))
      losses.add(`tools.${name}`, 'The Messages API has no such field.')
  }
  return [
    {
      ...(tool.vendor?.dialect === DIALECT ? tool.vendor.fields : {}),
      name: tool.name,
      ...(tool.description === undefined ? {} : { description: tool.description }),
      input_schema: inputSchema(tool.parameters),
      ...(tool.isStrict ? { strict: true } : {}),
      ...cacheControl(tool.cacheHint),
    },
  ]
}

/** Anthropic requires `type: "object"`, where OpenAI lets a schema say nothing. */
function inputSchema(parameters: JsonObject | undefined): JsonObject {
  if (parameters === undefined) return { type: 'object', properties: {} }
  return parameters['type'] === undefined ? { ...parameters, type: 'object' } : parameters
}

function writeToolChoice(request: InferenceRequest, losses: LossList): JsonObject {
  const choice = request.toolChoice
  const isSerial = request.allowsParallelToolCalls === false
  const written = choice === undefined ? undefined : choiceOf(choice, losses)
  if (written === undefined) {
    return isSerial ? { tool_choice: { type: 'auto', disable_parallel_tool_use: true } } : {}
  }
  const mayBeSerial = written['type'] !== 'none' && isSerial
  return { tool_choice: { ...written, ...(mayBeSerial ? { disable_parallel_tool_use: true } : {}) } }
}

function choiceOf(choice: ToolChoice, losses: LossList): JsonObject | undefined {
  switch (choice.type) {
    case 'auto':
    case 'none':
      return { type: choice.type }
    case 'required':
      return { type: 'any' }
    case 'tool':
      return { type: 'tool', name: choice.name }
    case 'opaque':
      if (choice.dialect === DIALECT && isJsonObject(choice.value)) return choice.value
      losses.add('tool_choice', 'The Messages API has no such choice among tools.')
      return undefined
  }
}

function writeOutputConfig(
  request: InferenceRequest,
  effort: string | undefined,
  own: JsonObject | undefined,
  losses: LossList,
): JsonObject {
  const config: JsonObject = {
    ...own,
    ...(effort === undefined ? {} : { effort }),
    ...outputFormat(request, losses),
  }
  return Object.keys(config).length === 0 ? {} : { output_config: config }
}

/** `json_object` needs no hint from us: OpenAI demands that the prompt itself asks for JSON. */
function outputFormat({ output }: InferenceRequest, losses: LossList): JsonObject {
  switch (output?.type) {
    case 'json-schema':
      if (losesDescription(output))
        losses.add(DESCRIPTION_FIELD, 'The Messages API has no description beside that of the schema itself.')
      return { format: { type: 'json_schema', schema: describedSchema(output) } }
    case 'json-object':
      losses.add(
        'response_format',
        'The Messages API has no JSON mode without a schema; only the prompt asks for JSON.',
      )
      return {}
    case 'text':
    case undefined:
      return {}
  }
}

interface SamplingContext {
  readonly request: InferenceRequest
  readonly modelId: string
  readonly isThinking: boolean
}

/** While Claude thinks it takes a top_p from here to 1. */
const THINKING_TOP_P_MIN = 0.95

function writeSampling(context: SamplingContext, losses: LossList): JsonObject {
  const { temperature, topP, topK } = context.request
  const refusal = samplingRefusal(context)
  if (refusal !== undefined) {
    // 1 is the default and accepted everywhere, and so is a top_p of almost everything.
    const keepsTopP =
      topP !== undefined && topP >= THINKING_TOP_P_MIN && modelTraits(context.modelId).takesSampling
    if (temperature !== undefined && temperature !== 1) losses.add('temperature', refusal)
    if (topP !== undefined && topP < 0.99 && !keepsTopP) losses.add('top_p', refusal)
    if (topK !== undefined) losses.add('top_k', refusal)
    return keepsTopP ? { top_p: topP } : {}
  }
  const keepsTopP = temperature === undefined || modelTraits(context.modelId).takesTemperatureWithTopP
  if (topP !== undefined && topP < 1 && !keepsTopP) {
    losses.add('top_p', 'This model takes temperature or top_p, not both.')
  }
  return {
    ...(temperature === undefined ? {} : { temperature: clampTemperature(temperature, losses) }),
    ...(topP === undefined || !keepsTopP ? {} : { top_p: topP }),
    ...(topK === undefined ? {} : { top_k: topK }),
  }
}

function samplingRefusal({ modelId, isThinking }: SamplingContext): string | undefined {
  if (!modelTraits(modelId).takesSampling) return 'This model takes no sampling parameters.'
  return isThinking ? 'Claude takes no sampling parameters while it thinks.' : undefined
}

function clampTemperature(temperature: number, losses: LossList): number {
  if (temperature <= 1) return Math.max(0, temperature)
  losses.add('temperature', 'The highest temperature of the Messages API is 1, which is sent.')
  return 1
}

/** Anthropic refuses a stop sequence of nothing but white space. */
function writeStops({ stopSequences }: InferenceRequest, losses: LossList): JsonObject {
  const stops = (stopSequences ?? []).filter((stop) => stop.trim() !== '')
  if (stops.length < (stopSequences?.length ?? 0)) {
    losses.add('stop', 'A stop sequence of the Messages API must hold more than white space.')
  }
  return stops.length === 0 ? {} : { stop_sequences: stops }
}

function writeMetadata(request: InferenceRequest, own: JsonObject | undefined, losses: LossList): JsonObject {
  const isTooLong = (request.userId?.length ?? 0) > USER_ID_LENGTH_MAX
  if (isTooLong)
    losses.add('user', `A user id of the Messages API has at most ${USER_ID_LENGTH_MAX} characters.`)
  const userId = isTooLong ? undefined : request.userId
  const metadata: JsonObject = { ...own, ...(userId === undefined ? {} : { user_id: userId }) }
  return Object.keys(metadata).length === 0 ? {} : { metadata }
}

const serviceTiers: ReadonlyMap<string, string> = new Map([
  ['auto', 'auto'],
  ['standard_only', 'standard_only'],
  ['default', 'standard_only'],
])

function writeServiceTier({ serviceTier }: InferenceRequest, losses: LossList): JsonObject {
  if (serviceTier === undefined) return {}
  const written = serviceTiers.get(serviceTier)
  if (written !== undefined) return { service_tier: written }
  losses.add('service_tier', 'The Messages API knows the service tiers auto and standard_only.')
  return {}
}

/** What this dialect has no field for. A penalty of 0 asks for nothing, so nothing is lost with it. */
function addLosses(request: InferenceRequest, losses: LossList): void {
  const missing = 'The Messages API has no such parameter.'
  if ((request.candidateCount ?? 1) > 1) losses.add('n', 'The Messages API gives one answer.')
  if (request.logprobs !== undefined) losses.add('logprobs', missing)
  if (request.frequencyPenalty) losses.add('frequency_penalty', missing)
  if (request.presencePenalty) losses.add('presence_penalty', missing)
  if (request.seed !== undefined) losses.add('seed', missing)
  if (request.modalities?.some((modality) => modality !== 'text')) {
    losses.add('modalities', 'The Messages API answers in text.')
  }
  if (request.audio !== undefined) losses.add('audio', 'The Messages API answers in text.')
  if (Object.keys(request.metadata ?? {}).length > 0)
    losses.add('metadata', 'The Messages API keeps only a user id.')
  if (request.promptCacheKey !== undefined) losses.add('prompt_cache_key', missing)
  if (request.vendor !== undefined && request.vendor.dialect !== DIALECT) {
    for (const [name, value] of Object.entries(request.vendor.fields)) {
      if (!asksForNothing(name, value)) losses.add(name, missing)
    }
  }
}
