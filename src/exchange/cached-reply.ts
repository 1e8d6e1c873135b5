/** An answer as the cache holds it: as it was said first, and as it was said besides. */

import type { CacheCodec } from '../cache/answer-cache.ts'
import type { Loss } from '../canonical/loss.ts'
import type { AnswerForm } from './answer-form.ts'
import { decodeKept, encodeKept, type KeptReply } from './kept-reply.ts'
import type { SaidAnswer } from './say-again.ts'

/** A kept answer, and what it was said as besides. */
export interface CachedReply {
  readonly kept: KeptReply
  readonly forms: Map<AnswerForm, SaidAnswer>
}

export const cachedReplyCodec: CacheCodec<CachedReply> = {
  encode: ({ kept }) => encodeKept(kept),
  decode(bytes) {
    const kept = decodeKept(bytes)
    return kept && { kept, forms: new Map() }
  },
  size: ({ kept: { body, question = '', losses = [] }, forms }) =>
    body.length +
    sum([...forms.values()], (said) => said.body.length) +
    question.length * CHARACTER_BYTES +
    sum(losses, lossBytes),
}

/** Text beyond Latin takes two in memory. */
const CHARACTER_BYTES = 2
/** What a loss takes beside its words. */
const LOSS_COST_BYTES = 96

function lossBytes({ field, reason }: Loss): number {
  return LOSS_COST_BYTES + (field.length + reason.length) * CHARACTER_BYTES
}

function sum<Item>(items: readonly Item[], bytesOf: (item: Item) => number): number {
  return items.reduce((bytes, item) => bytes + bytesOf(item), 0)
}
