/** Keeps account of every attempt of one exchange: what the client is told, and what is published. */

import type { Usage } from '../canonical/usage.ts'
import type { AttemptSummary } from '../dialects/dialect.ts'
import type { GatewayError } from '../errors/gateway-error.ts'
import type { Target } from '../providers/provider.ts'
import type { Clock } from '../std/clock.ts'
import type { AttemptRecord, Telemetry } from '../telemetry/records.ts'

/** What an attempt knows of itself when it ends. */
export interface AttemptEnd {
  readonly usage?: Usage
  readonly status?: number
  readonly flags?: readonly string[]
  /** The provider began to answer, so the attempt may have cost something. */
  readonly hasBegun: boolean
}

export interface AttemptEntry {
  /** Monotonic time, ms. */
  readonly startedAtMs: number
  markFirstToken(): void
  complete(end: AttemptEnd): void
  cancel(end: AttemptEnd): void
  fail(error: GatewayError, end: AttemptEnd): void
}

export class AttemptLog {
  readonly #exchangeId: string
  readonly #clock: Clock
  readonly #telemetry: Telemetry
  readonly #summaries: AttemptSummary[] = []

  constructor(exchangeId: string, deps: { clock: Clock; telemetry: Telemetry }) {
    this.#exchangeId = exchangeId
    this.#clock = deps.clock
    this.#telemetry = deps.telemetry
  }

  /** Ended attempts, in order. */
  get summaries(): readonly AttemptSummary[] {
    return this.#summaries
  }

  begin(target: Target): AttemptEntry {
    const startedAtMs = this.#clock.nowMs()
    const place = this.#summaries.length
    this.#summaries.push({ target: target.id, durationMs: 0 })
    let firstTokenMs: number | undefined
    let isEnded = false

    const end = (outcome: AttemptRecord['outcome'], how: AttemptEnd, error?: GatewayError) => {
      if (isEnded) return
      isEnded = true
      const durationMs = this.#clock.nowMs() - startedAtMs
      const status = how.status ?? error?.facts.upstreamStatus
      this.#summaries[place] = {
        target: target.id,
        durationMs: Math.round(durationMs),
        ...(status === undefined ? {} : { status }),
        ...(error === undefined ? {} : { code: error.code }),
      }
      this.#telemetry.attempts.publish({
        exchangeId: this.#exchangeId,
        number: place + 1,
        target: target.id,
        provider: target.provider.id,
        outcome,
        durationMs,
        usageSource: how.usage ? 'reported' : how.hasBegun ? 'unknown' : 'none',
        isWaste: outcome === 'failed' && (how.hasBegun || how.usage !== undefined),
        flags: how.flags ?? [],
        ...(error === undefined ? {} : { code: error.code, message: error.message }),
        ...(status === undefined ? {} : { upstreamStatus: status }),
        ...(firstTokenMs === undefined ? {} : { firstTokenMs }),
        ...(how.usage === undefined ? {} : { usage: how.usage }),
      })
    }

    return {
      startedAtMs,
      markFirstToken: () => {
        firstTokenMs ??= this.#clock.nowMs() - startedAtMs
      },
      complete: (how) => end('completed', how),
      cancel: (how) => end('cancelled', how),
      fail: (error, how) => end('failed', how, error),
    }
  }
}
