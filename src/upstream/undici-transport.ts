/** The transport over sockets: HTTP/1.1 through undici, one bounded pool of connections an origin. */

import type { LookupFunction } from 'node:net'
import { type Clock, systemClock } from '../std/clock.ts'
import type { Transport, TransportCall, TransportHandler } from '../std/transport.ts'
import { assertTlsVerification, Dialer } from './dial.ts'
import { CONNECTIONS_PER_ORIGIN_MAX, OriginPool, WAITING_PER_ORIGIN_MAX } from './origin-pool.ts'
import { createResolver } from './resolver.ts'
import { INVALID_ORIGIN, TransportError } from './transport-codes.ts'

/** Origins with a pool of their own; beyond it the pools that hold nothing are forgotten. */
const ORIGINS_MAX = 1_024

export interface UndiciTransportOptions {
  /** Default: the machine's. */
  readonly clock?: Clock
  /** Connections to one origin at once. Default 512. */
  readonly connectionsMax?: number
  /** Requests that wait for a connection to one origin. Default 1,024. */
  readonly waitingMax?: number
  /** Resolves names. Default: the system's resolver, guarded against metadata addresses. */
  readonly lookup?: LookupFunction
  /** Certificate authorities trusted instead of Node's own, PEM. */
  readonly trustedCertificates?: readonly string[]
  /** Told where a server sent an answer that nobody had asked for (fault 53). */
  onUnaskedAnswer?(origin: string): void
}

/** Throws where the environment has switched certificate checks off (SEC-8). */
export function createUndiciTransport(options: UndiciTransportOptions = {}): Transport {
  assertTlsVerification(process.env)
  const clock = options.clock ?? systemClock
  const { trustedCertificates } = options
  const dialing = {
    clock,
    lookup: options.lookup ?? createResolver(clock),
    ...(trustedCertificates && { trustedCertificates }),
  }
  const limits = {
    connectionsMax: options.connectionsMax ?? CONNECTIONS_PER_ORIGIN_MAX,
    waitingMax: options.waitingMax ?? WAITING_PER_ORIGIN_MAX,
  }
  const pools = new Map<string, OriginPool>()

  const poolOf = (origin: string): OriginPool | TransportError => {
    const known = pools.get(origin)
    if (known) return known
    const url = URL.parse(origin)
    if (!url || !/^https?:$/.test(url.protocol))
      return new TransportError(INVALID_ORIGIN, 'the origin is no http(s) URL')
    if (pools.size >= ORIGINS_MAX) forgetEmpty(pools)
    const pool = new OriginPool(url.origin, new Dialer(url, dialing), {
      clock,
      limits,
      onUnaskedAnswer: (told) => options.onUnaskedAnswer?.(told),
    })
    pools.set(origin, pool)
    return pool
  }

  return {
    send(request, handler) {
      const pool = poolOf(request.origin)
      return pool instanceof TransportError ? failedCall(handler, pool) : pool.send(request, handler)
    },
    async close() {
      await Promise.all([...pools.values()].map((pool) => pool.close()))
    },
  }
}

function forgetEmpty(pools: Map<string, OriginPool>): void {
  for (const [origin, pool] of pools) {
    if (pool.isEmpty) pools.delete(origin)
  }
}

/** Nothing was tried. */
function failedCall(handler: TransportHandler, cause: TransportError): TransportCall {
  handler.onFailure({ phase: 'connect', code: cause.code, cause })
  return { pause: noop, resume: noop, abort: noop }
}

function noop(): void {}
