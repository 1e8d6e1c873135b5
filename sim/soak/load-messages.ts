/** What the process that makes the load and the one that watches the gateway say to each other. */

/** Everything the load needs to know of whom it asks. */
export interface LoadOrder {
  readonly url: string
  readonly concurrency: number
  readonly seed: number
  readonly keys: readonly { readonly name: string; readonly id: string; readonly secret: string }[]
}

export type ToLoad =
  | { readonly type: 'start'; readonly order: LoadOrder }
  /** Finish what runs, ask nothing more, and say `resting`. */
  | { readonly type: 'pause' }
  | { readonly type: 'go' }
  | { readonly type: 'stop' }

export interface LoadCounts {
  readonly requests: number
  /** By status; `none` where nothing was heard. */
  readonly statuses: Readonly<Record<string, number>>
  readonly misfortunes: Readonly<Record<string, number>>
  readonly upstreamCalls: number
  readonly chargedNanoUsd: number
  /** Of requests that nothing befell, by the id of their key. */
  readonly plainChargedNanoUsd: Readonly<Record<string, number>>
}

export type FromLoad =
  | { readonly type: 'upstream'; readonly baseUrl: string }
  | { readonly type: 'counts'; readonly counts: LoadCounts; readonly isLast: boolean }
  /** No request is under way, and none comes until it is told to go on. */
  | { readonly type: 'resting' }

/** The tag of requests that nothing befalls: of them the ledger must have what the provider counted, to the nano-dollar. */
export const PLAIN_TAG = 'befall:none'
