/** Ids of files and batches, and what else of a request's address may become part of a provider's. */

import { GatewayError } from '../errors/gateway-error.ts'

const ID = /^[A-Za-z0-9._-]{1,128}$/

/** Throws `invalid_request` for what could be anything but one segment of a path. */
export function checkId(id: string): string {
  if (ID.test(id) && !/^\.+$/.test(id)) return id
  throw new GatewayError(
    'invalid_request',
    'The id in the path may only hold letters, digits, dots, dashes and underscores, 128 at most.',
  )
}

/** A longer value of a query parameter is left behind. */
const QUERY_VALUE_CHARS_MAX = 256

/** The allowed parameters of a query, in the order of the list; empty or with its question mark. */
export function allowedQuery(search: string, allowed: readonly string[]): string {
  if (search === '' || allowed.length === 0) return ''
  const asked = new URLSearchParams(search)
  const kept = allowed.flatMap((name) => {
    const value = asked.get(name)
    return value === null || value.length > QUERY_VALUE_CHARS_MAX
      ? []
      : [`${name}=${encodeURIComponent(value).replaceAll("'", '%27')}`]
  })
  return kept.length === 0 ? '' : `?${kept.join('&')}`
}
