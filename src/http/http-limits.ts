/** The bounds of the server in front: everything a client can make grow or wait has a number here. */

import { BODY_BYTES, CONNECTIONS_PER_ADDRESS, FORM_BYTES } from './config-schema.ts'

export interface HttpLimits {
  /** The largest request body, ours to hold, decompressed. Default 32 MiB, Anthropic's own limit. */
  readonly bodyBytes: number
  /** The largest form, ours to spool to disk. Default 512 MiB, OpenAI's own limit for a file. */
  readonly formBytes: number
  /** All header lines of one request together. Default 32 KiB. */
  readonly headersBytes: number
  /** From a request's first byte to its last header. Default 10 s. */
  readonly headersMs: number
  /** How often the pace of an arriving body is judged. Default 10 s. */
  readonly bodyWindowMs: number
  /** What has to arrive within each such window. Default 1 KiB. */
  readonly bodyWindowBytesMin: number
  /** From a request's first byte to its last. Default 10 min. */
  readonly requestMs: number
  /** An idle connection is kept this long; longer than the 60 s of usual balancers, so that they close first. Default 75 s. */
  readonly keepAliveMs: number
  /** A client that takes nothing for this long is cut (fault 111). Default 60 s. */
  readonly writeStallMs: number
  /** A refused body is read and thrown away this long, so that its sender can read the refusal. Default 2 s. */
  readonly lingerMs: number
  /** Open connections; further ones are closed on arrival. Default 20,000. */
  readonly connections: number
  /** Of these, those of one address (IPv6: of one /64); `false` for as many as there are. Default 10,000. */
  readonly connectionsPerAddress: number | false
}

export const httpLimits: HttpLimits = {
  bodyBytes: BODY_BYTES,
  formBytes: FORM_BYTES,
  headersBytes: 32 * 1024,
  headersMs: 10_000,
  bodyWindowMs: 10_000,
  bodyWindowBytesMin: 1024,
  requestMs: 600_000,
  keepAliveMs: 75_000,
  writeStallMs: 60_000,
  lingerMs: 2_000,
  connections: 20_000,
  connectionsPerAddress: CONNECTIONS_PER_ADDRESS,
}

/** A refused body up to this size is thrown away in passing and its connection kept; a larger one costs the connection. */
export const DISCARD_BYTES_MAX = 64 * 1024
/** How much of a larger refused body is thrown away before the connection is cut. */
export const LINGER_BYTES_MAX = 8 * 1024 * 1024
/** The longest wait a client is told, ms (the rules of resilience). */
export const RETRY_AFTER_MAX_MS = 60_000
