/** What goes into one try at one target, and what comes back when it begins well. */

import type { TargetDialect } from '../dialects/dialect.ts'
import type { StopSignal } from '../std/stop-signal.ts'
import type { Target } from '../providers/provider.ts'
import type { BodySource, ResponseHeaders } from '../std/transport.ts'

/** What is sent: everything above the socket is decided. */
export interface UpstreamRequest {
  readonly target: Target
  /** What is spoken with the target, where it is not the first of its provider's dialects. */
  readonly dialect?: TargetDialect
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** Below the target's base URL. */
  readonly path: string
  /** Dialect and forwarded client headers; auth is added by `send` and by nothing else. */
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Uint8Array | BodySource
  /** Of the body. Default `application/json`. */
  readonly contentType?: string
  /** `any`: a good answer may be of any type but a web page (speech, the content of a file), and empty. */
  readonly answers?: 'any'
  /** At least this long is waited for the first byte, ms: pictures take their time. */
  readonly firstByteMs?: number
  /** The request asked for a stream. */
  readonly stream: boolean
  /** Aborts when the client left or the deadline passed; its reason is a GatewayError. */
  readonly signal: StopSignal
}

/**
 * An answer that began well: a success status with a body of a type we read. Refusals never become one: `send` reads
 * and classifies them, and throws.
 */
export interface UpstreamResponse {
  readonly status: number
  readonly headers: ResponseHeaders
  /** How the body is framed, by what it is rather than by what it was asked to be. */
  readonly framing: 'json' | 'stream'
  /**
   * The body, bounded in size and watched by the first-token and idle timers; throws GatewayError (`upstream_timeout`,
   * `upstream_truncated`, `response_too_large`, ...). Leaving the loop early closes the upstream.
   */
  readonly body: AsyncIterable<Uint8Array>
  /** Content has been seen: from here on the idle timer watches instead of the first-token timer. */
  markContent(): void
  /** Closes the upstream now. */
  cancel(): void
}
