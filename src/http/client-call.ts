/**
 * One request of a client while it lives, and the connection it came on. A call is always in one phase (its body is
 * read, the gateway works, the answer is written, ...); the phase knows what to do when the client leaves and when time
 * passes, so that one sweep over the open calls replaces timers of their own.
 */

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Dialect } from '../dialects/dialect.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import type { Reply } from '../execution/reply.ts'
import { OUTSIDE, type RosterMember } from '../std/roster.ts'
import type { BrowserOrigin } from './browser-origin.ts'

/** Why a phase is told to stop: the client left, or the gateway must. */
export type StopReason = 'client-gone' | 'shutting-down'

export interface CallPhase {
  /** Time passed; called about once a second. */
  check(nowMs: number): void
  stop(reason: StopReason): void
  /** The whole answer is handed over, so a client that closes its side has missed nothing. */
  readonly isAnswered?: true
  /** The request is refused while it still arrives; absent where it has arrived. */
  fail?(error: GatewayError): void
}

const IDLE_PHASE: CallPhase = { check: () => {}, stop: () => {} }

export interface ClientCallInit {
  readonly id: string
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly connection: Connection
  readonly arrivedAtMs: number
  readonly origin: BrowserOrigin
  /** The client waits for `100 Continue` before it sends its body. */
  readonly expectsContinue: boolean
}

export class ClientCall implements RosterMember {
  rosterPlace = OUTSIDE
  readonly id: string
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly connection: Connection
  readonly arrivedAtMs: number
  readonly origin: BrowserOrigin
  readonly expectsContinue: boolean
  /** What the client speaks, as far as known; set once the route is known. */
  dialect: Dialect | undefined
  phase: CallPhase = IDLE_PHASE
  /** What the client sends can no longer be read: the connection ends with the answer. */
  isGarbled = false
  /** A whole answer that is being written: it is told whether all of it was taken when the response is over. */
  reply: Pick<Reply, 'close'> | undefined
  /** The client left, or was told that the gateway shuts down: nothing more is written for this call. */
  stopped: StopReason | undefined

  constructor(init: ClientCallInit) {
    this.id = init.id
    this.request = init.request
    this.response = init.response
    this.connection = init.connection
    this.arrivedAtMs = init.arrivedAtMs
    this.origin = init.origin
    this.expectsContinue = init.expectsContinue
  }

  stop(reason: StopReason): void {
    if (this.stopped !== undefined) return
    this.stopped = reason
    this.phase.stop(reason)
  }
}

/** Another instance, or this one anew, is likely up by then. */
const RESTART_MS = 1_000

/** The error a stopped call ends with. */
export function stopError(reason: StopReason): GatewayError {
  return reason === 'client-gone'
    ? new GatewayError('client_gone', 'The client closed the connection before the end of the answer.')
    : new GatewayError('gateway_shutting_down', 'The gateway is shutting down.', { retryAfterMs: RESTART_MS })
}

export class Connection {
  readonly socket: Socket
  /** Mostly one; more where a client sends the next request before it has its answer. */
  readonly #calls: ClientCall[] = []
  readonly #onCallDone: (call: ClientCall) => void

  constructor(socket: Socket, onCallDone: (call: ClientCall) => void) {
    this.socket = socket
    this.#onCallDone = onCallDone
    // A FIN after the request cannot be told from a client that left (fault 110), so it counts as one.
    socket.once('end', () => this.#leave())
    socket.once('close', () => this.#leave())
    socket.on('error', () => {})
  }

  get calls(): readonly ClientCall[] {
    return this.#calls
  }

  add(call: ClientCall): void {
    this.#calls.push(call)
  }

  done(call: ClientCall): void {
    const at = this.#calls.indexOf(call)
    if (at === -1) return
    this.#calls.splice(at, 1)
    this.#onCallDone(call)
  }

  #leave(): void {
    let isMissed = false
    // Those that are done leave the list meanwhile.
    const calls = [...this.#calls]
    for (const call of calls) {
      if (call.phase.isAnswered !== true) isMissed = true
      call.stop('client-gone')
      if (this.socket.destroyed) this.done(call)
    }
    if (isMissed) this.socket.destroy()
  }
}
