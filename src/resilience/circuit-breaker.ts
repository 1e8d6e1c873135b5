/**
 * Leaves a target in peace that fails again and again: closed; open for a while; then half-open, for one real request at
 * a time. No clock of its own: every act is told the time, monotonic, ms.
 */

import type { Random } from '../std/ids.ts'
import { drawCooldownMs, type FailureOrigin } from './cooldown.ts'
import { type CallCounts, isTooMuch } from './opening-rule.ts'
import { Probe } from './probe.ts'
import { RecentCalls } from './recent-calls.ts'

export type BreakerState = 'closed' | 'open' | 'half-open'

export interface CallFailure {
  /** 1, or less for a failure that says less. */
  readonly weight: number
  readonly origin: FailureOrigin
  readonly startedAtMs: number
  readonly nowMs: number
  /** Default true; otherwise it is counted only. */
  readonly mayOpen?: boolean
}

/**
 * A call that began before the breaker opened says nothing of what came after it: it neither closes the breaker, nor
 * opens it again, nor ends its probe. An open window ends early only by the success of the one call made inside it.
 */
export class CircuitBreaker {
  readonly #random: Random
  readonly #recent = new RecentCalls()
  readonly #probe = new Probe()
  #isClosed = true
  #openedAtMs = Number.NEGATIVE_INFINITY
  #openUntilMs = Number.NEGATIVE_INFINITY
  /** Since it was last closed. */
  #openings = 0
  /** When the first call since the opening began that finds out whether the target is well again. */
  #triedAtMs = Number.POSITIVE_INFINITY

  constructor(random: Random) {
    this.#random = random
  }

  /** How often it opened since it was last closed. */
  get openings(): number {
    return this.#openings
  }

  /** The end of the open window, also when it is past; none when closed, which is before all time. */
  get openUntilMs(): number {
    return this.#openUntilMs
  }

  /** The beginning of the latest open window. */
  get openedAtMs(): number {
    return this.#openedAtMs
  }

  state(nowMs: number): BreakerState {
    if (this.#isClosed) return 'closed'
    return nowMs < this.#openUntilMs ? 'open' : 'half-open'
  }

  /** One call is finding out whether the target is well again. */
  isProbed(nowMs: number): boolean {
    return !this.#isClosed && this.#probe.isUnderWay(nowMs)
  }

  isAvailable(nowMs: number): boolean {
    return this.#isClosed || (nowMs >= this.#openUntilMs && !this.#probe.isUnderWay(nowMs))
  }

  /** Where everything is ill, one call may be made inside each open window. */
  mayPanic(nowMs: number): boolean {
    return this.state(nowMs) === 'open' && this.#triedAtMs === Number.POSITIVE_INFINITY
  }

  counts(nowMs: number): CallCounts {
    return this.#recent.counts(nowMs)
  }

  /** A call begins; unless the breaker is closed, it is the one that finds out. */
  begin(nowMs: number): void {
    if (this.#isClosed) return
    this.#probe.begin(nowMs)
    this.#triedAtMs = Math.min(this.#triedAtMs, nowMs)
  }

  /** A call reached a valid end. Whether that counts: the breaker is closed afterwards. */
  succeed(startedAtMs: number, nowMs: number): boolean {
    this.#probe.end(startedAtMs)
    if (!this.#isClosed && startedAtMs < this.#triedAtMs) return false
    if (!this.#isClosed) this.#close()
    this.#recent.noteSuccess(nowMs)
    return true
  }

  /** Whether the breaker opened with it, for the first time or again. */
  fail(failure: CallFailure): boolean {
    const { weight, origin, startedAtMs, nowMs, mayOpen = true } = failure
    this.#probe.end(startedAtMs)
    const isStale = this.#isClosed ? startedAtMs < this.#openedAtMs : startedAtMs < this.#triedAtMs
    if (isStale) return false
    this.#recent.noteFailure(weight, nowMs)
    if (!mayOpen) return false
    const opens = this.#isClosed ? isTooMuch(this.#recent.counts(nowMs)) : nowMs >= this.#openUntilMs
    if (opens) this.#open(origin, nowMs)
    return opens
  }

  /** A call ended without saying anything of the target's health. */
  release(startedAtMs: number): void {
    this.#probe.end(startedAtMs)
  }

  #open(origin: FailureOrigin, nowMs: number): void {
    this.#isClosed = false
    this.#openedAtMs = nowMs
    this.#openUntilMs = nowMs + drawCooldownMs(this.#openings, origin, this.#random)
    this.#openings += 1
    this.#triedAtMs = Number.POSITIVE_INFINITY
    this.#probe.clear()
  }

  #close(): void {
    this.#isClosed = true
    this.#openUntilMs = Number.NEGATIVE_INFINITY
    this.#openings = 0
    this.#recent.clear()
  }
}
