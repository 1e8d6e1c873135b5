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

/** With the pair that is served, where that of the file is at fault. */
export function withPair(config: HoldfastConfig, tls: HoldfastConfig['tls']): HoldfastConfig {
  return tls === undefined ? config : { ...config, tls, secrets: [...config.secrets, tls.pair.key] }
}

/** With a store nobody is let in without a key beyond loopback, whether or not there are any yet. */
function isKept({ store }: HoldfastConfig): boolean {
  return store !== undefined && store.kind !== 'memory'
}

/** What a process keeps of the configuration it started with, by the field that says it, in words where that is a part of it. */
const KEPT_FROM_THE_START: Readonly<Record<string, (config: HoldfastConfig) => unknown>> = {
  listen: ({ listen }) => [listen.host, listen.port],
  'tls (whether there is any)': ({ tls }) => tls !== undefined,
  admin: ({ admin }) => [admin?.host, admin?.port],
  'limits.bodyBytes': ({ limits }) => limits.bodyBytes,
  'limits.formBytes': ({ limits }) => limits.formBytes,
  'limits.connectionsPerAddress': ({ limits }) => limits.connectionsPerAddress,
  'limits.requestsInFlight (the connections to one provider)': connectionsMax,
  store: ({ store }) => store,
  masterKey: ({ masterKey }) => masterKey?.fingerprint,
  budgets: ({ unknownPrice, atLimit }) => [unknownPrice, atLimit],
  journal: ({ journal }) => journal,
  'cache (but its default)': ({ cache }) => boundsOf(cache),
  log: ({ log }) => [log.level, log.format],
}

/** Every field whose change takes effect at the next start, as `whatNeedsRestart` names it. */
export const FIELDS_OF_THE_START: readonly string[] = Object.keys(KEPT_FROM_THE_START)

/** The fields whose change takes effect at the next start. */
export function whatNeedsRestart(next: HoldfastConfig, started: HoldfastConfig): readonly string[] {
  return Object.entries(KEPT_FROM_THE_START).flatMap(([field, of]) =>
    JSON.stringify(of(next)) === JSON.stringify(of(started)) ? [] : [field],
  )
}

/** The policy of routes that say nothing of their own is theirs, and in force with them. */
function boundsOf({ default: _ofRoutes, ...bounds }: HoldfastConfig['cache']) {
  return bounds
}
