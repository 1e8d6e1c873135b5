/**
 * Answers that a client may come back to by their id (the Responses API): what was said in them and what they answered,
 * for a bounded life and in bounded memory. An entry can be read only under the client key that made it. Kept are bytes
 * and no objects: JSON that was read takes up to twenty times its length, and a bound that counts bytes would be none.
 */

import type { Clock } from '../std/clock.ts'
import type { JsonObject } from '../std/json.ts'
import { KeptEntry } from './kept-entry.ts'
import type { KeptItem, Owner, StoredResponse } from './stored-response.ts'

/** How long an entry is kept, ms. */
export const RESPONSE_LIFE_MS = 24 * 3_600_000
/** Bytes of all entries together, as they are kept. */
export const RESPONSES_BYTES_MAX = 256 * 1_048_576
/** Entries kept, whatever their size. */
export const RESPONSES_MAX = 50_000
/** A chain of answers longer than this is no conversation but a circle or an attack. */
export const CHAIN_LENGTH_MAX = 1_000

/** A conversation, read only when it is wanted. */
export interface KeptHistory {
  /** As JSON. */
  readonly bytes: number
  /** Oldest first. */
  read(): readonly JsonObject[]
}

export interface ResponseStore {
  /** Keeps an entry; the oldest ones make room for it. One that is too large by itself is not kept. */
  put(entry: StoredResponse): void
  get(id: string, owner: Owner): Omit<StoredResponse, 'pointers'> | undefined
  /** Whether there was one. */
  delete(id: string, owner: Owner): boolean
  /** An item that was said or answered in any entry of the owner. */
  item(id: string, owner: Owner): KeptItem | undefined
  /** Everything said and answered up to and with an answer; `undefined` where a part of it is gone. */
  history(id: string, owner: Owner): KeptHistory | undefined
  /** Whether this is the id of an answer or an item that others have here, and the owner has not. */
  isOthers(id: string, owner: Owner): boolean
}

export interface ResponseStoreOptions {
  readonly clock: Clock
  readonly lifeMs?: number
  readonly bytesMax?: number
  readonly entriesMax?: number
}

export function createResponseStore(options: ResponseStoreOptions): ResponseStore {
  return new MemoryResponseStore(options)
}

interface Holder {
  readonly entry: KeptEntry
  /** Absent where the id is that of the answer itself. */
  readonly item?: KeptItem
}

class MemoryResponseStore implements ResponseStore {
  readonly #clock: Clock
  readonly #lifeMs: number
  readonly #bytesMax: number
  readonly #entriesMax: number
  /** Oldest first, as a Map keeps them. */
  readonly #entries = new Map<string, KeptEntry>()
  /** By the id of an answer or an item: who holds it, the last one of each owner. */
  readonly #holders = new Map<string, readonly Holder[]>()
  #bytes = 0

  constructor(options: ResponseStoreOptions) {
    this.#clock = options.clock
    this.#lifeMs = options.lifeMs ?? RESPONSE_LIFE_MS
    this.#bytesMax = options.bytesMax ?? RESPONSES_BYTES_MAX
    this.#entriesMax = options.entriesMax ?? RESPONSES_MAX
  }

  put(stored: StoredResponse): void {
    const key = keyOf(stored.owner, stored.id)
    this.#remove(key)
    const entry = new KeptEntry(stored, this.#clock.nowMs() + this.#lifeMs)
    if (entry.bytes > this.#bytesMax) return
    this.#entries.set(key, entry)
    this.#bytes += entry.bytes
    this.#hold(entry.id, { entry })
    for (const [id, item] of entry.items()) this.#hold(id, { entry, item })
    this.#makeRoom()
  }

  get(id: string, owner: Owner): KeptEntry | undefined {
    return this.#read(keyOf(owner, id))
  }

  delete(id: string, owner: Owner): boolean {
    return this.#remove(keyOf(owner, id))
  }

  item(id: string, owner: Owner): KeptItem | undefined {
    const holder = this.#holderOf(id, owner)
    return holder && this.#read(keyOf(owner, holder.entry.id)) && holder.item
  }

  history(id: string, owner: Owner): KeptHistory | undefined {
    const turns: KeptEntry[] = []
    for (let next: string | undefined = id; next !== undefined; ) {
      const entry = this.get(next, owner)
      if (entry === undefined || turns.length >= CHAIN_LENGTH_MAX) return undefined
      turns.push(entry)
      next = entry.previousId
    }
    turns.reverse()
    return {
      bytes: turns.reduce((sum, turn) => sum + turn.itemBytes, 0),
      read: () => turns.flatMap(({ input, output }) => [...input, ...output]),
    }
  }

  isOthers(id: string, owner: Owner): boolean {
    return this.#holders.has(id) && this.#holderOf(id, owner) === undefined
  }

  #holderOf(id: string, owner: Owner): Holder | undefined {
    return this.#holders.get(id)?.find(({ entry }) => entry.owner === owner)
  }

  #hold(id: string, holder: Holder): void {
    const others = this.#holders.get(id)?.filter(({ entry }) => entry.owner !== holder.entry.owner) ?? []
    this.#holders.set(id, [...others, holder])
  }

  #read(key: string): KeptEntry | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined || entry.untilMs > this.#clock.nowMs()) return entry
    this.#remove(key)
    return undefined
  }

  #makeRoom(): void {
    const nowMs = this.#clock.nowMs()
    for (const [key, entry] of this.#entries) {
      const isCrowded = this.#bytes > this.#bytesMax || this.#entries.size > this.#entriesMax
      if (!isCrowded && entry.untilMs > nowMs) return
      this.#remove(key)
    }
  }

  #remove(key: string): boolean {
    const entry = this.#entries.get(key)
    if (entry === undefined) return false
    this.#entries.delete(key)
    this.#bytes -= entry.bytes
    this.#letGo(entry.id, entry)
    for (const [id] of entry.items()) this.#letGo(id, entry)
    return true
  }

  #letGo(id: string, gone: KeptEntry): void {
    const left = this.#holders.get(id)?.filter(({ entry }) => entry !== gone) ?? []
    if (left.length === 0) this.#holders.delete(id)
    else this.#holders.set(id, left)
  }
}

/** Owners are names of keys, which hold no line break; ids come from anywhere. */
function keyOf(owner: Owner, id: string): string {
  return `${owner ?? ''}\n${id}`
}
