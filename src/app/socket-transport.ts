/** The transport of a gateway that serves: sockets, with the names and the bounds of its configuration. */

import type { Clock } from '../std/clock.ts'
import type { Transport } from '../std/transport.ts'
import type { Telemetry } from '../telemetry/records.ts'
import { createResolver, type SystemLookup } from '../upstream/resolver.ts'
import { createUndiciTransport } from '../upstream/undici-transport.ts'
import type { ConfiguredProvider, HoldfastConfig } from './config/config.ts'
import { mustBePublic } from './public-hosts.ts'
import { connectionsMax } from './reload-rules.ts'
import { StartError } from './start-error.ts'

export interface SocketTransportParts {
  readonly clock: Clock
  readonly telemetry: Pick<Telemetry, 'notices'>
  /** At the start. */
  readonly config: HoldfastConfig
  /** Those in force: a reload may name an address. */
  providers(): readonly ConfiguredProvider[]
  /** Default: the system's. */
  readonly lookup?: SystemLookup
}

/** Throws StartError where the environment does not allow one. */
export function createSocketTransport(parts: SocketTransportParts): Transport {
  const { clock, lookup, config, telemetry } = parts
  try {
    return createUndiciTransport({
      clock,
      connectionsMax: connectionsMax(config),
      lookup: createResolver(clock, {
        ...(lookup && { lookup }),
        mustBePublic: (hostname) => mustBePublic(hostname, parts.providers()),
      }),
      onUnaskedAnswer: (origin) =>
        telemetry.notices.publish({
          level: 'error',
          name: 'connection_desynchronised',
          message: `${origin} sent an answer that nobody had asked for. Its connection was closed, and nothing of the answer was delivered.`,
          facts: { origin },
        }),
    })
  } catch (error) {
    throw new StartError('environment', error instanceof Error ? error.message : String(error))
  }
}
