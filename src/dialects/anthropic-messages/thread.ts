/**
 * Message threads: the provider keeps the conversation and the client sends only what is new. Passed through they work;
 * no other dialect can say them, since the history is not in the request. Anthropic's SDK recovers from exactly two
 * refusals by sending the whole history again: `thread_unsupported_request` when it starts a thread, and
 * `thread_not_found` when it continues one.
 */

import type { InferenceRequest } from '../../canonical/request.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import { objectOf } from '../../std/json.ts'
import { DIALECT } from './dialect-id.ts'

/** The refusal a threaded request deserves before it is said in another dialect; `undefined` where it has no thread. */
export function refuseThread(request: InferenceRequest): GatewayError | undefined {
  const thread = request.vendor?.dialect === DIALECT ? request.vendor.fields['thread'] : undefined
  if (thread === undefined || thread === null) return undefined
  return objectOf(thread)?.['type'] === 'continue' ? threadNotFound() : threadUnsupported()
}

function threadUnsupported(): GatewayError {
  return new GatewayError(
    'loss_refused',
    'thread: this model is served by a provider without message threads; send the whole conversation and no `thread`.',
    { param: 'thread', details: { error_code: 'thread_unsupported_request', unsupported: ['thread'] } },
  )
}

function threadNotFound(): GatewayError {
  return new GatewayError(
    'loss_refused',
    'thread: this thread is not known to the provider that serves the model; send the whole conversation again.',
    { param: 'thread', status: 404, details: { error_code: 'thread_not_found' } },
  )
}
