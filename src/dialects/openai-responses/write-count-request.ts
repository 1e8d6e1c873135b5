/** Asks for a count of tokens: the parts of a request that cost input, and nothing that the operation refuses. */

import type { InferenceRequest } from '../../canonical/request.ts'
import type { JsonObject } from '../../std/json.ts'
import type { EncodedRequest, WriteRequestOptions } from '../dialect.ts'
import { writeRequest } from './write-request.ts'

/** What `POST /v1/responses/input_tokens` takes (OpenAI's API description, TokenCountsBody). */
const COUNTED = [
  'model',
  'instructions',
  'input',
  'tools',
  'tool_choice',
  'parallel_tool_calls',
  'text',
  'reasoning',
  'truncation',
]

export function writeCountRequest(
  request: InferenceRequest,
  { modelId }: Pick<WriteRequestOptions, 'modelId'>,
): EncodedRequest {
  const { fields, losses } = writeRequest(request, { modelId, stream: false })
  const counted: JsonObject = Object.fromEntries(
    COUNTED.flatMap((name) => (fields[name] === undefined ? [] : [[name, fields[name]]])),
  )
  return { fields: counted, losses }
}
