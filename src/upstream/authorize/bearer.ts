/** A credential that is a token already. */

import { GatewayError } from '../../errors/gateway-error.ts'
import type { TransportRequest } from '../../std/transport.ts'

const SENDABLE = /^[\x21-\x7e]+$/

export function withBearer(request: TransportRequest, token: string): TransportRequest {
  return { ...request, headers: { ...request.headers, authorization: `Bearer ${token}` } }
}

/** The token, where it can stand in a header; throws `upstream_auth` where it cannot. */
export function assertToken(token: string, name: string): string {
  if (SENDABLE.test(token)) return token
  throw new GatewayError(
    'upstream_auth',
    `The token for ${name} is empty or holds a character that no header can carry; is there a line break in it?`,
  )
}
