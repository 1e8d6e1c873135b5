/**
 * Brings into the store what became of requests under idempotency keys, many in one transaction: what was begun in a log
 * of our own, what was answered, and what is free again. Until the store has it, it is told from here.
 */

import type { Clock } from '../std/clock.ts'
import { StoreConflict, StoreUnavailable } from '../std/store-error.ts'
import { UnderWay } from '../std/under-way.ts'
import { WriteBehind } from '../std/write-behind.ts'
import type { JournalChanges, JournalName, JournalRecord, JournalStore, KeptRecord } from './journal-store.ts'

/** Bytes of answers that the store did not take yet; beyond them the oldest are given up, and are in doubt. */
export const LATE_BYTES_MAX = 64 * 1024 ** 2
/** Records that the store did not take yet. */
export const LATE_RECORDS_MAX = 10_000
/** Records of one transaction, and bytes of their answers but for the last. */
const BATCH_RECORDS_MAX = 500
const BATCH_BYTES_MAX = 8 * 1024 ** 2
const RETRY_MIN_MS = 500
const RETRY_MAX_MS = 30_000

export interface JournalWriterRooms {
  readonly clock: Clock
  readonly store: Pick<JournalStore, 'writeJournal'>
  /** How long what is written waits for more, so that one transaction takes many, ms. */
  readonly gatherMs: number
  /** The store has what the log held of it, or it counts no more. */
  readonly onTaken: (record: JournalRecord) => void
  /** The store has dropped what these had begun. */
  readonly onFreed: (names: readonly JournalName[]) => void
}

/** What the store does not have yet. */
export interface Waiting {
  /** With its answer where there is one. */
  readonly record: JournalRecord
  /** Whether the store knows that it was begun. */
  readonly isBegun: boolean
  /** Left by a run that is gone: the store may know more of it. */
  readonly isLeft: boolean
}

export class JournalWriter {
  readonly #rooms: JournalWriterRooms
  readonly #behind: WriteBehind
  /** By id, oldest first. */
  readonly #waiting = new UnderWay<string, Waiting>()
  /** By the exchange that spent nothing. */
  readonly #freed = new UnderWay<string, JournalName>()
  #bytes = 0
  /** Fewer after the store refused a batch for what is in it, until that one is found. */
  #batchMax = BATCH_RECORDS_MAX

  constructor(rooms: JournalWriterRooms) {
    this.#rooms = rooms
    this.#behind = new WriteBehind({
      clock: rooms.clock,
      gatherMs: rooms.gatherMs,
      retryMinMs: RETRY_MIN_MS,
      retryMaxMs: RETRY_MAX_MS,
      hasMore: () => this.size > 0,
      write: () => this.#writeBatch(),
    })
  }

  /** Records that the store does not have yet. */
  get size(): number {
    return this.#waiting.size + this.#freed.size
  }

  find(id: string): Waiting | undefined {
    return this.#waiting.get(id)
  }

  put(waiting: Waiting): void {
    const { id } = waiting.record
    const before = this.#waiting.get(id)
    this.#bytes += bytesOf(waiting) - bytesOf(before)
    // What is still to be begun keeps its place among the oldest.
    this.#waiting.set(id, waiting)
    this.#bound()
    this.#behind.soon()
  }

  free(name: JournalName): void {
    const waiting = this.#waiting.get(name.id)
    if (waiting?.record.exchangeId === name.exchangeId) this.#remove(waiting)
    this.#freed.set(name.exchangeId, name)
    this.#boundFreed()
    this.#behind.soon()
  }

  /** Writes all that waits; resolves when the store has it, or does not take it. */
  flush(): Promise<void> {
    return this.#behind.flush()
  }

  /** Resolves when the store has what is known of this record now, or does not take it. */
  taken({ id, exchangeId }: JournalName): Promise<void> {
    return this.#behind.flush(() => this.find(id)?.record.exchangeId === exchangeId)
  }

  /** Nothing is written from now on, but by `flush`. */
  stop(): void {
    this.#behind.stop()
  }

  /** False where the store does not take it. */
  async #writeBatch(): Promise<boolean> {
    this.#forgetExpired()
    const batch = this.#nextBatch()
    const freed = this.#freed.list()
    if (batch.length + freed.length === 0) return true
    try {
      await this.#rooms.store.writeJournal(changesOf(batch, freed))
    } catch (error) {
      const isAway = error instanceof StoreUnavailable || error instanceof StoreConflict
      if (!isAway) this.#refused(batch)
      return false
    }
    this.#batchMax = Math.min(BATCH_RECORDS_MAX, this.#batchMax * 2)
    for (const { exchangeId } of freed) this.#freed.delete(exchangeId)
    this.#rooms.onFreed(freed)
    for (const written of batch) this.#taken(written)
    return true
  }

  /** The record that the store refuses whatever happens waits behind all others, so that it holds none of them up. */
  #refused(batch: readonly Waiting[]): void {
    const [first] = batch
    if (first === undefined) return
    if (batch.length > 1) {
      this.#batchMax = Math.ceil(batch.length / 2)
      return
    }
    const now = this.#waiting.get(first.record.id)
    if (now === undefined) return
    this.#waiting.delete(now.record.id)
    this.#waiting.set(now.record.id, now)
  }

  #nextBatch(): readonly Waiting[] {
    const batch: Waiting[] = []
    let bytes = 0
    for (const waiting of this.#waiting.values()) {
      if (batch.length === this.#batchMax || bytes >= BATCH_BYTES_MAX) break
      batch.push(waiting)
      bytes += bytesOf(waiting)
    }
    return batch
  }

  /** Meanwhile it may have been answered, or be another request's. */
  #taken(written: Waiting): void {
    const { record } = written
    if (!written.isBegun) this.#rooms.onTaken(record)
    const now = this.#waiting.get(record.id)
    if (now === written) this.#forget(written)
    else if (now?.record.exchangeId === record.exchangeId)
      this.#waiting.set(record.id, { ...now, isBegun: true })
  }

  /** A key whose time is over is free, whether the store ever knew of it or not. */
  #forgetExpired(): void {
    const nowMs = this.#rooms.clock.wallMs()
    for (const waiting of this.#waiting.values())
      if (waiting.record.expiresAtMs <= nowMs) this.#remove(waiting)
  }

  #remove(waiting: Waiting): void {
    if (!waiting.isBegun) this.#rooms.onTaken(waiting.record)
    this.#forget(waiting)
  }

  #forget(waiting: Waiting): void {
    this.#waiting.delete(waiting.record.id)
    this.#bytes -= bytesOf(waiting)
  }

  /** Of what the store knows nothing of, no more goes than its answer, and that only to make room in bytes. */
  #bound(): void {
    for (const oldest of this.#waiting.values()) {
      const isTooLarge = this.#bytes > LATE_BYTES_MAX
      if (!isTooLarge && this.#waiting.size <= LATE_RECORDS_MAX) return
      if (oldest.isBegun) this.#forget(oldest)
      else if (isTooLarge) this.#strip(oldest)
    }
  }

  #strip(waiting: Waiting): void {
    const { answer: _answer, ...record } = waiting.record
    this.#bytes -= bytesOf(waiting)
    this.#waiting.set(record.id, { ...waiting, record: { ...record, state: 'open' } })
  }

  #boundFreed(): void {
    for (const { exchangeId } of this.#freed.values()) {
      if (this.#freed.size <= LATE_RECORDS_MAX) return
      this.#freed.delete(exchangeId)
    }
  }
}

function bytesOf(waiting: Waiting | undefined): number {
  return waiting?.record.answer?.length ?? 0
}

function changesOf(batch: readonly Waiting[], freed: readonly JournalName[]): JournalChanges {
  const begun: JournalRecord[] = []
  const kept: KeptRecord[] = []
  for (const { record, isBegun } of batch) {
    const { answer } = record
    if (!isBegun) begun.push(record)
    else if (answer !== undefined) kept.push({ ...record, answer })
  }
  return { freed, begun, kept }
}
