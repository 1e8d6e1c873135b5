/**
 * The failure codes that the socket transport adds to Node's and undici's own: what went wrong before a socket was
 * asked, or in a way the libraries have no code for.
 */

/** The address belongs to a metadata service (SEC-5). */
export const BLOCKED_ADDRESS = 'HOLDFAST_BLOCKED_ADDRESS'
/** Every connection to the origin was busy until the connect limit had passed (fault 141). */
export const NO_CONNECTION_FREE = 'HOLDFAST_NO_CONNECTION_FREE'
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
  if ('code' in error && typeof error.code === 'string') return error.code
  // undici fails to name most of what its parser finds.
  if (error.name === 'HTTPParserError') return INVALID_HTTP
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0])
  return error.name
}
