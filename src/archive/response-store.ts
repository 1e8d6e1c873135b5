/**
 * Answers that a client may come back to by their id (the Responses API): what was said in them and what they answered,
 * for a bounded life and in bounded memory. An entry can be read only under the client key that made it.
 */

import type { Clock } from '../std/clock.ts'
import type { JsonObject } from '../std/json.ts'

/** How long an entry is kept, ms. */
export const RESPONSE_LIFE_MS = 24 * 3_600_000
/** Bytes of all entries together, as JSON. */
export const RESPONSES_BYTES_MAX = 256 * 1_048_576
/** Entries kept, whatever their size. */
export const RESPONSES_MAX = 50_000
/** A chain of answers longer than this is no conversation but a circle or an attack. */
export const CHAIN_LENGTH_MAX = 1_000

/** Name of a client key; `undefined` where no keys are configured. */
export type Owner = string | undefined

export interface StoredResponse {
  readonly id: string
  readonly owner: Owner
  /** The answer as its client saw it, or would. */
  readonly answer: JsonObject
  /** What was said in this turn, with ids. */
  readonly input: readonly JsonObject[]
  /** What was answered, with ids. */
  readonly output: readonly JsonObject[]
  /** The answer before it in the same conversation. */
  readonly previousId?: string
  /** The target that made it in the client's own dialect, and so remembers it itself. */
  readonly maker?: string
}

export interface ResponseStore {
  /** Keeps an entry; the oldest ones make room for it. One that is too large by itself is not kept. */
  put(entry: StoredResponse): void
  get(id: string, owner: Owner): StoredResponse | undefined
  /** Whether there was one. */
  delete(id: string, owner: Owner): boolean
  /** An item that was said or answered in any entry of the owner. */
  item(id: string, owner: Owner): JsonObject | undefined
  /** Everything said and answered up to and with an answer, oldest first; `undefined` where a part of it is gone. */
  history(id: string, owner: Owner): readonly JsonObject[] | undefined
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

interface Entry {
  readonly stored: StoredResponse
  readonly bytes: number
  readonly untilMs: number
}

class MemoryResponseStore implements ResponseStore {
  readonly #clock: Clock
  readonly #lifeMs: number
  readonly #bytesMax: number
  readonly #entriesMax: number
  /** Oldest first, as a Map keeps them. */
  readonly #entries = new Map<string, Entry>()
  /** Which entry holds an item; the last one that does. */
  readonly #holders = new Map<string, string>()
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
    const bytes = sizeOf(stored)
    if (bytes > this.#bytesMax) return
    this.#entries.set(key, { stored, bytes, untilMs: this.#clock.nowMs() + this.#lifeMs })
    this.#bytes += bytes
    for (const id of itemIds(stored)) this.#holders.set(keyOf(stored.owner, id), key)
    this.#makeRoom()
  }

  get(id: string, owner: Owner): StoredResponse | undefined {
    return this.#read(keyOf(owner, id))
  }

  delete(id: string, owner: Owner): boolean {
    return this.#remove(keyOf(owner, id))
  }

  item(id: string, owner: Owner): JsonObject | undefined {
    const holder = this.#holders.get(keyOf(owner, id))
    const stored = holder === undefined ? undefined : this.#read(holder)
    return stored && [...stored.input, ...stored.output].findLast((item) => item['id'] === id)
  }

  history(id: string, owner: Owner): readonly JsonObject[] | undefined {
    const turns: (readonly JsonObject[])[] = []
    let next: string | undefined = id
    while (next !== undefined) {
      const stored = this.get(next, owner)
      if (stored === undefined || turns.length >= CHAIN_LENGTH_MAX * 2) return undefined
      turns.push(stored.output, stored.input)
      next = stored.previousId
    }
    return turns.reverse().flat()
  }

  #read(key: string): StoredResponse | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    if (entry.untilMs > this.#clock.nowMs()) return entry.stored
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
    for (const id of itemIds(entry.stored)) {
      const itemKey = keyOf(entry.stored.owner, id)
      if (this.#holders.get(itemKey) === key) this.#holders.delete(itemKey)
    }
    return true
  }
}

/** Owners are names of keys, which hold no line break; ids come from anywhere. */
function keyOf(owner: Owner, id: string): string {
  return `${owner ?? ''}\n${id}`
}

function itemIds({ input, output }: StoredResponse): readonly string[] {
  return [...input, ...output].flatMap((item) => (typeof item['id'] === 'string' ? [item['id']] : []))
}

function sizeOf({ answer, input, output }: StoredResponse): number {
  return Buffer.byteLength(JSON.stringify([answer, input, output]))
}
