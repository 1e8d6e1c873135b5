/**
 * Names to addresses for the dialer. A name is looked up once at a time, however many ask, so that a silent name
 * server occupies one of libuv's four threads and not all of them (fault 4); an answer outlives its name server for a
 * while (fault 142); and an answer that holds a metadata address, or a local one for a name that was public or must be,
 * is refused, so what was judged is what is dialled (SEC-2, SEC-3, fault 5).
 */

import {
  type LookupAddress,
  type LookupAllOptions,
  type LookupOptions,
  lookup as systemLookup,
} from 'node:dns'
import type { LookupFunction } from 'node:net'
import type { Clock } from '../std/clock.ts'
import { isBlockedAddress, isSpecialAddress, isStandIn } from './blocked-address.ts'
import { BLOCKED_ADDRESS, TransportError } from './transport-codes.ts'

/** How long an answer may be used after the name server stopped answering. */
export const STALE_ANSWER_MS = 600_000
/** Names remembered; the oldest goes first. */
export const NAMES_MAX = 1_024

/** The part of `dns.lookup` that is used. */
export type SystemLookup = (
  hostname: string,
  options: LookupAllOptions,
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void

export interface ResolverOptions {
  /** Default: the system's. */
  readonly lookup?: SystemLookup
  /**
   * Whether a name may have no local address, not even as its first (SEC-2). Asked only where an answer holds one.
   * Default: no name must be public.
   */
  mustBePublic?(hostname: string): boolean
}

type Asker = (answer: NodeJS.ErrnoException | readonly LookupAddress[]) => void

interface Name {
  asking: Asker[]
  addresses: readonly LookupAddress[]
  answeredAtMs: number
  /** Whether its first answer held nothing but public addresses. */
  isPublic: boolean | undefined
}

/** A `lookup` for `net.connect` and `tls.connect`. */
export function createResolver(clock: Clock, options: ResolverOptions = {}): LookupFunction {
  const { lookup = systemLookup } = options
  const names = new Map<string, Name>()

  const ask = (hostname: string, options: LookupOptions, asker: Asker): void => {
    const key = `${hostname} ${options.family ?? 0} ${options.hints ?? 0}`
    const name = names.get(key) ?? remember(key)
    name.asking.push(asker)
    if (name.asking.length > 1) return
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      settle(name, hostname, error, addresses)
    })
  }

  const remember = (key: string): Name => {
    for (const [old, { asking }] of names) {
      if (names.size < NAMES_MAX) break
      if (asking.length === 0) names.delete(old)
    }
    const name = { asking: [], addresses: [], answeredAtMs: Number.NEGATIVE_INFINITY, isPublic: undefined }
    names.set(key, name)
    return name
  }

  const settle = (
    name: Name,
    hostname: string,
    error: NodeJS.ErrnoException | null,
    fresh: readonly LookupAddress[],
  ): void => {
    const { asking } = name
    name.asking = []
    // Of a name that has none Node gives no addresses, whatever its types say.
    const isLocal = !error && fresh.some(({ address }) => isSpecialAddress(address))
    const answer = error
      ? (fallback(name) ?? error)
      : (whyRefused(hostname, fresh) ?? (isLocal ? whyNotLocal(hostname, name, fresh) : undefined) ?? fresh)
    if (!error && !(answer instanceof Error)) {
      name.isPublic ??= !isLocal
      name.addresses = fresh
      name.answeredAtMs = clock.nowMs()
    }
    for (const asker of asking) asker(answer)
  }

  /** The last good answer, while it may still be used. */
  const fallback = (name: Name): readonly LookupAddress[] | undefined =>
    clock.nowMs() - name.answeredAtMs <= STALE_ANSWER_MS ? name.addresses : undefined

  /** A provider that is public does not move into our own network, nor where no server is: whoever says so wants a request sent there (fault 5). */
  const whyNotLocal = (
    hostname: string,
    name: Name,
    fresh: readonly LookupAddress[],
  ): TransportError | undefined => {
    if (name.isPublic === true)
      return new TransportError(BLOCKED_ADDRESS, `${hostname} was public and is now a local address`)
    const isProxied = fresh.every(({ address }) => isStandIn(address) || !isSpecialAddress(address))
    if (options.mustBePublic?.(hostname) === true && !isProxied)
      return new TransportError(BLOCKED_ADDRESS, `${hostname} is public and has a local address`)
    return undefined
  }

  return (hostname, options, callback) => {
    ask(hostname, options, (answer) => {
      if (answer instanceof Error) return callback(answer, '', 0)
      if (options.all) return callback(null, [...answer])
      const [first] = answer
      return callback(null, first?.address ?? '', first?.family ?? 0)
    })
  }
}

function whyRefused(hostname: string, answer: readonly LookupAddress[]): TransportError | undefined {
  if (answer.length === 0) return new TransportError('ENOTFOUND', `${hostname} has no address`)
  if (answer.some(({ address }) => isBlockedAddress(address)))
    return new TransportError(BLOCKED_ADDRESS, `${hostname} is the address of a metadata service`)
  return undefined
}
