/** What the gateway shows to those who run it: a port, so that the admin listener can be tested alone. */

import type { JsonObject } from '../std/json.ts'

/** How the process and its targets are, at one moment. No prompts, no secrets: credentials are fingerprints. */
export interface StatusReport {
  readonly version: string
  /** ISO 8601, as all times here. */
  readonly at: string
  readonly startedAt: string
  /** `draining` from the moment the gateway was told to stop; `degraded` while it turns requests away to catch up. */
  readonly state: 'serving' | 'degraded' | 'draining'
  readonly config: ConfigStatus
  /** Of the certificate that clients are shown; absent where they are spoken to in plain HTTP. */
  readonly certificate?: CertificateStatus
  readonly process: ProcessStatus
  /** Every cell of health there is; targets that were never called have none. */
  readonly targets: readonly TargetStatus[]
  /** Every target with a limit, a queue or calls in flight. */
  readonly gates: readonly GateStatus[]
  readonly retryBudgets: readonly RetryBudgetStatus[]
}

/** Which configuration serves. */
export interface ConfigStatus {
  /** 1 for the one of the start, one more for each that came into force since. */
  readonly generation: number
  readonly inForceSince: string
  readonly path?: string
}

export interface CertificateStatus {
  readonly endsAt: string
  /** It ends within 30 days, or has ended. */
  readonly isDue: boolean
}

export interface ProcessStatus {
  readonly requestsInFlight: number
  readonly requestsInFlightMax: number
  readonly bufferedBytes: number
  readonly bufferedBytesMax: number
  /** The longest the event loop was late within the last second, ms. */
  readonly eventLoopLagMs: number
  readonly isOverloaded: boolean
  /** Resident memory of the process. */
  readonly memoryBytes: number
}

/** One cell: a target with one credential. */
export interface TargetStatus {
  /** `provider/model`. */
  readonly target: string
  /** The fingerprint of the credential; `none` where none is needed. */
  readonly credential: string
  readonly state: 'closed' | 'open' | 'half-open' | 'limited' | 'exhausted' | 'auth-dead'
  readonly since: string
  /** When it may be called again. */
  readonly until?: string
  readonly cause?: { readonly code: string; readonly message: string }
  readonly consecutiveFailures: number
  /** Calls and failures of the breaker's window; a half failure counts as one half. */
  readonly window: { readonly calls: number; readonly failures: number }
  /** One call is finding out whether it is well again. */
  readonly isProbed: boolean
}

/** How many calls a target may have, has, and keeps waiting. */
export interface GateStatus {
  /** `provider/model`. */
  readonly target: string
  /** The fingerprint of the credential; `none` where none is needed. */
  readonly credential: string
  readonly inFlight: number
  readonly queued: number
  /** What was learned from its refusals. */
  readonly limit?: number
  /** What the operator configured. */
  readonly slots?: number
  /** Until then its own limit headers say to wait. */
  readonly pacedUntil?: string
}

/** What one caller has spent of its further attempts at one route. */
export interface RetryBudgetStatus {
  /** The name of the client key; empty where no keys are configured. */
  readonly key: string
  readonly route: string
  readonly requests: number
  readonly retries: number
}

export interface OperatorView {
  status(): StatusReport
  /** The decision trace of a request, as long as it is kept; whoever asked. */
  explain(requestId: string): JsonObject | undefined
}
