/** Says sampling, ceilings, the form of the answer and thinking as `generationConfig`. */

import type { InferenceRequest } from '../../canonical/request.ts'
import type { JsonObject } from '../../std/json.ts'
import { DESCRIPTION_FIELD, describedSchema, losesDescription } from '../described-schema.ts'
import { withoutAbsent } from '../openai-chat/fields.ts'
import { writeSchema } from './write-schema.ts'
import { type ThinkingContext, writeThinking } from './write-thinking.ts'

/** Stop sequences that Google takes. */
const STOPS_MAX = 5

export function writeGeneration(request: InferenceRequest, context: ThinkingContext): JsonObject {
  return withoutAbsent({
    maxOutputTokens: request.maxOutputTokens,
    temperature: request.temperature,
    topP: request.topP,
    topK: request.topK,
    seed: request.seed,
    stopSequences: writeStops(request, context),
    candidateCount: request.candidateCount === 1 && !context.isOwn ? undefined : request.candidateCount,
    // A penalty of 0 asks for nothing, and some models refuse the field.
    presencePenalty: request.presencePenalty || undefined,
    frequencyPenalty: request.frequencyPenalty || undefined,
    ...(request.logprobs === undefined
      ? {}
      : withoutAbsent({ responseLogprobs: true, logprobs: request.logprobs.top })),
    responseModalities: request.modalities?.map((modality) => modality.toUpperCase()),
    ...writeOutput(request, context),
    thinkingConfig: request.reasoning === undefined ? undefined : writeThinking(request.reasoning, context),
  })
}

function writeStops(
  { stopSequences }: InferenceRequest,
  { losses }: ThinkingContext,
): readonly string[] | undefined {
  const stops = stopSequences?.filter((stop) => stop !== '')
  if (stops === undefined || stops.length === 0) return undefined
  if (stops.length > STOPS_MAX)
    losses.add('stop', `Gemini takes ${STOPS_MAX} stop sequences; the first are sent.`)
  return stops.slice(0, STOPS_MAX)
}

function writeOutput({ output }: InferenceRequest, { losses }: ThinkingContext): JsonObject {
  switch (output?.type) {
    case undefined:
      return {}
    case 'text':
      return { responseMimeType: 'text/plain' }
    case 'json-object':
      return { responseMimeType: 'application/json' }
    case 'json-schema':
      if (losesDescription(output))
        losses.add(DESCRIPTION_FIELD, 'Gemini has no description beside that of the schema itself.')
      return {
        responseMimeType: 'application/json',
        responseJsonSchema: writeSchema(describedSchema(output)),
      }
  }
}
