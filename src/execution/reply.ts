/** What travels back to the client. It exists only from the commit point on: until then every fault was a fallback. */

import type { Loss } from '../canonical/loss.ts'
import type { Usage } from '../canonical/usage.ts'
import type { AttemptSummary } from '../dialects/dialect.ts'
import type { GatewayError } from '../errors/gateway-error.ts'
import type { Cost } from '../ledger/cost.ts'
import type { Target } from '../providers/provider.ts'

export interface Reply {
  readonly status: number
  readonly contentType: string
  /**
   * A whole body, or chunks as they come. An upstream fault ends events with the dialect's own error event; chunks that have
   * no place for one (sound, a file) throw it.
   */
  readonly body: Uint8Array | AsyncIterable<Uint8Array>
  /** Who answered; absent where nobody has yet (an answer made in the background). */
  readonly target?: Target
  readonly attempts: readonly AttemptSummary[]
  /** Those that are known when the answer begins. */
  readonly losses: readonly Loss[]
  /** Those and what a stream held besides, once it is settled; absent where nothing is added. */
  readonly lossesAtEnd?: () => readonly Loss[]
  /** Time spent in the gateway itself before the answer began, ms; said in `x-holdfast-overhead-ms`. */
  readonly overheadMs?: number
  /** From arrival to the commit point, ms. */
  readonly firstTokenMs?: number
  /** The configured route that served it; absent where the client addressed a model directly. */
  readonly routeName?: string
  /** What the answer calls its model, where that is not the name that was asked for; said in `x-holdfast-upstream-model`. */
  readonly upstreamModelId?: string
  /** What the client should know of an answer that is whole all the same, by name; said in `x-holdfast-warning`. */
  readonly warnings?: readonly string[]
  /** How a stream that broke off was finished, and by whom; known when it is settled. */
  readonly rescue?: () => { readonly rung: number; readonly target: string } | undefined
  /** What was decided on the way, where the request asked for it; said in `x-holdfast-explanation`. */
  readonly explanation?: string
  /** How it comes that no provider was asked for it; absent where one was. */
  readonly recall?: ReplyRecall
  /** Headers besides, name and value by turns. */
  readonly headers?: readonly string[]
  /** The provider's own request id, where it gave one. */
  readonly upstreamRequestId?: string
  /**
   * Says whether the client took a whole body; a body in chunks knows it by itself. Calling it again does nothing.
   */
  close(isTaken: boolean): void
  /** An error inside this reply's stream, in words that agree with what was sent of it. */
  readonly writeError?: (error: GatewayError) => string
  /** What all attempts cost so far, as the books have it; absent where nobody keeps any. */
  readonly cost?: () => Cost
  /** Resolves once, when the last byte is handed over or the client is gone; never rejects. */
  readonly settled: Promise<Settlement>
}

/**
 * `attached`: shared with the running request of the same idempotency key; `replayed`: kept under it. `coalesced`: shared
 * with a running request that asks the same; `hit`: kept in the cache.
 */
export type ReplyRecall = 'attached' | 'replayed' | 'coalesced' | 'hit'

export interface Settlement {
  /** `rescued`: whole, though the stream broke off on the way and another one went on. */
  readonly state: 'completed' | 'rescued' | 'truncated' | 'client_gone'
  readonly usage?: Usage
  readonly error?: GatewayError
  /** Bytes of the answer handed over. */
  readonly bodyBytes: number
}
