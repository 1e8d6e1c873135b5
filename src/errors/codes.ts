/**
 * The table of errors: one row a code. It is the only table that may decide a retry; its columns follow the classes
 * of provider failure. Codes are stable and never reused.
 */

/** May the same target be tried again? `free` does not count as an attempt: nothing had left us. */
export type SameTarget = 'no' | 'free-once' | 'once' | 'once-after-pause' | 'after-wait'

/** Where else may the request go? */
export type OtherTarget = 'no' | 'yes' | 'larger-context'

/** What the failure says of the target's health. */
export type HealthEffect =
  | 'none'
  | 'failure'
  | 'half-failure'
  | 'local-failure'
  | 'limited'
  | 'exhausted'
  | 'auth-dead'
  | 'misconfigured'

/** Who has to act. */
export type Fault = 'client' | 'gateway' | 'provider'

/** The kinds every dialect has a word for. */
export type ErrorKind =
  | 'invalid-request'
  | 'authentication'
  | 'permission'
  | 'not-found'
  | 'too-large'
  | 'rate-limit'
  | 'quota'
  | 'content-policy'
  | 'timeout'
  | 'overloaded'
  | 'upstream'
  | 'internal'

export interface ErrorRow {
  /** The HTTP status the client reads. */
  readonly status: number
  readonly kind: ErrorKind
  readonly fault: Fault
  /** Whether the client's own retry can help; sent as `x-should-retry`. */
  readonly isClientRetryable: boolean
  readonly sameTarget: SameTarget
  readonly otherTarget: OtherTarget
  readonly health: HealthEffect
  /** One next step for the person who reads the error. */
  readonly nextStep: string
}

const refused = {
  isClientRetryable: false,
  sameTarget: 'no',
  otherTarget: 'no',
  health: 'none',
} as const

const ownRequest = { ...refused, fault: 'client' } as const

export const errorCodes = {
  // What the client sent.
  invalid_json: {
    ...ownRequest,
    status: 400,
    kind: 'invalid-request',
    nextStep: 'Send one JSON object as the body.',
  },
  invalid_request: {
    ...ownRequest,
    status: 400,
    kind: 'invalid-request',
    nextStep: 'Correct the named field and send the request again.',
  },
  unauthenticated: {
    ...ownRequest,
    status: 401,
    kind: 'authentication',
    nextStep:
      'Send a client key as "Authorization: Bearer <key>", "x-api-key" or "api-key"; holdfast key create makes one.',
  },
  /** So many requests without a good key came from one address that it is not asked for a while. */
  too_many_failures: {
    ...ownRequest,
    status: 429,
    kind: 'rate-limit',
    isClientRetryable: true,
    nextStep: 'Send a good client key: too many requests without one came from this address.',
  },
  permission_denied: {
    ...ownRequest,
    status: 403,
    kind: 'permission',
    nextStep: 'Send a client key that may do this; the operator configures keys in holdfast.yaml.',
  },
  path_not_found: {
    ...ownRequest,
    status: 404,
    kind: 'not-found',
    nextStep:
      'Check the base URL: OpenAI clients use http://host:port/v1, Anthropic clients http://host:port.',
  },
  model_not_found: {
    ...ownRequest,
    status: 404,
    kind: 'not-found',
    nextStep: 'List the models with GET /v1/models, or address one as provider/model.',
  },
  method_not_allowed: {
    ...ownRequest,
    status: 405,
    kind: 'invalid-request',
    nextStep: 'Use the method named in the Allow header.',
  },
  request_timeout: {
    ...refused,
    status: 408,
    kind: 'timeout',
    fault: 'client',
    isClientRetryable: true,
    nextStep: 'Send the request faster, or raise the read limits in holdfast.yaml.',
  },
  body_too_large: {
    ...ownRequest,
    status: 413,
    kind: 'too-large',
    nextStep: 'Send a smaller body, or raise limits.bodyBytes in holdfast.yaml.',
  },
  unsupported_media_type: {
    ...ownRequest,
    status: 415,
    kind: 'invalid-request',
    nextStep: 'Send application/json without a content-encoding, or with gzip.',
  },
  upgrade_required: {
    ...ownRequest,
    status: 426,
    kind: 'invalid-request',
    nextStep: 'Use plain HTTP requests; WebSockets are not served here.',
  },
  header_fields_too_large: {
    ...ownRequest,
    status: 431,
    kind: 'too-large',
    nextStep: 'Send fewer or shorter headers.',
  },
  not_cached: {
    ...ownRequest,
    status: 404,
    kind: 'not-found',
    nextStep: 'Send it without x-holdfast-cache: only, so that a provider is asked.',
  },
  /** Another attempt of the same request was faster; no client is ever told. */
  superseded: {
    ...ownRequest,
    status: 499,
    kind: 'invalid-request',
    nextStep: 'Nothing: another attempt won.',
  },
  client_gone: { ...ownRequest, status: 499, kind: 'invalid-request', nextStep: 'Nothing: the client left.' },

  // The same request before: its idempotency key has a past.
  /** The gateway stopped while the earlier request was under way, and its answer is not known to have been given. */
  idempotency_in_doubt: {
    ...ownRequest,
    status: 409,
    kind: 'invalid-request',
    nextStep: 'Look up the named request in the log for what it did and cost, then send this with a new key.',
  },
  idempotency_mismatch: {
    ...ownRequest,
    status: 422,
    kind: 'invalid-request',
    nextStep: 'Send the body that came first with this Idempotency-Key, or use a new one.',
  },

  // What the caller may use and spend.
  key_rate_limited: {
    ...ownRequest,
    status: 429,
    kind: 'rate-limit',
    isClientRetryable: true,
    nextStep: 'Wait for the time in Retry-After, or ask the operator for a higher limit.',
  },
  /** No room for what the request may cost at this target; a cheaper one may fit. */
  budget_exceeded: {
    ...ownRequest,
    status: 429,
    kind: 'quota',
    otherTarget: 'yes',
    nextStep: "Wait for the reset, ask the budget's owner for more, or use a cheaper model.",
  },
  price_unknown: {
    ...ownRequest,
    status: 400,
    kind: 'invalid-request',
    otherTarget: 'yes',
    nextStep: 'Name the price under providers.<id>.prices in holdfast.yaml, or set budgets.unknownPrice.',
  },
  budget_unavailable: {
    ...refused,
    status: 503,
    kind: 'overloaded',
    fault: 'gateway',
    isClientRetryable: true,
    nextStep: 'Try again: the store that keeps the budget does not answer, and nothing is spent unseen.',
  },

  // Ourselves.
  gateway_error: {
    ...refused,
    status: 500,
    kind: 'internal',
    fault: 'gateway',
    isClientRetryable: true,
    nextStep: 'Report this with the request id; it is a defect of the gateway.',
  },
  not_supported: {
    ...refused,
    status: 501,
    kind: 'invalid-request',
    fault: 'gateway',
    nextStep: 'Use an operation the gateway serves; see the README.',
  },
  overloaded: {
    ...refused,
    status: 503,
    kind: 'overloaded',
    fault: 'gateway',
    isClientRetryable: true,
    nextStep: 'Wait for the time in Retry-After, or raise limits.requestsInFlight.',
  },
  keys_unavailable: {
    ...refused,
    status: 503,
    kind: 'overloaded',
    fault: 'gateway',
    isClientRetryable: true,
    nextStep:
      'Send the request again in a moment: the store of keys does not answer, and the key may be new.',
  },
  store_unavailable: {
    ...refused,
    status: 503,
    kind: 'overloaded',
    fault: 'gateway',
    isClientRetryable: true,
    nextStep: 'Try again in a moment; the operator should look at the store.',
  },
  gateway_shutting_down: {
    ...refused,
    status: 503,
    kind: 'overloaded',
    fault: 'gateway',
    isClientRetryable: true,
    nextStep: 'Send the request again; another instance will serve it.',
  },
  retry_budget_spent: {
    ...refused,
    status: 503,
    kind: 'overloaded',
    fault: 'provider',
    nextStep: 'Wait: the providers of the route fail, and further tries would only add to their load.',
  },
  no_target_available: {
    ...refused,
    status: 503,
    kind: 'overloaded',
    fault: 'provider',
    isClientRetryable: true,
    nextStep: 'Wait for the time in Retry-After, or add a fallback target to the route.',
  },
  deadline_exceeded: {
    ...refused,
    status: 504,
    kind: 'timeout',
    fault: 'provider',
    isClientRetryable: true,
    nextStep: 'Raise the deadline of the route, or of the client.',
  },
  loss_refused: {
    ...ownRequest,
    status: 400,
    kind: 'invalid-request',
    nextStep: 'Remove the named field, or choose a target that can express it.',
  },

  capability_missing: {
    ...ownRequest,
    status: 400,
    kind: 'invalid-request',
    nextStep: 'Remove what no target can do, or add a target to the route whose model can.',
  },

  /** Of connections to the target none was to be had here: nothing is known of the target (fault 141). */
  no_connection_free: {
    status: 503,
    kind: 'overloaded',
    fault: 'gateway',
    isClientRetryable: true,
    sameTarget: 'no',
    otherTarget: 'yes',
    health: 'none',
    nextStep:
      'Wait for the time in Retry-After; the operator may allow more connections, open files or ports.',
  },

  // Providers: nothing left us, or nothing came back.
  upstream_unreachable: {
    status: 502,
    kind: 'upstream',
    fault: 'provider',
    isClientRetryable: true,
    sameTarget: 'free-once',
    otherTarget: 'yes',
    health: 'local-failure',
    nextStep: 'Check that the provider is up and reachable from the gateway: holdfast doctor.',
  },
  upstream_tls: {
    status: 502,
    kind: 'upstream',
    fault: 'provider',
    isClientRetryable: false,
    sameTarget: 'no',
    otherTarget: 'yes',
    health: 'local-failure',
    nextStep: 'Check the certificate of the provider: holdfast doctor.',
  },
  blocked_address: {
    status: 502,
    kind: 'upstream',
    fault: 'provider',
    isClientRetryable: false,
    sameTarget: 'no',
    otherTarget: 'yes',
    health: 'none',
    nextStep:
      "Use an address that is no metadata service; for a private one write its name as the provider's baseUrl, and restart.",
  },
  upstream_reset: {
    status: 502,
    kind: 'upstream',
    fault: 'provider',
    isClientRetryable: true,
    sameTarget: 'once',
    otherTarget: 'yes',
    health: 'failure',
    nextStep: 'Try again; add a fallback target to the route if it happens often.',
  },
  upstream_timeout: {
    status: 504,
    kind: 'timeout',
    fault: 'provider',
    isClientRetryable: true,
    sameTarget: 'no',
    otherTarget: 'yes',
    health: 'failure',
    nextStep: 'Try again, add a fallback target, or raise the timeouts of the provider.',
  },
  upstream_protocol: {
    status: 502,
    kind: 'upstream',
    fault: 'provider',
    isClientRetryable: true,
    sameTarget: 'once',
    otherTarget: 'yes',
    health: 'failure',
    nextStep: 'Check what answers at the address of the provider: holdfast doctor.',
  },

  // Providers: an answer that is a refusal.
  upstream_transient: {
    status: 502,
    kind: 'upstream',
    fault: 'provider',
    isClientRetryable: true,
    sameTarget: 'once',
    otherTarget: 'yes',
    health: 'failure',
    nextStep: 'Try again.',
  },
  rate_limited: {
    status: 429,
    kind: 'rate-limit',
    fault: 'provider',
    isClientRetryable: true,
    sameTarget: 'after-wait',
    otherTarget: 'yes',
    health: 'limited',
    nextStep: 'Wait for the time in Retry-After, or add a fallback target to the route.',
  },
  request_over_limit: {
    status: 429,
    kind: 'rate-limit',
    fault: 'client',
    isClientRetryable: false,
    sameTarget: 'no',
    otherTarget: 'yes',
    health: 'none',
    nextStep: 'Send a smaller request: it is larger than the limit of the provider for this model.',
  },
  insufficient_quota: {
    status: 429,
    kind: 'quota',
    fault: 'provider',
    isClientRetryable: false,
    sameTarget: 'no',
    otherTarget: 'yes',
    health: 'exhausted',
    nextStep: 'The operator must add credit or raise the spend limit at the provider.',
  },
  // A quota of this model alone: the credential serves its other models.
  model_quota_exhausted: {
    status: 429,
    kind: 'quota',
    fault: 'provider',
    isClientRetryable: false,
    sameTarget: 'no',
    otherTarget: 'yes',
    health: 'limited',
    nextStep: 'Use another model, or raise the quota of this model at the provider.',
  },
  upstream_auth: {
    status: 502,
    kind: 'upstream',
    fault: 'provider',
    isClientRetryable: false,
    sameTarget: 'no',
    otherTarget: 'yes',
    health: 'auth-dead',
    nextStep: 'The operator must replace the credential of the provider: holdfast doctor.',
  },
  // This model, feature or region is not for the credential; nothing is said against the credential itself.
  upstream_forbidden: {
    status: 502,
    kind: 'upstream',
    fault: 'provider',
    isClientRetryable: false,
    sameTarget: 'no',
    otherTarget: 'yes',
    health: 'misconfigured',
    nextStep: 'Check that the credential may use this model: holdfast doctor.',
  },
  /** OpenAI's own word and status for it. */
  previous_response_not_found: {
    status: 400,
    kind: 'invalid-request',
    fault: 'client',
    isClientRetryable: false,
    sameTarget: 'no',
    otherTarget: 'yes',
    health: 'none',
    nextStep: 'Send the conversation in full: what was kept of it is no longer there.',
  },
  response_not_found: {
    status: 404,
    kind: 'not-found',
    fault: 'client',
    isClientRetryable: false,
    sameTarget: 'no',
    otherTarget: 'yes',
    health: 'none',
    nextStep: 'Send the conversation in full: what was kept of it is no longer there.',
  },
  resource_not_found: {
    status: 404,
    kind: 'not-found',
    fault: 'client',
    isClientRetryable: false,
    sameTarget: 'no',
    otherTarget: 'no',
    health: 'none',
    nextStep: 'Check the id, or name the provider that has it in the header x-holdfast-provider.',
  },
  explanation_not_found: {
    ...ownRequest,
    status: 404,
    kind: 'not-found',
    nextStep: 'Ask with the header x-holdfast-explain: 1, and look soon after, with the same client key.',
  },
  upstream_model_not_found: {
    status: 404,
    kind: 'not-found',
    fault: 'provider',
    isClientRetryable: false,
    sameTarget: 'no',
    otherTarget: 'yes',
    health: 'misconfigured',
    nextStep: 'Check the model name of the target: holdfast models.',
  },
  context_length_exceeded: {
    status: 400,
    kind: 'invalid-request',
    fault: 'client',
    isClientRetryable: false,
    sameTarget: 'no',
    otherTarget: 'larger-context',
    health: 'none',
    nextStep: 'Shorten the conversation, or choose a model with a larger context window.',
  },
  upstream_request_too_large: {
    status: 413,
    kind: 'too-large',
    fault: 'client',
    isClientRetryable: false,
    sameTarget: 'no',
    otherTarget: 'larger-context',
    health: 'none',
    nextStep: 'Send a smaller request: the provider refused its size.',
  },
  upstream_invalid_request: {
    status: 400,
    kind: 'invalid-request',
    fault: 'client',
    isClientRetryable: false,
    sameTarget: 'no',
    otherTarget: 'no',
    health: 'none',
    nextStep: 'Correct the request as the provider says.',
  },
  content_policy: {
    status: 400,
    kind: 'content-policy',
    fault: 'client',
    isClientRetryable: false,
    sameTarget: 'no',
    otherTarget: 'no',
    health: 'none',
    nextStep: 'The provider refused the content; change the prompt.',
  },
  upstream_error: {
    status: 502,
    kind: 'upstream',
    fault: 'provider',
    isClientRetryable: true,
    sameTarget: 'once',
    otherTarget: 'yes',
    health: 'failure',
    nextStep: 'Try again; add a fallback target to the route if it happens often.',
  },
  upstream_unavailable: {
    status: 503,
    kind: 'overloaded',
    fault: 'provider',
    isClientRetryable: true,
    sameTarget: 'once',
    otherTarget: 'yes',
    health: 'failure',
    nextStep: 'Try again; add a fallback target to the route if it happens often.',
  },
  upstream_gateway_timeout: {
    status: 504,
    kind: 'timeout',
    fault: 'provider',
    isClientRetryable: true,
    sameTarget: 'no',
    otherTarget: 'yes',
    health: 'failure',
    nextStep: 'Try again, or add a fallback target to the route.',
  },
  upstream_overloaded: {
    status: 503,
    kind: 'overloaded',
    fault: 'provider',
    isClientRetryable: true,
    sameTarget: 'once-after-pause',
    otherTarget: 'yes',
    health: 'half-failure',
    nextStep: 'Wait for the time in Retry-After, or add a fallback target to the route.',
  },
  upstream_tool_use_failed: {
    status: 502,
    kind: 'upstream',
    fault: 'provider',
    isClientRetryable: true,
    sameTarget: 'once',
    otherTarget: 'yes',
    health: 'none',
    nextStep: 'The model made a tool call its own provider refused; try again or use another model.',
  },

  // Providers: an answer that is none.
  upstream_bad_response: {
    status: 502,
    kind: 'upstream',
    fault: 'provider',
    isClientRetryable: true,
    sameTarget: 'once',
    otherTarget: 'yes',
    health: 'failure',
    nextStep: 'Check what answers at the address of the provider: holdfast doctor.',
  },
  upstream_redirect: {
    status: 502,
    kind: 'upstream',
    fault: 'provider',
    isClientRetryable: false,
    sameTarget: 'no',
    otherTarget: 'yes',
    health: 'failure',
    nextStep: 'Set the final base URL of the provider; redirects are never followed.',
  },
  response_too_large: {
    status: 502,
    kind: 'upstream',
    fault: 'provider',
    isClientRetryable: false,
    sameTarget: 'no',
    otherTarget: 'yes',
    health: 'failure',
    nextStep: 'Ask for a shorter answer, or raise limits.responseBytes.',
  },
  event_too_large: {
    status: 502,
    kind: 'upstream',
    fault: 'provider',
    isClientRetryable: false,
    sameTarget: 'no',
    otherTarget: 'yes',
    health: 'failure',
    nextStep: 'Ask for a shorter answer.',
  },
  empty_response: {
    status: 502,
    kind: 'upstream',
    fault: 'provider',
    isClientRetryable: true,
    sameTarget: 'once',
    otherTarget: 'yes',
    health: 'half-failure',
    nextStep: 'Try again, or use another model.',
  },
  rescue_diverged: {
    status: 502,
    kind: 'upstream',
    fault: 'provider',
    isClientRetryable: true,
    sameTarget: 'no',
    otherTarget: 'no',
    health: 'none',
    nextStep: 'Send the request again: the answer broke off, and no second one began with the same words.',
  },
  upstream_truncated: {
    status: 502,
    kind: 'upstream',
    fault: 'provider',
    isClientRetryable: true,
    sameTarget: 'once',
    otherTarget: 'yes',
    health: 'failure',
    nextStep: 'Try again; the answer broke off at the provider.',
  },
} as const satisfies Record<string, ErrorRow>

export type ErrorCode = keyof typeof errorCodes

/** The row of a code. */
export function errorRow(code: ErrorCode): ErrorRow {
  return errorCodes[code]
}
