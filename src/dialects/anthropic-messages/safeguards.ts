/**
 * The field `safeguards` asks the provider to watch over what is said: to serve the request without it, unsaid, would be a
 * false promise. Claude Code sends a request again without the field when a 400 names it (its gateway contract).
 */

import type { InferenceRequest } from '../../canonical/request.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import { DIALECT } from './dialect-id.ts'

/** The refusal that a request with safeguards deserves before it is said in another dialect. */
export function refuseSafeguards(request: InferenceRequest): GatewayError | undefined {
  const wanted = request.vendor?.dialect === DIALECT ? request.vendor.fields['safeguards'] : undefined
  if (wanted === undefined || wanted === null) return undefined
  return new GatewayError(
    'loss_refused',
    'safeguards: this model is served by a provider without them; send the request without `safeguards`.',
    // Details mark a refusal that the client's program cures by itself.
    { param: 'safeguards', details: { error_code: 'safeguards_unsupported', unsupported: ['safeguards'] } },
  )
}
