/** An answer as the cache holds it: as it was said first, and as it was said besides. */

import type { CacheCodec } from '../cache/answer-cache.ts'
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
  size: ({ kept, forms }) =>
    [...forms.values()].reduce((sum, { body }) => sum + body.length, kept.body.length),
}
