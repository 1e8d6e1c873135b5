/**
 * Keeps the shares that this node has of the limits which nodes divide among themselves: asks the store for all of them
 * every second, sooner where a caller needs it, and never while a request waits. A store that does not answer costs
 * nobody anything: what was granted holds for a while, and after that each node goes on with its part of the whole.
 */

import type { Clock, Timer } from '../std/clock.ts'
import type { SharedLimits } from './caller-limits.ts'
import type { LimitShareStore, PartyAsk } from './limit-share-store.ts'

/** How often the shares are asked for, ms. */
export const RENEW_EVERY_MS = 1_000
/** How soon after one asking the next may come where a caller needs it, ms. */
export const RENEW_SOONEST_MS = 100
/** How long a share holds that is not asked for again, ms. */
export const SHARE_HOLD_MS = 5_000
/** Keys and projects that are told to the store; more that are in use at one time have this node's part. */
export const PARTIES_MAX = 5_000
/** Those in one ask. */
const PARTIES_EACH = 500
/** How many nodes there may be where the store never said it: each gives out a quarter then. */
export const NODES_UNKNOWN = 4

export interface ShareRenewalInit {
  readonly clock: Clock
  readonly store: LimitShareStore
  readonly nodeId: string
  readonly limits: SharedLimits
}

export class ShareRenewal {
  readonly #init: ShareRenewalInit
  #turn = 0
  #askedAtMs = Number.NEGATIVE_INFINITY
  #underWay: Promise<void> | undefined
  #isWanted = false
  #isStopped = false
  #timer: Timer | undefined
  #dueMs = Number.POSITIVE_INFINITY

  constructor(init: ShareRenewalInit) {
    this.#init = init
  }

  /** Resolves once the store was asked how many nodes there are, whether it answered or not. */
  async start(): Promise<void> {
    await this.#renew()
  }

  /** Asks as soon as it may. Returns at once. */
  soon(): void {
    if (this.#underWay === undefined) this.#wake(this.#askedAtMs + RENEW_SOONEST_MS)
    else this.#isWanted = true
  }

  /** Gives everything back. Never rejects. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#timer?.cancel()
    await this.#underWay
    await this.#ask(this.#init.limits.farewells(), true)
  }

  #renew(): Promise<void> {
    this.#askedAtMs = this.#init.clock.nowMs()
    this.#isWanted = false
    this.#underWay = this.#ask(this.#init.limits.shareAsks(PARTIES_MAX), false).finally(() => {
      this.#underWay = undefined
      this.#dueMs = Number.POSITIVE_INFINITY
      this.#wake(this.#askedAtMs + (this.#isWanted ? RENEW_SOONEST_MS : RENEW_EVERY_MS))
    })
    return this.#underWay
  }

  #wake(atMs: number): void {
    if (this.#isStopped || atMs >= this.#dueMs) return
    this.#timer?.cancel()
    this.#dueMs = atMs
    const { clock } = this.#init
    this.#timer = clock.after(Math.max(0, atMs - clock.nowMs()), () => void this.#renew())
  }

  /** What was not heard counts for lost on both sides: the store goes on holding it for this node until it runs out. */
  async #ask(parties: readonly PartyAsk[], isLeaving: boolean): Promise<void> {
    try {
      for (let at = 0; at === 0 || at < parties.length; at += PARTIES_EACH)
        await this.#askFor(parties.slice(at, at + PARTIES_EACH), isLeaving)
    } catch {
      // The guard of the store tells of it.
    }
  }

  async #askFor(parties: readonly PartyAsk[], isLeaving: boolean): Promise<void> {
    const { clock, store, nodeId, limits } = this.#init
    this.#turn += 1
    // From before it is asked: here a share is over before it is for the store.
    const untilMs = clock.nowMs() + SHARE_HOLD_MS
    const { nodes, grants } = await store.renewShares({
      nodeId,
      turn: this.#turn,
      holdMs: SHARE_HOLD_MS,
      isLeaving,
      parties,
    })
    limits.setOwnShare(1 / Math.max(1, nodes))
    for (const [at, { party, wants }] of parties.entries()) {
      const grant = grants[at]
      if (grant === undefined || wants === undefined) continue
      if (limits.takeGrant(party, grant, untilMs)) this.#isWanted = true
    }
  }
}
