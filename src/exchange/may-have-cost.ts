/** Whether a request that failed may have been paid for: only where it surely was not is its idempotency key free again. */

import type { ErrorCode } from '../errors/codes.ts'
import type { GatewayError } from '../errors/gateway-error.ts'
import { refusals } from '../execution/attempt-log.ts'
import { mayHaveRun } from '../resilience/decide-next.ts'

/**
 * An attempt that ended so cost nothing: it never reached the provider, or was refused instead of answered. An attempt
 * without a code was given up while it ran, and may well be paid for, as may whatever is not named here.
 */
const free: ReadonlySet<string> = new Set<ErrorCode>([
  'invalid_request',
  'no_connection_free',
  'upstream_unreachable',
  'upstream_tls',
  'blocked_address',
  'no_target_available',
  'overloaded',
  'loss_refused',
  'capability_missing',
  'not_supported',
  'previous_response_not_found',
  'response_not_found',
  'resource_not_found',
  'upstream_redirect',
  'upstream_tool_use_failed',
  ...refusals,
])

/** A provider that ran out of time is not billed for, and may have done what was asked all the same. */
export function mayHaveCost({ attempts }: Pick<GatewayError, 'attempts'>): boolean {
  return attempts.some(({ code }) => code === undefined || mayHaveRun.has(code) || !free.has(code))
}
