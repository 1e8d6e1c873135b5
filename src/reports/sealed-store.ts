/** What is kept sealed, by the secret it was sealed under: a port. A seal begins with the id of its key; no more of it is read. */

export const SEALED_KINDS = ['answers', 'cache', 'bodies'] as const
/** `answers`: under their idempotency keys; `cache`: those that may be given again; `bodies`: of requests and answers. */
export type SealedKind = (typeof SEALED_KINDS)[number]

/** Pieces whose seals begin alike. */
export interface SealCount {
  /** The first `SEAL_HEADER_BYTES` (std/sealer.ts) of them. */
  readonly header: Uint8Array
  readonly count: number
  /** When the last of them expires, ms since 1970. */
  readonly expireAtMs: number
}

export interface SealQuery {
  readonly kind: SealedKind
  /** What has expired by then does not count. */
  readonly nowMs: number
  /** Where to go on; absent: at the beginning. */
  readonly place?: number
}

export interface SealCounts {
  readonly counts: readonly SealCount[]
  /** Where to go on; absent after the last. */
  readonly next?: number
}

export interface SealedStore {
  /** Some at a time, in no order: a header may come again. */
  countSeals(query: SealQuery): Promise<SealCounts>
}
