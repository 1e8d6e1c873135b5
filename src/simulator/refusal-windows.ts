/** Closes the port while the scenario says that connections are refused, and opens it again afterwards. */

import type { Clock, Timer } from '../std/clock.ts'
import { isWithin } from './fault-chooser.ts'
import type { FaultCondition, Scenario } from './scenario.ts'

/** What is closed and opened. */
export interface Port {
  open(): Promise<void>
  shut(): Promise<void>
}

const TIME_FIELDS: ReadonlySet<string> = new Set(['operation', 'fromMs', 'untilMs', 'periodMs'])

export class RefusalWindows {
  readonly #conditions: readonly FaultCondition[]
  readonly #clock: Clock
  readonly #port: Port
  readonly #startMs: number
  #timer: Timer | undefined

  constructor(scenario: Scenario, clock: Clock, port: Port) {
    this.#conditions = scenario.rules
      .filter(({ fault, condition }) => fault.name === 'refuse-connection' && isOfTimeAlone(condition))
      .map(({ condition }) => condition)
    this.#clock = clock
    this.#port = port
    this.#startMs = clock.nowMs()
  }

  /** Sets the port as it should be now, and again at every moment when that may change. */
  async watch(): Promise<void> {
    const nowMs = this.#clock.nowMs() - this.#startMs
    const isRefusing = this.#conditions.some((condition) => isWithin(condition, nowMs))
    await (isRefusing ? this.#port.shut() : this.#port.open())
    const nextMs = Math.min(...this.#conditions.map((condition) => nextEdge(condition, nowMs)))
    if (nextMs === Number.POSITIVE_INFINITY) return
    this.#timer = this.#clock.after(nextMs - nowMs, () => {
      // The port may have been taken by another process meanwhile; then it stays closed to us.
      this.watch().catch(() => {})
    })
  }

  stop(): void {
    this.#timer?.cancel()
  }
}

/** A rule with other conditions needs a request to judge, so it cannot close the port. */
function isOfTimeAlone(condition: FaultCondition): boolean {
  return Object.keys(condition).every((field) => TIME_FIELDS.has(field))
}

function nextEdge(condition: FaultCondition, nowMs: number): number {
  const { fromMs = 0, untilMs = Number.POSITIVE_INFINITY, periodMs } = condition
  const base = periodMs === undefined ? 0 : Math.floor(nowMs / periodMs) * periodMs
  const bases = periodMs === undefined ? [base] : [base, base + periodMs]
  const edges = bases.flatMap((start) => [start + fromMs, start + untilMs, ...(start > 0 ? [start] : [])])
  return Math.min(...edges.filter((edge) => edge > nowMs), Number.POSITIVE_INFINITY)
}
