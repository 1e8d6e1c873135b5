/** Says a request in Cohere's v2 chat; what it cannot say is returned as losses. */

import type { InferenceRequest, OutputFormat, ReasoningOptions } from '../../canonical/request.ts'
import type { JsonObject, JsonValue } from '../../std/json.ts'
import { DESCRIPTION_FIELD, describedSchema, losesDescription } from '../described-schema.ts'
import { asksForNothing } from '../asks-for-nothing.ts'
import type { EncodedRequest, WriteRequestOptions } from '../dialect.ts'
import { withoutAbsent } from '../openai-chat/fields.ts'
import { Losses } from '../openai-chat/losses.ts'
import { EFFORT_BUDGETS } from '../openai-chat/write-request.ts'
import { MessageWriter } from './write-messages.ts'
import { writeTools } from './write-tools.ts'

/** What Cohere takes; above or below it refuses the request. */
const STOP_SEQUENCES_MAX = 5
const TOP_P_MIN = 0.01
const TOP_P_MAX = 0.99
const TOP_K_MAX = 500

/** Cohere's own fields that clients of other dialects send along under the same name. */
const handedOn: ReadonlySet<string> = new Set([
  'documents',
  'citation_options',
  'safety_mode',
  'strict_tools',
  'thinking',
  'priority',
])

export function writeRequest(request: InferenceRequest, options: WriteRequestOptions): EncodedRequest {
  const losses = new Losses()
  const vendor = handOn(request, losses)
  const conversation = new MessageWriter(losses).write(request.messages)
  const documents = [...arrayIn(vendor['documents']), ...conversation.documents]
  const thinking = writeThinking(request.reasoning)
  const fields: JsonObject = {
    model: options.modelId,
    messages: conversation.messages,
    ...(options.stream ? { stream: true } : {}),
    ...writeTools(request, losses),
    ...(thinking === undefined ? {} : { thinking }),
    ...writeSampling(request, losses),
    ...writeOutput(request.output),
    ...vendor,
    ...(documents.length === 0 ? {} : { documents }),
  }
  noteLosses(request, losses)
  return { fields, losses: losses.all }
}

function handOn(request: InferenceRequest, losses: Losses): JsonObject {
  const kept: Record<string, JsonValue> = {}
  for (const [field, value] of Object.entries(request.vendor?.fields ?? {})) {
    if (value !== undefined && handedOn.has(field)) kept[field] = value
    else if (!asksForNothing(field, value)) losses.add(field, 'the Cohere chat API has no such field')
  }
  return kept
}

function arrayIn(value: JsonValue | undefined): readonly JsonValue[] {
  // Members of parsed JSON are JSON; Array.isArray forgets it.
  return Array.isArray(value) ? (value as readonly JsonValue[]) : []
}

/** A word of effort stands for a budget of tokens; the highest for none. */
function writeThinking(reasoning: ReasoningOptions | undefined): JsonObject | undefined {
  if (reasoning === undefined) return undefined
  const { mode, effort, budgetTokens } = reasoning
  if (mode === 'off') return { type: 'disabled' }
  const word = effort === 'minimal' ? 'low' : effort
  const budget = budgetTokens ?? EFFORT_BUDGETS.find(([known]) => known === word)?.[1]
  return { type: 'enabled', ...(budget === undefined ? {} : { token_budget: budget }) }
}

function writeSampling(request: InferenceRequest, losses: Losses): JsonObject {
  const { stopSequences: stops, seed, logprobs } = request
  if (stops !== undefined && stops.length > STOP_SEQUENCES_MAX) {
    losses.add('stop', `the Cohere chat API takes ${STOP_SEQUENCES_MAX} stop sequences at most`)
  }
  return withoutAbsent({
    max_tokens: request.maxOutputTokens,
    temperature: request.temperature,
    p: within(request.topP, { min: TOP_P_MIN, max: TOP_P_MAX }),
    k: within(request.topK, { min: 0, max: TOP_K_MAX }),
    seed,
    stop_sequences: stops?.slice(0, STOP_SEQUENCES_MAX),
    frequency_penalty: penalty('frequency_penalty', request.frequencyPenalty, losses),
    presence_penalty: penalty('presence_penalty', request.presencePenalty, losses),
    logprobs: logprobs === undefined ? undefined : true,
  })
}

/** The nearest value that is taken: the ends mean nearly the same, and no answer shows the difference. */
function within(value: number | undefined, { min, max }: { min: number; max: number }): number | undefined {
  return value === undefined ? undefined : Math.min(max, Math.max(min, value))
}

/** Cohere's penalties go from 0 to 1, others' from -2 to 2. */
function penalty(field: string, value: number | undefined, losses: Losses): number | undefined {
  if (value !== undefined && (value < 0 || value > 1)) {
    losses.add(field, 'the Cohere chat API takes penalties from 0 to 1')
  }
  return within(value, { min: 0, max: 1 })
}

function writeOutput(output: OutputFormat | undefined): JsonObject {
  switch (output?.type) {
    case undefined:
    case 'text':
      return {}
    case 'json-object':
      return { response_format: { type: 'json_object' } }
    case 'json-schema':
      return { response_format: { type: 'json_object', json_schema: describedSchema(output) } }
  }
}

function noteLosses(request: InferenceRequest, losses: Losses): void {
  if (request.output?.type === 'json-schema' && losesDescription(request.output))
    losses.add(DESCRIPTION_FIELD, 'Cohere has no description beside that of the schema itself')
  const lacks = 'the Cohere chat API has no such thing'
  const { candidateCount, modalities, userId, metadata, serviceTier, logprobs } = request
  if (candidateCount !== undefined && candidateCount > 1) losses.add('n', 'Cohere gives one answer')
  if (modalities?.some((modality) => modality !== 'text')) losses.add('modalities', lacks)
  if (userId !== undefined) losses.add('user', lacks)
  if (metadata !== undefined && Object.keys(metadata).length > 0) losses.add('metadata', lacks)
  if (serviceTier !== undefined && serviceTier !== 'auto') losses.add('service_tier', lacks)
  if ((logprobs?.top ?? 0) > 0)
    losses.add('top_logprobs', 'Cohere tells the probability of what it said only')
}
