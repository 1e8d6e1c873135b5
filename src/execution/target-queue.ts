/**
 * The targets of a plan that were not tried yet, and which of them may be called now. What was learned of a target since
 * the plan was made counts; a target inside its 429 window is waited for only where nobody else can be asked.
 */

import type { GatewayError } from '../errors/gateway-error.ts'
import type { Target } from '../providers/provider.ts'
import { drawBackoffMs } from '../resilience/backoff.ts'
import { LAST_RESORT_WAIT_MAX_MS } from '../resilience/decide-next.ts'
import type { TargetHealth, Verdict } from '../resilience/target-health.ts'
import type { TargetNode } from '../routing/plan.ts'
import { healthKey } from '../routing/planner.ts'
import type { Clock } from '../std/clock.ts'
import type { Random } from '../std/ids.ts'
import { stillRefused } from './told-error.ts'

export interface TargetQueueDeps {
  readonly clock: Clock
  readonly random: Random
  readonly health: TargetHealth
  /** What is left of the request's time, ms. */
  leftMs(): number
  /** Waits, and rejects when the request is over. */
  wait(delayMs: number): Promise<void>
}

export class TargetQueue {
  readonly #deps: TargetQueueDeps
  #untried: readonly Target[]
  /** Waited so far for windows to pass, ms. */
  #waitedMs = 0

  constructor(nodes: readonly TargetNode[], deps: TargetQueueDeps) {
    this.#deps = deps
    this.#untried = nodes.map((node) => node.target)
  }

  /** How many untried targets could be called at once. */
  get callable(): number {
    return this.#untried.filter((target) => this.#verdict(target).type === 'available').length
  }

  /** Drops the targets that a failure rules out. */
  keep(isKept: (target: Target) => boolean): void {
    this.#untried = this.#untried.filter(isKept)
  }

  /**
   * The next target to call: the first that is free, else the one that is free soonest, waited for. `undefined` when
   * there is none; `refusals` then says why.
   */
  async take(): Promise<Target | undefined> {
    for (;;) {
      const free = this.#untried.find((target) => this.#verdict(target).type === 'available')
      if (free !== undefined) {
        this.#untried = this.#untried.filter((target) => target !== free)
        this.#deps.health.beginCall(healthKey(free), this.#deps.clock.nowMs())
        return free
      }
      const waitMs = this.#soonestMs(this.#untried)
      if (waitMs === undefined || !(await this.#wait(waitMs))) return undefined
    }
  }

  /** Whether a target that was tried may be called again: at once, or after a window that somebody else ran into. */
  async mayCallAgain(target: Target): Promise<boolean> {
    for (;;) {
      if (this.#verdict(target).type === 'available') return true
      const waitMs = this.#soonestMs([target])
      if (waitMs === undefined || this.callable > 0 || !(await this.#wait(waitMs))) return false
    }
  }

  /** Why the targets that are left cannot be called: what each refused last, with the time that is left of it. */
  get refusals(): readonly GatewayError[] {
    return this.#untried.flatMap((target) => {
      const verdict = this.#verdict(target)
      if (verdict.type === 'available') return []
      const waitMs = verdict.type === 'limited' ? verdict.untilMs - this.#deps.clock.nowMs() : undefined
      return [stillRefused(verdict.error, waitMs)]
    })
  }

  #verdict(target: Target): Verdict {
    return this.#deps.health.verdict(healthKey(target), this.#deps.clock.nowMs())
  }

  #soonestMs(targets: readonly Target[]): number | undefined {
    const verdicts = targets.map((target) => this.#verdict(target))
    const waits = verdicts.flatMap((verdict) => (verdict.type === 'limited' ? [verdict.untilMs] : []))
    return waits.length === 0 ? undefined : Math.min(...waits) - this.#deps.clock.nowMs()
  }

  /** Waits out a window, and a little of chance more, so that all who wait do not come at once; `false` where it is too long. */
  async #wait(windowMs: number): Promise<boolean> {
    const delayMs = Math.max(0, windowMs) + drawBackoffMs(0, this.#deps.random)
    const isTooLong = this.#waitedMs + windowMs > LAST_RESORT_WAIT_MAX_MS || delayMs >= this.#deps.leftMs()
    if (isTooLong) return false
    this.#waitedMs += delayMs
    await this.#deps.wait(delayMs)
    return true
  }
}
