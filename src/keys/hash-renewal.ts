/**
 * After a rotation of the master secret, gives each key that is used a hash under the newest one, so that the old secret
 * is needed no more in the end. The request that showed the key goes on at once: the hash is written a moment later, with
 * those of other keys, and later still where the store is away or somebody else was faster.
 */

import type { Clock } from '../std/clock.ts'
import { StoreConflict } from '../std/store-error.ts'
import { WriteBehind } from '../std/write-behind.ts'
import type { DirectoryStore } from './directory-store.ts'
import { type NewHashes, withHashes } from './key-hashes.ts'
import type { Directory, KeyId, KeyRecord } from './records.ts'

/** How long the first key waits for others, ms: each write makes every gateway read the directory anew. */
export const RENEWAL_GATHER_MS = 2_000
/** Keys that wait to be written; another is noted when it is used again. */
export const RENEWALS_MAX = 10_000
/** Keys of one write. */
export const RENEWAL_BATCH_MAX = 500
const RETRY_MIN_MS = 1_000
const RETRY_MAX_MS = 60_000

export interface HashRenewalRooms {
  readonly clock: Clock
  readonly store: Pick<DirectoryStore, 'changeDirectory'>
  /** What the store held the last time it answered; `undefined` where it is away. */
  readonly known: () => Directory | undefined
  /** Takes over what the store holds now. */
  readonly refresh: () => Promise<void>
}

export class HashRenewal {
  readonly #rooms: HashRenewalRooms
  readonly #waiting = new Map<KeyId, NewHashes>()
  readonly #behind: WriteBehind

  constructor(rooms: HashRenewalRooms) {
    this.#rooms = rooms
    this.#behind = new WriteBehind({
      clock: rooms.clock,
      gatherMs: RENEWAL_GATHER_MS,
      retryMinMs: RETRY_MIN_MS,
      retryMaxMs: RETRY_MAX_MS,
      hasMore: () => this.#waiting.size > 0,
      write: () => this.#write(),
    })
  }

  /** `hashes` is asked only where the key does not wait already. */
  note(key: KeyId, hashes: () => NewHashes): void {
    if (this.#waiting.has(key) || this.#waiting.size >= RENEWALS_MAX) return
    this.#waiting.set(key, hashes())
    this.#behind.soon()
  }

  /** What waits is noted again by the next run. */
  stop(): void {
    this.#behind.stop()
  }

  /** False where it is not taken now. */
  async #write(): Promise<boolean> {
    const { clock, store, known, refresh } = this.#rooms
    const directory = known()
    if (directory === undefined) return false
    const keys = this.#due(directory)
    if (keys.length === 0) return true
    const note = {
      atMs: clock.wallMs(),
      actor: 'gateway',
      action: 'renew-key-hashes',
      subject: `${keys.length} of ${directory.keys.length} keys`,
      after: { keys: keys.map(({ id }) => id) },
    }
    try {
      // Whole records are put: one that was revoked meanwhile must not come back to life.
      const changes = keys.map((key) => ({ type: 'put-key', key }) as const)
      await store.changeDirectory(changes, [note], directory.revision)
    } catch (error) {
      if (error instanceof StoreConflict) await refresh().catch(() => {})
      return false
    }
    for (const { id } of keys) this.#waiting.delete(id)
    await refresh().catch(() => {})
    return true
  }

  /** Those to write; the others, which somebody else wrote or nobody may use any more, wait no longer. */
  #due({ keys }: Directory): readonly KeyRecord[] {
    const due: KeyRecord[] = []
    const records = new Map(keys.map((key) => [key.id, key]))
    for (const [id, hashes] of this.#waiting) {
      if (due.length === RENEWAL_BATCH_MAX) break
      const key = records.get(id)
      const renewed = key?.revokedAtMs === undefined ? key && withHashes(key, hashes) : undefined
      if (renewed === undefined) this.#waiting.delete(id)
      else due.push(renewed)
    }
    return due
  }
}
