/**
 * Paces the calls to one target by the provider's own limit headers, so that the limit is kept before it is hit. A 429
 * costs a round trip, a place in somebody's statistics and, where everybody retries, the next second too.
 */

import type { ResponseHeaders } from '../std/transport.ts'
import { limitSpellings, readLimit } from './limit-headers.ts'
import { TokenBucket } from './token-bucket.ts'

export interface Answer {
  readonly status: number
  /** Lower-case names. */
  readonly headers: ResponseHeaders
  /** Calls under way that have no answer yet: the provider may not have counted them. */
  readonly unanswered: number
  /** Ms since the Unix epoch, for dates in an answer that has none of its own. */
  readonly wallMs: number
}

export class Pacer {
  /** By spelling; a limit that was never stated has no bucket. */
  readonly #buckets: (TokenBucket | undefined)[] = limitSpellings.map(() => undefined)

  noteAnswer(answer: Answer, nowMs: number): void {
    const isServed = answer.status < 400
    for (const [at, spelling] of limitSpellings.entries()) {
      const reading = readLimit(answer.headers, spelling, answer.wallMs)
      if (reading === undefined) {
        // Old, and not spoken of any more.
        if (this.#buckets[at]?.isOldAt(nowMs) === true) this.#buckets[at] = undefined
        continue
      }
      const bucket = (this.#buckets[at] ??= new TokenBucket(spelling))
      bucket.note(reading, answer.unanswered, isServed, nowMs)
    }
  }

  /** A call begins. */
  draw(nowMs: number): void {
    for (const bucket of this.#buckets) bucket?.draw(nowMs)
  }

  /** A call ended that never had an answer. */
  giveBack(nowMs: number): void {
    for (const bucket of this.#buckets) bucket?.giveBack(nowMs)
  }

  /** When a call may begin behind `ahead` others that wait; `nowMs` = at once. */
  freeAtMs(ahead: number, nowMs: number): number {
    let latestMs = nowMs
    for (const bucket of this.#buckets) {
      if (bucket !== undefined) latestMs = Math.max(latestMs, bucket.freeAtMs(ahead, nowMs))
    }
    return latestMs
  }
}
