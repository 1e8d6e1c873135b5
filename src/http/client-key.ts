/** Where a client's key travels: every place real clients use, on every route (clients put it where their SDK does). */

import type { IncomingHttpHeaders } from 'node:http'

const KEY_HEADERS = ['x-api-key', 'api-key'] as const

const BEARER = /^bearer +/i

/** The key a request carries: the bearer token first, then `x-api-key`, then Azure's `api-key`. */
export function readClientKey(headers: IncomingHttpHeaders): string | undefined {
  const { authorization } = headers
  if (authorization !== undefined && BEARER.test(authorization)) {
    const token = authorization.replace(BEARER, '').trim()
    if (token !== '') return token
  }
  for (const name of KEY_HEADERS) {
    const value = headers[name]
    if (typeof value === 'string' && value.trim() !== '') return value.trim()
  }
  return undefined
}
