/** Decodes a request into the canonical language. What this language has no word for is kept for its own dialect. */

import type { PathFacts } from '../../canonical/envelope.ts'
import type { InferenceRequest } from '../../canonical/request.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import { isJsonObject, type JsonObject, objectOf } from '../../std/json.ts'
import { hasLongNumber, parseExactly } from './exact-json.ts'
import { DIALECT, fieldOf, fieldsBut, objectAt } from './fields.ts'
import { readContents, readSystem } from './read-contents.ts'
import { generationFieldsRead, readGeneration } from './read-generation.ts'
import { readToolChoice, readTools, restOfToolConfig } from './read-tools.ts'

export function readRequest(body: Uint8Array, named: PathFacts = {}): InferenceRequest {
  const text = new TextDecoder().decode(body)
  const fields = unwrapped(parseBody(text))
  const generation = objectAt(fields, 'generationConfig') ?? {}
  const toolChoice = readToolChoice(objectAt(fields, 'toolConfig'))
  return {
    modelId: named.modelId ?? '',
    messages: [
      ...readSystem(fieldOf(fields, 'systemInstruction')),
      ...readContents(contentsOf(fields, text)),
    ],
    stream: named.stream === true,
    wantsStreamUsage: true,
    ...readTools(fields['tools']),
    ...toolChoice,
    ...readGeneration(generation),
    vendor: { dialect: DIALECT, fields: vendorFields(fields, { generation, ...toolChoice }) },
  }
}

/** Numbers in the arguments of calls keep their digits; those that this gateway reads are numbers. */
function contentsOf(fields: JsonObject, text: string): unknown {
  if (!hasLongNumber(text)) return fields['contents']
  return unwrapped(objectOf(parseExactly(text)) ?? fields)['contents']
}

function parseBody(text: string): JsonObject {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new GatewayError('invalid_json', 'The body is not JSON; send one JSON object.')
  }
  if (isJsonObject(value)) return value
  throw new GatewayError('invalid_json', 'The body is not a JSON object; send one JSON object.')
}

/** A count may wrap the request that it asks about. */
function unwrapped(fields: JsonObject): JsonObject {
  return objectAt(fields, 'generateContentRequest') ?? fields
}

const fieldsRead: ReadonlySet<string> = new Set([
  'model',
  'contents',
  'systemInstruction',
  'tools',
  'toolConfig',
  'generationConfig',
])

interface Read extends Pick<InferenceRequest, 'toolChoice'> {
  readonly generation: JsonObject
}

function vendorFields(fields: JsonObject, { generation, toolChoice }: Read): JsonObject {
  const settings = fieldsBut(generation, generationFieldsRead)
  const calling = restOfToolConfig(objectAt(fields, 'toolConfig'), toolChoice)
  return {
    ...fieldsBut(fields, fieldsRead),
    ...(settings === undefined ? {} : { generationConfig: settings }),
    ...(calling === undefined ? {} : { toolConfig: calling }),
  }
}
