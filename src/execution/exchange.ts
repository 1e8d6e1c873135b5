/** A request that refers to what was said before instead of saying it again. */
export interface ReferringRequest {
  /** Everything it refers to is at hand. */
  readonly isComplete: boolean
  /** Whether a target that speaks the client's dialect remembers what is referred to. */
  isKnownTo(target: Target): boolean
  /** The target that should be asked first, since it remembers. */
  readonly maker: string | undefined
  /** The request with everything said in full. Throws `previous_response_not_found` where that is not possible. */
  inFull(): { readonly body: Uint8Array; readonly envelope: Envelope }
}

/** One client request and what is known of it on arrival. */

import type { Envelope, Operation, PathFacts } from '../canonical/envelope.ts'
import type { StopSignal } from '../std/stop-signal.ts'
import type { BodyAttribution, Dialect } from '../dialects/dialect.ts'
import type { OperationRequest } from '../operations/operation-request.ts'
import type { Target } from '../providers/provider.ts'

export interface Exchange {
  /** The request id: in `x-request-id` and `request-id`, in every log line and error. */
  readonly id: string
  readonly dialect: Dialect
  readonly operation: Operation
  readonly envelope: Envelope
  /** Present where the request refers to an earlier answer or to items of one. */
  readonly referring?: ReferringRequest
  /** As the client asked, without its query; absent for requests of our own. */
  readonly path?: string
  /** What the path said, where the dialect says it there. */
  readonly named?: PathFacts
  /** Readable until the exchange settles; its memory is given back then. */
  readonly body: Uint8Array
  /** Present where something else than a chat or a count is asked for. */
  readonly asked?: OperationRequest
  /** The client's headers, lower case, as Node gives them. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  /** Whose budgets the request counts against: the name of the client key, where there are keys. */
  readonly tenant?: string
  /** Whom the body says that the request is for; of a request of our own, that for whose sake it is asked. */
  readonly inBody?: BodyAttribution
  /** Monotonic time of arrival, ms. */
  readonly arrivedAtMs: number
  /** Aborts when the client leaves. */
  readonly signal: StopSignal
}
