/**
 * Says a request in this dialect. Nothing is stored at the provider unless the client said so in this very dialect, so
 * reasoning is asked for in its encrypted form. Cache hints of other dialects are left out without a loss: servers of this
 * dialect cache prefixes by themselves, and no answer is different for it.
 */

import type { Message } from '../../canonical/message.ts'
import type { InferenceRequest, OutputFormat } from '../../canonical/request.ts'
import { arrayOf, type JsonObject, type JsonValue, objectOf } from '../../std/json.ts'
import { asksForNothing } from '../asks-for-nothing.ts'
import type { EncodedRequest, WriteRequestOptions } from '../dialect.ts'
import { DIALECT as CHAT_DIALECT } from '../openai-chat/fields.ts'
import { DIALECT, Losses, withoutAbsent } from './fields.ts'
import { INCLUDE_ENCRYPTED, INCLUDE_LOGPROBS } from './read-request.ts'
import { ItemsWriter } from './write-items.ts'
import { writeReasoning } from './write-reasoning.ts'
import { type Writing, writeToolChoice, writeTools } from './write-tools.ts'

/** Characters of a user id; OpenAI refuses longer ones. */
const USER_ID_CHARS_MAX = 64

/** The least ceiling that OpenAI takes. */
const OUTPUT_TOKENS_MIN = 16

export function writeRequest(request: InferenceRequest, options: WriteRequestOptions): EncodedRequest {
  const losses = new Losses()
  const isOwn = request.vendor?.dialect === DIALECT
  const isOpenais = request.vendor?.dialect === CHAT_DIALECT
  const writing: Writing = { isOwn, isOpenais, losses }
  const vendor = readVendor(request, writing)
  const [instructions, messages] = splitInstructions(request.messages, isOwn)
  noteUnsayable(request, losses)
  const fields = withoutAbsent({
    model: options.modelId,
    instructions,
    input: new ItemsWriter(writing).write(messages),
    stream: options.stream ? true : undefined,
    ...writeToolFields(request, writing),
    text: writeText(request.output, vendor),
    reasoning: writeReasoning(request.reasoning, objectOf(vendor['reasoning']), writing),
    include: writeInclude(request, vendor, isOwn),
    max_output_tokens: ceiling(request.maxOutputTokens, isOwn),
    temperature: request.temperature,
    top_p: request.topP,
    top_logprobs: request.logprobs?.top,
    store: vendor['store'] ?? false,
    ...writeAttribution(request, writing),
  })
  return { fields: { ...vendor, ...fields }, losses: losses.all }
}

function readVendor(request: InferenceRequest, { isOwn, isOpenais, losses }: Writing): JsonObject {
  const all = request.vendor?.fields ?? {}
  if (isOwn) return all
  const { verbosity, ...others } = all
  const isSaid = isOpenais === true && typeof verbosity === 'string'
  const fields = isSaid ? others : all
  for (const [field, value] of Object.entries(fields))
    if (!asksForNothing(field, value)) losses.add(field, 'the OpenAI Responses API has no such field')
  return isSaid ? { text: { verbosity } } : {}
}

/** A leading system message of words is the instructions; what was said in several parts stays so in this dialect. */
function splitInstructions(
  messages: readonly Message[],
  isOwn: boolean,
): readonly [string | undefined, readonly Message[]] {
  const [first, ...rest] = messages
  if (first?.role !== 'system' || first.name !== undefined) return [undefined, messages]
  const texts = first.parts.flatMap((part) => (part.type === 'text' ? [part.text] : []))
  if (texts.length !== first.parts.length || texts.length === 0) return [undefined, messages]
  if (isOwn && texts.length > 1) return [undefined, messages]
  // An input must hold something.
  const text = texts.join('\n\n')
  return text === '' || rest.length === 0 ? [undefined, messages] : [text, rest]
}

const unsayable = [
  ['stopSequences', 'stop', 'stop sequences'],
  ['topK', 'top_k', 'top_k'],
  ['frequencyPenalty', 'frequency_penalty', 'penalties'],
  ['presencePenalty', 'presence_penalty', 'penalties'],
  ['seed', 'seed', 'seed'],
  ['audio', 'audio', 'spoken answers'],
] as const

function noteUnsayable(request: InferenceRequest, losses: Losses): void {
  for (const [member, field, what] of unsayable) {
    // A penalty of 0 asks for nothing.
    const asked = request[member]
    const isNothing = asked === undefined || (what === 'penalties' && asked === 0)
    if (!isNothing) losses.add(field, `the OpenAI Responses API has no ${what}`)
  }
  if ((request.candidateCount ?? 1) > 1) losses.add('n', 'the OpenAI Responses API gives one answer')
  if (request.modalities?.some((modality) => modality !== 'text'))
    losses.add('modalities', 'the OpenAI Responses API answers in text')
}

/** A choice or a limit without tools is refused; who said so in this dialect may find out. */
function writeToolFields(request: InferenceRequest, writing: Writing): JsonObject {
  const tools = writeTools(request.tools, writing)
  if (tools === undefined && !writing.isOwn) return {}
  return withoutAbsent({
    tools,
    tool_choice: writeToolChoice(request.toolChoice, writing.losses),
    parallel_tool_calls: request.allowsParallelToolCalls,
  })
}

function writeText(output: OutputFormat | undefined, vendor: JsonObject): JsonObject | undefined {
  const format = writeFormat(output)
  const rest = objectOf(vendor['text'])
  return format === undefined ? rest : { ...rest, format }
}

function writeFormat(output: OutputFormat | undefined): JsonObject | undefined {
  switch (output?.type) {
    case undefined:
      return undefined
    case 'text':
      return { type: 'text' }
    case 'json-object':
      return { type: 'json_object' }
    case 'json-schema':
      return withoutAbsent({
        type: 'json_schema',
        name: schemaName(output.name),
        description: output.description,
        schema: output.schema,
        strict: output.isStrict,
      })
  }
}

/** The dialect wants a name of its own alphabet. */
function schemaName(name: string | undefined): string {
  const safe = (name ?? '').replaceAll(/[^A-Za-z0-9_-]/g, '_').slice(0, 64)
  return safe === '' ? 'answer' : safe
}

/** Asked without reasoning, models that do not reason refuse the word for its encrypted form. */
function writeInclude(
  { logprobs, reasoning, wantsReasoningState }: InferenceRequest,
  vendor: JsonObject,
  isOwn: boolean,
): readonly JsonValue[] | undefined {
  // What was parsed as JSON is JSON.
  const include = [...arrayOf(vendor['include'])] as JsonValue[]
  if (logprobs !== undefined) include.push(INCLUDE_LOGPROBS)
  const reasons = reasoning !== undefined && reasoning.mode !== 'off'
  if (isOwn ? wantsReasoningState : reasons) include.push(INCLUDE_ENCRYPTED)
  return include.length === 0 ? undefined : include
}

/** Programs of other dialects ask for a single token to probe; this API would refuse that. */
function ceiling(tokens: number | undefined, isOwn: boolean): number | undefined {
  return tokens === undefined || isOwn ? tokens : Math.max(tokens, OUTPUT_TOKENS_MIN)
}

/** Whose request it is and how it is to be served: words that mean the same elsewhere, or are lost. */
function writeAttribution(request: InferenceRequest, { isOwn, losses }: Writing): JsonObject {
  const { userId, metadata, serviceTier, promptCacheKey } = request
  if (isOwn) {
    return withoutAbsent({
      user: userId,
      metadata,
      service_tier: serviceTier,
      prompt_cache_key: promptCacheKey,
    })
  }
  if (metadata !== undefined && Object.keys(metadata).length > 0)
    losses.add('metadata', 'the OpenAI Responses API keeps metadata only with stored answers')
  if (serviceTier !== undefined && serviceTier !== 'auto')
    losses.add('service_tier', 'service tiers mean something else at every provider')
  const isTooLong = userId !== undefined && userId.length > USER_ID_CHARS_MAX
  if (isTooLong) losses.add('metadata.user_id', `user ids have at most ${USER_ID_CHARS_MAX} characters here`)
  return withoutAbsent({ user: isTooLong ? undefined : userId, prompt_cache_key: promptCacheKey })
}
