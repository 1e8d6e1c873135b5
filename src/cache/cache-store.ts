/** Where answers that may be given again are kept: a port. Bodies come sealed; the store reads none. */

import type { AuditNote } from '../std/audit.ts'

export interface CachedAnswer {
  /** SHA-256 of tenant and request, hex: 64 digits. */
  readonly id: string
  /** Whose it is: only for removing all of somebody's. */
  readonly tenant: string
  readonly createdAtMs: number
  readonly expiresAtMs: number
  readonly answer: Uint8Array
  /** Of a semantic cache: what may be compared with one another, hex, and the embedding (unit length). */
  readonly partition?: string
  readonly vector?: Float32Array
}

export interface NewAnswer extends CachedAnswer {
  /**
   * Of the directory of keys, as its maker had last seen it when the answer was begun. A number of the store, since clocks of
   * different machines say nothing of what came first. Absent: it is kept whatever was removed meanwhile, as of a copy.
   */
  readonly sinceRevision?: number
}

export interface CacheStore {
  /**
   * Whether it was kept. It is not where answers were removed, whosever, at a later revision than `sinceRevision`: it may have
   * been begun before that. It is not either where the store is not as far as that, and was put back to a backup.
   */
  putCached(entry: NewAnswer): Promise<boolean>
  findCached(id: string, nowMs: number): Promise<CachedAnswer | undefined>
  /** The most alike of a partition (cosine), best first, at most `count`, none below `similarityMin`. */
  findAlike(query: {
    readonly partition: string
    readonly vector: Float32Array
    readonly similarityMin: number
    readonly count: number
    readonly nowMs: number
  }): Promise<readonly (CachedAnswer & { readonly similarity: number })[]>
  /**
   * Removes what is a tenant's, or everybody's, and adds the audit lines, all or none of it; how many. The directory of keys
   * is at a new revision then, which every process that shares the store asks for: so those that hold answers in memory hear
   * of it (`cache-clearing.ts`). That revision is remembered, for answers that are put later and were begun before.
   */
  dropCached(notes: readonly AuditNote[], tenant?: string): Promise<number>
  /** Of the directory of keys; grows with every `dropCached`. */
  directoryRevision(): Promise<number>
  /** Removes what expired, and the oldest beyond `bytesMax`; how many. */
  sweepCache(nowMs: number, bytesMax: number): Promise<number>
}
