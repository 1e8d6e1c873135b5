/** What is concluded from the facts of an answer: is it whole, what did it cost, what was odd about it. */

import type { Usage } from '../canonical/usage.ts'
import type { StreamFacts } from '../dialects/dialect.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import { isCounted } from './attempt-log.ts'

export function usageOf(source: { readonly usage?: Usage | undefined }): { usage?: Usage } {
  return source.usage === undefined ? {} : { usage: source.usage }
}

export function flagsOf(facts: StreamFacts): readonly string[] {
  return [
    ...(facts.anomalies > 0 ? ['parse_anomaly'] : []),
    ...(facts.hasMalformedToolCall === true ? ['tool_args_invalid'] : []),
    ...(facts.isComplete ? usageFlags(facts.usage) : []),
  ]
}

/** A whole answer reports what it cost; one that does not, or in numbers nobody can believe, is odd (fault 50). */
export function usageFlags(usage: Usage | undefined): readonly string[] {
  return isCounted(usage) ? [] : ['usage_anomaly']
}

/** An answer without content is whole only if the model says that it had nothing to say (B3: 200 empty). */
export function assertWhole(facts: StreamFacts): void {
  if (facts.error) throw facts.error
  if (!facts.isComplete) throw brokenOff()
  if (facts.hasContent) return
  const reason = facts.finish?.reason
  const isSilent =
    (reason === 'stop' || reason === 'other' || reason === undefined) && !(facts.usage?.outputTokens ?? 0)
  if (isSilent) throw new GatewayError('empty_response', 'The provider ended its answer without any content.')
}

export function brokenOff(): GatewayError {
  return new GatewayError('upstream_truncated', 'The provider ended the stream before the answer was whole.')
}
