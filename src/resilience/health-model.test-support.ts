/**
 * A naive model of the health of one target, for comparison: it keeps every call and looks them all through. It knows calls
 * by themselves, where the code knows them by when they began. Cooldowns are without chance.
 */

import type { GatewayError } from '../errors/gateway-error.ts'

export interface ModelCall {
  readonly startedAtMs: number
}

interface Window {
  readonly untilMs: number
  readonly tries: Set<ModelCall>
}

interface Limit {
  sinceMs: number
  untilMs: number
}

const PROBE_MS = 30_000
const BUCKET_MS = 3_000
const weights: Readonly<Record<string, number>> = { failure: 1, 'half-failure': 0.5, 'local-failure': 1 }

export class HealthModel {
  #counted: { readonly weight: number; readonly atMs: number }[] = []
  #window: Window | undefined
  #openings = 0
  #openedAtMs = Number.NEGATIVE_INFINITY
  #probe: { readonly call: ModelCall; readonly untilMs: number } | undefined
  #limit: Limit | undefined
  #provenAtMs = Number.NEGATIVE_INFINITY

  isOpen(nowMs: number): boolean {
    return this.#window !== undefined && nowMs < this.#window.untilMs
  }

  isLimited(nowMs: number): boolean {
    return this.#limit !== undefined && nowMs < this.#limit.untilMs
  }

  isAvailable(nowMs: number): boolean {
    if (this.isLimited(nowMs) || this.isOpen(nowMs)) return false
    return this.#window === undefined || this.#probe === undefined || nowMs >= this.#probe.untilMs
  }

  mayPanic(nowMs: number): boolean {
    return this.isOpen(nowMs) && !this.isLimited(nowMs) && this.#window?.tries.size === 0
  }

  isProven(nowMs: number): boolean {
    return nowMs - this.#provenAtMs < 60_000 && this.#window === undefined && this.isAvailable(nowMs)
  }

  begin(call: ModelCall): void {
    if (this.#window === undefined) return
    this.#window.tries.add(call)
    this.#probe = { call, untilMs: call.startedAtMs + PROBE_MS }
  }

  cancel(call: ModelCall): void {
    if (this.#probe?.call === call) this.#probe = undefined
  }

  succeed(call: ModelCall, nowMs: number): void {
    this.cancel(call)
    if (this.#limit !== undefined && this.#limit.sinceMs < call.startedAtMs) this.#limit = undefined
    if (this.#window !== undefined && !this.#window.tries.has(call)) return
    if (this.#window !== undefined) this.#counted = []
    this.#window = undefined
    this.#openings = 0
    this.#counted.push({ weight: 0, atMs: nowMs })
    this.#provenAtMs = nowMs
  }

  /** Whether the breaker opened that was closed. */
  fail(call: ModelCall, error: GatewayError, nowMs: number): boolean {
    this.cancel(call)
    const { health } = error.row
    if (health !== 'none') this.#provenAtMs = Number.NEGATIVE_INFINITY
    if (health === 'limited') this.#limitFor(error.facts.retryAfterMs ?? 1_000, nowMs)
    const weight = weights[health]
    const wasClosed = this.#window === undefined
    const opens = weight !== undefined && this.#opensWith({ call, weight, nowMs })
    if (opens) this.#open(health, nowMs)
    return opens && wasClosed
  }

  #limitFor(waitMs: number, nowMs: number): void {
    const untilMs = nowMs + waitMs
    if (this.#limit === undefined || !this.isLimited(nowMs) || untilMs >= this.#limit.untilMs) {
      this.#limit = { sinceMs: nowMs, untilMs }
    }
  }

  #opensWith({ call, weight, nowMs }: { call: ModelCall; weight: number; nowMs: number }): boolean {
    if (this.#window !== undefined) return this.#window.tries.has(call) && nowMs >= this.#window.untilMs
    if (call.startedAtMs < this.#openedAtMs) return false
    this.#counted.push({ weight, atMs: nowMs })
    const sinceSuccess = this.#counted.slice(this.#counted.findLastIndex((one) => one.weight === 0) + 1)
    if (sum(sinceSuccess) >= 3) return true
    const bucket = Math.floor(nowMs / BUCKET_MS)
    const recent = this.#counted.filter(({ atMs }) => Math.floor(atMs / BUCKET_MS) > bucket - 10)
    return recent.length >= 5 && sum(recent) * 2 >= recent.length
  }

  #open(health: string, nowMs: number): void {
    const steps = health === 'local-failure' ? [5, 10, 20, 40, 80, 109] : [5, 10, 15]
    const stepMs = (steps[Math.min(this.#openings, steps.length - 1)] ?? 0) * 1_000
    this.#window = { untilMs: nowMs + stepMs, tries: new Set() }
    this.#openings += 1
    this.#openedAtMs = nowMs
    this.#probe = undefined
  }
}

function sum(counted: readonly { readonly weight: number }[]): number {
  return counted.reduce((total, { weight }) => total + weight, 0)
}
