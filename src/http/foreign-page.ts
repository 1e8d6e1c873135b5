/** A page from elsewhere may spend the owner's money only with a client key; see browser-origin.ts for the reason. */

import { GatewayError } from '../errors/gateway-error.ts'
import type { Caller } from '../exchange/gateway.ts'
import type { BrowserOrigin } from './browser-origin.ts'

/** Throws `permission_denied` for a browser page from another site where no client key stands between us. */
export function refuseForeignPage(origin: BrowserOrigin, caller: Caller): void {
  if (origin.type !== 'foreign' || caller.keyName !== undefined) return
  throw new GatewayError(
    'permission_denied',
    'A web page from another site may not use a gateway without client keys: configure keys in holdfast.yaml, and send one.',
  )
}
