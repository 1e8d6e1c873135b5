/**
 * The books of one call of a target: what it holds while it runs, and what is remembered of the target when it ends. An
 * attempt ends once, however it ends, and everything it held is given back in that moment.
 */

import type { Slot } from '../admission/target-gates.ts'
import type { GatewayError } from '../errors/gateway-error.ts'
import type { Target } from '../providers/provider.ts'
import type { FirstTokenTimes, PromptBucket } from '../resilience/first-token-times.ts'
import type { TargetHealth } from '../resilience/target-health.ts'
import { healthKey } from '../routing/planner.ts'
import type { Clock } from '../std/clock.ts'
import type { AttemptRecord } from '../telemetry/records.ts'
import { timesNameOf } from './slow-start.ts'

export interface TargetMemory {
  readonly clock: Clock
  readonly health: TargetHealth
  readonly firstTokenTimes: FirstTokenTimes
}

export interface TargetCallInit {
  readonly target: Target
  readonly slot: Slot
  readonly promptBucket: PromptBucket
  /** The answer comes as a stream, whose first token is seen when it comes. */
  readonly isStreamed: boolean
}

export class TargetCall {
  readonly #memory: TargetMemory
  readonly #init: TargetCallInit
  readonly #startedAtMs: number

  constructor(memory: TargetMemory, init: TargetCallInit) {
    const { clock, firstTokenTimes } = memory
    this.#memory = memory
    this.#init = init
    this.#startedAtMs = clock.nowMs()
    firstTokenTimes.begin(healthKey(init.target).target)
  }

  /** The first content came after so long. */
  content(firstTokenMs: number): void {
    const { target, promptBucket, isStreamed } = this.#init
    const { firstTokenTimes, clock } = this.#memory
    firstTokenTimes.note(timesNameOf(target, isStreamed), promptBucket, firstTokenMs, clock.nowMs())
  }

  /** Whether the failure is news of the target: a state that began with it. */
  end(outcome: AttemptRecord['outcome'], error: GatewayError | undefined): boolean {
    const { health, clock, firstTokenTimes } = this.#memory
    const { target, slot } = this.#init
    const key = healthKey(target)
    const nowMs = clock.nowMs()
    firstTokenTimes.end(key.target)
    if (outcome === 'completed') {
      slot.release('ok', nowMs)
      health.recordSuccess(key, this.#startedAtMs, nowMs)
      return false
    }
    const isRefused = error !== undefined && refusals.has(error.code)
    slot.release(isRefused ? 'refused' : 'other', nowMs)
    if (isRefused) firstTokenTimes.penalise(key.target, nowMs)
    if (outcome === 'failed' && error !== undefined)
      return health.recordFailure(key, error, nowMs, this.#startedAtMs)
    health.recordCancelled(key, nowMs, this.#startedAtMs)
    return false
  }
}

/** A provider that asks for less at one time. */
const refusals: ReadonlySet<GatewayError['code']> = new Set(['rate_limited', 'upstream_overloaded'])
