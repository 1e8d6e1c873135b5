/**
 * Answers kept under their idempotency keys. The rule is that nothing is ever paid for twice without a word: a record
 * stands before a provider is asked, it goes only where nothing was spent, and what became of a request that a crash cut
 * off is said to be in doubt.
 */

import { GatewayError } from '../errors/gateway-error.ts'
import { type Clock, repeat, type Timer } from '../std/clock.ts'
import type { ByteSealer } from '../std/sealer.ts'
import { StoreConflict } from '../std/store-error.ts'
import { STORE_WAIT_MS, within } from '../std/within.ts'
import type { JournalSettings } from './config-schema.ts'
import type { JournalRecord, JournalStore } from './journal-store.ts'

/** Bytes of answers that the store did not take yet; beyond them the oldest are given up, and are in doubt. */
export const LATE_BYTES_MAX = 64 * 1024 ** 2
/** Exchanges that are remembered for having spent nothing, and answers that the store did not take yet. */
export const LATE_RECORDS_MAX = 10_000
const RETRY_MIN_MS = 500
const RETRY_MAX_MS = 30_000

export interface JournalRooms {
  readonly clock: Clock
  readonly store: JournalStore
  readonly sealer: ByteSealer
  /** Of this process and no other, not even the one before it on this machine. */
  readonly nodeId: string
  readonly settings: JournalSettings
}

export interface JournalEntry {
  readonly id: string
  readonly requestHash: string
  readonly exchangeId: string
}

/** An answer that was kept: given again, it is the same. */
export interface KeptAnswer {
  readonly exchangeId: string
  readonly answer: Uint8Array
}

/** What is written in the place of an answer that is too large to be kept. */
const TOO_LARGE = 0
const WHOLE = 1

export class Journal {
  readonly #rooms: JournalRooms
  /** Answers that the store did not take yet, oldest first. */
  readonly #late = new Map<
    string,
    JournalEntry & { readonly sealed: Uint8Array; readonly expiresAtMs: number }
  >()
  #lateBytes = 0
  /** Exchanges that spent nothing, the latest: whoever reads a record of theirs, be it long dropped, is not in doubt. */
  readonly #void = new Set<string>()
  #sweeping: Timer | undefined

  constructor(rooms: JournalRooms) {
    this.#rooms = rooms
  }

  get answerBytesMax(): number {
    return this.#rooms.settings.answerBytes
  }

  /**
   * `undefined`: it is begun, and durably so; else the answer that was kept. Throws `idempotency_mismatch` where the key
   * was used for another request, `idempotency_in_doubt` where nobody knows what became of it, and `store_unavailable`
   * where the store cannot tell: then nothing may be asked of a provider.
   */
  async begin(entry: JournalEntry): Promise<KeptAnswer | undefined> {
    const late = this.#late.get(entry.id)
    if (late !== undefined) return this.#open({ ...late, answer: late.sealed }, entry)
    const found = await this.#insert(entry)
    if (found === undefined) return undefined
    if (found.state === 'done' || !this.#void.has(found.exchangeId)) return this.#open(found, entry)
    await this.#ask(() => this.#rooms.store.dropJournal(found.id, found.exchangeId))
    const again = await this.#insert(entry)
    return again === undefined ? undefined : this.#open(again, entry)
  }

  /** What is kept under the key, for whoever comes back for the rest of it; begins nothing. */
  async find(entry: Omit<JournalEntry, 'exchangeId'>): Promise<KeptAnswer | undefined> {
    const late = this.#late.get(entry.id)
    if (late !== undefined) return this.#open({ ...late, answer: late.sealed }, entry)
    const { store, clock } = this.#rooms
    const found = await this.#ask(() => store.findJournal(entry.id, clock.wallMs()))
    return found === undefined ? undefined : this.#open(found, entry)
  }

  /**
   * Keeps what was answered; `undefined` for what is too large. Resolves as soon as the store has it, and after a bound all
   * the same: until the store takes it, it is given from memory.
   */
  async keep(entry: JournalEntry, answer: Uint8Array | undefined): Promise<void> {
    const { clock, sealer, settings } = this.#rooms
    const isKept = answer !== undefined && answer.length <= settings.answerBytes
    const plain = isKept ? Buffer.concat([Buffer.of(WHOLE), answer]) : Buffer.of(TOO_LARGE)
    const sealed = sealer.seal(plain, contextOf(entry))
    this.#late.set(entry.id, { ...entry, sealed, expiresAtMs: clock.wallMs() + settings.ttl })
    this.#lateBytes += sealed.length
    this.#boundLate()
    await within(clock, STORE_WAIT_MS, this.#deliver(entry, RETRY_MIN_MS)).catch(() => {})
  }

  /** Frees the key: what was asked cost nothing. */
  async free(entry: JournalEntry): Promise<void> {
    this.#noteVoid(entry.exchangeId)
    await within(this.#rooms.clock, STORE_WAIT_MS, this.#drop(entry)).catch(() => {})
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
    await store.sweepJournal(clock.wallMs(), settings.bytes).catch(() => 0)
  }

  async #insert(entry: JournalEntry): Promise<JournalRecord | undefined> {
    const { clock, store, settings, nodeId } = this.#rooms
    const nowMs = clock.wallMs()
    const record = {
      ...entry,
      nodeId,
      state: 'open',
      createdAtMs: nowMs,
      expiresAtMs: nowMs + settings.ttl,
    } as const
    const open = () => store.openJournal(record, nowMs)
    let asking: Promise<JournalRecord | undefined> | undefined
    try {
      return await this.#ask(() => {
        asking = open().catch((error: unknown) => {
          if (error instanceof StoreConflict) return open()
          throw error
        })
        return asking
      })
    } catch (error) {
      // It may have been begun all the same, and nobody will run it.
      this.#noteVoid(entry.exchangeId)
      void asking?.then(
        (found) => (found === undefined ? this.#drop(entry) : undefined),
        () => {},
      )
      throw error
    }
  }

  #open(
    found: Omit<JournalRecord, 'nodeId' | 'state' | 'createdAtMs'>,
    asked: Omit<JournalEntry, 'exchangeId'>,
  ): KeptAnswer {
    if (found.requestHash !== asked.requestHash) throw mismatch(found.exchangeId)
    if (found.answer === undefined) throw inDoubt(found.exchangeId, CUT_OFF)
    const plain = this.#unseal(found.answer, found)
    if (plain[0] !== WHOLE) throw inDoubt(found.exchangeId, NOT_KEPT)
    return { exchangeId: found.exchangeId, answer: plain.subarray(1) }
  }

  #unseal(sealed: Uint8Array, found: { readonly id: string; readonly exchangeId: string }): Uint8Array {
    try {
      return this.#rooms.sealer.open(sealed, contextOf(found))
    } catch {
      throw inDoubt(found.exchangeId, UNREADABLE)
    }
  }

  async #ask<Value>(work: () => Promise<Value>): Promise<Value> {
    try {
      return await within(this.#rooms.clock, STORE_WAIT_MS, work())
    } catch (error) {
      throw new GatewayError(
        'store_unavailable',
        'The store that keeps answers under their Idempotency-Key is away, so that nobody can tell whether this request was answered before; nothing was sent to a provider.',
        { retryAfterMs: 1_000 },
        error,
      )
    }
  }

  /** Gives the store a late answer, again and again until it takes it or the answer expires. */
  async #deliver(entry: JournalEntry, retryMs: number): Promise<void> {
    const { clock, store } = this.#rooms
    const late = this.#late.get(entry.id)
    if (late === undefined || late.exchangeId !== entry.exchangeId) return
    if (late.expiresAtMs <= clock.wallMs()) return this.#forget(entry)
    try {
      await store.closeJournal(entry.id, entry.exchangeId, late.sealed)
      this.#forget(entry)
    } catch {
      clock.after(retryMs, () => void this.#deliver(entry, Math.min(retryMs * 2, RETRY_MAX_MS)))
    }
  }

  async #drop(entry: JournalEntry, retryMs = RETRY_MIN_MS): Promise<void> {
    const { clock, store } = this.#rooms
    if (!this.#void.has(entry.exchangeId)) return
    try {
      await store.dropJournal(entry.id, entry.exchangeId)
    } catch {
      clock.after(retryMs, () => void this.#drop(entry, Math.min(retryMs * 2, RETRY_MAX_MS)))
    }
  }

  #noteVoid(exchangeId: string): void {
    this.#void.add(exchangeId)
    for (const oldest of this.#void) {
      if (this.#void.size <= LATE_RECORDS_MAX) return
      this.#void.delete(oldest)
    }
  }

  #boundLate(): void {
    for (const oldest of this.#late.values()) {
      if (this.#lateBytes <= LATE_BYTES_MAX && this.#late.size <= LATE_RECORDS_MAX) return
      this.#forget(oldest)
    }
  }

  #forget({ id, exchangeId }: JournalEntry): void {
    const late = this.#late.get(id)
    if (late === undefined || late.exchangeId !== exchangeId) return
    this.#late.delete(id)
    this.#lateBytes -= late.sealed.length
  }
}

/** An answer that is moved to another record does not open there. */
function contextOf({ id, exchangeId }: { readonly id: string; readonly exchangeId: string }): string {
  return `journal:${id}:${exchangeId}`
}

/** The key was used for another request. */
export function mismatch(exchangeId: string): GatewayError {
  return new GatewayError(
    'idempotency_mismatch',
    `This Idempotency-Key was used for another request (${exchangeId}): its body, its path or its model differed. Use a new key for a new request.`,
    { param: 'Idempotency-Key' },
  )
}

const CUT_OFF =
  'is being answered by another process, or was cut off before its answer was kept. It may have been paid for'
const NOT_KEPT = 'was answered, but its answer was too large to be kept. It was paid for'
const UNREADABLE =
  'was answered, but its answer cannot be opened any more: the master secret changed. It was paid for'

function inDoubt(exchangeId: string, what: string): GatewayError {
  return new GatewayError(
    'idempotency_in_doubt',
    `The request of this Idempotency-Key (${exchangeId}) ${what}; to pay for it anew, send it with a new key.`,
    { param: 'Idempotency-Key' },
  )
}
