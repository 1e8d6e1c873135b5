/** Where the bodies of requests and answers are kept: a port. They come sealed; the store reads none. */

export interface SealedBodies {
  readonly exchangeId: string
  readonly createdAtMs: number
  /** After this they are not to be had any more, ms since 1970. */
  readonly expiresAtMs: number
  readonly sealed: Uint8Array
}

export interface BodyStore {
  /** Keeps all of them, or none; in place of what was kept of the same exchange. */
  putBodies(batch: readonly SealedBodies[]): Promise<void>
  findBodies(exchangeId: string, nowMs: number): Promise<SealedBodies | undefined>
  /** Removes what expired, and the oldest beyond `bytesMax`; how many. */
  sweepBodies(nowMs: number, bytesMax: number): Promise<number>
}
