/** One connection to a provider: an undici client that carries one request at a time, and what is known of its socket. */

import type { Socket } from 'node:net'
import { Client, type Dispatcher } from 'undici'
import type { TransportRequest } from '../std/transport.ts'
import type { Dialer } from './dial.ts'

/** An idle connection is closed after this long, ms: before the servers that cut at 5 s do it under us (fault 12). */
export const KEEP_ALIVE_MS = 4_000
/** The longest a server's own keep-alive hint is believed, ms. */
export const KEEP_ALIVE_HINT_MAX_MS = 60_000
/** How much earlier than a server's hint says a connection is closed, ms. */
const KEEP_ALIVE_MARGIN_MS = 1_000
/** All headers of one answer together, bytes (fault 15). */
export const RESPONSE_HEADERS_BYTES_MAX = 32_768

type DispatchBody = Exclude<Dispatcher.DispatchOptions['body'], undefined>

/** What a connection tells its pool. */
export interface ConnectionOwner {
  /** The socket closed while no request ran on it. */
  onIdleClose(connection: Connection): void
  /** The server sent an answer that nobody had asked for; none of it was delivered. */
  onUnaskedAnswer(): void
}

/** Who is told how a request fares. */
export interface RequestHandler extends Dispatcher.DispatchHandler {
  onResponseError(controller: Dispatcher.DispatchController | null, error: Error): void
}

export class Connection {
  readonly #client: Client
  readonly #dialer: Dialer
  readonly #owner: ConnectionOwner
  #socket: Socket | undefined
  #requestsOnSocket = 0
  #handler: RequestHandler | undefined
  #connectMs = 0
  #isDestroyed = false

  constructor(origin: string, dialer: Dialer, owner: ConnectionOwner) {
    this.#dialer = dialer
    this.#owner = owner
    this.#client = new Client(origin, {
      pipelining: 1,
      allowH2: false,
      // Our own timers rule; undici's would fire beside them.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: KEEP_ALIVE_MS,
      keepAliveMaxTimeout: KEEP_ALIVE_HINT_MAX_MS,
      keepAliveTimeoutThreshold: KEEP_ALIVE_MARGIN_MS,
      maxHeaderSize: RESPONSE_HEADERS_BYTES_MAX,
      connect: (_options, callback) => {
        this.#connect(callback)
      },
    })
    this.#client.on('disconnect', (_origin, _targets, error) => this.#onDisconnect(error))
    // An exception inside undici surfaces as this event; without a listener it would end the process.
    // Sound: undici types only the events it documents, but its client is an ordinary EventEmitter.
    const emitter = this.#client as NodeJS.EventEmitter
    emitter.on('error', (error: Error) => this.#handler?.onResponseError(null, error))
  }

  start(request: TransportRequest, handler: RequestHandler): void {
    this.#handler = handler
    this.#connectMs = request.connectMs
    const { path, method, headers, body } = request
    const sent = body === undefined || body instanceof Uint8Array ? body : body.open()
    // Sound: undici writes any async iterable of byte arrays; its types name only the streams among them.
    this.#client.dispatch({ path, method, headers, body: (sent ?? null) as DispatchBody }, handler)
  }

  /** Whether the request about to be written is not the first on its socket. */
  countRequest(): boolean {
    this.#requestsOnSocket += 1
    return this.#requestsOnSocket > 1
  }

  /** The socket broke rather than ended: an answer without a length, cut here, only looks whole. */
  get isBroken(): boolean {
    return this.#socket?.errored != null
  }

  /** Takes leave of a request that ended well. False where the connection must not carry another. */
  free(): boolean {
    this.#handler = undefined
    // A server may answer before it has read the whole request; the rest of it still waits here (fault 10).
    return this.#socket?.writableLength === 0
  }

  destroy(): void {
    this.#isDestroyed = true
    this.#handler = undefined
    this.#client.destroy(null, () => undefined)
    this.#socket?.destroy()
  }

  #connect(callback: (...result: [null, Socket] | [Error, null]) => void): void {
    this.#requestsOnSocket = 0
    this.#socket = this.#dialer.dial(this.#connectMs, (error, socket) => {
      if (socket) callback(null, socket)
      else callback(error ?? new Error('no socket'), null)
    })
  }

  #onDisconnect(error: Error): void {
    this.#socket = undefined
    if (isUnasked(error) && !this.#isDestroyed) this.#owner.onUnaskedAnswer()
    if (!this.#handler) this.#owner.onIdleClose(this)
  }
}

/** undici's words for bytes of an answer on a connection that owes none; it destroys the connection. */
function isUnasked(error: Error): boolean {
  return error.message === 'bad response'
}
