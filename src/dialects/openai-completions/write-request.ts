/**
 * Says a request in this dialect: one prompt and no roles. Words that came from this dialect return to it; of a
 * conversation from another, a transcript is written.
 */

import type { InferenceRequest } from '../../canonical/request.ts'
import { type JsonObject, objectOf } from '../../std/json.ts'
import { asksForNothing } from '../asks-for-nothing.ts'
import type { EncodedRequest, WriteRequestOptions } from '../dialect.ts'
import { withoutAbsent } from '../openai-chat/fields.ts'
import { Losses } from '../openai-chat/losses.ts'
import { DIALECT } from './dialect-id.ts'
import { writePrompt } from './write-prompt.ts'

export function writeRequest(request: InferenceRequest, options: WriteRequestOptions): EncodedRequest {
  const losses = new Losses()
  const isOwn = request.vendor?.dialect === DIALECT
  const vendor = readVendor(request, isOwn, losses)
  const { stream_options: streamOptions, prompt, ...rest } = vendor
  noteLosses(request, isOwn, losses)
  const fields = withoutAbsent({
    ...rest,
    model: options.modelId,
    prompt: prompt ?? writePrompt(request.messages, losses),
    ...writeStream(options.stream, objectOf(streamOptions)),
    max_tokens: request.maxOutputTokens,
    temperature: request.temperature,
    top_p: request.topP,
    frequency_penalty: request.frequencyPenalty,
    presence_penalty: request.presencePenalty,
    seed: request.seed,
    stop: request.stopSequences,
    n: request.candidateCount,
    logprobs: request.logprobs === undefined ? undefined : (request.logprobs.top ?? 0),
    user: request.userId,
  })
  return { fields, losses: losses.all }
}

function readVendor(request: InferenceRequest, isOwn: boolean, losses: Losses): JsonObject {
  const fields = request.vendor?.fields ?? {}
  if (isOwn) return fields
  for (const [field, value] of Object.entries(fields))
    if (!asksForNothing(field, value)) losses.add(field, 'the OpenAI completions API has no such field')
  return {}
}

function writeStream(stream: boolean, options: JsonObject | undefined): JsonObject {
  return stream ? { stream: true, stream_options: { ...options, include_usage: true } } : {}
}

function noteLosses(request: InferenceRequest, isOwn: boolean, losses: Losses): void {
  if (isOwn) return
  const { tools, output, reasoning, topK, metadata, serviceTier, modalities } = request
  const lacks = 'the OpenAI completions API has no such thing'
  if (tools !== undefined && tools.length > 0) losses.add('tools', lacks)
  if (output !== undefined && output.type !== 'text') losses.add('response_format', lacks)
  if (reasoning !== undefined && reasoning.mode !== 'off') losses.add('reasoning', lacks)
  if (topK !== undefined) losses.add('top_k', lacks)
  if (metadata !== undefined && Object.keys(metadata).length > 0) losses.add('metadata', lacks)
  if (serviceTier !== undefined && serviceTier !== 'auto') losses.add('service_tier', lacks)
  if (modalities?.some((modality) => modality !== 'text')) losses.add('modalities', lacks)
}
