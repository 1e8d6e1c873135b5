/** One upstream stream on its way to the client: the whole of an answer, or the part of it that one attempt delivers. */

import type { Passthrough } from '../dialects/dialect.ts'
import type { Target } from '../providers/provider.ts'
import type { UpstreamResponse } from '../upstream/attempt.ts'
import type { AnswerLimit } from './answer-limit.ts'
import type { AttemptEntry } from './attempt-log.ts'
import type { UpstreamChunks } from './upstream-chunks.ts'

export interface StreamLeg {
  readonly target: Target
  readonly attempt: AttemptEntry
  readonly response: UpstreamResponse
  readonly chunks: UpstreamChunks
  readonly pipe: Passthrough
  /** Told by the pipe what comes; absent where the answer is never ended for its cost. */
  readonly limit?: AnswerLimit | undefined
}
