/**
 * What is remembered of a target between requests. Rate state is not ill health: a breaker belongs to a target with its
 * credential, `limited` to a target, `exhausted` and `auth-dead` to a credential, which several targets may share.
 */

import type { GatewayError } from '../errors/gateway-error.ts'
import type { Random } from '../std/ids.ts'
import { CircuitBreaker, type FailureOrigin } from './circuit-breaker.ts'
import { HeldStates, type HeldType, keepNewest, PROBE_LOOK_MS } from './held-states.ts'

/** Quota and billing failures do not heal in minutes; no call is made with that credential until then. */
export const EXHAUSTED_MS = 1_800_000
/** A refused credential stays refused until it is replaced; it is looked at again after this. */
export const AUTH_DEAD_MS = 1_800_000
/** How long a 429 without a usable wait keeps a target aside. */
export const LIMITED_DEFAULT_MS = 1_000
/** The longest a single 429 keeps a target aside: a provider's clock may be wrong, ours tries again. */
export const LIMITED_MAX_MS = 300_000
/** How long a misconfigured target is complained of only once. */
export const COMPLAINT_MS = 1_800_000
/** How long a success says that the next call will succeed too. */
export const PROVEN_MS = 60_000

/** Names a target, and the credential it uses, for the memory of health. */
export interface HealthKey {
  readonly target: string
  readonly credential: string
  /** `provider/model`, for people. */
  readonly label: string
  /** Of the credential, for people; `none` where there is none. */
  readonly fingerprint: string
  /** Failing again and again puts it aside; the operator may have said that it does not. Default true. */
  readonly hasBreaker?: boolean
}

export type Verdict =
  | { readonly type: 'available' }
  | {
      /** `open`: it failed again and again, or one request is finding out whether it still does. */
      readonly type: HeldType | 'open'
      readonly untilMs: number
      readonly error: GatewayError
    }

export type HealthState = 'closed' | 'open' | 'half-open' | HeldType

/** A change of state, and what it came of: an error's code, or `probe_succeeded`, `probing`. */
export interface HealthTransition {
  readonly label: string
  readonly fingerprint: string
  readonly from: HealthState
  readonly to: HealthState
  readonly cause: string
  readonly untilMs?: number
  readonly nowMs: number
}

/** A target as the operator sees it. */
export interface HealthCell {
  readonly label: string
  readonly fingerprint: string
  readonly state: HealthState
  /** Monotonic, ms. */
  readonly sinceMs: number
  readonly untilMs?: number
  /** What it came of. */
  readonly cause?: { readonly code: string; readonly message: string }
  readonly consecutiveFailures: number
  /** Of the last 30 s. */
  readonly window: { readonly calls: number; readonly failures: number }
  readonly isProbed: boolean
}

export interface TargetHealth {
  /** `nowMs` is monotonic time. */
  verdict(key: HealthKey, nowMs: number): Verdict
  /**
   * A request is about to call the target. Where nobody knows whether it is well again, the others wait for what this one
   * finds, `PROBE_MS` at most.
   */
  beginCall(key: HealthKey, nowMs: number): void
  /** Whether this is news: the state began with it. */
  recordFailure(key: HealthKey, error: GatewayError, nowMs: number): boolean
  /** A valid end of an answer was seen. What was learned after the attempt began, at `startedAtMs`, is not undone by it. */
  recordSuccess(key: HealthKey, startedAtMs: number, nowMs: number): void
  /** The attempt ended without saying anything of the target: its client left, or another one was faster. */
  recordCancelled(key: HealthKey, nowMs: number): void
  /** It answered well a moment ago and has not failed since: sending it more is no risk. */
  isProven(key: HealthKey, nowMs: number): boolean
  /** Where nobody is available: the place of the one that may be tried all the same, once in its open window. */
  leastBad(keys: readonly HealthKey[], nowMs: number): number | undefined
  /** Every target that was called. */
  cells(nowMs: number): readonly HealthCell[]
  /** The operator changed something: what only an operator can mend, a refused or spent credential, is tried again. */
  forgive(): void
}

export interface TargetHealthOptions {
  readonly random: Random
  readonly onTransition?: (transition: HealthTransition) => void
}

interface Known {
  readonly key: HealthKey
  readonly breaker: CircuitBreaker
  /** When its state changed last, or it was first called. */
  changedAtMs: number
  lastError?: GatewayError
}

const available: Verdict = { type: 'available' }

export function createTargetHealth(options: TargetHealthOptions): TargetHealth {
  return new HealthMemory(options)
}

class HealthMemory implements TargetHealth {
  readonly #options: TargetHealthOptions
  readonly #known = new Map<string, Known>()
  readonly #held = new HeldStates()
  /** Until when a misconfigured target is no news; it is called all the same. */
  readonly #complaints = new Map<string, number>()

  constructor(options: TargetHealthOptions) {
    this.#options = options
  }

  verdict(key: HealthKey, nowMs: number): Verdict {
    if (!this.#held.isEmpty) {
      const held = this.#held.obstacle(key.credential, nowMs) ?? this.#held.obstacle(key.target, nowMs)
      if (held !== undefined) return held
    }
    const known = this.#known.get(key.target)
    if (known === undefined || known.lastError === undefined || known.breaker.mayCall(nowMs)) return available
    const { breaker, lastError } = known
    const untilMs = Math.max(breaker.openUntilMs ?? 0, breaker.isProbed(nowMs) ? nowMs + PROBE_LOOK_MS : 0)
    return { type: 'open', untilMs, error: lastError }
  }

  beginCall(key: HealthKey, nowMs: number): void {
    if (!this.#held.isEmpty) {
      this.#held.beginCall(key.credential, nowMs)
      this.#held.beginCall(key.target, nowMs)
    }
    const breaker = this.#known.get(key.target)?.breaker
    if (breaker === undefined || breaker.openUntilMs === undefined) return
    if (breaker.state(nowMs) === 'half-open') this.#tell(key, { from: 'open', to: 'half-open', cause: 'probing', nowMs })
    breaker.begin(nowMs)
  }

  recordFailure(key: HealthKey, error: GatewayError, nowMs: number): boolean {
    this.#held.endProbe(key.credential)
    this.#held.endProbe(key.target)
    const known = this.#knownOf(key, nowMs)
    // A connection that had idled too long says nothing of whoever is at its other end (fault 12).
    const effect = error.facts.isTransparent === true ? 'none' : error.row.health
    switch (effect) {
      case 'limited':
        known.breaker.cancel()
        return this.#hold(key, { name: key.target, type: 'limited', error, nowMs, forMs: limitedMs(error) })
      case 'exhausted':
        known.breaker.cancel()
        return this.#hold(key, { name: key.credential, type: 'exhausted', error, nowMs, forMs: EXHAUSTED_MS })
      case 'auth-dead':
        known.breaker.cancel()
        return this.#hold(key, { name: key.credential, type: 'auth-dead', error, nowMs, forMs: AUTH_DEAD_MS })
      case 'none':
        known.breaker.cancel()
        return false
      case 'misconfigured':
        known.breaker.cancel()
        return this.#complain(key.target, nowMs)
      case 'failure':
        return this.#fail(known, { error, weight: 1, origin: 'provider', nowMs })
      case 'half-failure':
        return this.#fail(known, { error, weight: 0.5, origin: 'provider', nowMs })
      case 'local-failure':
        return this.#fail(known, { error, weight: 1, origin: 'local', nowMs })
    }
  }

  recordSuccess(key: HealthKey, startedAtMs: number, nowMs: number): void {
    const isClosed = this.#knownOf(key, nowMs).breaker.succeed(startedAtMs, nowMs)
    if (isClosed) this.#tell(key, { from: 'half-open', to: 'closed', cause: 'probe_succeeded', nowMs })
    if (this.#held.isEmpty) return
    const limited = this.#held.find(key.target, startedAtMs)
    if (limited !== undefined && limited.sinceMs < startedAtMs) this.#release(key, key.target, nowMs)
    const spent = this.#held.find(key.credential, startedAtMs)
    if (spent !== undefined && spent.untilMs <= startedAtMs) this.#release(key, key.credential, nowMs)
  }

  recordCancelled(key: HealthKey): void {
    this.#held.endProbe(key.credential)
    this.#held.endProbe(key.target)
    this.#known.get(key.target)?.breaker.cancel()
  }

  isProven(key: HealthKey, nowMs: number): boolean {
    const breaker = this.#known.get(key.target)?.breaker
    if (breaker === undefined || breaker.openUntilMs !== undefined || breaker.consecutiveFailures > 0) return false
    return nowMs - breaker.lastSuccessMs < PROVEN_MS && this.verdict(key, nowMs).type === 'available'
  }

  leastBad(keys: readonly HealthKey[], nowMs: number): number | undefined {
    let best: number | undefined
    let bestUntilMs = Number.POSITIVE_INFINITY
    for (const [place, key] of keys.entries()) {
      const verdict = this.verdict(key, nowMs)
      if (verdict.type !== 'open' || verdict.untilMs >= bestUntilMs) continue
      if (this.#known.get(key.target)?.breaker.mayPanic(nowMs) !== true) continue
      best = place
      bestUntilMs = verdict.untilMs
    }
    return best
  }

  cells(nowMs: number): readonly HealthCell[] {
    return [...this.#known.values()].map((known) => this.#describe(known, nowMs))
  }

  forgive(): void {
    this.#held.forgive()
  }

  #knownOf(key: HealthKey, nowMs: number): Known {
    const known = this.#known.get(key.target)
    if (known !== undefined) return known
    const breaker = new CircuitBreaker(this.#options.random, { opens: key.hasBreaker !== false })
    const made = { key, breaker, changedAtMs: nowMs }
    keepNewest(this.#known, key.target, made)
    return made
  }

  #fail(known: Known, { error, weight, origin, nowMs }: Failing): boolean {
    const { key, breaker } = known
    const from = breaker.state(nowMs)
    known.lastError = error
    if (!breaker.fail(weight, origin, nowMs)) return false
    this.#tell(key, { from, to: 'open', cause: error.code, nowMs, untilMs: breaker.openUntilMs ?? nowMs })
    return true
  }

  #hold(key: HealthKey, { name, type, error, nowMs, forMs }: Holding): boolean {
    const untilMs = nowMs + forMs
    const from = this.#stateOf(key, nowMs)
    const isNews = this.#held.set(name, { type, sinceMs: nowMs, untilMs, error })
    if (isNews) this.#tell(key, { from, to: type, cause: error.code, nowMs, untilMs })
    return isNews
  }

  #release(key: HealthKey, name: string, nowMs: number): void {
    const from = this.#held.find(name, nowMs)?.type ?? 'limited'
    this.#held.delete(name)
    this.#tell(key, { from, to: this.#stateOf(key, nowMs), cause: 'answered', nowMs })
  }

  #complain(name: string, nowMs: number): boolean {
    const isNews = (this.#complaints.get(name) ?? 0) <= nowMs
    if (isNews) keepNewest(this.#complaints, name, nowMs + COMPLAINT_MS)
    return isNews
  }

  #stateOf(key: HealthKey, nowMs: number): HealthState {
    const held = this.#held.find(key.credential, nowMs) ?? this.#held.find(key.target, nowMs)
    return held?.type ?? this.#known.get(key.target)?.breaker.state(nowMs) ?? 'closed'
  }

  #describe({ key, breaker, lastError, changedAtMs }: Known, nowMs: number): HealthCell {
    const held = this.#held.find(key.credential, nowMs) ?? this.#held.find(key.target, nowMs)
    const isOpen = breaker.openUntilMs !== undefined
    const untilMs = held?.untilMs ?? breaker.openUntilMs
    const cause = held?.error ?? (isOpen || breaker.consecutiveFailures > 0 ? lastError : undefined)
    return {
      label: key.label,
      fingerprint: key.fingerprint,
      state: held?.type ?? breaker.state(nowMs),
      sinceMs: held?.sinceMs ?? (isOpen ? breaker.openedAtMs : changedAtMs),
      ...(untilMs === undefined ? {} : { untilMs }),
      ...(cause === undefined ? {} : { cause: { code: cause.code, message: cause.message } }),
      consecutiveFailures: breaker.consecutiveFailures,
      window: breaker.totals(nowMs),
      isProbed: breaker.isProbed(nowMs),
    }
  }

  #tell(key: HealthKey, change: Omit<HealthTransition, 'label' | 'fingerprint'>): void {
    const { label, fingerprint } = key
    const known = this.#known.get(key.target)
    if (known !== undefined) known.changedAtMs = change.nowMs
    this.#options.onTransition?.({ label, fingerprint, ...change })
  }
}

interface Failing {
  readonly error: GatewayError
  readonly weight: number
  readonly origin: FailureOrigin
  readonly nowMs: number
}

interface Holding {
  readonly name: string
  readonly type: HeldType
  readonly error: GatewayError
  readonly nowMs: number
  readonly forMs: number
}

function limitedMs({ facts }: GatewayError): number {
  return Math.min(facts.retryAfterMs ?? LIMITED_DEFAULT_MS, LIMITED_MAX_MS)
}
