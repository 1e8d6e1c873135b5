/** What is decided of a request before anything is sent for it: given again, shared, or made. */

import type { Exchange } from '../execution/exchange.ts'
import type { Reply } from '../execution/reply.ts'

/** Whose requests may share an answer: nobody else's do (SEC-41). */
export interface RecallOwner {
  readonly tenant: string
  readonly keyId: string
}

export type RecallStep =
  /** It was kept. */
  | { readonly type: 'replay'; readonly reply: Reply }
  /** It is being made. Rejects with what that fails with. */
  | { readonly type: 'attach'; readonly reply: Promise<Reply> }
  | RecallRun

/** It must be made. One of `watch` and `failed` is called, once. */
export interface RecallRun {
  readonly type: 'run'
  /** The request to execute: where others may share its answer, it does not stop when its own client leaves. */
  readonly exchange: Exchange
  /** What its client is given in place of the reply that was made. */
  watch(reply: Reply): Promise<Reply>
  /**
   * It failed before it began to answer. `isPaid`: whether the books have anything of it; what they have nothing of, such as
   * a file, may have been made all the same, and its attempts say so.
   */
  failed(error: unknown, isPaid?: boolean): void
}

/** As ever: nobody shares it. */
export function runAlone(exchange: Exchange): RecallRun {
  return { type: 'run', exchange, watch: (reply) => Promise.resolve(reply), failed() {} }
}
