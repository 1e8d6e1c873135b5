/**
 * What is remembered of targets between requests: a breaker for each target with its credential, and beside it what
 * providers said of rates, quotas and credentials, for rate state is not ill health. Where all is well, a request costs a
 * few look-ups and allocates nothing.
 */

import type { HealthEffect } from '../errors/codes.ts'
import type { GatewayError } from '../errors/gateway-error.ts'
import { type Random, systemRandom } from '../std/ids.ts'
import { BoundedCells } from './bounded-cells.ts'
import type { CallFailure } from './circuit-breaker.ts'
import { Complaints } from './complaints.ts'
import { type HealthCell, type HealthKey, type HealthState, TargetCell } from './health-cell.ts'
import type { HeldState, HeldType } from './held-states.ts'
import { leastBadOf } from './least-bad.ts'
import { RateStates } from './rate-states.ts'

export type { HealthCell, HealthKey } from './health-cell.ts'
export { LIMITED_DEFAULT_MS, LIMITED_MAX_MS } from './rate-states.ts'

/** Entries of each table: names of models come from clients. Beyond it the oldest is forgotten, where one can be without loss that one. */
export const HEALTH_CELLS_MAX = 10_000

export type Verdict =
  | { readonly type: 'available' }
  | {
      /** `open`: it failed again and again, or one call is finding out whether it still does. */
      readonly type: HeldType | 'open'
      readonly untilMs: number
      readonly error: GatewayError
    }

/** A change of what is believed of a target. Where it comes of time alone, it is told at the next call. */
export interface HealthTransition {
  readonly label: string
  readonly fingerprint: string
  readonly from: HealthState
  readonly to: HealthState
  /** An error's code, or `cooldown_over`, `probe_succeeded`, `call_succeeded`, `forgiven`. */
  readonly cause: string
  /** When the new state is over, where it ends by itself. */
  readonly untilMs?: number
  readonly nowMs: number
}

/** All times are monotonic, ms. `startedAtMs`: when the attempt began; what was learned after that is not undone by it. */
export interface TargetHealth {
  verdict(key: HealthKey, nowMs: number): Verdict
  /**
   * A call begins. Where nobody knows whether the target is well again, the others wait for what this one finds, `PROBE_MS`
   * at most: call it in the same turn as `verdict`, or two will find out.
   */
  beginCall(key: HealthKey, nowMs: number): void
  /** Whether this is news: a state that an operator should know of began with it. Absent `startedAtMs`: now. */
  recordFailure(key: HealthKey, error: GatewayError, nowMs: number, startedAtMs?: number): boolean
  /** A valid end of an answer was seen; a 200 is none. */
  recordSuccess(key: HealthKey, startedAtMs: number, nowMs: number): void
  /** The attempt ended without saying anything of the target: its client left, or another was faster. Absent `startedAtMs`: now. */
  recordCancelled(key: HealthKey, nowMs: number, startedAtMs?: number): void
  /** It answered well less than `PROVEN_MS` ago and has not failed since: sending it more is no risk. */
  isProven(key: HealthKey, nowMs: number): boolean
  /** It has failed since it last answered well: one more call of it may well be wasted. */
  isSuspect(key: HealthKey): boolean
  /**
   * Where none is available: the place of the one that is tried all the same, once in each of its open windows. Never one
   * that asked to be left alone, or whose credential is spent or refused.
   */
  leastBad(keys: readonly HealthKey[], nowMs: number): number | undefined
  /** The earliest moment at which one of them may be called, as far as it is known now; `undefined` of none. */
  earliestMs(keys: readonly HealthKey[], nowMs: number): number | undefined
  /** Every target that was called. */
  cells(nowMs: number): readonly HealthCell[]
  /** The operator changed something: what only an operator can mend, a refused or spent credential, is tried again. */
  forgive(nowMs: number): void
}

export interface TargetHealthOptions {
  /** Default: the machine's. */
  readonly random?: Random
  readonly onTransition?: (transition: HealthTransition) => void
}

export function createTargetHealth(options: TargetHealthOptions = {}): TargetHealth {
  return new HealthMemory(options)
}

const available: Verdict = { type: 'available' }

class HealthMemory implements TargetHealth {
  readonly #random: Random
  readonly #onTransition: TargetHealthOptions['onTransition']
  readonly #cells = new BoundedCells<TargetCell>(HEALTH_CELLS_MAX)
  readonly #rates = new RateStates(HEALTH_CELLS_MAX)
  /** Of misconfigured targets, which are called all the same. */
  readonly #complaints = new Complaints(HEALTH_CELLS_MAX)

  constructor({ random = systemRandom, onTransition }: TargetHealthOptions) {
    this.#random = random
    this.#onTransition = onTransition
  }

  verdict(key: HealthKey, nowMs: number): Verdict {
    const held = this.#rates.obstacle(key, nowMs)
    const open = key.hasBreaker === false ? undefined : this.#cells.get(key.target)?.obstacle(nowMs)
    if (held === undefined || open === undefined) return held ?? open ?? available
    return open.untilMs > held.untilMs ? open : held
  }

  beginCall(key: HealthKey, nowMs: number): void {
    const cell = this.#cells.get(key.target)
    if (cell !== undefined) this.#settle(cell, nowMs)
    cell?.breaker.begin(nowMs)
    this.#rates.begin(key, nowMs)
  }

  recordFailure(key: HealthKey, failure: GatewayError, nowMs: number, startedAtMs = nowMs): boolean {
    const error = failure.toRemember()
    this.#end(key, startedAtMs, nowMs)
    const health = effectOf(error)
    switch (health) {
      case 'none':
        return false
      case 'misconfigured':
        this.#cellOf(key, nowMs).doubt()
        return this.#complaints.isNews(key.target, nowMs)
      case 'limited':
      case 'exhausted':
      case 'auth-dead':
        return this.#hold(key, { type: health, error }, nowMs)
      case 'failure':
        return this.#fail(key, error, { weight: 1, origin: 'provider', startedAtMs, nowMs })
      case 'half-failure':
        return this.#fail(key, error, { weight: 0.5, origin: 'provider', startedAtMs, nowMs })
      case 'local-failure':
        return this.#fail(key, error, { weight: 1, origin: 'local', startedAtMs, nowMs })
    }
  }

  recordSuccess(key: HealthKey, startedAtMs: number, nowMs: number): void {
    this.#end(key, startedAtMs, nowMs)
    const cell = this.#cellOf(key, nowMs)
    cell.succeed(startedAtMs, nowMs)
    this.#rates.lift(key, startedAtMs, nowMs)
    this.#tell(cell, cell.toldState === 'half-open' ? 'probe_succeeded' : 'call_succeeded', nowMs)
  }

  recordCancelled(key: HealthKey, nowMs: number, startedAtMs = nowMs): void {
    this.#end(key, startedAtMs, nowMs)
  }

  isProven(key: HealthKey, nowMs: number): boolean {
    return this.#cells.get(key.target)?.isProven(nowMs) === true && this.verdict(key, nowMs) === available
  }

  isSuspect(key: HealthKey): boolean {
    return this.#cells.get(key.target)?.isSuspect === true
  }

  leastBad(keys: readonly HealthKey[], nowMs: number): number | undefined {
    const breakers = keys.map((key) =>
      this.#rates.obstacle(key, nowMs) === undefined ? this.#cells.get(key.target)?.breaker : undefined,
    )
    return leastBadOf(breakers, nowMs)
  }

  earliestMs(keys: readonly HealthKey[], nowMs: number): number | undefined {
    let earliestMs: number | undefined
    for (const key of keys) {
      const verdict = this.verdict(key, nowMs)
      if (verdict.type === 'available') return nowMs
      earliestMs = Math.min(earliestMs ?? verdict.untilMs, verdict.untilMs)
    }
    return earliestMs
  }

  cells(nowMs: number): readonly HealthCell[] {
    return [...this.#cells.entries()].map(([, cell]) => {
      const state = this.#rates.find(cell.key, nowMs)
      return cell.describe(state && { state, isProbed: this.#rates.isProbed(cell.key, nowMs) }, nowMs)
    })
  }

  forgive(nowMs: number): void {
    this.#rates.forgive()
    for (const [, cell] of this.#cells.entries()) {
      if (cell.toldState === 'exhausted' || cell.toldState === 'auth-dead')
        this.#tell(cell, 'forgiven', nowMs)
    }
  }

  /** Whatever a call found, it is no longer finding out. */
  #end(key: HealthKey, startedAtMs: number, nowMs: number): void {
    const cell = this.#cells.get(key.target)
    if (cell !== undefined) this.#settle(cell, nowMs)
    cell?.breaker.release(startedAtMs)
    this.#rates.release(key, startedAtMs)
  }

  #cellOf(key: HealthKey, nowMs: number): TargetCell {
    const known = this.#cells.get(key.target)
    if (known !== undefined) {
      known.usedAtMs = nowMs
      return known
    }
    if (!this.#cells.makeRoom((cell) => cell.isIdle(nowMs))) this.#forgetOldest()
    return this.#cells.add(key.target, new TargetCell(key, this.#random, nowMs))
  }

  #forgetOldest(): void {
    const [oldest] = this.#cells.entries()
    if (oldest !== undefined) this.#cells.delete(oldest[0])
  }

  #fail(key: HealthKey, error: GatewayError, failure: CallFailure): boolean {
    const { nowMs } = failure
    const cell = this.#cellOf(key, nowMs)
    const wasClosed = cell.breaker.state(nowMs) === 'closed'
    const opened = cell.fail(error, { ...failure, mayOpen: key.hasBreaker !== false })
    if (opened) this.#tell(cell, error.code, nowMs)
    return opened && wasClosed
  }

  #hold(key: HealthKey, held: Pick<HeldState, 'type' | 'error'>, nowMs: number): boolean {
    const cell = this.#cellOf(key, nowMs)
    cell.unprove()
    const isNews = this.#rates.hold(key, held, nowMs)
    this.#tell(cell, held.error.code, nowMs)
    return isNews
  }

  /** Tells what time alone has changed, or what was learned of the credential at another target. */
  #settle(cell: TargetCell, nowMs: number): void {
    const held = this.#rates.find(cell.key, nowMs)
    if (cell.state(held, nowMs) !== cell.toldState) this.#tell(cell, cell.causeOf(held, nowMs), nowMs)
  }

  #tell(cell: TargetCell, cause: string, nowMs: number): void {
    const held = this.#rates.find(cell.key, nowMs)
    const from = cell.toldState
    const to = cell.state(held, nowMs)
    if (to === from) return
    cell.toldState = to
    cell.toldAtMs = nowMs
    const { label, fingerprint } = cell.key
    const untilMs = cell.untilMs(held)
    this.#onTransition?.({
      label,
      fingerprint,
      from,
      to,
      cause,
      nowMs,
      ...(untilMs > nowMs ? { untilMs } : {}),
    })
  }
}

/** A connection that had idled too long says nothing of whoever is at its other end (fault 12). */
function effectOf({ facts, row }: GatewayError): HealthEffect {
  return facts.isTransparent === true ? 'none' : row.health
}
