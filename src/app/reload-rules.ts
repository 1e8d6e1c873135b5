/** What a running process can take from a changed file, and what it cannot: pure. */

import type { HoldfastConfig } from './config/config.ts'
import type { ConfigFault } from './config/fault.ts'
import { whyNotListen } from './config/listen.ts'

/** An answer and its own request, and the gateway's own files. */
const CONNECTIONS_MIN = 512

/** Connections to one provider at one time. */
export function connectionsMax({ limits }: HoldfastConfig): number {
  return Math.max(CONNECTIONS_MIN, limits.requestsInFlight)
}

/**
 * Why a sound configuration cannot replace that of the start. The socket stays where it is: were the last client key
 * taken away, and the address moved to loopback for the next start, it would serve the network to everyone until then.
 */
export function whyNotInForce(next: HoldfastConfig, started: HoldfastConfig): readonly ConfigFault[] {
  const reason = whyNotListen(started.listen, next.keys.length + (isKept(started) ? 1 : 0))
  if (reason === undefined) return []
  const { host, port } = started.listen
  return [
    {
      file: next.path ?? 'holdfast.yaml',
      line: 1,
      column: 1,
      path: 'keys',
      message: `keys: the gateway listens on ${host}:${port} until it is started again, which ${reason}`,
    },
  ]
}

/** With a store nobody is let in without a key beyond loopback, whether or not there are any yet. */
function isKept({ store }: HoldfastConfig): boolean {
  return store !== undefined && store.kind !== 'memory'
}

/** The fields whose change takes effect at the next start. */
export function whatNeedsRestart(next: HoldfastConfig, started: HoldfastConfig): readonly string[] {
  const changed = {
    listen: next.listen.host !== started.listen.host || next.listen.port !== started.listen.port,
    admin: next.admin?.host !== started.admin?.host || next.admin?.port !== started.admin?.port,
    'limits.bodyBytes': next.limits.bodyBytes !== started.limits.bodyBytes,
    'limits.formBytes': next.limits.formBytes !== started.limits.formBytes,
    'limits.connectionsPerAddress':
      next.limits.connectionsPerAddress !== started.limits.connectionsPerAddress,
    'limits.requestsInFlight (the connections to one provider)':
      connectionsMax(next) !== connectionsMax(started),
    store: JSON.stringify(next.store) !== JSON.stringify(started.store),
    masterKey: next.masterKey?.fingerprint !== started.masterKey?.fingerprint,
    budgets:
      JSON.stringify(next.unknownPrice) !== JSON.stringify(started.unknownPrice) ||
      next.atLimit !== started.atLimit,
    journal: JSON.stringify(next.journal) !== JSON.stringify(started.journal),
    'cache (but its default)':
      JSON.stringify(boundsOf(next.cache)) !== JSON.stringify(boundsOf(started.cache)),
    log: next.log.level !== started.log.level || next.log.format !== started.log.format,
  }
  return Object.entries(changed).flatMap(([field, hasChanged]) => (hasChanged ? [field] : []))
}

/** The policy of routes that say nothing of their own is theirs, and in force with them. */
function boundsOf({ default: _ofRoutes, ...bounds }: HoldfastConfig['cache']) {
  return bounds
}
