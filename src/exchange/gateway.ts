/** What the story offers to the server in front of it: a port, so that `http/` can be tested alone. */

import type { LimitStanding } from '../admission/limit-standing.ts'
import type { Priority } from '../admission/priority.ts'
import type { Exchange } from '../execution/exchange.ts'
import type { Reply } from '../execution/reply.ts'
import type { GatewayError } from '../errors/gateway-error.ts'
import type { KeyHolder } from '../keys/keyring.ts'
import type { Cost } from '../ledger/cost.ts'
import type { JsonObject } from '../std/json.ts'

/** Who is asking: nameless where there are no keys. */
export type Caller = KeyHolder

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
  /** Asked for the sake of a request that has its place: it takes none of its caller's limits. */
  readonly isOwn?: true
  /** Where the caller stands with its limits and budgets; there once its request is being served. */
  standing?: () => LimitStanding | undefined
  /** What the request cost so far; there once it is being served. */
  cost?: () => Cost
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
  /** Requests are served, though not all of them, or not as well as usual. */
  readonly isDegraded?: boolean
  /** Plain sentences; empty when nothing is amiss. */
  readonly reasons: readonly string[]
}

/** Answers that clients come back to by their id; each may be read only under the key that made it. */
export interface KeptAnswers {
  /** Throws `response_not_found`, as all the others do. */
  get(id: string, caller: Caller): JsonObject
  /** What was said to get it, item by item. */
  inputItems(id: string, caller: Caller): readonly JsonObject[]
  delete(id: string, caller: Caller): void
  /** Ends an answer that is being made in the background; one that has ended stays as it is. */
  cancel(id: string, caller: Caller): JsonObject
  /** The events of an answer made in the background, those after `sequence`; goes on until it ends. */
  follow(id: string, caller: Caller, sequence: number): AsyncIterable<Uint8Array>
}

export interface Gateway {
  /**
   * Before the body is read: who is it, and is there room? `clientKey` is what the request carried, if anything.
   * Throws `unauthenticated` or `overloaded`; the key is judged first, so `overloaded` is only told to a good key. A promise
   * only where the key is not known here and may have been made elsewhere a moment ago.
   * Where room is short, `low` priority is turned away first; the default is `normal`.
   */
  admit(clientKey: string | undefined, priority?: Priority): Admission | Promise<Admission>
  /** The whole story of one request. Throws GatewayError when nothing can be answered; the admission is released either way, in the end. */
  serve(exchange: Exchange, admission: Admission): Promise<Reply>
  /** Records a request that never reached `serve`. */
  refuse(refusal: Refusal): void
  readonly answers: KeptAnswers
  /** The decision trace of a request that asked for one, to the client key that made it; `undefined` where none is kept. */
  explain(requestId: string, caller: Caller): JsonObject | undefined
  /** Those that the caller may use. */
  models(caller: Caller): readonly ModelEntry[]
  readiness(): Readiness
}
