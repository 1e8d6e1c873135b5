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
  const wish = readWish(headers)
  const ttlMs = readTtlMs(headers)
  const isWanted = ttlMs !== undefined || wish === 'on' || wish === 'only'
  if (policy === undefined && !(onRequest && isWanted)) return wish === 'only' ? MISSING : NONE
  if (wish === 'off') return { type: 'bypass', reason: 'request' }
  const { ttl, ttlMax, semantic } = policy ?? DEFAULT_POLICY
  return {
    type: 'use',
    ttlMs: Math.min(ttlMs ?? ttl, ttlMax),
    mode: wish === 'refresh' || wish === 'only' ? wish : 'normal',
    ...(semantic === undefined ? {} : { semantic }),
  }
}

type Wish = 'on' | 'off' | 'refresh' | 'only'

function readWish(headers: Headers): Wish | undefined {
  return ownWish(headers[CACHE_HEADER]) ?? foreignWish(headers) ?? httpWish(headers['cache-control'])
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
 * behind; `no-cache` wants a fresh answer.
 */
function httpWish(value: Headers[string]): Wish | undefined {
  if (typeof value !== 'string') return undefined
  const words = value.toLowerCase()
  if (words.includes('only-if-cached')) return 'only'
  if (words.includes('no-store')) return 'off'
  return words.includes('no-cache') ? 'refresh' : undefined
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
