/**
 * Answers in the background under an `Idempotency-Key`: begun once. What the first client was told is kept as any other
 * answer under a key is, with the id by which the answer is read and cancelled; whoever comes again is told the same.
 */

import type { Exchange } from '../execution/exchange.ts'
import type { Reply } from '../execution/reply.ts'
import type { Recall } from './recall.ts'
import type { RecallOwner } from './recall-step.ts'

export interface Starting {
  readonly owner: RecallOwner
  readonly recall: Pick<Recall, 'begin'>
  /** Begins it, with a request of our own that has no key. */
  readonly start: (exchange: Exchange) => Reply
}

/** `recall` is set in a reply that was given before. Throws what is said against the key, as for any other request. */
export async function startOnce(exchange: Exchange, { owner, recall, start }: Starting): Promise<Reply> {
  const step = await recall.begin(exchange, { owner })
  if (step.type !== 'run') return step.reply
  let begun: Reply | undefined
  try {
    begun = start(step.exchange)
    return await step.watch(begun)
  } catch (error) {
    step.failed(error, begun !== undefined)
    throw error
  }
}
