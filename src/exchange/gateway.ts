/** What the story offers to the server in front of it: a port, so that `http/` can be tested alone. */

import type { Exchange } from '../execution/exchange.ts'
import type { Reply } from '../execution/reply.ts'
import type { GatewayError } from '../errors/gateway-error.ts'

/** Who is asking. */
export interface Caller {
  /** The configured name of the client key; absent where no keys are configured. */
  readonly keyName?: string
}

/** A place among the requests in flight, held until released. */
export interface Permit {
  /** Accounts for bytes of body about to be buffered; throws `overloaded` beyond the bound of the process. */
  hold(bytes: number): void
  /** Gives the place and the bytes back; calling it again does nothing. */
  release(): void
}

/** A permit and who holds it. */
export interface Admission extends Permit {
  readonly caller: Caller
}

export interface ModelEntry {
  /** What a client writes as `model`: a route's name or `provider/model`. */
  readonly id: string
  /** `holdfast` for a route, else the provider's id. */
  readonly ownedBy: string
  readonly isSimulated: boolean
}

/** A request that was turned away before it became an exchange. */
export interface Refusal {
  readonly exchangeId: string
  readonly dialect: string
  readonly error: GatewayError
  readonly status: number
  readonly requestBytes: number
  readonly durationMs: number
  readonly keyName?: string
}

export interface Readiness {
  readonly isReady: boolean
  /** Plain sentences; empty when ready. */
  readonly reasons: readonly string[]
}

export interface Gateway {
  /**
   * Before the body is read: who is it, and is there room? `clientKey` is what the request carried, if anything.
   * Throws `unauthenticated` or `overloaded`; the key is judged first, so `overloaded` is only told to a good key.
   */
  admit(clientKey: string | undefined): Admission
  /** The whole story of one request. Throws GatewayError when nothing can be answered; the admission is released either way, in the end. */
  serve(exchange: Exchange, admission: Admission): Promise<Reply>
  /** Records a request that never reached `serve`. */
  refuse(refusal: Refusal): void
  models(): readonly ModelEntry[]
  readiness(): Readiness
}
