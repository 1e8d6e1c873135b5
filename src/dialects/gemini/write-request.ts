/** Says a request in this dialect. The model and whether it streams are said by the path. */

import type { InferenceRequest } from '../../canonical/request.ts'
import { objectOf } from '../../std/json.ts'
import { LossList } from '../anthropic-messages/losses.ts'
import { asksForNothing } from '../asks-for-nothing.ts'
import type { EncodedRequest, WriteRequestOptions } from '../dialect.ts'
import { DIALECT } from './fields.ts'
import { resourceName } from './resource-name.ts'
import { writeContents } from './write-contents.ts'
import { writeGeneration } from './write-generation.ts'
import { writeTools } from './write-tools.ts'

export function writeRequest(request: InferenceRequest, options: WriteRequestOptions): EncodedRequest {
  return write(request, options.modelId)
}

/** The whole request is wrapped, so that instructions and tools are counted too. */
export function writeCountRequest(
  request: InferenceRequest,
  { modelId }: Pick<WriteRequestOptions, 'modelId'>,
): EncodedRequest {
  const { fields, losses } = write(request, modelId)
  return { fields: { generateContentRequest: { model: resourceName(modelId), ...fields } }, losses }
}

function write(request: InferenceRequest, modelId: string): EncodedRequest {
  const losses = new LossList()
  const isOwn = request.vendor?.dialect === DIALECT
  const { generationConfig: settings, toolConfig, ...own } = (isOwn && request.vendor?.fields) || {}
  const { systemInstruction, contents } = writeContents(request.messages, { modelId, isOwn, losses })
  const generationConfig = {
    ...writeGeneration(request, { modelId, isOwn, losses }),
    ...objectOf(settings),
  }
  addLosses(request, losses)
  return {
    fields: {
      ...own,
      ...(systemInstruction === undefined ? {} : { systemInstruction }),
      contents,
      ...writeTools(request, { rest: objectOf(toolConfig), losses }),
      ...(Object.keys(generationConfig).length === 0
        ? { generationConfig: undefined }
        : { generationConfig }),
    },
    losses: losses.list,
  }
}

/** What this dialect has no field for. */
function addLosses(request: InferenceRequest, losses: LossList): void {
  const missing = 'The Gemini API has no such parameter.'
  if (request.userId !== undefined) losses.add('user', missing)
  if (Object.keys(request.metadata ?? {}).length > 0) losses.add('metadata', missing)
  if (
    request.serviceTier !== undefined &&
    request.serviceTier !== 'auto' &&
    request.serviceTier !== 'default'
  )
    losses.add('service_tier', missing)
  if (request.promptCacheKey !== undefined) losses.add('prompt_cache_key', missing)
  if (request.audio !== undefined) losses.add('audio', 'Gemini is told of voices in another way.')
  const { vendor } = request
  if (vendor === undefined || vendor.dialect === DIALECT) return
  for (const [name, value] of Object.entries(vendor.fields))
    if (!asksForNothing(name, value)) losses.add(name, missing)
}
