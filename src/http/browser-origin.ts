/**
 * What a browser may do here. A gateway on loopback without keys would otherwise answer, and pay for, any page its
 * owner happens to visit: a page can post without asking, and a rebound name makes it same-origin. So a page from
 * elsewhere needs a client key, and only pages served from this machine are told that they may read the answer.
 */

import type { IncomingHttpHeaders } from 'node:http'

/** The origin a browser reported: none, one we trust, or a page from elsewhere. */
export type BrowserOrigin =
  | { readonly type: 'none' }
  | { readonly type: 'trusted'; readonly origin: string }
  | { readonly type: 'foreign' }

const NO_ORIGIN: BrowserOrigin = { type: 'none' }
const FOREIGN_ORIGIN: BrowserOrigin = { type: 'foreign' }

/** Pages of this machine, and installed programs and extensions, whose schemes no web page can claim. */
const LOOPBACK_PAGE = /^https?:\/\/(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/
const INSTALLED_PROGRAM = /^(?!https?:|file:)[a-z][a-z0-9+.-]{0,31}:\/\/[A-Za-z0-9._-]{1,128}$/

export function readOrigin(headers: IncomingHttpHeaders): BrowserOrigin {
  const { origin } = headers
  if (origin === undefined) return NO_ORIGIN
  return LOOPBACK_PAGE.test(origin) || INSTALLED_PROGRAM.test(origin)
    ? { type: 'trusted', origin }
    : FOREIGN_ORIGIN
}

const EXPOSED_HEADERS =
  'x-request-id, request-id, retry-after, retry-after-ms, x-should-retry, x-holdfast-target, x-holdfast-attempts, ' +
  'x-holdfast-overhead-ms, x-holdfast-losses, x-holdfast-upstream-model, x-holdfast-warning, x-holdfast-simulated, ' +
  'x-holdfast-explanation, x-holdfast-recall, x-holdfast-original-request-id, x-holdfast-cache, ' +
  'x-holdfast-cache-reason, x-holdfast-cache-similarity, x-holdfast-cost-usd, x-holdfast-cost-basis, age'

/** Headers, name and value by turns, that let a trusted page read an answer. */
export function originHeaders(origin: BrowserOrigin): readonly string[] {
  return origin.type === 'trusted'
    ? [
        'access-control-allow-origin',
        origin.origin,
        'vary',
        'origin',
        'access-control-expose-headers',
        EXPOSED_HEADERS,
      ]
    : []
}

const HEADER_NAMES = /^[A-Za-z0-9-]+(?: *, *[A-Za-z0-9-]+)*$/
const HEADER_NAMES_LENGTH_MAX = 2_048

/** What the answer to a preflight adds: a trusted page may send what it asked to send; others learn nothing. */
export function preflightHeaders(origin: BrowserOrigin, headers: IncomingHttpHeaders): readonly string[] {
  if (origin.type !== 'trusted') return []
  const asked = headers['access-control-request-headers']
  const isSane = asked !== undefined && asked.length <= HEADER_NAMES_LENGTH_MAX && HEADER_NAMES.test(asked)
  return [
    'access-control-allow-methods',
    'GET, HEAD, POST, DELETE',
    ...(isSane ? ['access-control-allow-headers', asked] : []),
    'access-control-max-age',
    '600',
  ]
}
