/**
 * The one place that opens a socket towards a provider: resolve, judge, connect to what was judged, verify its
 * certificate (SEC-3, SEC-5, SEC-7, SEC-8). Plain HTTP/1.1 over TCP or TLS.
 */

import { isIP, type LookupFunction, connect as connectTcp, type Socket } from 'node:net'
import { type ConnectionOptions, type TLSSocket, connect as connectTls } from 'node:tls'
import type { Clock } from '../std/clock.ts'
import { isBlockedHost, plainHost } from './blocked-address.ts'
import { BLOCKED_ADDRESS, CONNECT_TIMEOUT, TransportError } from './transport-codes.ts'

/** The kernel probes a silent connection after this long, ms: it finds the ones that died without a word (fault 13). */
const TCP_KEEP_ALIVE_MS = 60_000

export interface DialerOptions {
  readonly clock: Clock
  readonly lookup: LookupFunction
  /** Trusted beside none other: for tests against a certificate of their own. Default: Node's own roots. */
  readonly trustedCertificates?: readonly string[]
}

export type Dialled = (error: Error | null, socket: Socket | null) => void

/** Opens connections to one origin, resuming its last TLS session. */
export class Dialer {
  readonly #options: DialerOptions
  readonly #hostname: string
  readonly #port: number
  readonly #isTls: boolean
  readonly #isBlocked: boolean
  #session: Buffer | undefined

  constructor(origin: URL, options: DialerOptions) {
    this.#options = options
    this.#hostname = plainHost(origin.hostname)
    this.#isTls = origin.protocol === 'https:'
    this.#port = origin.port === '' ? (this.#isTls ? 443 : 80) : Number(origin.port)
    this.#isBlocked = isBlockedHost(origin.hostname)
  }

  /** A literal metadata address or a metadata service's name: never dialled, since a literal is never looked up. */
  get isBlocked(): boolean {
    return this.#isBlocked
  }

  /** Calls `done` once, unless the returned socket is destroyed first. */
  dial(connectMs: number, done: Dialled): Socket {
    if (this.#isBlocked) throw new TransportError(BLOCKED_ADDRESS, `${this.#hostname} is a metadata service`)
    const socket = this.#isTls ? this.#openTls() : this.#openTcp()
    const timer = this.#options.clock.after(connectMs, () => {
      socket.destroy(new TransportError(CONNECT_TIMEOUT, `no connection within ${connectMs} ms`))
    })
    let isDone = false
    const finish: Dialled = (error, connected) => {
      timer.cancel()
      if (isDone) return
      isDone = true
      done(error, connected)
    }
    socket.setNoDelay(true)
    socket.setKeepAlive(true, TCP_KEEP_ALIVE_MS)
    socket.once(this.#isTls ? 'secureConnect' : 'connect', () => finish(null, socket))
    // The listener stays: an error after the hand-over must never be without one.
    socket.on('error', (error) => finish(error, null))
    socket.once('close', () => timer.cancel())
    return socket
  }

  #openTcp(): Socket {
    return connectTcp({ host: this.#hostname, port: this.#port, lookup: this.#options.lookup })
  }

  #openTls(): TLSSocket {
    const options: ConnectionOptions = {
      host: this.#hostname,
      port: this.#port,
      lookup: this.#options.lookup,
      ALPNProtocols: ['http/1.1'],
      // Said here, so that no environment variable can unsay it.
      rejectUnauthorized: true,
      minVersion: 'TLSv1.2',
    }
    if (isIP(this.#hostname) === 0) options.servername = this.#hostname
    if (this.#session) options.session = this.#session
    if (this.#options.trustedCertificates) options.ca = [...this.#options.trustedCertificates]
    const socket = connectTls(options)
    socket.on('session', (session) => {
      this.#session = session
    })
    return socket
  }
}

/**
 * Refuses to go on where the environment would switch certificate checks off for the whole process (SEC-8). For start-up.
 */
export function assertTlsVerification(env: Readonly<Record<string, string | undefined>>): void {
  if (env['NODE_TLS_REJECT_UNAUTHORIZED'] !== '0') return
  throw new Error(
    'NODE_TLS_REJECT_UNAUTHORIZED=0 switches off the verification of certificates. Unset it; trust a private ' +
      'certificate authority with NODE_EXTRA_CA_CERTS=/path/to/ca.pem instead.',
  )
}
