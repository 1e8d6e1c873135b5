/** Keys are claimed in the store, where every node sees it: of several processes that ask at one time, one begins. */

import type { Clock } from '../std/clock.ts'
import { StoreConflict, StoreUnavailable, wasNotAsked } from '../std/store-error.ts'
import { within } from '../std/within.ts'
import { CLAIM_WAIT_MS, type Claims, CLAIMS_WAITING_MAX } from './claims.ts'
import { Gathered } from './gathered.ts'
import type { JournalName, JournalRecord, JournalStore } from './journal-store.ts'

/** Records of one transaction. */
const TOGETHER_MAX = 200

export interface StoreClaimsRooms {
  readonly clock: Clock
  readonly store: Pick<JournalStore, 'openJournals' | 'findJournal'>
  /** A record that is begun, or may be, for somebody who was told that the store is away: nobody runs it. */
  readonly onOrphan: (name: JournalName) => void
}

export class StoreClaims implements Claims {
  readonly #rooms: StoreClaimsRooms
  readonly #opening: Gathered<JournalRecord, JournalRecord | undefined>
  #waiting = 0

  constructor(rooms: StoreClaimsRooms) {
    this.#rooms = rooms
    this.#opening = new Gathered((records) => this.#openAll(records), TOGETHER_MAX)
  }

  async begin(record: JournalRecord): Promise<JournalRecord | undefined> {
    if (this.#waiting >= CLAIMS_WAITING_MAX)
      throw new StoreUnavailable(`${CLAIMS_WAITING_MAX} requests wait for the journal.`)
    this.#waiting += 1
    const opening = this.#open(record).finally(() => {
      this.#waiting -= 1
    })
    try {
      return await within(this.#rooms.clock, CLAIM_WAIT_MS, opening)
    } catch (error) {
      void opening.then(
        (found) => (found === undefined ? this.#rooms.onOrphan(record) : undefined),
        // In PostgreSQL it may stand, and no more than the answer was lost.
        (cause: unknown) => (wasNotAsked(cause) ? undefined : this.#rooms.onOrphan(record)),
      )
      throw error
    }
  }

  find(id: string): Promise<JournalRecord | undefined> {
    const { clock, store } = this.#rooms
    return within(clock, CLAIM_WAIT_MS, store.findJournal(id, clock.wallMs()))
  }

  /** A store that hangs holds up nobody for longer than he would have waited for himself. */
  async #openAll(records: readonly JournalRecord[]): Promise<readonly (JournalRecord | undefined)[]> {
    const { clock, store, onOrphan } = this.#rooms
    const opening = store.openJournals(records, clock.wallMs())
    try {
      return await within(clock, CLAIM_WAIT_MS, opening)
    } catch (error) {
      void opening.then(
        (known) => {
          for (const [place, record] of records.entries()) if (known[place] === undefined) onOrphan(record)
        },
        () => {},
      )
      throw error
    }
  }

  async #open(record: JournalRecord): Promise<JournalRecord | undefined> {
    try {
      return await this.#opening.ask(record)
    } catch (error) {
      if (!(error instanceof StoreConflict)) throw error
      const found = await this.#opening.ask(record)
      // Another one of those that were asked together was in conflict; this one was begun then.
      return found?.exchangeId === record.exchangeId ? undefined : found
    }
  }
}
