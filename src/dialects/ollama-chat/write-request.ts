/** Says a request in Ollama's own chat; what it cannot say is returned as losses. */

import type {
  InferenceRequest,
  OutputFormat,
  ReasoningOptions,
  ToolDefinition,
} from '../../canonical/request.ts'
import { type JsonObject, type JsonValue, objectOf, stringOf } from '../../std/json.ts'
import { DESCRIPTION_FIELD, describedSchema, losesDescription } from '../described-schema.ts'
import { asksForNothing } from '../asks-for-nothing.ts'
import type { EncodedRequest, WriteRequestOptions } from '../dialect.ts'
import { withoutAbsent } from '../openai-chat/fields.ts'
import { Losses } from '../openai-chat/losses.ts'
import { EFFORT_BUDGETS } from '../openai-chat/write-request.ts'
import { MessageWriter } from './write-messages.ts'

/** Ollama's own fields that clients of other dialects send along under the same name. */
const handedOn: ReadonlySet<string> = new Set(['keep_alive', 'think', 'truncate', 'shift'])

/** The settings of a model that clients of other dialects send along, at the top or in `options`. */
const modelOptions: ReadonlySet<string> = new Set([
  'num_ctx',
  'num_keep',
  'num_batch',
  'num_gpu',
  'num_thread',
  'min_p',
  'typical_p',
  'repeat_last_n',
  'repeat_penalty',
])

export function writeRequest(request: InferenceRequest, options: WriteRequestOptions): EncodedRequest {
  const losses = new Losses()
  const vendor = handOn(request, losses)
  const settings = { ...vendor.options, ...writeSettings(request) }
  const tools = writeTools(request, losses)
  const fields: JsonObject = {
    ...withoutAbsent({
      model: options.modelId,
      messages: new MessageWriter(losses).write(request.messages),
      tools: tools.length === 0 ? undefined : tools,
      // Ollama streams unless it is told not to.
      stream: options.stream,
      think: writeThink(request.reasoning),
      format: writeFormat(request.output),
      options: Object.keys(settings).length === 0 ? undefined : settings,
      logprobs: request.logprobs === undefined ? undefined : true,
      top_logprobs: request.logprobs?.top,
    }),
    ...vendor.fields,
  }
  noteLosses(request, losses)
  return { fields, losses: losses.all }
}

function handOn(request: InferenceRequest, losses: Losses): { fields: JsonObject; options: JsonObject } {
  const fields: [string, JsonValue][] = []
  const options: [string, JsonValue][] = []
  for (const [name, value] of Object.entries(request.vendor?.fields ?? {})) {
    if (value === undefined) continue
    const nested = name === 'options' ? objectOf(value) : undefined
    if (nested !== undefined) options.push(...entriesOf(nested))
    else if (modelOptions.has(name)) options.push([name, value])
    else if (handedOn.has(name)) fields.push([name, value])
    else if (!asksForNothing(name, value)) losses.add(name, 'the Ollama chat API has no such field')
  }
  // fromEntries defines its members, so that a field named __proto__ stays a field.
  return { fields: Object.fromEntries(fields), options: Object.fromEntries(options) }
}

function entriesOf(value: JsonObject): [string, JsonValue][] {
  return Object.entries(value).flatMap(([name, member]): [string, JsonValue][] =>
    member === undefined ? [] : [[name, member]],
  )
}

function writeSettings(request: InferenceRequest): JsonObject {
  return withoutAbsent({
    num_predict: request.maxOutputTokens,
    temperature: request.temperature,
    top_p: request.topP,
    top_k: request.topK,
    seed: request.seed,
    stop: request.stopSequences,
    frequency_penalty: request.frequencyPenalty,
    presence_penalty: request.presencePenalty,
  })
}

/** A level, which models without levels take for a yes; the nearest one for words that Ollama does not know. */
function writeThink(reasoning: ReasoningOptions | undefined): JsonValue | undefined {
  if (reasoning === undefined) return undefined
  const { mode, effort, budgetTokens } = reasoning
  if (mode === 'off') return false
  switch (effort) {
    case undefined:
      return budgetTokens === undefined ? true : levelOfBudget(budgetTokens)
    case 'minimal':
      return 'low'
    case 'low':
    case 'medium':
    case 'high':
    case 'max':
      return effort
    default:
      return 'high'
  }
}

function levelOfBudget(budgetTokens: number): string {
  return EFFORT_BUDGETS.find(([, budgetMax]) => budgetTokens <= budgetMax)?.[0] ?? 'high'
}

function writeFormat(output: OutputFormat | undefined): JsonValue | undefined {
  switch (output?.type) {
    case undefined:
    case 'text':
      return undefined
    case 'json-object':
      return 'json'
    case 'json-schema':
      return describedSchema(output)
  }
}

/** A model that may call no tool is shown none. */
function writeTools(request: InferenceRequest, losses: Losses): readonly JsonObject[] {
  const { tools = [], toolChoice, allowsParallelToolCalls } = request
  if (tools.length === 0 || toolChoice?.type === 'none') return []
  if (toolChoice !== undefined && toolChoice.type !== 'auto') {
    losses.add('tool_choice', 'a model of Ollama decides for itself whether to call a tool')
  }
  if (allowsParallelToolCalls === false) {
    losses.add('parallel_tool_calls', 'a model of Ollama may always call several tools at once')
  }
  return tools.flatMap((tool) => writeTool(tool, losses))
}

function writeTool(tool: ToolDefinition, losses: Losses): readonly JsonObject[] {
  if (tool.kind === 'opaque') {
    const name = tool.name ?? stringOf(tool.value['type']) ?? 'unknown'
    losses.add(`tools.${name}`, 'only the dialect it came from knows this kind of tool')
    return []
  }
  for (const field of Object.keys(tool.vendor?.fields ?? {})) {
    losses.add(`tools.${field}`, 'the Ollama chat API has no such field')
  }
  if (tool.isStrict === true)
    losses.add('tools.strict', 'Ollama does not hold a model to the schema of a tool')
  const parameters = tool.parameters ?? { type: 'object', properties: {} }
  const { name, description } = tool
  return [{ type: 'function', function: withoutAbsent({ name, description, parameters }) }]
}

function noteLosses(request: InferenceRequest, losses: Losses): void {
  if (request.output?.type === 'json-schema' && losesDescription(request.output))
    losses.add(DESCRIPTION_FIELD, 'Ollama has no description beside that of the schema itself')
  const lacks = 'the Ollama chat API has no such thing'
  const { candidateCount, modalities, userId, metadata, serviceTier } = request
  if (candidateCount !== undefined && candidateCount > 1) losses.add('n', 'Ollama gives one answer')
  if (modalities?.some((modality) => modality !== 'text')) losses.add('modalities', lacks)
  if (userId !== undefined) losses.add('user', lacks)
  if (metadata !== undefined && Object.keys(metadata).length > 0) losses.add('metadata', lacks)
  if (serviceTier !== undefined && serviceTier !== 'auto') losses.add('service_tier', lacks)
}
