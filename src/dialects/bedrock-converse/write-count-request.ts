/** Asks for a count of tokens: the parts of a request that cost input, and nothing that the operation has no place for. */

import type { InferenceRequest } from '../../canonical/request.ts'
import type { JsonObject } from '../../std/json.ts'
import type { EncodedRequest, WriteRequestOptions } from '../dialect.ts'
import { writeRequest } from './write-request.ts'

/** What `ConverseTokensRequest` takes (API reference, CountTokens). */
const COUNTED = ['messages', 'system', 'toolConfig', 'additionalModelRequestFields']

export function writeCountRequest(
  request: InferenceRequest,
  { modelId }: Pick<WriteRequestOptions, 'modelId'>,
): EncodedRequest {
  const { fields, losses } = writeRequest(request, { modelId, stream: false })
  const converse: JsonObject = Object.fromEntries(
    COUNTED.flatMap((name) => (fields[name] === undefined ? [] : [[name, fields[name]]])),
  )
  return { fields: { input: { converse } }, losses }
}
