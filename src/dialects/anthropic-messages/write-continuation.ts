/** A request whose answer begins with words already said: the last message is the assistant's, and the model goes on with it. */

import type { InferenceRequest } from '../../canonical/request.ts'
import { objectOf } from '../../std/json.ts'
import type { Continuation, EncodedRequest, WriteRequestOptions } from '../dialect.ts'
import { writeRequest } from './write-request.ts'

/**
 * `undefined` where Anthropic would refuse it: words that end in white space, thinking switched on, a tool that must be
 * called, a conversation that ends with the assistant already. Which models take it at all is the provider's to say.
 */
export function writeContinuation(
  request: InferenceRequest,
  { text, how }: Continuation,
  options: WriteRequestOptions,
): EncodedRequest | undefined {
  if (how !== 'assistant-prefill' || text === '' || text !== text.trimEnd()) return undefined
  const { messages, toolChoice } = request
  if (messages.at(-1)?.role === 'assistant') return undefined
  if (toolChoice !== undefined && toolChoice.type !== 'auto' && toolChoice.type !== 'none') return undefined
  const continued = [...messages, { role: 'assistant', parts: [{ type: 'text', text }] } as const]
  const encoded = writeRequest({ ...request, messages: continued }, options)
  const thinking = objectOf(encoded.fields['thinking'])
  return thinking === undefined || thinking['type'] === 'disabled' ? encoded : undefined
}
