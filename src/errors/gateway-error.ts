/** The one error that travels through the house: a code from the table, a message for a person, a cause, facts. */

import type { JsonObject } from '../std/json.ts'
import { type ErrorCode, type ErrorRow, errorRow } from './codes.ts'

/** What is known of a failure beyond its code; all optional, all safe to show. */
export interface ErrorFacts {
  /** The field of the client's request that is at fault, in the client's own spelling. */
  readonly param?: string
  /** How long to wait before a retry, ms, already validated. */
  readonly retryAfterMs?: number
  /** The status the provider answered with. */
  readonly upstreamStatus?: number
  /** The provider's own error type or code. */
  readonly upstreamType?: string
  /** The provider's own words, redacted and bounded. */
  readonly upstreamMessage?: string
  /** Overrides the row: a provider said whether a retry can help (`x-should-retry`). */
  readonly isClientRetryable?: boolean
  /** Replaces the row's status where a provider's own status must be kept (400 or 422, say). */
  readonly status?: number
  /** The request died with an idle kept-alive connection, before any answer: one more try is free (fault 12). */
  readonly isTransparent?: boolean
  /** Overrides the row: nobody else is asked. */
  readonly isFinal?: boolean
  /** Replaces the row's where what that says does not help here. */
  readonly nextStep?: string
  /** For `method_not_allowed`: the methods that are. */
  readonly allow?: string
  /** Oddities noticed on the way, by name, for the record of the attempt (`header_anomaly`). */
  readonly flags?: readonly string[]
  /** What no target could do of what the request asks for: abilities, or fields of the request, by name. */
  readonly lacks?: readonly string[]
  /** What was decided on the way, where the request asked for it; said in `x-holdfast-explanation`. */
  readonly explanation?: string
  /** What a client of the dialect acts upon beside type and message (Anthropic's `error.details`). */
  readonly details?: JsonObject
  readonly budget?: BudgetFacts
  readonly limit?: LimitFacts
}

/** The budget that has no room for a request; name and owner are the operator's own words. */
export interface BudgetFacts {
  readonly name: string
  /** What it bounds the spending of: a key, a project, ... */
  readonly scopeKind: 'key' | 'project' | 'team' | 'user' | 'tag' | 'end-user' | 'model' | 'all'
  readonly period: 'day' | 'week' | 'month' | 'total'
  /** Billionths of a US dollar, as all amounts here. */
  readonly limitNanoUsd: number
  /** Spent and held. */
  readonly spentNanoUsd: number
  /** The least that the request has to have held for it. */
  readonly neededNanoUsd?: number
  /** When the period ends, ms since the Unix epoch; absent where it never does. */
  readonly resetsAtMs?: number
  /** The same from when the error was made: a wait that no bound for retries shortens. */
  readonly resetsInMs?: number
  /** Whom to ask for more. */
  readonly owner?: string
}

/** The limit of a key or a project that has no room for a request; `retryAfterMs` says when it will have. */
export interface LimitFacts {
  readonly kind: 'requests' | 'input-tokens' | 'output-tokens' | 'tokens' | 'concurrent-requests'
  readonly of: 'key' | 'project'
  /** A minute; of concurrent requests, at one time. */
  readonly limit: number
  readonly remaining: number
  /** What the request would have taken. */
  readonly needed: number
}

/** One try at a target, as an error answer tells it. */
export interface AttemptSummary {
  readonly target: string
  readonly status?: number
  readonly code?: string
  readonly durationMs: number
}

export class GatewayError extends Error {
  override readonly name = 'GatewayError'
  readonly code: ErrorCode
  readonly facts: ErrorFacts
  /** What was tried before this was the answer; empty where nothing was. */
  readonly attempts: readonly AttemptSummary[]

  constructor(
    code: ErrorCode,
    message: string,
    facts: ErrorFacts = {},
    cause?: unknown,
    attempts: readonly AttemptSummary[] = [],
  ) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.facts = facts
    this.attempts = attempts
  }

  /** The same error, with what was tried before it. */
  withAttempts(attempts: readonly AttemptSummary[]): GatewayError {
    return new GatewayError(this.code, this.message, this.facts, this.cause, attempts)
  }

  /** The same error, with these facts beside or in place of its own. */
  withFacts(facts: ErrorFacts): GatewayError {
    return new GatewayError(this.code, this.message, { ...this.facts, ...facts }, this.cause, this.attempts)
  }

  /**
   * The same error for a memory: without its cause, what was tried, and the calls it came from. V8 keeps the frames of a
   * stack that nobody has read, with all that their closures hold, and that is a whole configuration here.
   */
  toRemember(): GatewayError {
    const remembered = new GatewayError(this.code, this.message, this.facts)
    remembered.stack = `${this.name}: ${this.message}`
    return remembered
  }

  get row(): ErrorRow {
    return errorRow(this.code)
  }

  get status(): number {
    return this.facts.status ?? this.row.status
  }

  get nextStep(): string {
    return this.facts.nextStep ?? this.row.nextStep
  }

  get isClientRetryable(): boolean {
    return this.facts.isClientRetryable ?? this.row.isClientRetryable
  }
}

/** Whatever was thrown, as a GatewayError: an unknown exception is our own defect, its text stays inside. */
export function toGatewayError(error: unknown): GatewayError {
  if (error instanceof GatewayError) return error
  return new GatewayError('gateway_error', 'The gateway failed on this request.', {}, error)
}
