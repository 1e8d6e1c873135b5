/** What is remembered of one target with one credential, and how it is told to people. */

import type { GatewayError } from '../errors/gateway-error.ts'
import type { Random } from '../std/ids.ts'
import { type BreakerState, type CallFailure, CircuitBreaker } from './circuit-breaker.ts'
import { type HeldState, type HeldType, PROBE_LOOK_MS } from './held-states.ts'
import { WINDOW_MS } from './recent-calls.ts'

/** How long a success says that the next call will succeed too. */
export const PROVEN_MS = 60_000

/** Names a target, and the credential it uses, for the memory of health. */
export interface HealthKey {
  /** Names the target with its credential: two credentials for one model are two targets here. */
  readonly target: string
  readonly credential: string
  /** `provider/model`, for people. */
  readonly label: string
  /** Of the credential, for people; `none` where there is none. */
  readonly fingerprint: string
  /** Failing again and again puts it aside; the operator may have said that it does not. Default true. */
  readonly hasBreaker?: boolean
}

/** `half-open`: one call at a time finds out whether it is well again. */
export type HealthState = BreakerState | HeldType

/** A target as the operator sees it. Times are monotonic, ms. */
export interface HealthCell {
  readonly label: string
  readonly fingerprint: string
  readonly state: HealthState
  readonly sinceMs: number
  /** When it may be called again; absent where it may be now. */
  readonly untilMs?: number
  /** What it came of. */
  readonly cause?: { readonly code: string; readonly message: string }
  /** Failures since the last success; one that says less counts as a part of one. */
  readonly consecutiveFailures: number
  /** Of the last 30 s. */
  readonly window: { readonly calls: number; readonly failures: number }
  /** One call is finding out whether it is well again. */
  readonly isProbed: boolean
}

/** What is held against the target or its credential, from the side of one target. */
export interface Held {
  readonly state: HeldState
  readonly isProbed: boolean
}

export interface OpenBreaker {
  readonly type: 'open'
  readonly untilMs: number
  readonly error: GatewayError
}

export class TargetCell {
  readonly key: HealthKey
  readonly breaker: CircuitBreaker
  /** The state that was published last, and since when it is so. */
  toldState: HealthState = 'closed'
  toldAtMs: number
  /** When a call ended last that said something of it. */
  usedAtMs: number
  /** The latest failure that the breaker was told of, until the next success. */
  #error: GatewayError | undefined
  #provenAtMs = Number.NEGATIVE_INFINITY
  /** It refused what was asked of it, though not for being ill. */
  #isDoubted = false

  constructor(key: HealthKey, random: Random, nowMs: number) {
    this.key = key
    this.breaker = new CircuitBreaker(random)
    this.toldAtMs = nowMs
    this.usedAtMs = nowMs
  }

  succeed(startedAtMs: number, nowMs: number): void {
    if (!this.breaker.succeed(startedAtMs, nowMs)) return
    this.#error = undefined
    this.#isDoubted = false
    this.#provenAtMs = nowMs
  }

  /** Whether the breaker opened with it, for the first time or again. */
  fail(error: GatewayError, failure: CallFailure): boolean {
    this.unprove()
    this.#error = error
    return this.breaker.fail(failure)
  }

  /** A call failed, for whatever reason that is not its client's. */
  unprove(): void {
    this.#provenAtMs = Number.NEGATIVE_INFINITY
  }

  /** Closed, and the last call that said anything of it was a success, a moment ago. */
  isProven(nowMs: number): boolean {
    return nowMs - this.#provenAtMs < PROVEN_MS && this.breaker.state(nowMs) === 'closed'
  }

  /** It has failed since it last answered well. */
  get isSuspect(): boolean {
    return this.#error !== undefined || this.#isDoubted
  }

  /** Whoever asks it next may well be refused too. */
  doubt(): void {
    this.unprove()
    this.#isDoubted = true
  }

  /** What keeps a request from calling: an open window, or one call that is finding out. */
  obstacle(nowMs: number): OpenBreaker | undefined {
    const { breaker } = this
    if (this.#error === undefined || breaker.isAvailable(nowMs)) return undefined
    const untilMs = breaker.state(nowMs) === 'open' ? breaker.openUntilMs : nowMs + PROBE_LOOK_MS
    return { type: 'open', untilMs, error: this.#error }
  }

  /** Forgetting it would change nothing for the next call. */
  isIdle(nowMs: number): boolean {
    return nowMs - this.usedAtMs >= WINDOW_MS && this.breaker.isAvailable(nowMs)
  }

  /** Of what keeps it aside, what lasts longer. */
  state(held: HeldState | undefined, nowMs: number): HealthState {
    const state = this.breaker.state(nowMs)
    if (held === undefined) return state
    if (held.untilMs > nowMs && held.untilMs >= this.breaker.openUntilMs) return held.type
    return state === 'closed' ? 'half-open' : state
  }

  /** What the present state came of, where it began by itself or elsewhere. */
  causeOf(held: HeldState | undefined, nowMs: number): string {
    const state = this.state(held, nowMs)
    if (state === 'closed' || state === 'half-open') return 'cooldown_over'
    return (state === 'open' ? this.#error : held?.error)?.code ?? 'cooldown_over'
  }

  /** When it may be called again; in the past where it may be now. */
  untilMs(held: HeldState | undefined): number {
    return Math.max(held?.untilMs ?? Number.NEGATIVE_INFINITY, this.breaker.openUntilMs)
  }

  describe(held: Held | undefined, nowMs: number): HealthCell {
    const { breaker, key } = this
    const { consecutiveFailures, calls, failures } = breaker.counts(nowMs)
    const state = this.state(held?.state, nowMs)
    const error = state === 'open' ? this.#error : (held?.state.error ?? this.#error)
    const untilMs = this.untilMs(held?.state)
    return {
      label: key.label,
      fingerprint: key.fingerprint,
      state,
      sinceMs: this.#sinceMs(state, held?.state),
      ...(untilMs > nowMs ? { untilMs } : {}),
      ...(error === undefined ? {} : { cause: { code: error.code, message: error.message } }),
      consecutiveFailures,
      window: { calls, failures },
      isProbed: held?.isProbed === true || breaker.isProbed(nowMs),
    }
  }

  #sinceMs(state: HealthState, held: HeldState | undefined): number {
    if (state === 'closed') return this.toldAtMs
    if (state === 'half-open') return this.untilMs(held)
    return state === 'open' ? this.breaker.openedAtMs : (held?.sinceMs ?? this.toldAtMs)
  }
}
