/**
 * Whether a request may be answered from the cache, from what its route and its headers say: our own headers first, then
 * those that clients of other gateways send, then HTTP's own.
 */

import { GatewayError } from '../errors/gateway-error.ts'
import { type CachePolicy, type CacheSettings, DEFAULT_POLICY, type SemanticPolicy } from './config-schema.ts'

export const CACHE_HEADER = 'x-holdfast-cache'
export const CACHE_TTL_HEADER = 'x-holdfast-cache-ttl'

export type CacheDecision =
  /** Nobody speaks of a cache. */
  | { readonly type: 'none' }
  /** Neither read nor written; the reason is told. */
  | { readonly type: 'bypass'; readonly reason: string }
  /** A kept answer is wanted and no other, and none is ever kept here: nothing may be asked for it. */
  | { readonly type: 'missing' }
  | {
      readonly type: 'use'
      readonly ttlMs: number
      /** `refresh`: made anew, and kept in the place of what was. `only`: never made. */
      readonly mode: 'normal' | 'refresh' | 'only'
      /** An answer that is older is not wanted. Absent: any that is kept. */
      readonly maxAgeMs?: number | undefined
      readonly semantic?: SemanticPolicy | undefined
    }

type Headers = Readonly<Record<string, string | readonly string[] | undefined>>

const NONE: CacheDecision = { type: 'none' }
const MISSING: CacheDecision = { type: 'missing' }

/** Throws `invalid_request` where one of our own headers makes no sense; others' are then not heeded. */
export function decideCache(
  headers: Headers,
  policy: CachePolicy | undefined,
  { onRequest }: Pick<CacheSettings, 'onRequest'>,
): CacheDecision {
  const { wish, maxAgeMs } = readWishes(headers)
  const ttlMs = readTtlMs(headers)
  const isWanted = ttlMs !== undefined || wish === 'on' || wish === 'only'
  if (policy === undefined && !(onRequest && isWanted)) return wish === 'only' ? MISSING : NONE
  if (wish === 'off') return { type: 'bypass', reason: 'request' }
  const { ttl, ttlMax, semantic } = policy ?? DEFAULT_POLICY
  const mode = modeOf({ wish, maxAgeMs })
  return {
    type: 'use',
    ttlMs: Math.min(ttlMs ?? ttl, ttlMax),
    mode,
    ...(maxAgeMs === undefined || mode === 'refresh' ? {} : { maxAgeMs }),
    ...(semantic === undefined ? {} : { semantic }),
  }
}

/** No kept answer is young enough for `max-age=0`. */
function modeOf({ wish, maxAgeMs }: Wishes): 'normal' | 'refresh' | 'only' {
  if (wish === 'refresh' || wish === 'only') return wish
  return maxAgeMs === 0 ? 'refresh' : 'normal'
}

type Wish = 'on' | 'off' | 'refresh' | 'only'

interface Wishes {
  readonly wish?: Wish | undefined
  readonly maxAgeMs?: number | undefined
}

const NO_WISHES: Wishes = {}

/** HTTP's own header counts where no other says anything; an age that it names bounds whatever is given, whoever asks for it. */
function readWishes(headers: Headers): Wishes {
  const directives = readDirectives(headers['cache-control'])
  const wish = ownWish(headers[CACHE_HEADER]) ?? foreignWish(headers)
  if (wish === undefined) return httpWishes(directives)
  if (wish !== 'on' && wish !== 'only') return { wish }
  const maxAgeMs = leastAgeMs(directives)
  return maxAgeMs === undefined ? { wish } : { wish, maxAgeMs }
}

function ownWish(value: Headers[string]): Wish | undefined {
  if (value === undefined) return undefined
  if (value === 'on' || value === 'off' || value === 'refresh' || value === 'only') return value
  throw new GatewayError('invalid_request', 'The header x-holdfast-cache must be on, off, refresh or only.', {
    param: CACHE_HEADER,
  })
}

/** Cloudflare's, Portkey's and Helicone's. */
function foreignWish(headers: Headers): Wish | undefined {
  if (isTrue(headers['cf-aig-skip-cache'])) return 'off'
  if (isTrue(headers['x-portkey-cache-force-refresh'])) return 'refresh'
  const helicone = headers['helicone-cache-enabled']
  if (helicone === undefined) return undefined
  return isTrue(helicone) ? 'on' : 'off'
}

/**
 * RFC 9111, 5.2.1: `only-if-cached` wants a kept answer or none, whatever stands beside it; `no-store` leaves nothing
 * behind; `no-cache` wants a fresh answer, and so does `max-age=0`; `max-age=60` wants none that is older.
 */
function httpWishes(directives: readonly Directive[]): Wishes {
  if (directives.length === 0) return NO_WISHES
  const isNamed = (asked: string) => directives.some(({ name }) => name === asked)
  const maxAgeMs = isNamed('no-cache') ? 0 : leastAgeMs(directives)
  const age = maxAgeMs === undefined ? NO_WISHES : { maxAgeMs }
  if (isNamed('only-if-cached')) return { wish: 'only', ...age }
  if (isNamed('no-store')) return { wish: 'off' }
  return isNamed('no-cache') ? { wish: 'refresh' } : age
}

interface Directive {
  readonly name: string
  readonly argument: string
}

function readDirectives(value: Headers[string]): readonly Directive[] {
  return typeof value === 'string' ? value.toLowerCase().split(',').map(readDirective) : NO_DIRECTIVES
}

const NO_DIRECTIVES: readonly Directive[] = []

function readDirective(text: string): Directive {
  const [name = '', argument = ''] = text.split('=', 2)
  return { name: name.trim(), argument: argument.trim() }
}

/** A number may stand in quotation marks (RFC 9111, 5.2); one that is none says nothing. */
function leastAgeMs(directives: readonly Directive[]): number | undefined {
  const agesMs = directives.flatMap(({ name, argument }) => {
    const seconds = name === 'max-age' ? /^(?:(\d+)|"(\d+)")$/.exec(argument) : null
    return seconds === null ? [] : [Number(seconds[1] ?? seconds[2]) * 1_000]
  })
  return agesMs.length === 0 ? undefined : Math.min(...agesMs)
}

function isTrue(value: Headers[string]): boolean {
  return typeof value === 'string' && value.trim().toLowerCase() === 'true'
}

/** Seconds, in our own header or Cloudflare's. */
function readTtlMs(headers: Headers): number | undefined {
  const own = headers[CACHE_TTL_HEADER]
  if (own !== undefined) {
    const ttlMs = secondsMs(own)
    if (ttlMs !== undefined) return ttlMs
    throw new GatewayError(
      'invalid_request',
      'The header x-holdfast-cache-ttl must be whole seconds, from 1 on.',
      {
        param: CACHE_TTL_HEADER,
      },
    )
  }
  return secondsMs(headers['cf-aig-cache-ttl'])
}

function secondsMs(value: Headers[string]): number | undefined {
  return typeof value === 'string' && /^0*[1-9]\d{0,8}$/.test(value) ? Number(value) * 1_000 : undefined
}
