/**
 * Answers that may be given again: the last ones in memory, all of them sealed in the store. The cache may fail and
 * nothing else does: a store that is away, or a seal that does not open, is a miss.
 */

import type { AuditNote } from '../std/audit.ts'
import { type Clock, repeat, type Timer } from '../std/clock.ts'
import type { ByteSealer } from '../std/sealer.ts'
import { STORE_WAIT_MS, within } from '../std/within.ts'
import type { CachedAnswer, CacheStore } from './cache-store.ts'
import type { CacheSettings } from './config-schema.ts'
import { MemoryCache } from './memory-cache.ts'

/** Bytes on their way to the store; beyond them an answer stays in memory alone. */
export const PUTTING_BYTES_MAX = 32 * 1024 ** 2
/** A store that did not answer is left in peace for so long, ms: misses do not wait for it then. */
export const STORE_PAUSE_MS = 1_000
/** What an entry costs in memory beside its answer. */
const ENTRY_COST_BYTES = 512

/** How values become bytes. */
export interface CacheCodec<Value> {
  encode(value: Value): Uint8Array
  /** `undefined` where the bytes are of another version. */
  decode(bytes: Uint8Array): Value | undefined
  /** Bytes that the value holds in memory. */
  size(value: Value): number
}

export interface CacheRooms<Value> {
  readonly clock: Clock
  readonly store: CacheStore
  readonly sealer: ByteSealer
  readonly settings: CacheSettings
  readonly codec: CacheCodec<Value>
}

export interface CacheEntry<Value> {
  readonly id: string
  readonly tenant: string
  readonly createdAtMs: number
  readonly expiresAtMs: number
  readonly value: Value
}

/** Where an answer stands among those that it may be compared with. */
export interface Place {
  readonly partition: string
  readonly vector: Float32Array
}

interface PutFacts {
  /** `revision` of the cache, when the answer was begun. */
  readonly sinceRevision: number
  readonly place?: Place | undefined
}

export class AnswerCache<Value> {
  readonly #rooms: CacheRooms<Value>
  readonly #memory: MemoryCache<CacheEntry<Value>>
  #puttingBytes = 0
  /** What is on its way to the store. */
  readonly #putting = new Set<Promise<void>>()
  /** How often something was forgotten. */
  #generation = 0
  #revision = 0
  #awayUntilMs = 0
  #sweeping: Timer | undefined

  constructor(rooms: CacheRooms<Value>) {
    this.#rooms = rooms
    this.#memory = new MemoryCache(rooms.settings.memoryBytes)
  }

  get answerBytesMax(): number {
    return this.#rooms.settings.answerBytes
  }

  /** Another one after something was removed: what was asked for before that is not kept after it. */
  get generation(): number {
    return this.#generation
  }

  /**
   * Of the directory of keys, as it was last seen in the store. Whatever was removed up to it, by any process, was removed
   * before now; an answer that is begun now and was overtaken by a later removal is not kept.
   */
  get revision(): number {
    return this.#revision
  }

  /** Tells of a new one; none is asked for, since whoever looks after the directory sees each within two seconds. */
  noteRevision(revision: number): void {
    this.#revision = revision
  }

  /** From memory, at once. */
  recall(id: string): CacheEntry<Value> | undefined {
    const entry = this.#memory.get(id)
    if (entry === undefined || entry.expiresAtMs > this.#rooms.clock.wallMs()) return entry
    this.#memory.delete(id)
    return undefined
  }

  /** From the store. Never rejects. */
  async find(id: string): Promise<CacheEntry<Value> | undefined> {
    const { store, clock } = this.#rooms
    const found = await this.#ask(() => store.findCached(id, clock.wallMs()))
    return found === undefined ? undefined : this.#open(found)
  }

  /** Those most alike, best first. Never rejects. */
  async findAlike(
    place: Place,
    { similarityMin, count }: { readonly similarityMin: number; readonly count: number },
  ): Promise<readonly (CacheEntry<Value> & { readonly similarity: number })[]> {
    const { store, clock } = this.#rooms
    const query = { ...place, similarityMin, count, nowMs: clock.wallMs() }
    const found = (await this.#ask(() => store.findAlike(query))) ?? []
    return found.flatMap((answer) => {
      const entry = this.#open(answer)
      return entry === undefined ? [] : [{ ...entry, similarity: answer.similarity }]
    })
  }

  /**
   * Keeps an answer: in memory at once, in the store as soon as that takes it. `sinceRevision`: the `revision` of when it was
   * begun; the store refuses what was overtaken by a removal, of which this process may not have heard yet.
   */
  put(entry: CacheEntry<Value>, { sinceRevision, place }: PutFacts): void {
    this.#hold(entry)
    const { codec, sealer, store, clock } = this.#rooms
    const { value, ...facts } = entry
    const plain = codec.encode(value)
    if (this.#puttingBytes + plain.length > PUTTING_BYTES_MAX || this.#isAway()) return
    this.#puttingBytes += plain.length
    const answer = sealer.seal(plain, contextOf(entry.id))
    const put = store.putCached({ ...facts, ...place, answer, sinceRevision })
    const putting: Promise<void> = within(clock, PUT_WAIT_MS, put)
      .then((isKept) => {
        // Not given from here either until the removal is heard of.
        if (!isKept && this.#memory.get(entry.id) === entry) this.#memory.delete(entry.id)
      })
      .catch(() => this.#noteAway())
      .finally(() => {
        this.#puttingBytes -= plain.length
        this.#putting.delete(putting)
      })
    this.#putting.add(putting)
  }

  /** The value holds more, or less, than before. */
  weighAgain(entry: CacheEntry<Value>): void {
    const held = this.#memory.get(entry.id)
    // What was forgotten meanwhile does not come back; whoever found it by comparing has a copy of the entry.
    if (held?.value === entry.value) this.#hold(held)
  }

  /** Removes the answers of a tenant, or all, with the audit lines of it; how many the store had. */
  async drop(notes: readonly AuditNote[], tenant?: string): Promise<number> {
    this.forget(tenant)
    // The store might take them after all is removed.
    await Promise.all(this.#putting)
    const dropped = await this.#rooms.store.dropCached(notes, tenant)
    // What was read from it until then.
    this.forget(tenant)
    // Else what is made now would not be kept until the directory is looked at again.
    await this.#learnRevision()
    return dropped
  }

  /** Holds nothing of a tenant in memory any more, or nothing at all; the store keeps what it has. */
  forget(tenant?: string): void {
    this.#generation += 1
    this.#memory.deleteWhere((entry) => tenant === undefined || entry.tenant === tenant)
  }

  /** Removes what expired now and then, until `stop`. */
  start(everyMs: number): void {
    this.#sweeping?.cancel()
    this.#sweeping = repeat(this.#rooms.clock, everyMs, () => this.sweep())
  }

  stop(): void {
    this.#sweeping?.cancel()
  }

  /** A store that is away is swept another time. */
  async sweep(): Promise<void> {
    const { clock, store, settings } = this.#rooms
    const nowMs = clock.wallMs()
    this.#memory.deleteWhere(({ expiresAtMs }) => expiresAtMs <= nowMs)
    await store.sweepCache(nowMs, settings.bytes).catch(() => 0)
  }

  /** Where the store does not say, the older one counts on. */
  async #learnRevision(): Promise<void> {
    try {
      const revision = await this.#rooms.store.directoryRevision()
      // A slow answer is older than what was heard of meanwhile.
      if (revision > this.#revision) this.noteRevision(revision)
    } catch {
      // Whoever looks after the directory learns it later.
    }
  }

  #hold(entry: CacheEntry<Value>): void {
    this.#memory.set(entry.id, entry, this.#rooms.codec.size(entry.value) + ENTRY_COST_BYTES)
  }

  /** Opened, and held from now on. */
  #open({ id, tenant, createdAtMs, expiresAtMs, answer }: CachedAnswer): CacheEntry<Value> | undefined {
    const { sealer, codec } = this.#rooms
    let plain: Uint8Array
    try {
      plain = sealer.open(answer, contextOf(id))
    } catch {
      return undefined
    }
    const value = codec.decode(plain)
    if (value === undefined) return undefined
    const entry = { id, tenant, createdAtMs, expiresAtMs, value }
    this.#hold(entry)
    return entry
  }

  async #ask<Found>(work: () => Promise<Found>): Promise<Found | undefined> {
    if (this.#isAway()) return undefined
    const generation = this.#generation
    try {
      const found = await within(this.#rooms.clock, STORE_WAIT_MS, work())
      return generation === this.#generation ? found : undefined
    } catch {
      this.#noteAway()
      return undefined
    }
  }

  #isAway(): boolean {
    return this.#rooms.clock.nowMs() < this.#awayUntilMs
  }

  #noteAway(): void {
    this.#awayUntilMs = this.#rooms.clock.nowMs() + STORE_PAUSE_MS
  }
}

/** Nobody waits for a put; this long it counts as on its way, ms. */
const PUT_WAIT_MS = 10_000

function contextOf(id: string): string {
  return `cache:${id}`
}
