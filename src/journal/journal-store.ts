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
  /** `open`: under way, or in doubt. */
  readonly state: 'open' | 'done'
  readonly createdAtMs: number
  /** After this the key is free again, ms since 1970. */
  readonly expiresAtMs: number
  /** Sealed: head and body of the answer. Present where it is done. */
  readonly answer?: Uint8Array
}

export interface JournalStore {
  /** Begins a record, unless an unexpired one has its id: then that one is told, and nothing changes. */
  openJournal(record: JournalRecord, nowMs: number): Promise<JournalRecord | undefined>
  /** Keeps the answer of an open record. */
  closeJournal(id: string, exchangeId: string, answer: Uint8Array): Promise<void>
  /** Frees the key: what was asked had no effect. */
  dropJournal(id: string, exchangeId: string): Promise<void>
  findJournal(id: string, nowMs: number): Promise<JournalRecord | undefined>
  /** Removes what expired, and the oldest done beyond `bytesMax`; how many. */
  sweepJournal(nowMs: number, bytesMax: number): Promise<number>
}
