/** Says a request in the Converse API of Amazon Bedrock; what it cannot say is returned as losses. */

import type { InferenceRequest } from '../../canonical/request.ts'
import { type JsonObject, objectOf } from '../../std/json.ts'
import { LossList } from '../anthropic-messages/losses.ts'
import { asksForNothing } from '../asks-for-nothing.ts'
import type { EncodedRequest, WriteRequestOptions } from '../dialect.ts'
import { DIALECT } from './dialect-id.ts'
import { modelFamily } from './model-family.ts'
import { cachePoint } from './write-block.ts'
import { writeInference } from './write-inference.ts'
import { writeMessages } from './write-messages.ts'
import { writeToolConfig } from './write-tools.ts'

/** The model and the wish for a stream stand in the path, not here. */
export function writeRequest(request: InferenceRequest, { modelId }: WriteRequestOptions): EncodedRequest {
  const losses = new LossList()
  const family = modelFamily(modelId)
  const own = request.vendor?.dialect === DIALECT ? request.vendor.fields : {}
  const { system, messages } = writeMessages(request.messages, family, losses)
  const toolConfig = writeToolConfig(request, family, losses)
  const { inferenceConfig, additional } = writeInference({ request, modelId, family, losses })
  const fields: JsonObject = {
    ...own,
    ...(system.length === 0 ? {} : { system }),
    messages: withWholeHint(messages, cachePoint(request.cacheHint, family)),
    ...(isEmpty(inferenceConfig) ? {} : { inferenceConfig }),
    ...(toolConfig === undefined ? {} : { toolConfig }),
    ...merged('additionalModelRequestFields', own, additional),
    ...writeOutput(request, losses),
    ...writeMetadata(request, losses),
    ...writeServiceTier(request, losses),
  }
  addLosses(request, losses)
  return { fields, losses: losses.list }
}

function isEmpty(object: JsonObject): boolean {
  return Object.keys(object).length === 0
}

function merged(name: string, own: JsonObject, added: JsonObject): JsonObject {
  const all = { ...objectOf(own[name]), ...added }
  return isEmpty(all) ? {} : { [name]: all }
}

/** A hint for the whole request ends the last turn. */
function withWholeHint(messages: readonly JsonObject[], point: readonly JsonObject[]): readonly JsonObject[] {
  const last = messages.at(-1)
  const content = last?.['content']
  if (last === undefined || point.length === 0 || !Array.isArray(content)) return messages
  return [...messages.slice(0, -1), { ...last, content: [...content, ...point] }]
}

function writeOutput({ output }: InferenceRequest, losses: LossList): JsonObject {
  switch (output?.type) {
    case 'json-schema': {
      const jsonSchema: JsonObject = {
        schema: JSON.stringify(output.schema),
        ...(output.name === undefined ? {} : { name: output.name }),
        ...(output.description === undefined ? {} : { description: output.description }),
      }
      return { outputConfig: { textFormat: { type: 'json_schema', structure: { jsonSchema } } } }
    }
    case 'json-object':
      losses.add(
        'response_format',
        'The Converse API has no JSON mode without a schema; only the prompt asks for JSON.',
      )
      return {}
    case 'text':
    case undefined:
      return {}
  }
}

/** Pairs of metadata a request may carry, and what their texts may be made of. */
const METADATA_PAIRS_MAX = 16
const METADATA_TEXT = /^[a-zA-Z0-9\s:_@$#=/+,.-]{0,256}$/

function writeMetadata({ metadata }: InferenceRequest, losses: LossList): JsonObject {
  if (metadata === undefined) return {}
  const pairs = Object.entries(metadata)
  const fitting = pairs.filter(
    ([name, value]) =>
      name !== '' && METADATA_TEXT.test(name) && typeof value === 'string' && METADATA_TEXT.test(value),
  )
  const kept = fitting.slice(0, METADATA_PAIRS_MAX)
  if (kept.length < pairs.length) {
    losses.add('metadata', 'Metadata of the Converse API are at most 16 pairs of short plain texts.')
  }
  // fromEntries defines own properties, so a key named __proto__ stays a key.
  return kept.length === 0 ? {} : { requestMetadata: Object.fromEntries(kept) }
}

const serviceTiers: ReadonlyMap<string, string> = new Map([
  ['default', 'default'],
  ['standard_only', 'default'],
  ['priority', 'priority'],
  ['flex', 'flex'],
  ['reserved', 'reserved'],
])

function writeServiceTier({ serviceTier }: InferenceRequest, losses: LossList): JsonObject {
  if (serviceTier === undefined || serviceTier === 'auto') return {}
  const type = serviceTiers.get(serviceTier)
  if (type !== undefined) return { serviceTier: { type } }
  losses.add('service_tier', 'The Converse API knows the service tiers default, priority, flex and reserved.')
  return {}
}

/** What this dialect has no field for. A penalty of 0 asks for nothing, so nothing is lost with it. */
function addLosses(request: InferenceRequest, losses: LossList): void {
  const missing = 'The Converse API has no such parameter.'
  if ((request.candidateCount ?? 1) > 1) losses.add('n', 'The Converse API gives one answer.')
  if (request.logprobs !== undefined) losses.add('logprobs', missing)
  if (request.frequencyPenalty) losses.add('frequency_penalty', missing)
  if (request.presencePenalty) losses.add('presence_penalty', missing)
  if (request.seed !== undefined) losses.add('seed', missing)
  if (request.modalities?.some((modality) => modality !== 'text')) {
    losses.add('modalities', 'The Converse API is asked for text.')
  }
  if (request.audio !== undefined) losses.add('audio', 'The Converse API is asked for text.')
  if (request.userId !== undefined) losses.add('user', missing)
  if (request.promptCacheKey !== undefined) losses.add('prompt_cache_key', missing)
  if (request.vendor === undefined || request.vendor.dialect === DIALECT) return
  for (const [name, value] of Object.entries(request.vendor.fields)) {
    if (!asksForNothing(name, value)) losses.add(name, missing)
  }
}
