/** The one error that travels through the house: a code from the table, a message for a person, a cause, facts. */

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
  /** For `method_not_allowed`: the methods that are. */
  readonly allow?: string
}

export class GatewayError extends Error {
  override readonly name = 'GatewayError'
  readonly code: ErrorCode
  readonly facts: ErrorFacts

  constructor(code: ErrorCode, message: string, facts: ErrorFacts = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.facts = facts
  }

  get row(): ErrorRow {
    return errorRow(this.code)
  }

  get status(): number {
    return this.facts.status ?? this.row.status
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
