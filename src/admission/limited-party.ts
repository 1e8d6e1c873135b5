/** One key or one project with the limits it has: what is left of each, and what a request holds of them. */

import type { RateLimits } from '../keys/records.ts'
import { Demand } from './demand.ts'
import { type Fills, mapFills, NO_FILLS, type PartyAsk, type PartyGrant } from './limit-share-store.ts'
import type { RateStanding } from './limit-standing.ts'
import type { LimitAsk, LimitHolder, LimitRefusal, LimitUse, RateKind } from './limit-terms.ts'
import { RateBucket } from './rate-bucket.ts'

/** When a place among too many concurrent requests comes free is not known; this is as good a guess as any. */
export const CONCURRENCY_WAIT_MS = 1_000
/** How soon the share of a node that has less than others grows, ms. */
const GROWTH_WAIT_MS = 1_000
/** What nobody asked for so long goes back to the other nodes, ms. */
export const SHARE_IDLE_MS = 10_000
/** A share that is greater than what is fair by less is left as it is. */
const SHARE_SLACK = 0.01

interface Meter {
  readonly kind: RateKind
  readonly bucket: RateBucket
  readonly demand: Demand
}

/** What the store that nodes share granted this one of a party's limits. */
interface Lease {
  readonly untilMs: number
  readonly share: number
  readonly fairShare: number
  /** Requests that may be under way; absent where they were not limited. */
  readonly places?: number
}

/** Of each kind, the limit that has least left. */
export type RateStandings = Record<RateKind, RateStanding | undefined>

export class LimitedParty {
  readonly #of: LimitHolder
  #limits: RateLimits | undefined
  #meters: readonly Meter[] = []
  #places = Infinity
  #inFlight = 0
  /** The share where no store grants one: all of it, unless nodes share it. */
  #ownShare: number
  #lease: Lease | undefined
  /** Whether the store may think that this node holds something. */
  #isKnownToStore = false
  #returned: Fills = NO_FILLS
  #usedAtMs = 0
  #placesWanted = 0

  constructor(of: LimitHolder, limits: RateLimits, ownShare: number, nowMs: number) {
    this.#of = of
    this.#ownShare = ownShare
    this.adopt(limits, nowMs)
  }

  get inFlight(): number {
    return this.#inFlight
  }

  /** Nothing would be lost with it: all is there, and nothing is under way. */
  isIdleAt(nowMs: number): boolean {
    return this.#inFlight === 0 && this.#meters.every(({ bucket }) => bucket.isFullAt(nowMs))
  }

  /** Its limits from now on. What was taken of a limit stays taken when it changes. */
  adopt(limits: RateLimits, nowMs: number): void {
    if (limits === this.#limits) return
    this.#limits = limits
    const meters: Meter[] = []
    for (const [kind, field] of rateFields) {
      const limit = limits[field]
      if (limit !== undefined) meters.push(this.#meter(kind, limit, nowMs))
    }
    this.#meters = meters
    this.#countPlaces()
  }

  /** Before it is asked for anything, where nodes share it. What the store granted is over when it is not renewed. */
  comeTo(nowMs: number, ownShare: number): void {
    const lease = this.#lease
    if (lease === undefined ? ownShare === this.#ownShare : nowMs < lease.untilMs) {
      this.#ownShare = ownShare
      return
    }
    this.#ownShare = ownShare
    this.#detach(nowMs)
    this.#countPlaces()
  }

  /** Notes what is asked, be it granted or not; whether asking the store now would bring more. */
  noteAsk(ask: LimitAsk, isRefused: boolean, nowMs: number): boolean {
    this.#usedAtMs = nowMs
    // It came with the ask that was refused.
    if (ask.isShared === true) return false
    for (const meter of this.#meters) {
      meter.demand.note(Math.min(meter.bucket.whole, askedOf(meter, ask)), nowMs)
    }
    const { concurrentRequests = 0 } = this.#limits ?? {}
    const wanted = this.#inFlight + 1
    if (wanted > this.#placesWanted) this.#placesWanted = Math.min(concurrentRequests, wanted)
    if (this.#lease === undefined) return !this.#isKnownToStore
    return isRefused && this.#lease.share + SHARE_SLACK < this.#lease.fairShare
  }

  /**
   * Nothing is asked of it any more: its share may go back, and it may be forgotten. It is full, or who comes again would
   * find it full too soon.
   */
  isLeftAt(nowMs: number): boolean {
    return nowMs - this.#usedAtMs > SHARE_IDLE_MS && this.isIdleAt(nowMs)
  }

  /** What the node says of it to the store that nodes share. */
  shareAsk(party: string, nowMs: number): PartyAsk {
    const limit = this.#limits?.concurrentRequests
    const returned = this.#returned
    this.#returned = NO_FILLS
    const places = limit !== undefined && {
      limit,
      held: this.#lease === undefined ? this.#inFlight : Math.max(this.#places, this.#inFlight),
      wanted: Math.max(this.#placesWanted, this.#inFlight),
    }
    this.#placesWanted = this.#inFlight
    this.#isKnownToStore = true
    const wants = this.#meters.map(({ demand, bucket }) => demand.partOf(bucket.whole, nowMs))
    return {
      party,
      share: this.#lease?.share ?? 0,
      returned,
      wants: Math.max(0, ...wants),
      ...(places && { places }),
    }
  }

  /** As `shareAsk`, where it is to be forgotten; `undefined` where the store knows nothing of it. */
  farewell(party: string, nowMs: number): PartyAsk | undefined {
    if (!this.#isKnownToStore) return undefined
    const returned: Partial<Record<RateKind, number>> = {}
    for (const { kind, bucket } of this.#meters)
      if (this.#lease !== undefined && bucket.whole > 0) returned[kind] = bucket.levelAt(nowMs) / bucket.whole
    return {
      party,
      share: 0,
      returned: sumOfFills(this.#returned, { ...NO_FILLS, ...returned }),
      wants: undefined,
    }
  }

  /** What the store answered; whether some of it is to go back. */
  takeGrant(grant: PartyGrant, untilMs: number, nowMs: number): boolean {
    const { isKept, fairShare, added, places } = grant
    if (!isKept && this.#lease !== undefined) this.#detach(nowMs)
    // Nothing is free yet: it goes on with what it may have without the store.
    if (grant.share <= 0) return false
    const attached = this.#lease
    for (const { kind, bucket } of this.#meters) {
      if (attached === undefined) bucket.attach(grant.share, added[kind], nowMs)
      else bucket.grow(grant.share, added[kind], nowMs)
    }
    const isTooMuch = grant.share > fairShare + SHARE_SLACK
    const share = isTooMuch ? fairShare : grant.share
    if (isTooMuch) this.#giveUp(share, nowMs)
    this.#lease = { untilMs, share, fairShare, ...(places !== undefined && { places }) }
    const placesBefore = this.#places
    this.#countPlaces()
    return isTooMuch || this.#places < placesBefore
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
    if (ask.isShared !== true && this.#inFlight >= this.#places && worstMs < CONCURRENCY_WAIT_MS)
      return this.#crowded()
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
    const places = ask.isShared === true ? 0 : 1
    this.#inFlight += places
    return new PartyHold(meters, amounts, () => {
      this.#inFlight -= places
    })
  }

  /** Puts in how its limits stand, where nothing stands there yet or less is left of them. */
  addStandings(standings: RateStandings, nowMs: number): void {
    for (const { kind, bucket } of this.#meters) {
      const remaining = wholeLeft(bucket.levelAt(nowMs))
      const known = standings[kind]
      if (known !== undefined && known.remaining <= remaining) continue
      standings[kind] = {
        limit: Math.floor(bucket.whole),
        remaining,
        resetMs: Math.ceil(bucket.fullInMs(nowMs)),
      }
    }
  }

  #meter(kind: RateKind, perMinute: number, nowMs: number): Meter {
    const known = this.#meters.find((meter) => meter.kind === kind)
    const share = this.#lease?.share ?? this.#ownShare
    if (known === undefined)
      return { kind, bucket: new RateBucket(perMinute, nowMs, share), demand: new Demand() }
    known.bucket.resize(perMinute, nowMs)
    return known
  }

  #detach(nowMs: number): void {
    this.#lease = undefined
    for (const { bucket } of this.#meters) bucket.detach(this.#ownShare, nowMs)
  }

  /** At once, and said at the next asking: nobody else has it before this node has stopped using it. */
  #giveUp(share: number, nowMs: number): void {
    const returned: Partial<Record<RateKind, number>> = {}
    for (const { kind, bucket } of this.#meters) returned[kind] = bucket.shrink(share, nowMs)
    this.#returned = sumOfFills(this.#returned, { ...NO_FILLS, ...returned })
  }

  #countPlaces(): void {
    const limit = this.#limits?.concurrentRequests ?? Infinity
    this.#places =
      this.#lease?.places === undefined
        ? placesOf(limit, this.#ownShare)
        : Math.min(limit, this.#lease.places)
  }

  #crowded(): LimitRefusal {
    const refusal: Omit<LimitRefusal, 'waitMs'> = {
      type: 'refused',
      kind: 'concurrent-requests',
      of: this.#of,
      limit: Math.floor(this.#limits?.concurrentRequests ?? 0),
      remaining: 0,
      needed: 1,
    }
    return refusal.limit === 0 ? refusal : { ...refusal, waitMs: CONCURRENCY_WAIT_MS }
  }

  #spent(meter: Meter, ask: LimitAsk, nowMs: number, waitMs: number): LimitRefusal {
    const { kind, bucket } = meter
    return {
      type: 'refused',
      kind,
      of: this.#of,
      limit: Math.floor(bucket.whole),
      remaining: wholeLeft(bucket.levelAt(nowMs)),
      needed: askedOf(meter, ask),
      ...(waitMs === Infinity ? {} : { waitMs: Math.ceil(this.#soonest(waitMs)) }),
    }
  }

  /** A share that is less than what is fair is about to grow. */
  #soonest(waitMs: number): number {
    const { share, fairShare } = this.#lease ?? { share: 1, fairShare: 1 }
    if (share >= fairShare) return waitMs
    return Math.max(Math.min(waitMs, GROWTH_WAIT_MS), (waitMs * share) / fairShare)
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
    let at = 0
    for (const meter of this.#meters)
      meter.bucket.take(usedOf(meter, ask, used) - (this.#amounts[at++] ?? 0), nowMs)
  }

  undo(nowMs: number): void {
    let at = 0
    for (const { bucket } of this.#meters) bucket.take(-(this.#amounts[at++] ?? 0), nowMs)
  }
}

/**
 * A ceiling is not what an answer will be, and clients set it far above; of a picture nobody knows beforehand what it comes
 * to. No more than what fits is asked of a bucket on their account, so that such a request waits for a full one and is not
 * refused for ever. Text is what it is.
 */
function askedOf(
  { kind, bucket: { whole } }: Meter,
  { inputTokens, attachedTokens = 0, outputTokens }: LimitAsk,
): number {
  switch (kind) {
    case 'requests':
      return 1
    case 'input-tokens':
      return Math.max(inputTokens, Math.min(inputTokens + attachedTokens, whole))
    case 'output-tokens':
      return Math.min(outputTokens, whole)
    case 'tokens':
      return Math.max(inputTokens, Math.min(inputTokens + attachedTokens + outputTokens, whole))
  }
}

function usedOf(meter: Meter, ask: LimitAsk, { inputTokens, outputTokens }: LimitUse): number {
  if (outputTokens === undefined) {
    const input = inputTokens === undefined ? ask : { inputTokens }
    return askedOf(meter, { ...input, outputTokens: ask.outputTokens })
  }
  switch (meter.kind) {
    case 'requests':
      return 1
    case 'input-tokens':
      return inputTokens ?? askedOf(meter, ask)
    case 'output-tokens':
      return outputTokens
    case 'tokens':
      return (inputTokens ?? askedOf(meter, { ...ask, outputTokens: 0 })) + outputTokens
  }
}

/** A limit above nothing lets at least one through at a time. */
function placesOf(limit: number, share: number): number {
  return limit <= 0 ? 0 : Math.max(1, Math.floor(limit * share))
}

function sumOfFills(one: Fills, other: Fills): Fills {
  return mapFills((kind) => one[kind] + other[kind])
}

function wholeLeft(level: number): number {
  return Math.max(0, Math.floor(level + 1e-6))
}
