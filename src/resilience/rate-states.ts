/**
 * What providers said of rates, quotas and credentials, from the side of one target: `limited` belongs to the target,
 * `exhausted` and `auth-dead` to its credential, which several targets may share.
 */

import type { GatewayError } from '../errors/gateway-error.ts'
import type { HealthKey } from './health-cell.ts'
import { type HeldState, HeldStates, type HeldType, type Obstacle } from './held-states.ts'

/** Quota and billing failures do not heal in minutes; no call is made with that credential until then. */
export const EXHAUSTED_MS = 1_800_000
/** A refused credential stays refused until it is replaced; it is looked at again after this. */
export const AUTH_DEAD_MS = 1_800_000
/** How long a 429 without a usable wait keeps a target aside. */
export const LIMITED_DEFAULT_MS = 1_000
/** The longest a single 429 keeps a target aside: a provider's clock may be wrong, ours tries again. */
export const LIMITED_MAX_MS = 300_000

/** Times are monotonic, ms. */
export class RateStates {
  readonly #targets: HeldStates
  readonly #credentials: HeldStates

  /** `sizeMax`: of each of both tables. */
  constructor(sizeMax: number) {
    this.#targets = new HeldStates(sizeMax)
    this.#credentials = new HeldStates(sizeMax)
  }

  /** What keeps a request from calling; of two, what lasts longer. */
  obstacle(key: HealthKey, nowMs: number): Obstacle | undefined {
    const ofCredential = this.#credentials.obstacle(key.credential, nowMs)
    const ofTarget = this.#targets.obstacle(key.target, nowMs)
    if (ofCredential === undefined || ofTarget === undefined) return ofCredential ?? ofTarget
    return ofTarget.untilMs > ofCredential.untilMs ? ofTarget : ofCredential
  }

  /** What is held against the target or its credential; of two, what lasts longer. */
  find(key: HealthKey, nowMs: number): HeldState | undefined {
    const ofCredential = this.#credentials.find(key.credential, nowMs)
    const ofTarget = this.#targets.find(key.target, nowMs)
    if (ofCredential === undefined || ofTarget === undefined) return ofCredential ?? ofTarget
    return ofTarget.untilMs > ofCredential.untilMs ? ofTarget : ofCredential
  }

  isProbed(key: HealthKey, nowMs: number): boolean {
    return this.#credentials.isProbed(key.credential, nowMs) || this.#targets.isProbed(key.target, nowMs)
  }

  begin(key: HealthKey, nowMs: number): void {
    this.#credentials.begin(key.credential, nowMs)
    this.#targets.begin(key.target, nowMs)
  }

  /** A call that began at `startedAtMs` ended, whatever it found. */
  release(key: HealthKey, startedAtMs: number): void {
    this.#credentials.release(key.credential, startedAtMs)
    this.#targets.release(key.target, startedAtMs)
  }

  /** Whether it is news: the state began with it. */
  hold(key: HealthKey, { type, error }: Pick<HeldState, 'type' | 'error'>, nowMs: number): boolean {
    const state = { type, error, sinceMs: nowMs, untilMs: nowMs + durationMs(type, error) }
    return type === 'limited'
      ? this.#targets.set(key.target, state)
      : this.#credentials.set(key.credential, state)
  }

  /** A call was answered: a limit that was there before it is over, and so is what its credential waited for. */
  lift(key: HealthKey, startedAtMs: number, nowMs: number): void {
    const limited = this.#targets.find(key.target, nowMs)
    if (limited !== undefined && limited.sinceMs < startedAtMs) this.#targets.delete(key.target)
    const held = this.#credentials.find(key.credential, nowMs)
    if (held !== undefined && held.untilMs <= startedAtMs) this.#credentials.delete(key.credential)
  }

  /** What only an operator can mend is tried again. */
  forgive(): void {
    this.#credentials.clear()
  }
}

function durationMs(type: HeldType, { facts }: GatewayError): number {
  switch (type) {
    case 'limited':
      return Math.min(facts.retryAfterMs ?? LIMITED_DEFAULT_MS, LIMITED_MAX_MS)
    case 'exhausted':
      return EXHAUSTED_MS
    case 'auth-dead':
      return AUTH_DEAD_MS
  }
}
