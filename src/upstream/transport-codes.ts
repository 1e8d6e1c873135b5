/**
 * The failure codes that the socket transport adds to Node's and undici's own: what went wrong before a socket was
 * asked, or in a way the libraries have no code for.
 */

import { isIPv6 } from 'node:net'

/** The address belongs to a metadata service (SEC-5). */
export const BLOCKED_ADDRESS = 'HOLDFAST_BLOCKED_ADDRESS'
/** Every connection to the origin was busy until the connect limit had passed (fault 141). */
export const NO_CONNECTION_FREE = 'HOLDFAST_NO_CONNECTION_FREE'
/** The provider has an address of IPv6, and this machine has none to call it from. */
export const NO_IPV6 = 'HOLDFAST_NO_IPV6'
/** TCP and TLS did not stand within the connect limit. */
export const CONNECT_TIMEOUT = 'HOLDFAST_CONNECT_TIMEOUT'
/** What was to be dialled is no URL. */
export const INVALID_ORIGIN = 'HOLDFAST_INVALID_ORIGIN'
/** The transport is closing: the gateway shuts down. */
export const TRANSPORT_CLOSED = 'HOLDFAST_TRANSPORT_CLOSED'
/** Bytes that are no answer to what was asked: an unasked 100 or 101, too many interim answers. */
export const UNEXPECTED_RESPONSE = 'HOLDFAST_UNEXPECTED_RESPONSE'

/** Bytes that are no HTTP/1.1, where the parser does not say why. */
export const INVALID_HTTP = 'HPE_INVALID'

/** What this machine or process ran out of before the provider was asked anything, in words (fault 141). */
export const shortages: ReadonlyMap<string, string> = new Map([
  [NO_CONNECTION_FREE, 'all connections to it are busy'],
  ['EADDRNOTAVAIL', 'this machine has no port free for another connection'],
  ['EMFILE', 'the gateway has no file descriptor free'],
  ['ENFILE', 'this machine has no file descriptor free'],
  ['ENOBUFS', 'this machine has no memory for another connection'],
  ['ENOMEM', 'this machine has no memory for another connection'],
])

/** An error with a code, as Node's own are, without a stack nobody reads. */
export class TransportError extends Error {
  override readonly name = 'TransportError'
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

/** Node's, OpenSSL's or undici's code; an error without one is named by its class. */
export function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'UNKNOWN'
  // Node tries every address of a name, and gives them all together the code of the first.
  if (error instanceof AggregateError && error.errors.length > 0) return codeOfAll(error.errors)
  if ('code' in error && typeof error.code === 'string')
    return error.code === 'EADDRNOTAVAIL' && isOfIpv6(error) ? NO_IPV6 : error.code
  // undici fails to name most of what its parser finds.
  if (error.name === 'HTTPParserError') return INVALID_HTTP
  return error.name
}

/**
 * Of the addresses of one name: we are short of something only where no address says anything of the provider. Those of
 * IPv6 on a machine without it say nothing, unless there are no others.
 */
function codeOfAll(errors: readonly unknown[]): string {
  const reachable = errors.filter((error) => !lacksIpv6(error))
  const codes = (reachable.length > 0 ? reachable : errors).map(codeOf)
  return codes.find((code) => !shortages.has(code)) ?? codes[0] ?? 'UNKNOWN'
}

function lacksIpv6(error: unknown): boolean {
  const code = codeOf(error)
  return code === NO_IPV6 || (code === 'ENETUNREACH' && isOfIpv6(error))
}

function isOfIpv6(error: unknown): boolean {
  return error instanceof Error && 'address' in error && isIPv6(String(error.address))
}
