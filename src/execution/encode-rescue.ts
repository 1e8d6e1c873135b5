/** Says a request again, so that its answer goes on where another one broke off. */

import type { InferenceRequest } from '../canonical/request.ts'
import type { EncodedRequest } from '../dialects/dialect.ts'
import type { GatewayError } from '../errors/gateway-error.ts'
import { nativeContinuationOf } from '../providers/target.ts'
import { type CallToEncode, encodeCall, type EncodedCall, sayAs } from './encode-call.ts'
import { instructedContinuation } from './instructed-continuation.ts'

export type RescueWish =
  /** The request as it was. */
  | { readonly type: 'restart' }
  /** With the text so far as the beginning of its answer, in the way the target declares. */
  | { readonly type: 'native'; readonly text: string }
  /** With the text so far, and the wish in words that it be continued. */
  | { readonly type: 'instructed'; readonly text: string }

/** `undefined` where the target cannot be asked so. */
export function encodeRescue(asked: CallToEncode, wish: RescueWish): EncodedCall | GatewayError | undefined {
  if (wish.type === 'restart') return encodeCall(asked)
  if (!allowsContinuation(asked.decoded.get())) return undefined
  const isContinued = wish.type === 'native'
  return sayAs({ ...asked, isContinued }, (request) => writeContinued(request, asked, wish))
}

function writeContinued(
  request: InferenceRequest,
  { target, targetDialect }: CallToEncode,
  { type, text }: Exclude<RescueWish, { type: 'restart' }>,
): EncodedRequest | undefined {
  const options = { modelId: target.modelId, stream: true }
  if (type === 'instructed') return targetDialect.writeRequest(instructedContinuation(request, text), options)
  const how = nativeContinuationOf(target)
  return how && targetDialect.writeContinuation?.(request, { text, how }, options)
}

/** Grammars, probabilities and tools that a provider runs itself bear no answer in two pieces. */
function allowsContinuation({ output, logprobs, tools }: InferenceRequest): boolean {
  const isFree = output === undefined || output.type === 'text'
  return isFree && logprobs === undefined && !(tools ?? []).some(({ kind }) => kind === 'opaque')
}
