/** What the clients of a world do: how many there are, what they ask, how they read, and when they lose patience. */

import type { DialectId } from '../../canonical/envelope.ts'

export interface Traffic {
  /** Clients that ask by turns; each keeps its key and its session. */
  readonly clients: number
  /** Stories over the whole run; tries of one story by an SDK are not counted. */
  readonly requests: number
  readonly arrival: Arrival
  /** Weight of each dialect that clients speak. */
  readonly dialects: Readonly<Partial<Record<DialectId, number>>>
  /** Share that asks for a stream, 0 to 1. */
  readonly streamShare: number
  /** Weight of each name asked for as model: a route, or `provider/model`. */
  readonly routes: Readonly<Record<string, number>>
  readonly promptBytes: Spread
  readonly outputTokens: Spread
  /** Clients are SDKs that try again by themselves, as often as `SDK_TRIES_MAX` says. */
  readonly hasSdkRetries: boolean
  /** Share of the stories whose client leaves before the end, 0 to 1. */
  readonly leaveShare: number
  /** Share of the streams that are read slowly, 0 to 1. Default 0. */
  readonly slowShare?: number
  /** Share of the stories that offer a tool, which the model then calls, 0 to 1. Default 0. */
  readonly toolShare?: number
  /** Share of the stories that state a time of their own, and what it is, ms. Default: none does. */
  readonly timeout?: { readonly share: number; readonly ms: Spread }
  /** Share of the stories of low and of high priority, 0 to 1. Default 0. */
  readonly priority?: { readonly low: number; readonly high: number }
  /** The client key that is sent; absent where the configuration has none. */
  readonly clientKey?: string
}

/** When stories begin: at random moments of a steady rate, or of a rate that follows a course of equal steps. */
export type Arrival =
  | { readonly type: 'steady'; readonly perSecond: number }
  | { readonly type: 'course'; readonly lengthMs: number; readonly weights: readonly number[] }

/** A skewed distribution (log-normal), by the value that half and that 95 % of the draws stay below. */
export interface Spread {
  readonly median: number
  readonly p95: number
}
