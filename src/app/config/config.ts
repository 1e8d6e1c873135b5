/** The configuration in force: everything followed, checked and turned into values; nothing here is text to be parsed again. */

import type { CacheSettings } from '../../cache/config-schema.ts'
import type { RequestsSettings } from '../../archive/config-schema.ts'
import type { JournalSettings } from '../../journal/config-schema.ts'
import type { CertificatePair } from '../../http/front.ts'
import type { AtLimit } from '../../ledger/request-books.ts'
import type { AttemptTimers, Provider } from '../../providers/provider.ts'
import type { RouteNode, RoutePolicy } from '../../routing/route.ts'
import type { Secret } from '../../std/secret.ts'

export interface HoldfastConfig {
  readonly listen: { readonly host: string; readonly port: number }
  /** What clients are spoken to over TLS with; absent: plain HTTP, or nobody is served here. */
  readonly tls?: OwnCertificate
  /** What clients are shown of it; absent: plain HTTP. */
  readonly shown?: ShownCertificate
  /** The listener for operators; absent where there is to be none. */
  readonly admin?: AdminListen
  readonly keys: readonly ClientKey[]
  /** Those named in the file, in its order, then those that routes name, then those found in the environment. */
  readonly providers: readonly ConfiguredProvider[]
  readonly routes: readonly ConfiguredRoute[]
  readonly limits: {
    readonly bodyBytes: number
    readonly formBytes: number
    readonly connectionsPerAddress: number | false
    readonly responseBytes: number
    readonly requestsInFlight: number
    readonly bufferedBytes: number
    readonly eventLoopLagMs: number
  }
  /** Where things are kept; absent: as whoever starts the gateway has it. */
  readonly store?: StoreChoice
  /** What a budget is charged for tokens without a known price, trillionths of a dollar; absent: the request is refused. */
  readonly unknownPrice?: { readonly input: number; readonly output: number }
  /** How an answer ends that reaches what was held for it. */
  readonly atLimit: AtLimit
  readonly requests: RequestsSettings
  readonly journal: JournalSettings
  readonly cache: CacheSettings
  readonly masterKey?: Secret
  readonly log: {
    readonly level: 'debug' | 'info' | 'warn' | 'error' | 'silent'
    readonly format?: 'json' | 'pretty'
  }
  /** How the gateway comes to rest: still accepting for `waitMs`, then for `drainMs` only finishing what runs. */
  readonly shutdown: { readonly waitMs: number; readonly drainMs: number }
  /** Whether local servers on their usual ports are to be looked for at start. */
  readonly discover: boolean
  /** Every secret there is, header values among them: what the redactor must know. */
  readonly secrets: readonly Secret[]
  /** Plain sentences about what is allowed and yet unwise. */
  readonly warnings: readonly string[]
  /** The file it came from; absent where there is none. */
  readonly path?: string
  /** Lines of that file, from 1: of `routes`, `providers`, and each entry of both, as `routes.smart`. */
  readonly lines?: ReadonlyMap<string, number>
}

export type StoreChoice =
  | { readonly kind: 'memory' }
  /** Paths are absolute. */
  | { readonly kind: 'sqlite'; readonly path: string }
  | { readonly kind: 'postgres'; readonly url: Secret; readonly folder: string }

/** The gateway's own certificate, and its key. */
export interface OwnCertificate {
  readonly pair: CertificatePair
  readonly certPath: string
  readonly keyPath: string
  /** SHA-256, by which two are told apart. */
  readonly fingerprint: string
  /** The host names that clients can reach it by, at most 10 of them. */
  readonly names: readonly string[]
  /** When it ends, or the first of those that lead to its authority, ms since the Unix epoch. */
  readonly endsAtMs: number
}

/** The gateway's own certificate as its clients know it. */
export interface ShownCertificate {
  /** As those of `OwnCertificate`; none where it could not be read. */
  readonly names: readonly string[]
  /** PEM; absent where it could not be read. */
  readonly chain?: string
}

export interface AdminListen {
  readonly host: string
  readonly port: number
  /** Whether somebody asked for this address: the default may be taken by another gateway of this machine. */
  readonly isNamed: boolean
}

export interface ClientKey {
  readonly name: string
  readonly key: Secret
}

export interface ConfiguredProvider {
  readonly provider: Provider
  readonly credential?: Secret
  /** All keys of its pool, where it has one; `credential` is the first of them. */
  readonly pool?: readonly Secret[]
  /** Requests that each of its models serves at one time; absent: as many as come. */
  readonly slots?: number
  readonly timers: AttemptTimers
  /** The models named for it, where any were. */
  readonly models?: readonly string[]
  /** The file says where it is, so its operator answers for what its name leads to (SEC-2). */
  readonly isAddressNamed?: true
  /** How it came to be here. */
  readonly origin: 'file' | 'environment' | 'local' | 'simulator'
}

export interface ConfiguredRoute extends RoutePolicy {
  readonly name: string
  /** Every `provider/model` of the tree, once each, in the order written. */
  readonly targets: readonly string[]
  readonly root: ConfiguredNode
}

/** Targets by their names, and routes within routes followed. */
export type ConfiguredNode = RouteNode<string>

/** What the keys of the file are called: the only id they have. */
export function namesOfFile({ keys }: Pick<HoldfastConfig, 'keys'>): readonly string[] {
  return keys.map(({ name }) => name)
}

/** The configuration for eyes and files: secrets as fingerprints, header values not at all (SEC-27). */
export function describeConfig(config: HoldfastConfig) {
  const { secrets: _, lines: _lines, shown: _shown, masterKey, store, tls, ...open } = config
  return {
    ...open,
    ...(tls && {
      tls: { cert: tls.certPath, key: tls.keyPath, endsAt: new Date(tls.endsAtMs).toISOString() },
    }),
    ...(masterKey && { masterKey: masterKey.toString() }),
    ...(store && { store: store.kind === 'postgres' ? { ...store, url: store.url.toString() } : store }),
    keys: config.keys.map(({ name, key }) => ({ name, key: key.toString() })),
    providers: config.providers.map(({ provider, credential, pool, ...rest }) => ({
      id: provider.id,
      name: provider.name,
      dialect: provider.dialect,
      baseUrl: provider.baseUrl,
      isLocal: provider.isLocal,
      ...(credential && { credential: credential.toString() }),
      ...(pool && { pool: pool.map(String) }),
      headers: Object.keys(provider.headers ?? {}),
      quirks: provider.quirks.map((quirk) => quirk.name),
      ...rest,
    })),
  }
}
