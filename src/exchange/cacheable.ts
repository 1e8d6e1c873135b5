/** What may be given again: which requests, and which of their answers. */

import type { Operation } from '../canonical/envelope.ts'
import type { FinishReason } from '../canonical/finish.ts'
import type { Part } from '../canonical/message.ts'
import type { InferenceResult } from '../canonical/result.ts'
import type { Exchange } from '../execution/exchange.ts'
import type { Reply, Settlement } from '../execution/reply.ts'

/** Their answers depend on nothing but the request. */
const operations: ReadonlySet<Operation> = new Set(['chat', 'embeddings', 'moderations', 'rerank'])

/** Why a request is never answered from the cache, in one word; `undefined` where it may be. */
export function whyUncacheable({ operation, asked, referring }: Exchange): string | undefined {
  if (!operations.has(operation) || asked?.form !== undefined) return 'operation'
  return referring === undefined ? undefined : 'conversation'
}

/** A whole answer that its model meant to end; one cut short, filtered or refused is never given again. */
export function isWholeAnswer({ candidates }: InferenceResult): boolean {
  return (
    candidates.length > 0 &&
    candidates.every(({ finish, parts }) => isMeant(finish?.reason) && parts.every(isRepeatable))
  )
}

function isMeant(reason: FinishReason | undefined): boolean {
  return reason === 'stop' || reason === 'tool-calls'
}

/** What the provider itself did for an answer (a search, a run of code) it did once. */
function isRepeatable(part: Part): boolean {
  if (part.type === 'tool-call') return part.kind !== 'provider'
  return part.type !== 'opaque' && part.type !== 'refusal'
}

/** An answer that came whole, with nothing that its client was warned of. */
export function isSound({ status, warnings = [] }: Reply, state: Settlement['state']): boolean {
  return status === 200 && warnings.length === 0 && (state === 'completed' || state === 'rescued')
}
