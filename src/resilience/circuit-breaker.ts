/**
 * Leaves a target in peace that fails again and again: closed, open for a while, then half-open for one real request.
 * No clock of its own; every act is told the time. Numbers: resilience.md, target health.
 */

import type { Random } from '../std/ids.ts'
import { FailureWindow } from './failure-window.ts'

/** Failures in a row that open it. */
export const CONSECUTIVE_FAILURES_MAX = 3
/** Share of the calls of the window that opens it, */
export const FAILURE_SHARE_MAX = 0.5
/** once there were so many. */
export const CALLS_MIN = 5
/** How long it stays open: after the first opening, the second, and every one after them. */
export const COOLDOWNS_MS = [5_000, 10_000, 15_000] as const
/** The longest for what does not heal by itself so soon: no connection, no TLS. */
export const LOCAL_COOLDOWN_MAX_MS = 120_000
/** Each cooldown is this much longer or shorter, by chance. */
export const COOLDOWN_JITTER = 0.1
/** How long one request may be the only one that finds out; its answer may take longer, and then the next one may. */
export const PROBE_MS = 30_000

/** What failed: the provider, which heals soon, or the way to it, which may not. */
export type FailureOrigin = 'provider' | 'local'

export type BreakerState = 'closed' | 'open' | 'half-open'

export class CircuitBreaker {
  readonly #random: Random
  readonly #opens: boolean
  readonly #window = new FailureWindow()
  #consecutive = 0
  /** Openings since the last success. */
  #openings = 0
  #openedAtMs = Number.NEGATIVE_INFINITY
  #openUntilMs: number | undefined
  #probedUntilMs = Number.NEGATIVE_INFINITY
  /** The one call inside this open window was made. */
  #hasPanicked = false
  #lastSuccessMs = Number.NEGATIVE_INFINITY

  /** `opens`: whether it ever does; without that it only counts. Default true. */
  constructor(random: Random, { opens = true }: { readonly opens?: boolean } = {}) {
    this.#random = random
    this.#opens = opens
  }

  get consecutiveFailures(): number {
    return this.#consecutive
  }

  /** The end of the open window; absent when closed. */
  get openUntilMs(): number | undefined {
    return this.#openUntilMs
  }

  get openedAtMs(): number {
    return this.#openedAtMs
  }

  get lastSuccessMs(): number {
    return this.#lastSuccessMs
  }

  state(nowMs: number): BreakerState {
    if (this.#openUntilMs === undefined) return 'closed'
    return nowMs < this.#openUntilMs ? 'open' : 'half-open'
  }

  /** A request is finding out whether the target is well again. */
  isProbed(nowMs: number): boolean {
    return nowMs < this.#probedUntilMs
  }

  mayCall(nowMs: number): boolean {
    const state = this.state(nowMs)
    return state === 'closed' || (state === 'half-open' && !this.isProbed(nowMs))
  }

  /** Where everything is ill, one call may be made inside an open window. */
  mayPanic(nowMs: number): boolean {
    return this.state(nowMs) === 'open' && !this.#hasPanicked
  }

  /** A call begins; unless closed, it is the one that finds out. */
  begin(nowMs: number): void {
    const state = this.state(nowMs)
    if (state === 'closed') return
    this.#probedUntilMs = nowMs + PROBE_MS
    if (state === 'open') this.#hasPanicked = true
  }

  /** A valid end was seen, of a call begun at `startedAtMs`. Whether it closed. */
  succeed(startedAtMs: number, nowMs: number): boolean {
    this.#window.add(0, nowMs)
    // An answer from before the failures says nothing of what came after it.
    const isNewer = startedAtMs >= this.#openedAtMs
    if (this.#openUntilMs !== undefined && !isNewer) return false
    this.#consecutive = 0
    this.#lastSuccessMs = nowMs
    this.#openings = 0
    this.#probedUntilMs = Number.NEGATIVE_INFINITY
    if (this.#openUntilMs === undefined) return false
    this.#openUntilMs = undefined
    this.#window.clear()
    return true
  }

  /** `weight`: 1, or less for what says less. Whether it opened. */
  fail(weight: number, origin: FailureOrigin, nowMs: number): boolean {
    this.#window.add(weight, nowMs)
    this.#consecutive += weight
    const state = this.state(nowMs)
    // What fails inside an open window was begun before it, or in panic: it is open already.
    if (state === 'open' || !this.#opens) return false
    this.#probedUntilMs = Number.NEGATIVE_INFINITY
    if (state === 'closed' && !this.#isTooMuch(nowMs)) return false
    this.#open(origin, nowMs)
    return true
  }

  /** The call ended without saying anything of the target. */
  cancel(): void {
    this.#probedUntilMs = Number.NEGATIVE_INFINITY
  }

  totals(nowMs: number) {
    return this.#window.totals(nowMs)
  }

  #isTooMuch(nowMs: number): boolean {
    if (this.#consecutive >= CONSECUTIVE_FAILURES_MAX) return true
    const { calls, failures } = this.#window.totals(nowMs)
    return calls >= CALLS_MIN && failures / calls >= FAILURE_SHARE_MAX
  }

  #open(origin: FailureOrigin, nowMs: number): void {
    const jitter = 1 + COOLDOWN_JITTER * (2 * this.#random.next() - 1)
    this.#openedAtMs = nowMs
    this.#openUntilMs = nowMs + cooldownMs(this.#openings, origin) * jitter
    this.#openings += 1
    this.#hasPanicked = false
  }
}

/** Before jitter, ms. `openings`: those before this one, since the last success. */
export function cooldownMs(openings: number, origin: FailureOrigin): number {
  if (origin === 'local') return Math.min(LOCAL_COOLDOWN_MAX_MS, COOLDOWNS_MS[0] * 2 ** openings)
  return COOLDOWNS_MS[Math.min(openings, COOLDOWNS_MS.length - 1)] ?? COOLDOWNS_MS[2]
}
