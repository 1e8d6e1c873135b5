/**
 * The connections to one origin: bounded, the most recently used first, with a queue in front for when all are busy.
 * A pool of our own over undici's clients, because a run must be able to leave the queue or a half-open connection at
 * once, and because only the pool knows whether a connection was fresh (fault 12).
 */

import type { Clock } from '../std/clock.ts'
import type { TransportHandler, TransportRequest } from '../std/transport.ts'
import { Connection, type ConnectionOwner } from './connection.ts'
import type { Dialer } from './dial.ts'
import { BLOCKED_ADDRESS, NO_CONNECTION_FREE, TRANSPORT_CLOSED, TransportError } from './transport-codes.ts'
import { type RunOwner, TransportRun } from './transport-run.ts'

/** Connections to one origin at once. */
export const CONNECTIONS_PER_ORIGIN_MAX = 512
/** Requests that wait for a connection to one origin; one more fails at once. */
export const WAITING_PER_ORIGIN_MAX = 1_024

/** How much of the time to connect may be waited here: less than all, so that it is told as what it is (fault 141). */
const WAIT_SHARE = 0.9

export interface PoolLimits {
  readonly connectionsMax: number
  readonly waitingMax: number
}

export interface PoolOptions {
  readonly clock: Clock
  readonly limits: PoolLimits
  /** Told of an answer that nobody had asked for: its connection was closed, and nothing of it was delivered (fault 53). */
  onUnaskedAnswer?(origin: string): void
}

export class OriginPool implements RunOwner, ConnectionOwner {
  readonly #origin: string
  readonly #dialer: Dialer
  readonly #clock: Clock
  readonly #limits: PoolLimits
  readonly #options: PoolOptions
  readonly #idle: Connection[] = []
  /** In the order they came. */
  readonly #waiting = new Set<TransportRun>()
  #connections = 0
  #isClosed = false
  #onEmpty: (() => void) | undefined

  constructor(origin: string, dialer: Dialer, options: PoolOptions) {
    this.#origin = origin
    this.#dialer = dialer
    this.#clock = options.clock
    this.#limits = options.limits
    this.#options = options
  }

  /** Nothing runs, waits or is kept open. */
  get isEmpty(): boolean {
    return this.#connections === 0 && this.#waiting.size === 0
  }

  send(request: TransportRequest, handler: TransportHandler): TransportRun {
    const run = new TransportRun(request, handler, this)
    if (this.#dialer.isBlocked) refuse(run, BLOCKED_ADDRESS, 'the address is a metadata service')
    else if (this.#isClosed) refuse(run, TRANSPORT_CLOSED, 'the transport is closed')
    else this.#start(run)
    return run
  }

  close(): Promise<void> {
    this.#isClosed = true
    for (const run of this.#waiting) refuse(run, TRANSPORT_CLOSED, 'the transport is closed')
    for (const connection of this.#idle.splice(0)) this.#drop(connection)
    if (this.#connections === 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.#onEmpty = resolve
    })
  }

  onRunEnd(connection: Connection): void {
    if (!connection.free() || this.#isClosed) {
      this.#drop(connection)
      return
    }
    const next = this.#nextWaiting()
    if (next) next.runOn(connection)
    else this.#idle.push(connection)
  }

  onRunAbandoned(run: TransportRun, connection: Connection | undefined): void {
    this.#waiting.delete(run)
    if (connection) this.#drop(connection)
  }

  onIdleClose(connection: Connection): void {
    const at = this.#idle.indexOf(connection)
    if (at === -1) return
    this.#idle.splice(at, 1)
    this.#drop(connection)
  }

  onUnaskedAnswer(): void {
    this.#options.onUnaskedAnswer?.(this.#origin)
  }

  #start(run: TransportRun): void {
    const connection = this.#idle.pop() ?? this.#open()
    if (connection) run.runOn(connection)
    else this.#wait(run)
  }

  #open(): Connection | undefined {
    if (this.#connections >= this.#limits.connectionsMax) return undefined
    this.#connections += 1
    return new Connection(this.#origin, this.#dialer, this)
  }

  #wait(run: TransportRun): void {
    if (this.#waiting.size >= this.#limits.waitingMax) {
      refuse(run, NO_CONNECTION_FREE, 'too many requests wait for a connection')
      return
    }
    this.#waiting.add(run)
    const waitMs = Math.floor(run.request.connectMs * WAIT_SHARE)
    run.waitTimer = this.#clock.after(waitMs, () => {
      refuse(run, NO_CONNECTION_FREE, `no connection was free for ${waitMs} ms`)
    })
  }

  #nextWaiting(): TransportRun | undefined {
    const [next] = this.#waiting
    if (next) this.#waiting.delete(next)
    return next
  }

  #drop(connection: Connection): void {
    this.#connections -= 1
    connection.destroy()
    const next = this.#isClosed ? undefined : this.#nextWaiting()
    if (next) this.#start(next)
    if (this.#connections === 0) this.#onEmpty?.()
  }
}

function refuse(run: TransportRun, code: string, message: string): void {
  run.fail(code, new TransportError(code, message))
}
