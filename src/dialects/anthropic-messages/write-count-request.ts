/** Asks for a count of tokens: the parts of a request that cost input, and nothing that the operation refuses. */

import type { InferenceRequest } from '../../canonical/request.ts'
import type { JsonObject } from '../../std/json.ts'
import type { EncodedRequest, WriteRequestOptions } from '../dialect.ts'
import { writeRequest } from './write-request.ts'

/** What `POST /v1/messages/count_tokens` takes (API reference, Count tokens in a Message). */
const COUNTED = ['model', 'messages', 'system', 'tools', 'tool_choice', 'thinking']

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
