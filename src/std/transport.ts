/**
 * The port through which every byte to and from a provider goes. Two implementations: undici over sockets, and the
 * simulator in process. Callback-shaped, since a stream object per answer costs more than the answer's relay.
 */

/** A body that is not held in memory as one piece; every opening gives the same bytes from the start. */
export interface BodySource {
  /** Bytes in all. */
  readonly length: number
  open(): AsyncIterable<Uint8Array>
}

export interface TransportRequest {
  /** Scheme, host and port: `https://api.openai.com`. */
  readonly origin: string
  readonly path: string
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>
  /** With a source, its length stands in `content-length`. */
  readonly body?: Uint8Array | BodySource
  readonly connectMs: number
}

/** Where a transport failure happened: before anything left us, before an answer began, or inside the answer. */
export type TransportPhase = 'connect' | 'request' | 'response'

export interface TransportFailure {
  readonly phase: TransportPhase
  /** Node's or undici's error code: `ECONNREFUSED`, `UND_ERR_SOCKET`, `HPE_INVALID_CONSTANT`, ... */
  readonly code: string
  readonly cause?: unknown
  /**
   * The connection had served an earlier request and broke before the first byte of this answer: most likely its
   * server had closed it for being idle, and a new connection will do (fault 12).
   */
  readonly isStaleConnection?: boolean
}

/** Lower-case names; a repeated header keeps its first value. */
export type ResponseHeaders = Readonly<Record<string, string>>

/** Exactly one of `onEnd` and `onFailure` is called, once, and nothing after it. */
export interface TransportHandler {
  /** The request waited for others to be done, and is connected from here on: what it waited was no provider's time. */
  onPlace?(): void
  /** The request has a connection and is about to be written. */
  onSend(): void
  onHeaders(status: number, headers: ResponseHeaders): void
  onData(chunk: Uint8Array): void
  onEnd(): void
  onFailure(failure: TransportFailure): void
}

export interface TransportCall {
  pause(): void
  resume(): void
  /** Closes the exchange with the provider now; no handler is called afterwards. */
  abort(): void
}

export interface Transport {
  send(request: TransportRequest, handler: TransportHandler): TransportCall
  /** Closes idle connections and waits for running calls. */
  close(): Promise<void>
}
