/**
 * Keys are claimed in a log of our own, where nobody but this process writes to the store: a line in the hands of the
 * system outlives a kill as well as a record in the store does, costs a fraction, and waits for nothing. Only a key that
 * may have been used before is asked of the store.
 */

import type { AppendLog } from '../std/append-log.ts'
import { readAppendLog } from '../std/append-log.ts'
import type { Clock, Timer } from '../std/clock.ts'
import { NeededLog } from '../std/needed-log.ts'
import { StoreUnavailable } from '../std/store-error.ts'
import { within } from '../std/within.ts'
import { CLAIM_WAIT_MS, type Claims } from './claims.ts'
import { readJournalLine, writeJournalLine } from './journal-lines.ts'
import type { JournalName, JournalRecord, JournalStore } from './journal-store.ts'
import { type JournalWriter, LATE_RECORDS_MAX } from './journal-writer.ts'
import { SeenIds } from './seen-ids.ts'

const READ_RETRY_MS = 1_000

export interface LoggedClaimsRooms {
  readonly clock: Clock
  /** It lists its ids. */
  readonly store: Pick<JournalStore, 'findJournal' | 'listJournal'>
  readonly log: AppendLog
  readonly writer: JournalWriter
}

export class LoggedClaims implements Claims {
  readonly #rooms: LoggedClaimsRooms
  readonly #log: NeededLog
  readonly #seen = new SeenIds()
  /** Until all ids of the store are known, every key is asked of it. */
  #isRead = false
  #reading: Timer | undefined
  #isStopped = false
  /** The file of the log with the line of each exchange that the store does not know yet. */
  readonly #segments = new Map<string, number>()

  constructor(rooms: LoggedClaimsRooms) {
    this.#rooms = rooms
    this.#log = new NeededLog(rooms.log)
  }

  async begin(record: JournalRecord): Promise<JournalRecord | undefined> {
    const { writer } = this.#rooms
    const known = await this.find(record.id)
    if (known !== undefined) return known
    if (writer.size >= LATE_RECORDS_MAX)
      throw new StoreUnavailable(`${LATE_RECORDS_MAX} records of the journal wait for the store.`)
    this.#write(record)
    writer.put({ record, isBegun: false, isLeft: false })
    return undefined
  }

  async find(id: string): Promise<JournalRecord | undefined> {
    const { clock, store, writer } = this.#rooms
    if (this.#isRead && !this.#seen.mayHave(id)) return undefined
    const found = await within(clock, CLAIM_WAIT_MS, store.findJournal(id, clock.wallMs()))
    return found ?? writer.find(id)?.record
  }

  /** It expires later than was said when it was begun. */
  kept({ id, expiresAtMs }: JournalRecord): void {
    this.#seen.add(id, expiresAtMs)
  }

  /** That the key is free again stands in the log too, so that after a kill nobody is in doubt of it. */
  freed(name: JournalName): void {
    try {
      this.#log.append(writeJournalLine({ type: 'freed', name }), 0)
    } catch {
      // Then it is in doubt after a kill, which is safe.
    }
  }

  /** Takes over the log of a run that is gone. Throws Node's error where it cannot be read, or not be written to ours. */
  adopt(folder: string): void {
    const left = new Map<string, JournalRecord>()
    const freed: JournalName[] = []
    for (const { line } of readAppendLog(folder)) {
      const read = readJournalLine(line)
      if (read?.type === 'begun') left.set(read.record.id, read.record)
      if (read?.type !== 'freed') continue
      if (left.get(read.name.id)?.exchangeId === read.name.exchangeId) left.delete(read.name.id)
      freed.push(read.name)
    }
    const { writer, clock } = this.#rooms
    for (const name of freed) writer.free(name)
    const unexpired = [...left.values()].filter(({ expiresAtMs }) => expiresAtMs > clock.wallMs())
    // Even where they cannot be logged: while this process lives, they are known.
    for (const record of unexpired)
      if (writer.find(record.id) === undefined) writer.put({ record, isBegun: false, isLeft: true })
    for (const record of unexpired) if (!this.#segments.has(record.exchangeId)) this.#write(record)
  }

  /** The store has it, or it counts no more: its line in the log is not needed. */
  release({ exchangeId }: JournalName): void {
    const segment = this.#segments.get(exchangeId)
    if (segment === undefined) return
    this.#segments.delete(exchangeId)
    this.#log.release(segment)
  }

  /** Learns which ids the store has, and tries until it has; meanwhile each key is asked of it. */
  async start(): Promise<void> {
    this.#isRead = false
    this.#reading?.cancel()
    try {
      await this.#read()
    } catch {
      if (this.#isStopped) return
      this.#reading = this.#rooms.clock.after(READ_RETRY_MS, () => void this.start())
    }
  }

  sweep(): void {
    this.#seen.sweep(this.#rooms.clock.wallMs())
  }

  stop(): void {
    this.#isStopped = true
    this.#reading?.cancel()
  }

  async #read(): Promise<void> {
    let place: number | undefined = 0
    while (place !== undefined && !this.#isStopped) place = await this.#readPage(place)
    this.#isRead = !this.#isStopped
  }

  async #readPage(place: number): Promise<number | undefined> {
    const page = await this.#rooms.store.listJournal?.(place)
    for (const id of page?.ids ?? []) this.#seen.add(id, page?.expireAtMs ?? 0)
    return page?.next
  }

  #write(record: JournalRecord): void {
    this.#seen.add(record.id, record.expiresAtMs)
    this.#segments.set(record.exchangeId, this.#log.append(writeJournalLine({ type: 'begun', record }), 1))
  }
}
