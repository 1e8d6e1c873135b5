/** The header by which a client asks to be refused rather than to lose something. It can tighten a route, never loosen it. */

import { GatewayError } from '../errors/gateway-error.ts'

export const STRICT_HEADER = 'x-holdfast-strict'

/** Whether the client asks for it. Throws `invalid_request` where the value is neither `true` nor `false`. */
export function readStrictHeader(
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
): boolean {
  const value = headers[STRICT_HEADER]
  if (value === undefined || value === 'false') return false
  if (value === 'true') return true
  throw new GatewayError('invalid_request', `The header ${STRICT_HEADER} must be "true" or "false".`, {
    param: STRICT_HEADER,
  })
}
