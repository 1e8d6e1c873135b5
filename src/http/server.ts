/** The server in front: a node:http server made strict, its connections and open calls, and the way it comes to rest. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { DialectId } from '../canonical/envelope.ts'
import type { Dialect } from '../dialects/dialect.ts'
import { describeDefect } from '../errors/describe-defect.ts'
import { GatewayError, toGatewayError } from '../errors/gateway-error.ts'
import type { Gateway } from '../exchange/gateway.ts'
import { createGuessLimiter } from '../keys/guess-limiter.ts'
import { HEARTBEAT_MS } from '../resilience/timers.ts'
import type { Clock, Timer } from '../std/clock.ts'
import { type IdSource, nextInOrder } from '../std/ids.ts'
import { Roster } from '../std/roster.ts'
import type { Telemetry } from '../telemetry/records.ts'
import { AcceptNotices } from './accept-notices.ts'
import { AddressCounts } from './address-counts.ts'
import type { AnswerRules } from './answer.ts'
import { answerError } from './answer-error.ts'
import { readOrigin } from './browser-origin.ts'
import { ClientCall, Connection } from './client-call.ts'
import { type CallRooms, handleCall } from './handle-call.ts'
import { probeDescriptors } from './descriptor-probe.ts'
import { type CertificatePair, createFront, type Front, SWEEP_MS } from './front.ts'
import { type HttpLimits, httpLimits } from './http-limits.ts'
import { answerRaw, classifyParserError, codeOf, isOfTls } from './malformed-request.ts'
import { createRouter, createRoutes } from './route-table.ts'
import { SpoolSpace } from './spool-space.ts'

export interface GatewayServerOptions {
  /** The gateway, or a way to the one in force where configuration can replace it. Asked once per request. */
  readonly gateway: Gateway | (() => Gateway)
  readonly dialects: ReadonlyMap<DialectId, Dialect>
  readonly clock: Clock
  readonly ids: IdSource
  readonly telemetry: Telemetry
  readonly limits?: Partial<HttpLimits>
  /** What it speaks TLS with; absent: it speaks plain HTTP. */
  readonly pair?: CertificatePair
  /** The text of `/metrics`; without it the path is not found. */
  readonly metrics?: () => Promise<string>
  /** Silence on a committed stream after which a heartbeat is written. Default 15 s. */
  readonly heartbeatMs?: number
}

export interface ListenAddress {
  readonly url: string
  readonly port: number
}

export interface GatewayServer {
  /** Rejects with Node's error where the address cannot be had. Port 0 takes any. */
  listen(host: string, port: number): Promise<ListenAddress>
  /** Another certificate from now on, where it speaks TLS; what is open stays open. */
  renew(pair: CertificatePair): void
  /**
   * Comes to rest: not ready, accepting no more, running calls to their end or for `deadlineMs` at most, then an in-band
   * `gateway_shutting_down`. Resolves when every connection is closed.
   */
  drain(deadlineMs: number): Promise<void>
  /** Closes everything now. */
  close(): Promise<void>
  /** Requests whose answer is not yet wholly handed over. */
  readonly openCalls: number
}

/** After the drain deadline, how long clients have to take the last event. */
const LAST_WORD_MS = 1_000
const BACKLOG = 1_024

export function createGatewayServer(options: GatewayServerOptions): GatewayServer {
  return new NodeGatewayServer(options)
}

class NodeGatewayServer implements GatewayServer {
  readonly #options: GatewayServerOptions
  readonly #limits: HttpLimits
  readonly #gateway: () => Gateway
  readonly #rules: AnswerRules
  readonly #fixedRooms: Omit<CallRooms, 'gateway'>
  #rooms: CallRooms | undefined
  readonly #front: Front
  readonly #connections = new Map<Socket, Connection>()
  readonly #calls = new Roster<ClientCall>()
  readonly #sweepMs: number
  #sweep: Timer | undefined
  #isDraining = false
  #onRest: (() => void) | undefined
  readonly #accepting: AcceptNotices
  /** Absent where one address may have as many connections as there are. */
  readonly #addresses: AddressCounts | undefined
  #probeAtMs = 0

  constructor(options: GatewayServerOptions) {
    const { clock, gateway } = options
    this.#options = options
    this.#limits = { ...httpLimits, ...options.limits }
    this.#accepting = new AcceptNotices(clock, options.telemetry.notices)
    const { connectionsPerAddress } = this.#limits
    this.#addresses = connectionsPerAddress === false ? undefined : new AddressCounts(connectionsPerAddress)
    this.#gateway = typeof gateway === 'function' ? gateway : () => gateway
    const heartbeatMs = options.heartbeatMs ?? HEARTBEAT_MS
    this.#sweepMs = sweepPeriod([
      heartbeatMs,
      this.#limits.bodyWindowMs,
      this.#limits.writeStallMs,
      this.#limits.lingerMs,
    ])
    this.#rules = {
      nowMs: () => clock.nowMs(),
      writeStallMs: this.#limits.writeStallMs,
      lingerMs: this.#limits.lingerMs,
      isDraining: () => this.#isDraining,
    }
    this.#fixedRooms = {
      dialects: options.dialects,
      guesses: createGuessLimiter(clock),
      limits: this.#limits,
      rules: this.#rules,
      heartbeatMs,
      spoolSpace: new SpoolSpace(),
      router: createRouter(createRoutes(this.#limits)),
      metrics: options.metrics,
      startedAtS: Math.floor(clock.wallMs() / 1_000),
      onDefect: (call, error) => this.#publishDefect(call, error),
    }
    this.#front = this.#createFront(options.pair)
  }

  get openCalls(): number {
    return this.#calls.size
  }

  listen(host: string, port: number): Promise<ListenAddress> {
    return new Promise((resolve, reject) => {
      const { server, scheme } = this.#front
      server.once('error', reject)
      server.listen({ host, port, backlog: BACKLOG }, () => {
        server.off('error', reject)
        server.on('error', (error) => this.#accepting.failed(codeOf(error)))
        // A listening TCP server has an AddressInfo; strings are for pipes.
        const address = server.address() as AddressInfo
        const shownHost = address.family === 'IPv6' ? `[${address.address}]` : address.address
        resolve({ url: `${scheme}://${shownHost}:${address.port}`, port: address.port })
      })
    })
  }

  async drain(deadlineMs: number): Promise<void> {
    this.#isDraining = true
    const closed = this.#stopAccepting()
    await this.#untilAtRest(deadlineMs)
    if (this.#calls.size > 0) {
      for (const call of this.#calls.list()) call.stop('shutting-down')
      await this.#untilAtRest(LAST_WORD_MS)
    }
    this.#closeAll()
    await closed
  }

  renew(pair: CertificatePair): void {
    this.#front.renew(pair)
  }

  async close(): Promise<void> {
    this.#isDraining = true
    const closed = this.#stopAccepting()
    this.#closeAll()
    await closed
  }

  #createFront(pair: CertificatePair | undefined): Front {
    const front = createFront({
      limits: this.#limits,
      pair,
      onRequest: (request, response) => this.#onRequest(request, response, false),
      takes: (socket) => this.#takesFrom(socket),
      onConnection: (socket) => {
        // Whoever came after the one with the last descriptor was closed without a word, and one may be free again at the sweep.
        this.#probeDescriptors()
        this.#connectionOf(socket)
        this.#armSweep()
      },
    })
    const { server } = front
    server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) =>
      this.#onRequest(request, response, true),
    )
    server.on('drop', () => this.#accepting.failed('connections_max'))
    server.on('clientError', (error, socket) => this.#onParserError(error, socket as Socket)) // A plain TCP server's sockets are net.Sockets.
    server.on(
      'connect',
      (_request, socket) =>
        this.#refuseRaw(
          socket as Socket,
          new GatewayError('method_not_allowed', 'CONNECT is not served.', {
            allow: 'GET, HEAD, POST, OPTIONS',
          }),
        ), // As above.
    )
    return front
  }

  /** Whether its address may have one more; where not, it is closed as one beyond the bound of all is. */
  #takesFrom(socket: Socket): boolean {
    const addresses = this.#addresses
    if (addresses === undefined) return true
    const source = addresses.take(socket.remoteAddress)
    if (source === undefined) {
      this.#accepting.refused(socket.remoteAddress ?? 'An address', addresses.max)
      socket.destroy()
      return false
    }
    socket.once('close', () => addresses.giveBack(source))
    return true
  }

  #connectionOf(socket: Socket): Connection {
    const known = this.#connections.get(socket)
    if (known !== undefined) return known
    const connection = new Connection(socket, (call) => this.#forget(call))
    this.#connections.set(socket, connection)
    socket.once('close', () => this.#connections.delete(socket))
    return connection
  }

  #nextId(): string {
    const { ids, clock } = this.#options
    return nextInOrder(ids, 'req_', clock.wallMs())
  }

  #onRequest(request: IncomingMessage, response: ServerResponse, expectsContinue: boolean): void {
    const connection = this.#connectionOf(request.socket)
    const call = new ClientCall({
      id: this.#nextId(),
      request,
      response,
      connection,
      arrivedAtMs: this.#options.clock.nowMs(),
      origin: readOrigin(request.headers),
      expectsContinue,
    })
    this.#calls.add(call)
    connection.add(call)
    response.on('close', () => {
      call.reply?.close(response.writableFinished)
      connection.done(call)
    })
    this.#armSweep()
    try {
      handleCall(call, this.#roomsOf(this.#gateway()))?.catch((error) => this.#fail(call, error))
    } catch (error) {
      this.#fail(call, error)
    }
  }

  /** The rooms of the gateway in force: made anew only when a reload put another one there. */
  #roomsOf(gateway: Gateway): CallRooms {
    if (this.#rooms?.gateway !== gateway) this.#rooms = { ...this.#fixedRooms, gateway }
    return this.#rooms
  }

  /** A defect of ours ends the request it met and no other (fault 136). */
  #fail(call: ClientCall, thrown: unknown): void {
    this.#publishDefect(call, thrown)
    const dialect = call.dialect ?? this.#anyDialect()
    if (call.response.headersSent || dialect === undefined) {
      call.connection.socket.destroy()
      return
    }
    answerError(call, dialect, toGatewayError(thrown), this.#rules)
  }

  #armSweep(): void {
    if (this.#sweep === undefined) this.#sweep = this.#options.clock.after(this.#sweepMs, this.#onSweep)
  }

  readonly #onSweep = (): void => {
    this.#sweep = undefined
    const nowMs = this.#options.clock.nowMs()
    if (nowMs >= this.#probeAtMs) {
      this.#probeAtMs = nowMs + SWEEP_MS
      this.#probeDescriptors()
    }
    for (const call of this.#calls.list()) {
      try {
        call.phase.check(nowMs)
      } catch (error) {
        this.#publishDefect(call, error)
        call.connection.socket.destroy()
      }
    }
    if (this.#calls.size > 0) this.#armSweep()
  }

  #forget(call: ClientCall): void {
    this.#calls.delete(call)
    if (!this.#isDraining) return
    // Node looks at its list of idle connections only when told to; this one has just joined it.
    setImmediate(() => this.#front.server.closeIdleConnections())
    if (this.#calls.size === 0) this.#onRest?.()
  }

  #onParserError(error: Error, socket: Socket): void {
    // No word of ours could be read there.
    if (isOfTls(error)) {
      socket.destroy()
      return
    }
    const refusal = classifyParserError(error)
    const calls = [...(this.#connections.get(socket)?.calls ?? [])]
    const arriving = calls.find((call) => call.phase.fail !== undefined)
    if (arriving !== undefined && refusal.code !== 'client_gone') {
      arriving.isGarbled = true
      return arriving.phase.fail?.(refusal)
    }
    // Garbage behind a request that is being answered: an answer to it would be read as that request's own.
    if (calls.length > 0 || refusal.code === 'client_gone') {
      socket.destroy()
      return
    }
    this.#refuseRaw(socket, refusal)
  }

  #refuseRaw(socket: Socket, error: GatewayError): void {
    const dialect = this.#anyDialect()
    if (dialect === undefined) {
      socket.destroy()
      return
    }
    const requestId = this.#nextId()
    this.#gateway().refuse({
      exchangeId: requestId,
      dialect: dialect.id,
      error,
      status: error.status,
      requestBytes: 0,
      durationMs: 0,
    })
    answerRaw(
      socket,
      { requestId, dialect, error },
      { clock: this.#options.clock, lingerMs: this.#limits.lingerMs },
    )
  }

  /** The dialect of those who have not said theirs. */
  #anyDialect(): Dialect | undefined {
    return this.#options.dialects.get('openai-chat')
  }

  #stopAccepting(): Promise<void> {
    return new Promise((resolve) => {
      const { server } = this.#front
      if (!server.listening) return resolve()
      server.close(() => resolve())
      this.#front.closeHandshakes()
    })
  }

  #closeAll(): void {
    this.#front.server.closeAllConnections()
    this.#front.closeHandshakes()
  }

  #untilAtRest(deadlineMs: number): Promise<void> {
    return new Promise((resolve) => {
      if (this.#calls.size === 0) return resolve()
      const timer = this.#options.clock.after(deadlineMs, resolve)
      const onRest = () => {
        timer.cancel()
        resolve()
      }
      this.#onRest = onRest
    })
  }

  #probeDescriptors(): void {
    const code = probeDescriptors()
    if (code !== undefined) this.#accepting.failed(code)
  }

  #publishDefect(call: ClientCall, error: unknown): void {
    this.#options.telemetry.notices.publish({
      level: 'error',
      name: 'request_defect',
      message: 'A request met a defect of the gateway; only this request was affected.',
      facts: { exchangeId: call.id, ...describeDefect(error) },
    })
  }
}

function sweepPeriod(periodsMs: readonly number[]): number {
  return Math.max(5, Math.min(SWEEP_MS, ...periodsMs.map((periodMs) => periodMs / 4)))
}
