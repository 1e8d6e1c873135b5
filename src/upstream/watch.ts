/**
 * The clock of one attempt: connect, first token, idle, and a floor under the rate of a plain body. One timer for all
 * of them: bytes only note when they came, and the timer, when it fires early, looks and winds itself again.
 */

import type { AttemptTimers } from '../providers/provider.ts'
import type { Clock, Timer } from '../std/clock.ts'

/** A plain body, once begun, brings at least `BODY_RATE_BYTES_MIN` in every such window, ms (fault 51). */
export const BODY_RATE_WINDOW_MS = 20_000
/** See `BODY_RATE_WINDOW_MS`. */
export const BODY_RATE_BYTES_MIN = 256
/** How long the body of a refusal is waited for, ms; after that its status has to do. */
export const REFUSAL_BODY_MS = 5_000

/** Which limit passed. */
export type Limit = 'connect' | 'first-token' | 'refusal-body' | 'idle' | 'rate'

type Stage =
  | { readonly limit: 'connect' | 'first-token' | 'refusal-body'; readonly atMs: number }
  | { readonly limit: 'idle'; readonly isRated: boolean }

export class Watch {
  readonly #clock: Clock
  readonly #timers: AttemptTimers
  readonly #onLimit: (limit: Limit) => void
  #startedAtMs: number
  #stage: Stage
  #timer: Timer | undefined
  #firesAtMs = Number.POSITIVE_INFINITY
  #lastByteAtMs = 0
  #windowStartMs = 0
  #windowBytes = 0
  #isSuspended = false

  constructor(clock: Clock, timers: AttemptTimers, onLimit: (limit: Limit) => void) {
    this.#clock = clock
    this.#timers = timers
    this.#onLimit = onLimit
    this.#startedAtMs = clock.nowMs()
    this.#stage = this.#connecting()
  }

  /** Winds the timer. After the transport was asked, so that at the same limit its own, better informed timer fires first. */
  start(): void {
    this.#wind(this.#clock.nowMs())
  }

  /** A place for a connection is free at last: the attempt starts here, since what was waited was our own doing (fault 141). */
  begins(): void {
    if (this.#stage.limit !== 'connect') return
    this.#startedAtMs = this.#clock.nowMs()
    this.#stage = this.#connecting()
  }

  /** A connection stands: the first token is awaited, counted from the start of the attempt. */
  connected(): void {
    if (this.#stage.limit !== 'connect') return
    this.#stage = { limit: 'first-token', atMs: this.#startedAtMs + this.#timers.firstTokenMs }
  }

  /** A part of a long request went out: the answer is awaited from there. */
  sends(): void {
    if (this.#stage.limit !== 'first-token') return
    this.#stage = { limit: 'first-token', atMs: this.#clock.nowMs() + this.#timers.firstTokenMs }
  }

  /** The answer is a refusal: its body is worth a short wait only. */
  refused(): void {
    const now = this.#clock.nowMs()
    this.#stage = { limit: 'refusal-body', atMs: now + REFUSAL_BODY_MS }
    this.#wind(now)
  }

  /** Content flows: from here on silence is watched, and in a plain body the rate. */
  flows(isRated: boolean): void {
    if (this.#stage.limit === 'idle') return
    const now = this.#clock.nowMs()
    this.#stage = { limit: 'idle', isRated }
    this.#startWindow(now)
    this.#wind(now)
  }

  bytes(count: number): void {
    this.#lastByteAtMs = this.#clock.nowMs()
    this.#windowBytes += count
  }

  /** We stopped reading: silence is now ours. */
  suspend(): void {
    this.#isSuspended = true
  }

  resume(): void {
    this.#isSuspended = false
    this.#startWindow(this.#clock.nowMs())
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #connecting(): Stage {
    const { connectMs, firstTokenMs } = this.#timers
    return { limit: 'connect', atMs: this.#startedAtMs + Math.min(connectMs, firstTokenMs) }
  }

  #startWindow(now: number): void {
    this.#lastByteAtMs = now
    this.#windowStartMs = now
    this.#windowBytes = 0
  }

  #deadlineMs(now: number): number {
    if (this.#stage.limit !== 'idle') return this.#stage.atMs
    if (this.#isSuspended) return now + this.#timers.idleMs
    const idleAtMs = this.#lastByteAtMs + this.#timers.idleMs
    return this.#stage.isRated ? Math.min(idleAtMs, this.#windowStartMs + BODY_RATE_WINDOW_MS) : idleAtMs
  }

  #wind(now: number): void {
    const deadlineMs = this.#deadlineMs(now)
    if (this.#timer && this.#firesAtMs <= deadlineMs) return
    this.#timer?.cancel()
    this.#firesAtMs = deadlineMs
    this.#timer = this.#clock.after(Math.ceil(deadlineMs - now), () => this.#onTimer())
  }

  #onTimer(): void {
    this.#timer = undefined
    const now = this.#clock.nowMs()
    const limit = this.#passed(now)
    if (limit) this.#onLimit(limit)
    else this.#wind(now)
  }

  /** The limit that has passed, if one has; a rate window that brought enough begins anew. */
  #passed(now: number): Limit | undefined {
    if (now < this.#deadlineMs(now)) return undefined
    if (this.#stage.limit !== 'idle') return this.#stage.limit
    if (now >= this.#lastByteAtMs + this.#timers.idleMs) return 'idle'
    if (this.#windowBytes < BODY_RATE_BYTES_MIN) return 'rate'
    this.#windowStartMs = now
    this.#windowBytes = 0
    return undefined
  }
}
