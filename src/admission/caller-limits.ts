/**
 * What a key and its project may ask in a minute and at one time. All limits of a request are taken together or none is:
 * before it is sent what it may come to, and once it is over what it did. Decides from memory and at once; nobody waits.
 */

import type { RateLimits } from '../keys/records.ts'
import { BoundedCells } from '../resilience/bounded-cells.ts'
import type { Clock } from '../std/clock.ts'
import type { PartyAsk, PartyGrant } from './limit-share-store.ts'
import type { LimitStanding } from './limit-standing.ts'
import type { LimitAsk, LimitHolder, LimitRefusal, LimitUse } from './limit-terms.ts'
import { LimitedParty, type PartyHold, type RateStandings } from './limited-party.ts'

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

/** The same limits, as whoever divides them among nodes sees them. */
export interface SharedLimits {
  /** What this node holds and could use of the limits that are in use here, at most so many; and what it gives back. */
  shareAsks(partiesMax: number): readonly PartyAsk[]
  /** As `shareAsks` of all of them, where the node stops: all it has goes back. */
  farewells(): readonly PartyAsk[]
  /** What the store answered, and until when it holds; whether some of it is to go back soon. */
  takeGrant(party: string, grant: PartyGrant, untilMs: number): boolean
  /** The part of each limit that this node may use where the store grants it none. */
  setOwnShare(share: number): void
}

export interface CallerLimitsInit {
  readonly clock: Pick<Clock, 'nowMs' | 'wallMs'>
  /** Where nodes share the limits. Default: all of them are this process's. */
  readonly sharing?: Sharing
  /** Keys, and projects, that are followed at one time. Default `HOLDERS_MAX`. */
  readonly holdersMax?: number
}

export interface Sharing {
  /** As `SharedLimits.setOwnShare`, from the start. */
  readonly ownShare: number
  /** A caller came that the store was not asked for, or used up what the store would give more of. */
  readonly onWant: () => void
}

/** Keys, and projects, that are followed: those with something to remember, mostly of the last minute. */
export const HOLDERS_MAX = 100_000

export function createCallerLimits(init: CallerLimitsInit): CallerLimits & SharedLimits {
  return new FollowedCallers(init)
}

/** What callers without limits hold: nothing. */
const free: LimitVerdict = {
  type: 'granted',
  permit: { settle: () => {}, release: () => {}, undo: () => {} },
}

class FollowedCallers implements CallerLimits, SharedLimits {
  readonly #clock: Pick<Clock, 'nowMs' | 'wallMs'>
  readonly #onWant: (() => void) | undefined
  readonly #parties: Readonly<Record<LimitHolder, BoundedCells<LimitedParty>>>
  #ownShare: number

  constructor({ clock, sharing, holdersMax = HOLDERS_MAX }: CallerLimitsInit) {
    this.#clock = clock
    this.#onWant = sharing?.onWant
    this.#ownShare = sharing?.ownShare ?? 1
    this.#parties = { key: new BoundedCells(holdersMax), project: new BoundedCells(holdersMax) }
  }

  reserve(caller: LimitedCaller | undefined, ask: LimitAsk): LimitVerdict {
    if (!isLimited(caller)) return free
    const nowMs = this.#clock.nowMs()
    const parties = this.#partiesOf(caller, nowMs)
    if (parties === undefined) return { type: 'no-room' }
    const asked = saneAsk(ask)
    const refusal = lastRoom(parties, asked, nowMs)
    if (this.#onWant !== undefined) this.#noteAsk(parties, asked, refusal !== undefined, nowMs)
    if (refusal !== undefined) return refusal
    const holds = parties.map((party) => party.hold(asked, nowMs))
    return { type: 'granted', permit: new HeldLimits(holds, asked, this.#clock) }
  }

  standing(caller: LimitedCaller | undefined): LimitStanding | undefined {
    if (!isLimited(caller)) return undefined
    const nowMs = this.#clock.nowMs()
    const parties = this.#partiesOf(caller, nowMs)
    if (parties === undefined) return undefined
    const least = noStandings()
    for (const party of parties) party.addStandings(least, nowMs)
    return {
      wallMs: this.#clock.wallMs(),
      requests: least.requests,
      tokens: least.tokens,
      inputTokens: least['input-tokens'],
      outputTokens: least['output-tokens'],
    }
  }

  inFlight(of: LimitHolder, id: string): number {
    return this.#parties[of].get(id)?.inFlight ?? 0
  }

  shareAsks(partiesMax: number): readonly PartyAsk[] {
    const nowMs = this.#clock.nowMs()
    const asks: PartyAsk[] = []
    for (const [cells, id, name, party] of this.#named()) {
      if (asks.length >= partiesMax) break
      party.comeTo(nowMs, this.#ownShare)
      if (!party.isLeftAt(nowMs)) {
        asks.push(party.shareAsk(name, nowMs))
        continue
      }
      cells.delete(id)
      const farewell = party.farewell(name, nowMs)
      if (farewell !== undefined) asks.push(farewell)
    }
    return asks
  }

  farewells(): readonly PartyAsk[] {
    const nowMs = this.#clock.nowMs()
    return [...this.#named()].flatMap(([, , name, party]) => {
      party.comeTo(nowMs, this.#ownShare)
      return party.farewell(name, nowMs) ?? []
    })
  }

  takeGrant(party: string, grant: PartyGrant, untilMs: number): boolean {
    const [of, id] = partyIn(party)
    const nowMs = this.#clock.nowMs()
    const known = this.#parties[of].get(id)
    known?.comeTo(nowMs, this.#ownShare)
    return known?.takeGrant(grant, untilMs, nowMs) ?? false
  }

  setOwnShare(share: number): void {
    this.#ownShare = share
  }

  *#named(): Generator<readonly [BoundedCells<LimitedParty>, string, string, LimitedParty]> {
    for (const holder of ['key', 'project'] as const) {
      const cells = this.#parties[holder]
      for (const [id, party] of cells.entries()) yield [cells, id, partyName(holder, id), party]
    }
  }

  #noteAsk(parties: readonly LimitedParty[], ask: LimitAsk, isRefused: boolean, nowMs: number): void {
    let isWanting = false
    for (const party of parties) if (party.noteAsk(ask, isRefused, nowMs)) isWanting = true
    if (isWanting) this.#onWant?.()
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
    const known = cells.get(id)
    if (known !== undefined) {
      if (this.#onWant !== undefined) known.comeTo(nowMs, this.#ownShare)
      known.adopt(limits, nowMs)
      return known
    }
    // Only what has nothing to remember is forgotten, or a caller could have its limits twice.
    if (!cells.makeRoom((party) => party.isIdleAt(nowMs))) return undefined
    return cells.add(id, new LimitedParty(of, limits, this.#ownShare, nowMs))
  }
}

function noStandings(): RateStandings {
  return { requests: undefined, tokens: undefined, 'input-tokens': undefined, 'output-tokens': undefined }
}

/** Ids have no colon before the first one of such a name. */
function partyName(of: LimitHolder, id: string): string {
  return `${of}:${id}`
}

function partyIn(name: string): readonly [LimitHolder, string] {
  const id = name.slice(name.indexOf(':') + 1)
  return [name.startsWith('key:') ? 'key' : 'project', id]
}

/** Whether what a request asks matters to any limit of the caller's; else it is spared reckoning it. */
export function countsTokens({ key, project }: LimitedCaller): boolean {
  return hasTokenLimits(key?.limits) || hasTokenLimits(project?.limits)
}

function hasTokenLimits(limits: RateLimits = NO_LIMITS): boolean {
  return (
    limits.tokensPerMinute !== undefined ||
    limits.inputTokensPerMinute !== undefined ||
    limits.outputTokensPerMinute !== undefined
  )
}

const NO_LIMITS: RateLimits = {}

function isLimited(caller: LimitedCaller | undefined): caller is LimitedCaller {
  if (caller === undefined) return false
  const { key, project } = caller
  return (key !== undefined && hasLimits(key.limits)) || (project !== undefined && hasLimits(project.limits))
}

function hasLimits(limits: RateLimits): boolean {
  return (
    limits.requestsPerMinute !== undefined ||
    limits.concurrentRequests !== undefined ||
    hasTokenLimits(limits)
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
function saneAsk({ inputTokens, attachedTokens = 0, outputTokens, isShared = false }: LimitAsk): LimitAsk {
  return {
    inputTokens: inputTokens > 0 ? inputTokens : 0,
    attachedTokens: attachedTokens > 0 ? attachedTokens : 0,
    outputTokens: outputTokens > 0 ? outputTokens : 0,
    isShared,
  }
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
