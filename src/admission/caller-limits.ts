/**
 * What a key and its project may ask in a minute and at one time. All limits of a request are taken together or none is:
 * before it is sent what it may come to, and once it is over what it did. Decides from memory and at once; nobody waits.
 */

import type { RateLimits } from '../keys/records.ts'
import { BoundedCells } from '../resilience/bounded-cells.ts'
import type { Clock } from '../std/clock.ts'
import type { LimitStanding, RateStanding } from './limit-standing.ts'
import type { LimitAsk, LimitHolder, LimitRefusal, LimitUse } from './limit-terms.ts'
import { LimitedParty, type PartyHold, type RateKind } from './limited-party.ts'

/** Who asks, as far as limits are concerned. A value that is the same object while its limits are costs least. */
export interface LimitedCaller {
  readonly key?: { readonly id: string; readonly limits: RateLimits }
  readonly project?: { readonly id: string; readonly limits: RateLimits }
}

export type LimitVerdict =
  | { readonly type: 'granted'; readonly permit: LimitPermit }
  | LimitRefusal
  /** As many callers are followed as may be, and each of them is at work. */
  | { readonly type: 'no-room' }

/** What one request holds of its caller's limits. Each verb counts once. */
export interface LimitPermit {
  /** Puts what was used in the place of what was asked: the rest goes back, and what was used beyond it is taken. */
  settle(used: LimitUse): void
  /** The request is over: another may be under way in its place. */
  release(): void
  /** The request had no effect: all goes back, its place too. What is settled stays. */
  undo(): void
}

export interface CallerLimits {
  reserve(caller: LimitedCaller | undefined, ask: LimitAsk): LimitVerdict
  /** Where a caller stands now, of each kind with the limit that has least left; `undefined` where it has none. */
  standing(caller: LimitedCaller | undefined): LimitStanding | undefined
  /** Requests that a key or a project has under way; 0 where nothing is known of it. */
  inFlight(of: LimitHolder, id: string): number
}

export interface CallerLimitsInit {
  readonly clock: Pick<Clock, 'nowMs' | 'wallMs'>
  /**
   * The part of every limit that this process may give out, above 0 and up to 1; 1 by default. Where several processes
   * share a limit and cannot ask each other, the parts of all make a whole.
   */
  readonly share?: () => number
  /** Keys, and projects, that are followed at one time. Default `HOLDERS_MAX`. */
  readonly holdersMax?: number
}

/** Keys, and projects, that are followed: those with something to remember, mostly of the last minute. */
export const HOLDERS_MAX = 100_000

export function createCallerLimits(init: CallerLimitsInit): CallerLimits {
  return new FollowedCallers(init)
}

/** What callers without limits hold: nothing. */
const free: LimitVerdict = {
  type: 'granted',
  permit: { settle: () => {}, release: () => {}, undo: () => {} },
}

class FollowedCallers implements CallerLimits {
  readonly #clock: Pick<Clock, 'nowMs' | 'wallMs'>
  readonly #share: () => number
  readonly #parties: Readonly<Record<LimitHolder, BoundedCells<LimitedParty>>>

  constructor({ clock, share = () => 1, holdersMax = HOLDERS_MAX }: CallerLimitsInit) {
    this.#clock = clock
    this.#share = share
    this.#parties = { key: new BoundedCells(holdersMax), project: new BoundedCells(holdersMax) }
  }

  reserve(caller: LimitedCaller | undefined, ask: LimitAsk): LimitVerdict {
    if (!isLimited(caller)) return free
    const nowMs = this.#clock.nowMs()
    const parties = this.#partiesOf(caller, nowMs)
    if (parties === undefined) return { type: 'no-room' }
    const asked = saneAsk(ask)
    const refusal = lastRoom(parties, asked, nowMs)
    if (refusal !== undefined) return refusal
    const holds = parties.map((party) => party.hold(asked, nowMs))
    return { type: 'granted', permit: new HeldLimits(holds, asked, this.#clock) }
  }

  standing(caller: LimitedCaller | undefined): LimitStanding | undefined {
    if (!isLimited(caller)) return undefined
    const nowMs = this.#clock.nowMs()
    const parties = this.#partiesOf(caller, nowMs)
    if (parties === undefined) return undefined
    const requests = leastLeft(parties, 'requests', nowMs)
    const tokens = leastLeft(parties, 'tokens', nowMs)
    const inputTokens = leastLeft(parties, 'input-tokens', nowMs)
    const outputTokens = leastLeft(parties, 'output-tokens', nowMs)
    return {
      wallMs: this.#clock.wallMs(),
      ...(requests && { requests }),
      ...(tokens && { tokens }),
      ...(inputTokens && { inputTokens }),
      ...(outputTokens && { outputTokens }),
    }
  }

  inFlight(of: LimitHolder, id: string): number {
    return this.#parties[of].get(id)?.inFlight ?? 0
  }

  /** `undefined` where one of them cannot be followed. */
  #partiesOf({ key, project }: LimitedCaller, nowMs: number): readonly LimitedParty[] | undefined {
    const parties: LimitedParty[] = []
    if (key !== undefined && hasLimits(key.limits)) {
      const party = this.#partyOf('key', key.id, key.limits, nowMs)
      if (party === undefined) return undefined
      parties.push(party)
    }
    if (project !== undefined && hasLimits(project.limits)) {
      const party = this.#partyOf('project', project.id, project.limits, nowMs)
      if (party === undefined) return undefined
      parties.push(party)
    }
    return parties
  }

  #partyOf(of: LimitHolder, id: string, limits: RateLimits, nowMs: number): LimitedParty | undefined {
    const cells = this.#parties[of]
    const share = this.#share()
    const known = cells.get(id)
    if (known !== undefined) {
      known.adopt(limits, share, nowMs)
      return known
    }
    // Only what has nothing to remember is forgotten, or a caller could have its limits twice.
    if (!cells.makeRoom((party) => party.isIdleAt(nowMs))) return undefined
    return cells.add(id, new LimitedParty(of, limits, share, nowMs))
  }
}

function isLimited(caller: LimitedCaller | undefined): caller is LimitedCaller {
  if (caller === undefined) return false
  const { key, project } = caller
  return (key !== undefined && hasLimits(key.limits)) || (project !== undefined && hasLimits(project.limits))
}

function hasLimits(limits: RateLimits): boolean {
  return (
    limits.requestsPerMinute !== undefined ||
    limits.tokensPerMinute !== undefined ||
    limits.inputTokensPerMinute !== undefined ||
    limits.outputTokensPerMinute !== undefined ||
    limits.concurrentRequests !== undefined
  )
}

/** The refusal that holds longest; `undefined` where there is room everywhere. */
function lastRoom(parties: readonly LimitedParty[], ask: LimitAsk, nowMs: number): LimitRefusal | undefined {
  let last: LimitRefusal | undefined
  for (const party of parties) {
    const refusal = party.refusal(ask, nowMs)
    if (refusal === undefined) continue
    if (last === undefined || waitOf(refusal) > waitOf(last)) last = refusal
  }
  return last
}

function waitOf({ waitMs = Infinity }: LimitRefusal): number {
  return waitMs
}

function leastLeft(
  parties: readonly LimitedParty[],
  kind: RateKind,
  nowMs: number,
): RateStanding | undefined {
  let least: RateStanding | undefined
  for (const party of parties) {
    const standing = party.standing(kind, nowMs)
    if (standing === undefined) continue
    if (least === undefined || standing.remaining < least.remaining) least = standing
  }
  return least
}

class HeldLimits implements LimitPermit {
  readonly #holds: readonly PartyHold[]
  readonly #ask: LimitAsk
  readonly #clock: Pick<Clock, 'nowMs'>
  #isSettled = false
  #isReleased = false

  constructor(holds: readonly PartyHold[], ask: LimitAsk, clock: Pick<Clock, 'nowMs'>) {
    this.#holds = holds
    this.#ask = ask
    this.#clock = clock
  }

  settle(used: LimitUse): void {
    if (this.#isSettled) return
    this.#isSettled = true
    const nowMs = this.#clock.nowMs()
    const sane = saneUse(used)
    for (const hold of this.#holds) hold.settle(this.#ask, sane, nowMs)
  }

  release(): void {
    if (this.#isReleased) return
    this.#isReleased = true
    for (const hold of this.#holds) hold.leave()
  }

  undo(): void {
    if (!this.#isSettled) {
      this.#isSettled = true
      const nowMs = this.#clock.nowMs()
      for (const hold of this.#holds) hold.undo(nowMs)
    }
    this.release()
  }
}

/** What is no number of tokens would spoil a bucket for ever. */
function saneAsk({ inputTokens, outputTokens }: LimitAsk): LimitAsk {
  return { inputTokens: inputTokens > 0 ? inputTokens : 0, outputTokens: outputTokens > 0 ? outputTokens : 0 }
}

function saneUse({ inputTokens, outputTokens }: LimitUse): LimitUse {
  return {
    ...(isCount(inputTokens) && { inputTokens }),
    ...(isCount(outputTokens) && { outputTokens }),
  }
}

function isCount(value: number | undefined): value is number {
  return value !== undefined && Number.isFinite(value) && value >= 0
}
