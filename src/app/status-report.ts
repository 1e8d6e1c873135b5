/** Tells operators how the gateway is: from what each room knows of itself, at one moment, with times people can read. */

import type { Admission } from '../admission/admission.ts'
import type { GateState } from '../admission/target-gates.ts'
import type {
  GateStatus,
  OperatorView,
  ProcessStatus,
  RetryBudgetStatus,
  StatusReport,
  TargetStatus,
} from '../http/operator-view.ts'
import type { HealthCell } from '../resilience/target-health.ts'
import type { Clock } from '../std/clock.ts'
import type { EventLoopLag } from '../std/event-loop-lag.ts'
import type { JsonObject } from '../std/json.ts'
import { CERTIFICATE_SOON_MS } from './certificate-watch.ts'
import type { HoldfastConfig } from './config/config.ts'

/** Rows of each list of a report: names of models come from clients, and a page is read by people. */
export const STATUS_ROWS_MAX = 10_000

/** Which configuration is in force, and since when by the wall, ms. */
export interface Generation {
  readonly number: number
  readonly sinceWallMs: number
}

export interface StatusSources {
  readonly version: string
  readonly clock: Clock
  readonly startedAtWallMs: number
  config(): HoldfastConfig
  generation(): Generation
  /** When the certificate that clients are shown ends, ms since the Unix epoch; absent where there is none. */
  certificateEndsAtMs(): number | undefined
  isDraining(): boolean
  lag(): Pick<EventLoopLag, 'isOverloaded' | 'lagMs'>
  /** Of every configuration that still serves somebody. */
  admissions(): Iterable<Pick<Admission, 'requestsInFlight' | 'bufferedBytes'>>
  cells(nowMs: number): readonly HealthCell[]
  gates(nowMs: number): readonly GateState[]
  retryBudgets(nowMs: number): readonly RetryBudgetStatus[]
  explain(requestId: string): JsonObject | undefined
}

export function createOperatorView(sources: StatusSources): OperatorView {
  return {
    status: () => reportStatus(sources),
    explain: (requestId) => sources.explain(requestId),
  }
}

function reportStatus(sources: StatusSources): StatusReport {
  const { clock, version } = sources
  const nowMs = clock.nowMs()
  const wallMs = clock.wallMs()
  const at = (ms: number) => isoTime(wallMs + ms - nowMs)
  const { path } = sources.config()
  const { number, sinceWallMs } = sources.generation()
  const endsAtMs = sources.certificateEndsAtMs()
  return {
    version,
    at: isoTime(wallMs),
    startedAt: isoTime(sources.startedAtWallMs),
    state: stateOf(sources),
    config: {
      generation: number,
      inForceSince: isoTime(sinceWallMs),
      ...(path === undefined ? {} : { path }),
    },
    ...(endsAtMs !== undefined && {
      certificate: { endsAt: isoTime(endsAtMs), isDue: endsAtMs - wallMs <= CERTIFICATE_SOON_MS },
    }),
    process: processStatus(sources),
    targets: bounded(sources.cells(nowMs)).map((cell) => targetStatus(cell, at)),
    gates: bounded(sources.gates(nowMs)).map((gate) => gateStatus(gate, at)),
    retryBudgets: bounded(sources.retryBudgets(nowMs)),
  }
}

function stateOf(sources: StatusSources): StatusReport['state'] {
  if (sources.isDraining()) return 'draining'
  return sources.lag().isOverloaded ? 'degraded' : 'serving'
}

function processStatus(sources: StatusSources): ProcessStatus {
  const { limits } = sources.config()
  const admissions = [...sources.admissions()]
  const { isOverloaded, lagMs } = sources.lag()
  return {
    requestsInFlight: sum(admissions.map((one) => one.requestsInFlight)),
    requestsInFlightMax: limits.requestsInFlight,
    bufferedBytes: sum(admissions.map((one) => one.bufferedBytes)),
    bufferedBytesMax: limits.bufferedBytes,
    eventLoopLagMs: Math.round(lagMs * 10) / 10,
    isOverloaded,
    memoryBytes: process.memoryUsage.rss(),
  }
}

function targetStatus(cell: HealthCell, at: (ms: number) => string): TargetStatus {
  const { label, fingerprint, state, sinceMs, untilMs, cause, consecutiveFailures, window, isProbed } = cell
  return {
    target: label,
    credential: fingerprint,
    state,
    since: at(sinceMs),
    ...(untilMs === undefined ? {} : { until: at(untilMs) }),
    ...(cause === undefined ? {} : { cause: { code: cause.code, message: cause.message } }),
    consecutiveFailures,
    window: { calls: window.calls, failures: window.failures },
    isProbed,
  }
}

function gateStatus(gate: GateState, at: (ms: number) => string): GateStatus {
  const { target, inFlight, queued, limit, slots, pacedUntilMs } = gate
  // A gate is named as the target's health is: routing/planner.ts has the form of the name.
  const [, id = target, credential = 'none'] = /^t:(.*):([^:]*)$/.exec(target) ?? []
  return {
    target: id,
    credential,
    inFlight,
    queued,
    ...(limit === undefined ? {} : { limit }),
    ...(slots === undefined ? {} : { slots }),
    ...(pacedUntilMs === undefined ? {} : { pacedUntil: at(pacedUntilMs) }),
  }
}

function bounded<Row>(rows: readonly Row[]): readonly Row[] {
  return rows.length > STATUS_ROWS_MAX ? rows.slice(0, STATUS_ROWS_MAX) : rows
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0)
}

/** The last moment a date can name: a wait without an end is told as that. */
const LATEST_WALL_MS = 8.64e15

function isoTime(wallMs: number): string {
  return new Date(Math.min(wallMs, LATEST_WALL_MS)).toISOString()
}
