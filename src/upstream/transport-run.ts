/**
 * One request on its way through undici: turns undici's callbacks into ours, says in which phase a failure happened,
 * and promises exactly one end.
 */

import type { IncomingHttpHeaders } from 'node:http'
import type { Dispatcher } from 'undici'
import type { Timer } from '../std/clock.ts'
import type {
  ResponseHeaders,
  TransportCall,
  TransportFailure,
  TransportHandler,
  TransportPhase,
  TransportRequest,
} from '../std/transport.ts'
import type { Connection, RequestHandler } from './connection.ts'
import { codeOf, TransportError, UNEXPECTED_RESPONSE } from './transport-codes.ts'

/** Interim (1xx) answers to one request that are ignored; more than this is no server we can talk to (fault 16). */
export const INTERIM_RESPONSES_MAX = 1_000

/** Where a run goes when it is done. */
export interface RunOwner {
  /** The answer ended well; the connection may be free again. */
  onRunEnd(connection: Connection): void
  /** The run failed or was aborted: its connection, if it had one, is to be closed. */
  onRunAbandoned(run: TransportRun, connection: Connection | undefined): void
}

export class TransportRun implements RequestHandler, TransportCall {
  readonly request: TransportRequest
  /** Pending while the run waits for a connection. */
  waitTimer: Timer | undefined
  readonly #handler: TransportHandler
  readonly #owner: RunOwner
  #connection: Connection | undefined
  #controller: Dispatcher.DispatchController | undefined
  #phase: TransportPhase = 'connect'
  #isConnectionReused = false
  #hasResponseByte = false
  #interimResponses = 0
  #isDone = false

  constructor(request: TransportRequest, handler: TransportHandler, owner: RunOwner) {
    this.request = request
    this.#handler = handler
    this.#owner = owner
  }

  runOn(connection: Connection): void {
    this.#connection = connection
    if (this.waitTimer !== undefined) {
      this.waitTimer.cancel()
      this.waitTimer = undefined
      this.#handler.onPlace?.()
    }
    connection.start(this.request, this)
  }

  pause(): void {
    if (!this.#isDone) this.#controller?.pause()
  }

  resume(): void {
    if (!this.#isDone) this.#controller?.resume()
  }

  abort(): void {
    if (!this.#isDone) this.#abandon()
  }

  /** Ends the run with a failure, from outside or from an undici callback. */
  fail(code: string, cause: unknown): void {
    if (this.#isDone) return
    this.#abandon()
    this.#handler.onFailure(this.#failure(code, cause))
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    this.#phase = 'request'
    this.#isConnectionReused = this.#connection?.countRequest() ?? false
    this.#handler.onSend()
  }

  onResponseStarted(): void {
    this.#hasResponseByte = true
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
  ): void {
    if (this.#isDone) return
    if (status < 200) {
      this.#countInterim()
      return
    }
    this.#phase = 'response'
    this.#handler.onHeaders(status, firstValues(headers))
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#isDone) this.#handler.onData(chunk)
  }

  onResponseEnd(): void {
    const connection = this.#connection
    if (this.#isDone || !connection) return
    if (connection.isBroken) {
      this.fail('ECONNRESET', undefined)
      return
    }
    this.#isDone = true
    this.#owner.onRunEnd(connection)
    this.#handler.onEnd()
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: Error): void {
    this.fail(isUnexpected(error) ? UNEXPECTED_RESPONSE : codeOf(error), error)
  }

  #countInterim(): void {
    this.#interimResponses += 1
    if (this.#interimResponses <= INTERIM_RESPONSES_MAX) return
    this.fail(UNEXPECTED_RESPONSE, new TransportError(UNEXPECTED_RESPONSE, 'too many interim responses'))
  }

  #abandon(): void {
    this.#isDone = true
    this.waitTimer?.cancel()
    this.#owner.onRunAbandoned(this, this.#connection)
  }

  #failure(code: string, error: unknown): TransportFailure {
    const failure = { phase: this.#phase, code, cause: withoutPayload(error) }
    if (this.#phase !== 'request' || !this.#isConnectionReused || this.#hasResponseByte) return failure
    return { ...failure, isStaleConnection: true }
  }
}

/** undici gives a repeated header as a list; only the first value is read (its object is fresh and ours to mend). */
function firstValues(headers: IncomingHttpHeaders): ResponseHeaders {
  for (const name in headers) {
    const value = headers[name]
    if (Array.isArray(value)) headers[name] = value[0]
  }
  // Sound: every list has just been replaced by its first value, and undici gives no undefined ones.
  return headers as ResponseHeaders
}

/** undici says so for an unasked 100 or 101, with the code of any broken socket. */
function isUnexpected(error: Error): boolean {
  return error.message === 'bad response' || error.message === 'bad upgrade'
}

/** A parser's error carries the bytes it failed on, which may be anything; they must not reach a log. */
function withoutPayload(error: unknown): unknown {
  if (error instanceof Error && 'data' in error) delete error.data
  return error
}
