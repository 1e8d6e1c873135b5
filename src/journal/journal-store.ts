/** Where answers to requests with an idempotency key are kept: a port. Bodies come sealed; the store reads none. */

/** What was begun under a key. */
export interface JournalRecord {
  /** Caller and idempotency key, hashed: 64 hex digits. */
  readonly id: string
  /** SHA-256 of what was asked, hex: another body under the same key is refused. */
  readonly requestHash: string
  readonly exchangeId: string
  /** The process that runs it; one that is gone left it in doubt. */
  readonly nodeId: string
  /** `open`: under way, or in doubt; of one that was done too, since its answer made room for others. */
  readonly state: 'open' | 'done'
  readonly createdAtMs: number
  /** After this the key is free again, ms since 1970. */
  readonly expiresAtMs: number
  /** Sealed: head and body of the answer. Present where it is done. */
  readonly answer?: Uint8Array
}

/** A record as whoever began it knows it. */
export interface JournalName {
  readonly id: string
  readonly exchangeId: string
}

/** A record with its answer. */
export type KeptRecord = JournalRecord & { readonly answer: Uint8Array }

/** What became of records, in the order in which it is written. */
export interface JournalChanges {
  /** What was asked had no effect: the record is removed. */
  readonly freed: readonly JournalName[]
  /**
   * Begun elsewhere before, some of them done by now: each is added unless an unexpired one has its id. Where it is there
   * itself, it takes the answer and when it expires.
   */
  readonly begun: readonly JournalRecord[]
  /** Answers of records that should be there: as `begun`, so that one which expired meanwhile is put back. */
  readonly kept: readonly KeptRecord[]
}

/** Ids of a journal, from a place in it on. */
export interface JournalIds {
  readonly ids: readonly string[]
  /** The latest that one of them expires; 0 where there are none. */
  readonly expireAtMs: number
  /** Where the next ones begin; `undefined` after the last. */
  readonly next: number | undefined
}

export interface JournalStore {
  /**
   * Begins each record, unless an unexpired one has its id: then that one is told in its place, and stays as it is. No two
   * of them have one id.
   */
  openJournals(
    records: readonly JournalRecord[],
    nowMs: number,
  ): Promise<readonly (JournalRecord | undefined)[]>
  /** All of it or nothing; again is as once. */
  writeJournal(changes: JournalChanges): Promise<void>
  findJournal(id: string, nowMs: number): Promise<JournalRecord | undefined>
  /**
   * Removes records that expired, and of the others the oldest answers beyond `bytesMax`: a key stays used until its time is
   * over. Some at a time; how many: 0 when nothing is left to remove.
   */
  sweepJournal(nowMs: number, bytesMax: number): Promise<number>
  /** Which ids there are, from `place` on, the first being 0; only of a store that one process writes to. */
  readonly listJournal?: (place: number) => Promise<JournalIds>
}
