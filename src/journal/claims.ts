/** How a key comes to belong to one request, durably, before a provider is asked: two ways that keep the same promise. */

import type { JournalRecord } from './journal-store.ts'

export interface Claims {
  /**
   * `undefined`: it is begun, and a kill does not undo it; else the unexpired record that has the key. Rejects with
   * `StoreUnavailable` where nobody can tell; then it may have been begun all the same.
   */
  begin(record: JournalRecord): Promise<JournalRecord | undefined>
  /** The unexpired record that has the key. */
  find(id: string): Promise<JournalRecord | undefined>
}

/** Milliseconds for the store to say who has a key: longer than a slow moment of it, shorter than any client waits. */
export const CLAIM_WAIT_MS = 2_000
/** Requests that may wait for the store to say so. */
export const CLAIMS_WAITING_MAX = 2_000
