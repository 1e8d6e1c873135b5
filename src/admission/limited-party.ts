/** One key or one project with the limits it has: what is left of each, and what a request holds of them. */

import type { RateLimits } from '../keys/records.ts'
import type { RateStanding } from './limit-standing.ts'
import type { LimitAsk, LimitHolder, LimitKind, LimitRefusal, LimitUse } from './limit-terms.ts'
import { RateBucket } from './rate-bucket.ts'

/** When a place among too many concurrent requests comes free is not known; this is as good a guess as any. */
export const CONCURRENCY_WAIT_MS = 1_000

/** What is counted by the minute. */
export type RateKind = Exclude<LimitKind, 'concurrent-requests'>

interface Meter {
  readonly kind: RateKind
  readonly bucket: RateBucket
}

export class LimitedParty {
  readonly #of: LimitHolder
  #limits: RateLimits | undefined
  #share = 0
  #meters: readonly Meter[] = []
  #places = Infinity
  #inFlight = 0

  constructor(of: LimitHolder, limits: RateLimits, share: number, nowMs: number) {
    this.#of = of
    this.adopt(limits, share, nowMs)
  }

  get inFlight(): number {
    return this.#inFlight
  }

  /** Nothing would be lost with it: all is there, and nothing is under way. */
  isIdleAt(nowMs: number): boolean {
    return this.#inFlight === 0 && this.#meters.every(({ bucket }) => bucket.isFullAt(nowMs))
  }

  /** Its limits from now on. What was taken of a limit stays taken when it changes. */
  adopt(limits: RateLimits, share: number, nowMs: number): void {
    if (limits === this.#limits && share === this.#share) return
    this.#limits = limits
    this.#share = share
    this.#places = partOf(limits.concurrentRequests ?? Infinity, share)
    const meters: Meter[] = []
    for (const [kind, field] of rateFields) {
      const limit = limits[field]
      if (limit !== undefined) meters.push(this.#meter(kind, partOf(limit, share), nowMs))
    }
    this.#meters = meters
  }

  /** Why a request does not fit, by the limit that has room last; `undefined` where it fits. */
  refusal(ask: LimitAsk, nowMs: number): LimitRefusal | undefined {
    let worst: Meter | undefined
    let worstMs = 0
    for (const meter of this.#meters) {
      const waitMs = meter.bucket.waitMs(askedOf(meter, ask), nowMs)
      if (waitMs <= worstMs) continue
      worst = meter
      worstMs = waitMs
    }
    if (this.#inFlight >= this.#places && worstMs < CONCURRENCY_WAIT_MS) return this.#crowded()
    return worst === undefined ? undefined : this.#spent(worst, ask, nowMs, worstMs)
  }

  /** Takes what the request asks of every limit. There is room: `refusal` said so. */
  hold(ask: LimitAsk, nowMs: number): PartyHold {
    const meters = this.#meters
    const amounts: number[] = []
    for (const meter of meters) {
      const amount = askedOf(meter, ask)
      meter.bucket.take(amount, nowMs)
      amounts.push(amount)
    }
    this.#inFlight += 1
    return new PartyHold(meters, amounts, () => {
      this.#inFlight -= 1
    })
  }

  standing(kind: RateKind, nowMs: number): RateStanding | undefined {
    const bucket = this.#meters.find((meter) => meter.kind === kind)?.bucket
    return (
      bucket && {
        limit: Math.floor(bucket.capacity),
        remaining: wholeLeft(bucket.levelAt(nowMs)),
        resetMs: Math.ceil(bucket.fullInMs(nowMs)),
      }
    )
  }

  #meter(kind: RateKind, perMinute: number, nowMs: number): Meter {
    const known = this.#meters.find((meter) => meter.kind === kind)
    if (known === undefined) return { kind, bucket: new RateBucket(perMinute, nowMs) }
    known.bucket.resize(perMinute, nowMs)
    return known
  }

  #crowded(): LimitRefusal {
    const refusal: Omit<LimitRefusal, 'waitMs'> = {
      type: 'refused',
      kind: 'concurrent-requests',
      of: this.#of,
      limit: Math.floor(this.#places),
      remaining: 0,
      needed: 1,
    }
    return this.#places === 0 ? refusal : { ...refusal, waitMs: CONCURRENCY_WAIT_MS }
  }

  #spent(meter: Meter, ask: LimitAsk, nowMs: number, waitMs: number): LimitRefusal {
    const { kind, bucket } = meter
    return {
      type: 'refused',
      kind,
      of: this.#of,
      limit: Math.floor(bucket.capacity),
      remaining: wholeLeft(bucket.levelAt(nowMs)),
      needed: askedOf(meter, ask),
      ...(waitMs === Infinity ? {} : { waitMs: Math.ceil(waitMs) }),
    }
  }
}

const rateFields = [
  ['requests', 'requestsPerMinute'],
  ['input-tokens', 'inputTokensPerMinute'],
  ['output-tokens', 'outputTokensPerMinute'],
  ['tokens', 'tokensPerMinute'],
] as const satisfies readonly (readonly [RateKind, keyof RateLimits])[]

/** What one request holds of one party. */
export class PartyHold {
  readonly #meters: readonly Meter[]
  readonly #amounts: readonly number[]
  readonly #leave: () => void

  constructor(meters: readonly Meter[], amounts: readonly number[], leave: () => void) {
    this.#meters = meters
    this.#amounts = amounts
    this.#leave = leave
  }

  /** The request is no longer under way. Called once. */
  leave(): void {
    this.#leave()
  }

  settle(ask: LimitAsk, used: LimitUse, nowMs: number): void {
    for (const [at, meter] of this.#meters.entries()) {
      meter.bucket.take(usedOf(meter, ask, used) - (this.#amounts[at] ?? 0), nowMs)
    }
  }

  undo(nowMs: number): void {
    for (const [at, { bucket }] of this.#meters.entries()) bucket.take(-(this.#amounts[at] ?? 0), nowMs)
  }
}

/**
 * A ceiling is not what an answer will be, and clients set it far above: no more than what fits is asked of a bucket on
 * its account, so that such a request waits for a full one and is not refused for ever. Input is what it is.
 */
function askedOf({ kind, bucket: { capacity } }: Meter, { inputTokens, outputTokens }: LimitAsk): number {
  switch (kind) {
    case 'requests':
      return 1
    case 'input-tokens':
      return inputTokens
    case 'output-tokens':
      return Math.min(outputTokens, capacity)
    case 'tokens':
      return Math.max(inputTokens, Math.min(inputTokens + outputTokens, capacity))
  }
}

function usedOf(meter: Meter, ask: LimitAsk, used: LimitUse): number {
  const { inputTokens = ask.inputTokens, outputTokens } = used
  if (outputTokens === undefined) return askedOf(meter, { inputTokens, outputTokens: ask.outputTokens })
  switch (meter.kind) {
    case 'requests':
      return 1
    case 'input-tokens':
      return inputTokens
    case 'output-tokens':
      return outputTokens
    case 'tokens':
      return inputTokens + outputTokens
  }
}

/** This process's part of a limit; a limit above nothing lets at least one through at a time. */
function partOf(limit: number, share: number): number {
  return limit <= 0 ? 0 : Math.max(1, limit * share)
}

function wholeLeft(level: number): number {
  return Math.max(0, Math.floor(level + 1e-6))
}
