/**
 * Says a request in this dialect, in the words that most of its servers understand; what one server wants otherwise
 * (OpenAI's `max_completion_tokens`, say) is a quirk of that provider. Words that came from this dialect return to it.
 *
 * Cache hints of other dialects are left out without a loss: servers of this dialect cache prefixes by themselves, and
 * no answer is different for it.
 */

import type { InferenceRequest, OutputFormat, ReasoningOptions } from '../../canonical/request.ts'
import { type JsonObject, type JsonValue, objectOf, stringOf } from '../../std/json.ts'
import { asksForNothing } from '../asks-for-nothing.ts'
import type { EncodedRequest, WriteRequestOptions } from '../dialect.ts'
import { DIALECT, withoutAbsent } from './fields.ts'
import { Losses } from './losses.ts'
import { MessageWriter } from './write-messages.ts'
import { writeToolChoice, writeTools } from './write-tools.ts'

/** Characters of a user id; OpenAI refuses longer ones. */
const USER_ID_CHARS_MAX = 64

/** Reasoning budgets in tokens up to which a word of effort stands for them; above the last it is `high`. */
export const EFFORT_BUDGETS = [
  ['low', 2_048],
  ['medium', 8_192],
] as const

export function writeRequest(request: InferenceRequest, options: WriteRequestOptions): EncodedRequest {
  const losses = new Losses()
  const isOwn = request.vendor?.dialect === DIALECT
  const vendor = readVendor(request, isOwn, losses)
  const fields = withoutAbsent({
    model: options.modelId,
    messages: new MessageWriter({ isOwn, losses }).write(request.messages),
    ...writeStream(options.stream, vendor),
    ...writeToolFields(request, isOwn, losses),
    response_format: writeOutput(request.output),
    reasoning_effort:
      vendor['reasoning'] === undefined ? writeEffort(request.reasoning, isOwn, losses) : undefined,
    max_tokens: request.maxOutputTokens,
    temperature: request.temperature,
    top_p: request.topP,
    frequency_penalty: request.frequencyPenalty,
    presence_penalty: request.presencePenalty,
    seed: request.seed,
    stop: request.stopSequences,
    n: request.candidateCount,
    ...writeLogprobs(request),
    modalities: request.modalities,
    audio: request.audio,
    ...writeAttribution(request, isOwn, losses),
  })
  noteTopK(request, isOwn, losses)
  const { stream_options: _options, ...rest } = vendor
  const top: JsonObject = isOwn && request.topK !== undefined ? { top_k: request.topK } : {}
  return { fields: { ...rest, ...fields, ...top }, losses: losses.all }
}

function readVendor(request: InferenceRequest, isOwn: boolean, losses: Losses): JsonObject {
  const fields = request.vendor?.fields ?? {}
  if (isOwn) return fields
  const verbosity = request.vendor?.dialect === 'openai-responses' ? soleVerbosity(fields['text']) : undefined
  for (const [field, value] of Object.entries(fields)) {
    const isSaid = field === 'text' && verbosity !== undefined
    if (!isSaid && !asksForNothing(field, value)) losses.add(field, 'the OpenAI chat API has no such field')
  }
  return verbosity === undefined ? {} : { verbosity }
}

/** OpenAI's other dialect has the same word, in a field that may hold more. */
function soleVerbosity(text: JsonValue | undefined): string | undefined {
  const fields = objectOf(text) ?? {}
  return Object.keys(fields).length === 1 ? stringOf(fields['verbosity']) : undefined
}

function writeStream(stream: boolean, vendor: JsonObject): JsonObject {
  if (!stream) return {}
  return { stream: true, stream_options: { ...objectOf(vendor['stream_options']), include_usage: true } }
}

/** A choice or a limit without tools is refused by OpenAI; who said so in this dialect may find out. */
function writeToolFields(request: InferenceRequest, isOwn: boolean, losses: Losses): JsonObject {
  const tools = writeTools(request.tools, { isOwn, losses })
  if (tools === undefined && !isOwn) return {}
  return withoutAbsent({
    tools,
    tool_choice: writeToolChoice(request.toolChoice, losses),
    parallel_tool_calls: request.allowsParallelToolCalls,
  })
}

function writeOutput(output: OutputFormat | undefined): JsonObject | undefined {
  switch (output?.type) {
    case undefined:
      return undefined
    case 'text':
      return { type: 'text' }
    case 'json-object':
      return { type: 'json_object' }
    case 'json-schema':
      return {
        type: 'json_schema',
        json_schema: withoutAbsent({
          name: schemaName(output.name),
          description: output.description,
          schema: output.schema,
          strict: output.isStrict,
        }),
      }
  }
}

/** The dialect wants a name of its own alphabet. */
function schemaName(name: string | undefined): string {
  const safe = (name ?? '').replaceAll(/[^A-Za-z0-9_-]/g, '_').slice(0, 64)
  return safe === '' ? 'answer' : safe
}

/**
 * A word of effort: the client's own, or the one that stands for its budget. Servers refuse the field for models that
 * do not reason, so that `off` is said by silence unless the client said `none` in this dialect.
 */
function writeEffort(
  reasoning: ReasoningOptions | undefined,
  isOwn: boolean,
  losses: Losses,
): string | undefined {
  if (reasoning === undefined) return undefined
  const { mode, effort, budgetTokens } = reasoning
  if (isOwn && effort !== undefined) return effort
  if (mode === 'off') {
    losses.add('thinking', 'the OpenAI chat API cannot switch reasoning off for every model')
    return undefined
  }
  if (effort === 'max' || effort === 'xhigh') {
    losses.add('effort', `"high" is the most that every server of the OpenAI chat API knows, not "${effort}"`)
    return 'high'
  }
  if (effort !== undefined) return effort
  return budgetTokens === undefined ? undefined : effortOfBudget(budgetTokens)
}

function effortOfBudget(budgetTokens: number): string {
  for (const [effort, budgetMax] of EFFORT_BUDGETS) if (budgetTokens <= budgetMax) return effort
  return 'high'
}

function writeLogprobs({ logprobs }: InferenceRequest): JsonObject {
  if (logprobs === undefined) return {}
  return { logprobs: true, ...(logprobs.top === undefined ? {} : { top_logprobs: logprobs.top }) }
}

/** Whose request it is and how it is to be served: words that mean the same elsewhere, or are lost. */
function writeAttribution(request: InferenceRequest, isOwn: boolean, losses: Losses) {
  const { userId, metadata, serviceTier, promptCacheKey } = request
  if (isOwn) {
    return { user: userId, metadata, service_tier: serviceTier, prompt_cache_key: promptCacheKey }
  }
  if (metadata !== undefined && Object.keys(metadata).length > 0) {
    losses.add('metadata', 'the OpenAI chat API keeps metadata only with stored answers')
  }
  if (serviceTier !== undefined && serviceTier !== 'auto') {
    losses.add('service_tier', 'service tiers mean something else at every provider')
  }
  if (userId !== undefined && userId.length > USER_ID_CHARS_MAX) {
    losses.add(
      'metadata.user_id',
      `the OpenAI chat API takes user ids of at most ${USER_ID_CHARS_MAX} characters`,
    )
    return {}
  }
  return { user: userId }
}

function noteTopK(request: InferenceRequest, isOwn: boolean, losses: Losses): void {
  if (request.topK !== undefined && !isOwn) losses.add('top_k', 'the OpenAI chat API has no top_k')
}
