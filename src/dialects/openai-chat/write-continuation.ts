/** A request whose answer begins with words already said, in the ways that servers of this dialect have for it. */

import type { InferenceRequest } from '../../canonical/request.ts'
import { arrayOf, isJsonObject, type JsonObject } from '../../std/json.ts'
import type { Continuation, EncodedRequest, NativeContinuation, WriteRequestOptions } from '../dialect.ts'
import { writeRequest } from './write-request.ts'

/** `undefined` where the way is none of this dialect's, or the conversation ends with the assistant already. */
export function writeContinuation(
  request: InferenceRequest,
  { text, how }: Continuation,
  options: WriteRequestOptions,
): EncodedRequest | undefined {
  const mark = marks[how]
  if (mark === undefined || text === '' || request.messages.at(-1)?.role === 'assistant') return undefined
  const continued = [...request.messages, { role: 'assistant', parts: [{ type: 'text', text }] } as const]
  const { fields, losses } = writeRequest({ ...request, messages: continued }, options)
  const messages = arrayOf(fields['messages']).filter(isJsonObject)
  const last = messages.at(-1)
  if (last === undefined) return undefined
  const marked = [...messages.slice(0, -1), { ...last, ...mark.ofMessage }]
  return { fields: { ...fields, messages: marked, ...mark.ofRequest }, losses }
}

interface Mark {
  readonly ofMessage: JsonObject
  readonly ofRequest: JsonObject
}

const prefix: Mark = { ofMessage: { prefix: true }, ofRequest: {} }

const marks: Readonly<Partial<Record<NativeContinuation, Mark>>> = {
  'prefix-flag': prefix,
  'echoed-prefix': prefix,
  'continue-final-message': {
    ofMessage: {},
    ofRequest: { continue_final_message: true, add_generation_prompt: false },
  },
}
