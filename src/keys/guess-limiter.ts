/**
 * How often one address may present a key that is not good (SEC-18). A good key always gets through, however many bad
 * ones its neighbours send: nobody can lock out the others behind one address, and a good key costs no look-up here.
 */

import { isIPv6 } from 'node:net'
import { GatewayError } from '../errors/gateway-error.ts'
import type { Clock } from '../std/clock.ts'

export interface GuessLimits {
  /** Failures at once. Default 20. */
  readonly burst?: number
  /** Failures a second after that. Default 1. */
  readonly perSecond?: number
  /** Addresses that are remembered; beyond it those that failed longest ago are forgotten. Default 10,000. */
  readonly sourcesMax?: number
}

export interface GuessLimiter {
  /**
   * A request from `address` was refused for its key. Gives back the error it is to be told: `error` itself, or, where too
   * many came before it, `too_many_failures`, which says nothing of the key. Errors of another code are not counted.
   */
  judge(error: GatewayError, address: string | undefined): GatewayError
  /**
   * Whether the address has used up its failures: what costs more than a look into memory (an unknown key that might be
   * new) is not done for it.
   */
  isLimited(address: string | undefined): boolean
  /** Addresses that are remembered. */
  readonly sources: number
}

interface Bucket {
  readonly tokens: number
  readonly atMs: number
}

export function createGuessLimiter(clock: Pick<Clock, 'nowMs'>, limits: GuessLimits = {}): GuessLimiter {
  const { burst = 20, perSecond = 1, sourcesMax = 10_000 } = limits
  const table = new RecentSources(sourcesMax)

  const tokensOf = ({ tokens, atMs }: Bucket, nowMs: number) =>
    Math.min(burst, tokens + ((nowMs - atMs) / 1_000) * perSecond)

  /** How long the source has to wait, ms; 0 where it has a failure left, which is taken. */
  const take = (source: string): number => {
    const nowMs = clock.nowMs()
    const known = table.find(source)
    const tokens = known === undefined ? burst : tokensOf(known, nowMs)
    const isGranted = tokens >= 1
    table.put(source, { tokens: isGranted ? tokens - 1 : tokens, atMs: nowMs })
    return isGranted ? 0 : ((1 - tokens) / perSecond) * 1_000
  }

  return {
    judge(error, address) {
      if (error.code !== 'unauthenticated') return error
      const waitMs = take(sourceOf(address))
      return waitMs === 0 ? error : tooMany(waitMs)
    },
    isLimited(address) {
      if (table.size === 0) return false
      const bucket = table.find(sourceOf(address))
      return bucket !== undefined && tokensOf(bucket, clock.nowMs()) < 1
    },
    get sources() {
      return table.size
    },
  }
}

/**
 * Sources in two halves: those put since the last change of halves, and those before. A full half takes the place of the
 * other, which is forgotten. (One map that forgets its first entry each time walks over all it has forgotten: 13 µs each.)
 */
class RecentSources {
  readonly #halfMax: number
  #recent = new Map<string, Bucket>()
  #older = new Map<string, Bucket>()

  constructor(sourcesMax: number) {
    this.#halfMax = Math.max(1, Math.floor(sourcesMax / 2))
  }

  get size(): number {
    return this.#recent.size + this.#older.size
  }

  find(source: string): Bucket | undefined {
    return this.#recent.get(source) ?? this.#older.get(source)
  }

  put(source: string, bucket: Bucket): void {
    if (!this.#recent.has(source) && this.#recent.size >= this.#halfMax) {
      this.#older = this.#recent
      this.#recent = new Map()
    }
    this.#older.delete(source)
    this.#recent.set(source, bucket)
  }
}

function tooMany(waitMs: number): GatewayError {
  return new GatewayError(
    'too_many_failures',
    'Too many requests without a good client key came from this address.',
    { retryAfterMs: Math.ceil(waitMs) },
  )
}

/** Longer than any address: 45 characters and a zone. */
const ADDRESS_LENGTH_MAX = 64
const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i

/** What counts as one source: an IPv4 address; of an IPv6 address the network, of which one customer has a whole one. */
export function sourceOf(address = ''): string {
  const bare = address.slice(0, ADDRESS_LENGTH_MAX).replace(/%.*$/s, '')
  const mapped = MAPPED.exec(bare)
  if (mapped?.[1] !== undefined) return mapped[1]
  return isIPv6(bare) ? networkOf(bare) : bare
}

/** The first 64 bits, as four groups in one spelling. */
function networkOf(address: string): string {
  const [head = '', tail] = address.toLowerCase().split('::')
  const before = groupsOf(head)
  const after = tail === undefined ? [] : groupsOf(tail)
  const gap = Array.from({ length: Math.max(0, 8 - before.length - after.length) }, () => '0')
  const groups = [...before, ...gap, ...after].slice(0, 4)
  return `${groups.map((group) => group.replace(/^0+(?=.)/, '')).join(':')}::/64`
}

/** An IPv4 address at the end stands for two groups. */
function groupsOf(part: string): readonly string[] {
  if (part === '') return []
  return part.split(':').flatMap((group) => (group.includes('.') ? [group, group] : [group]))
}
