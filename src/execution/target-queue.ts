/**
 * The targets of a plan that were not tried yet, and which of them may be called now. What was learned of a target since
 * the plan was made counts; a target inside its 429 window is waited for only where nobody else can be asked.
 */

import type { Priority } from '../admission/priority.ts'
import type { Slot, TargetGates } from '../admission/target-gates.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import type { Target } from '../providers/provider.ts'
import { drawBackoffMs } from '../resilience/backoff.ts'
import { LAST_RESORT_WAIT_MAX_MS } from '../resilience/decide-next.ts'
import type { TargetHealth, Verdict } from '../resilience/target-health.ts'
import type { TargetNode } from '../routing/plan.ts'
import { healthKey } from '../routing/planner.ts'
import type { Clock } from '../std/clock.ts'
import type { Random } from '../std/ids.ts'
import type { StopSignal } from '../std/stop-signal.ts'
import { stillRefused } from './told-error.ts'

export interface TargetQueueDeps {
  readonly clock: Clock
  readonly random: Random
  readonly health: TargetHealth
  readonly gates: TargetGates
  readonly priority: Priority
  readonly signal: StopSignal
  /** What is left of the request's time, ms. */
  leftMs(): number
  /** Whether the budgets of effort allow one more call, to this target. */
  mayCall(target: Target): boolean
  /** Waits, and rejects when the request is over. */
  wait(delayMs: number): Promise<void>
  /** Waits for a place at a target; its time is not the gateway's own. */
  queued<Value>(waiting: Promise<Value>): Promise<Value>
  /** Told why, for whoever asked for an explanation. */
  note?: ((step: string, target: Target, detail?: string) => void) | undefined
}

/** A target that may be called, and the place that is held there. */
export interface Taken {
  readonly target: Target
  readonly slot: Slot
}

export class TargetQueue {
  readonly #deps: TargetQueueDeps
  #untried: readonly Target[]
  readonly #refused: GatewayError[] = []
  /** Waited so far for windows to pass, ms. */
  #waitedMs = 0
  /** Nothing was called yet: where everything is ill, the least ill may be tried once. */
  #isFresh = true

  constructor(nodes: readonly TargetNode[], deps: TargetQueueDeps) {
    this.#deps = deps
    this.#untried = nodes.map((node) => node.target)
  }

  /** How many untried targets could be called at once. */
  get callable(): number {
    let count = 0
    for (const target of this.#untried) if (this.#isCallable(target)) count += 1
    return count
  }

  /** The target that would be tried first now. */
  get first(): Target | undefined {
    return this.#untried.find((target) => this.#isAvailable(target)) ?? this.#untried[0]
  }

  /** The untried targets that could be called at once, in order. */
  get candidates(): readonly Target[] {
    return this.#untried.filter((target) => this.#isCallable(target))
  }

  /** Whether this target, tried or not, could be called at once. */
  mayCallNow(target: Target): boolean {
    return this.#isCallable(target)
  }

  /** Drops the targets that a failure rules out. */
  keep(isKept: (target: Target) => boolean): void {
    this.#untried = this.#untried.filter(isKept)
  }

  /**
   * The next target to call: the first that is free, else one with a place to wait for, else the one whose window is over
   * soonest, else, of those that are all ill, the least ill. `undefined` when there is none; `refusals` then says why.
   */
  async take(): Promise<Taken | undefined> {
    for (;;) {
      const free = this.takeFree()
      if (free !== undefined) return free
      const queued = this.#full === undefined ? undefined : await this.#takeQueued()
      if (queued !== undefined) return queued
      const waitMs = this.#soonestMs(this.#untried)
      if (waitMs === undefined) return this.#takeLeastBad()
      if (!(await this.#wait(waitMs))) return this.#takeLeastBad()
    }
  }

  /** The first target that can be called at once, if there is one. */
  takeFree(isWanted: (target: Target) => boolean = () => true): Taken | undefined {
    for (const target of this.#untried) {
      if (!this.#isCallable(target) || !isWanted(target)) continue
      const slot = this.enter(target)
      if (slot !== undefined) return this.#took(target, slot)
    }
    return undefined
  }

  /** A place at a target, where one is free; the target's health counts the call as begun. */
  enter(target: Target): Slot | undefined {
    const { gates, health, clock } = this.#deps
    const key = healthKey(target)
    const slot = gates.tryEnter(key.target, clock.nowMs())
    if (slot !== undefined) health.beginCall(key, clock.nowMs())
    return slot
  }

  /** No call is made after all. */
  giveBack({ target, slot }: Taken): void {
    const { health, clock } = this.#deps
    health.recordCancelled(healthKey(target), clock.nowMs())
    slot.release('other', clock.nowMs())
  }

  /** A place at a target that was tried: at once, or after a window that somebody else ran into; `undefined` where there is none. */
  async again(target: Target): Promise<Slot | undefined> {
    for (;;) {
      if (this.#isAvailable(target)) {
        const slot = this.enter(target)
        if (slot !== undefined || this.callable > 0) return slot
        const queued = await this.#queueAt(target)
        if (queued === undefined) return undefined
        // Somebody may have run into a window meanwhile.
        if (this.#isAvailable(target)) {
          this.#deps.health.beginCall(healthKey(target), this.#deps.clock.nowMs())
          return queued
        }
        queued.release('other', this.#deps.clock.nowMs())
      }
      const waitMs = this.#soonestMs([target])
      if (waitMs === undefined || this.callable > 0 || !(await this.#wait(waitMs))) return undefined
    }
  }

  /** Why the targets that are left cannot be called: what each refused last, with the time that is left of it. */
  get refusals(): readonly GatewayError[] {
    const nowMs = this.#deps.clock.nowMs()
    const remembered = this.#untried.flatMap((target) => {
      const verdict = this.#verdict(target)
      if (verdict.type === 'available') return []
      const isTimed = verdict.type === 'limited' || verdict.type === 'open'
      return [stillRefused(verdict, isTimed ? verdict.untilMs - nowMs : undefined)]
    })
    return [...this.#refused, ...remembered]
  }

  #isCallable(target: Target): boolean {
    return this.#isAvailable(target) && this.#isFree(target) && this.#deps.mayCall(target)
  }

  #isAvailable(target: Target): boolean {
    return this.#verdict(target).type === 'available'
  }

  #isFree(target: Target): boolean {
    return this.#deps.gates.isFree(healthKey(target).target, this.#deps.clock.nowMs())
  }

  #verdict(target: Target): Verdict {
    return this.#deps.health.verdict(healthKey(target), this.#deps.clock.nowMs())
  }

  #took(target: Target, slot: Slot): Taken {
    this.#isFresh = false
    this.#untried = this.#untried.filter((one) => one !== target)
    return { target, slot }
  }

  /** The first target that is well, and has no place free. */
  get #full(): Target | undefined {
    return this.#untried.find((one) => this.#isAvailable(one) && this.#deps.mayCall(one))
  }

  /** In the queue of the first target that is well and full. */
  async #takeQueued(): Promise<Taken | undefined> {
    for (;;) {
      const target = this.#full
      if (target === undefined) return undefined
      const slot = await this.#queueAt(target)
      if (slot === undefined) {
        this.#untried = this.#untried.filter((one) => one !== target)
        continue
      }
      // What was learned of the target meanwhile counts, and what others have spent.
      if (this.#isAvailable(target) && this.#deps.mayCall(target)) {
        this.#deps.health.beginCall(healthKey(target), this.#deps.clock.nowMs())
        return this.#took(target, slot)
      }
      slot.release('other', this.#deps.clock.nowMs())
    }
  }

  /** `undefined` where the queue is full, or too long for the request's deadline; why stands among the refusals. */
  async #queueAt(target: Target): Promise<Slot | undefined> {
    const { clock, gates, priority, signal, note } = this.#deps
    note?.('queue', target)
    try {
      const deadlineAtMs = clock.nowMs() + this.#deps.leftMs()
      return await this.#deps.queued(
        gates.enter(healthKey(target).target, { priority, deadlineAtMs, signal }),
      )
    } catch (error) {
      if (!(error instanceof GatewayError) || signal.aborted) throw error
      note?.('queue refused', target, error.code)
      this.#refused.push(error)
      return undefined
    }
  }

  #takeLeastBad(): Taken | undefined {
    if (!this.#isFresh) return undefined
    const { health, clock, note } = this.#deps
    const at = health.leastBad(this.#untried.map(healthKey), clock.nowMs())
    const target = at === undefined ? undefined : this.#untried[at]
    const slot = target === undefined ? undefined : this.enter(target)
    if (target === undefined || slot === undefined) return undefined
    note?.('all targets are ill: the least ill is tried', target)
    return this.#took(target, slot)
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
