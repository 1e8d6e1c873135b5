/** What the providers of a world are like: how fast they speak, what befalls their calls, and what they allow. */

import type { Spread } from './traffic.ts'

export interface Weather {
  /** How fast each place speaks: the first entry that holds for a call decides. Default: `USUAL_PACE`. */
  readonly paces: readonly PaceOf[]
  /** What befalls calls: the first spell that strikes a call decides. */
  readonly spells: readonly Spell[]
  /** What places allow: beyond it they answer 429 and say when to come again; their answers tell what is left. */
  readonly allowances: readonly Allowance[]
  /** Share of the answers that are the same whoever is asked, and so can be gone on with by another, 0 to 1. Default 1. */
  readonly sameAnswerShare?: number
}

export interface PaceOf extends Pace {
  readonly where: Place
}

export interface Pace {
  readonly firstTokenMs: Spread
  readonly perTokenMs: Spread
}

export const USUAL_PACE: Pace = {
  firstTokenMs: { median: 400, p95: 1_500 },
  perTokenMs: { median: 15, p95: 40 },
}

/** A fault that befalls a share of the calls to a place, for a while. */
export interface Spell {
  readonly fault: UpstreamFault
  readonly where: Place
  /** Since the start of the run, ms. */
  readonly fromMs: number
  readonly untilMs: number
  /** Share of the calls that it befalls, 0 to 1. */
  readonly share: number
}

export interface Allowance {
  readonly where: Place
  readonly requestsPerMinute: number
}

/** Everywhere, one provider by its id, or one target (`provider/model`). */
export type Place =
  | { readonly kind: 'everywhere' }
  | { readonly kind: 'provider'; readonly provider: string }
  | { readonly kind: 'target'; readonly target: string }

export type UpstreamFault =
  /** An error answer in the provider's dialect; `headers` as they stand, lower case. */
  | {
      readonly type: 'refuse'
      readonly status: number
      readonly reason?: RefusalReason
      readonly headers?: Readonly<Record<string, string>>
    }
  | { readonly type: 'connect-refused' }
  /** No answer to the connection attempt. */
  | { readonly type: 'black-hole' }
  | { readonly type: 'reset-before-head' }
  /** The request is taken and nothing comes back. */
  | { readonly type: 'hang' }
  /** The connection breaks after this share of the body's bytes. */
  | { readonly type: 'reset-in-body'; readonly at: number }
  /** The body ends in good order after this share of its events, without a terminal. */
  | { readonly type: 'end-early'; readonly at: number }
  /** Silence for so long after this share of the events; then it goes on. */
  | { readonly type: 'stall'; readonly at: number; readonly forMs: number }
  | { readonly type: 'slow-first-token'; readonly firstTokenMs: number }
  /** A stream of signs of life and nothing else, for so long. */
  | { readonly type: 'pings-only'; readonly forMs: number }
  /** An error inside the stream after this share of its events; 0: before any content. */
  | { readonly type: 'error-event'; readonly at: number; readonly status: number }
  | { readonly type: 'empty-answer' }
  | { readonly type: 'malformed-event'; readonly at: number }
  | { readonly type: 'wrong-content-type' }
  | { readonly type: 'giant-event'; readonly at: number; readonly bytes: number }
  /** The body comes in slices of at most so many bytes. */
  | { readonly type: 'slices'; readonly bytesMax: number }
  | { readonly type: 'terminal-twice' }
  /** The terminal comes and the connection stays open. */
  | { readonly type: 'held-open' }

export type UpstreamFaultType = UpstreamFault['type']

/** Why it is refused, where the status alone does not say it. `echoed-secret`: the message repeats the key that was sent. */
export type RefusalReason =
  | 'quota'
  | 'context-length'
  | 'content-policy'
  | 'echoed-secret'
  | 'html-page'
  | 'empty-body'
