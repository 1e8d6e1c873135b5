/** What the server in front listens with: node:http made strict, over TLS where the gateway has a certificate of its own. */

import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http'
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https'
import type { Socket } from 'node:net'
import type { SecureContextOptions } from 'node:tls'
import type { Secret } from '../std/secret.ts'
import type { HttpLimits } from './http-limits.ts'

/** A certificate, with those that lead from it to an authority, and its private key; both PEM. */
export interface CertificatePair {
  readonly chain: string
  readonly key: Secret
}

export interface Front {
  readonly server: Server | HttpsServer
  readonly scheme: 'http' | 'https'
  /** For the connections that come from now on; those that stand keep what they began with. */
  renew(pair: CertificatePair): void
  /** Closes those that have not agreed on keys yet: Node counts them for no connection of its own, and waits for them. */
  closeHandshakes(): void
}

export interface FrontOptions {
  readonly limits: HttpLimits
  /** Absent: plain HTTP. */
  readonly pair: CertificatePair | undefined
  readonly onRequest: RequestListener
  /** Whether a connection that was accepted may stay; where not, it is closed already. */
  takes(socket: Socket): boolean
  /** A connection that stays can carry requests. */
  onConnection(socket: Socket): void
}

/** How often open calls are looked at, and headers that do not come, ms. */
export const SWEEP_MS = 1_000
const HEADERS_COUNT_MAX = 200

export function createFront(options: FrontOptions): Front {
  const { pair, limits } = options
  const front = pair === undefined ? plainFront(options) : secureFront(options, pair)
  front.server.maxConnections = limits.connections
  front.server.maxHeadersCount = HEADERS_COUNT_MAX
  return front
}

function plainFront(options: FrontOptions): Front {
  const server = createHttpServer(strict(options.limits), options.onRequest)
  server.on('connection', (socket) => {
    if (options.takes(socket)) options.onConnection(socket)
  })
  return { server, scheme: 'http', renew() {}, closeHandshakes() {} }
}

function secureFront(options: FrontOptions, pair: CertificatePair): Front {
  const { limits } = options
  const handshakes = new Map<string, Socket>()
  const server = createHttpsServer(
    { ...strict(limits), ...secureContextOf(pair), handshakeTimeout: limits.headersMs },
    options.onRequest,
  )
  server.on('connection', (socket) => {
    if (!options.takes(socket)) return
    const ends = endsOf(socket)
    handshakes.set(ends, socket)
    socket.once('close', () => {
      if (handshakes.get(ends) === socket) handshakes.delete(ends)
    })
  })
  server.on('secureConnection', (socket) => {
    handshakes.delete(endsOf(socket))
    options.onConnection(socket)
  })
  return {
    server,
    scheme: 'https',
    renew: (next) => server.setSecureContext(secureContextOf(next)),
    closeHandshakes() {
      for (const socket of handshakes.values()) socket.destroy()
    },
  }
}

/** What a connection over TLS shares with the socket below it, of which Node does not tell. */
function endsOf({ localAddress, remoteAddress, remotePort }: Socket): string {
  return `${localAddress} ${remoteAddress} ${remotePort}`
}

/** What Node makes of a pair. Throws where it is none. */
export function secureContextOf({ chain, key }: CertificatePair): SecureContextOptions {
  // Said here, so that no flag of Node can unsay it (SEC-8).
  return { cert: chain, key: key.reveal(), minVersion: 'TLSv1.2' }
}

function strict(limits: HttpLimits) {
  return {
    insecureHTTPParser: false,
    requireHostHeader: false, // Checked by us, so that the refusal is JSON in the caller's dialect.
    maxHeaderSize: limits.headersBytes,
    headersTimeout: limits.headersMs,
    requestTimeout: limits.requestMs,
    keepAliveTimeout: limits.keepAliveMs,
    connectionsCheckingInterval: Math.min(SWEEP_MS, limits.headersMs),
    noDelay: true,
  }
}
