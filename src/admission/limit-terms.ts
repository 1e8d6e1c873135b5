/** The words in which limits of keys and projects are asked, granted and refused. */

import type { LimitFacts } from '../errors/gateway-error.ts'

/** What a limit counts; all but concurrent requests by the minute. */
export type LimitKind = LimitFacts['kind']

/** What is counted by the minute. */
export type RateKind = Exclude<LimitKind, 'concurrent-requests'>

/** Whose limit it is. */
export type LimitHolder = LimitFacts['of']

/** What a request may come to. */
export interface LimitAsk {
  /** Of its text: what it surely comes to. */
  readonly inputTokens: number
  /** Of pictures, sound and files in it, an estimate. No more than a minute's worth is taken beforehand. Default 0. */
  readonly attachedTokens?: number
  /** The ceiling of its answer, or an estimate. No more than a minute's worth is taken beforehand. */
  readonly outputTokens: number
  /** It reads along with a request that has its place, and takes none of its own. Default false. */
  readonly isShared?: boolean
}

/** What a request came to, all its attempts together; what is not known is taken as it was asked for. */
export interface LimitUse {
  readonly inputTokens?: number
  readonly outputTokens?: number
}

/** Asked by what costs nothing, and used by it: the request alone counts. */
export const NO_TOKENS = { inputTokens: 0, outputTokens: 0 } as const satisfies LimitAsk & LimitUse

/** Asked by what only reads along: it counts as a request, and as nothing else. */
export const SHARED_ASK = { ...NO_TOKENS, isShared: true } as const satisfies LimitAsk

/** Of several limits without room, the one that has room last. */
export interface LimitRefusal extends LimitFacts {
  readonly type: 'refused'
  /** Until there is room if nobody else takes it, whole ms; absent where there never will be. */
  readonly waitMs?: number
}
