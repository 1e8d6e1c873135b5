/** What an answer is brought to its client with, and the answer once it has begun. */

import type { Loss } from '../canonical/loss.ts'
import type { TargetDialect } from '../dialects/dialect.ts'
import type { GatewayError } from '../errors/gateway-error.ts'
import type { StateMemory } from '../provenance/watch-state.ts'
import type { Target } from '../providers/provider.ts'
import type { UpstreamResponse } from '../upstream/attempt.ts'
import type { AnswerLimit } from './answer-limit.ts'
import type { AttemptEntry } from './attempt-log.ts'
import type { EncodedCall } from './encode-call.ts'
import type { Settlement } from './reply.ts'
import type { StreamContext } from './stream-source.ts'

export interface RelayContext extends StreamContext {
  readonly call: EncodedCall
  readonly response: UpstreamResponse
  readonly attempt: AttemptEntry
  /** Where the answer is ended; absent where it never is for its cost. */
  readonly limit?: AnswerLimit | undefined
  readonly target: Target
  readonly targetDialect: TargetDialect
  /** Who made the state that clients may send back. */
  readonly state: StateMemory
  readonly modelId: string
  /** An answer that is nothing but a refusal of its content is a refusal: another target may be asked. */
  readonly refusesFiltered: boolean
  /** The client waits no longer for its answer to begin. */
  commit(): void
  /** Told the ids of files and batches that the answer names. */
  onIds(ids: readonly string[]): void
}

/** An answer past its commit point. */
export interface Committed {
  readonly contentType: string
  readonly body: Uint8Array | AsyncIterable<Uint8Array>
  readonly losses: readonly Loss[]
  /** A stream may turn out to hold more that the client cannot be told. */
  readonly lossesAtEnd?: () => readonly Loss[]
  /** What the answer calls its model, where that is not the name that was asked for. */
  readonly upstreamModelId?: string
  /** What the client should know of an answer that is whole all the same, by name. */
  readonly warnings?: readonly string[]
  readonly settled: Promise<Settlement>
  readonly writeError?: (error: GatewayError) => string
  close(isTaken: boolean): void
}
