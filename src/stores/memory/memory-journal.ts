/** The journal of a memory store. */

import type { JournalChanges, JournalRecord } from '../../journal/journal-store.ts'
import { sweepKept } from './sweep-kept.ts'

export class MemoryJournal {
  /** Oldest first, as a Map keeps them. */
  readonly #records = new Map<string, JournalRecord>()

  get records(): readonly JournalRecord[] {
    return [...this.#records.values()]
  }

  /** Takes a record of a copy. */
  take(record: JournalRecord): void {
    this.#records.set(record.id, record)
  }

  open(record: JournalRecord, nowMs: number): JournalRecord | undefined {
    const known = this.find(record.id, nowMs)
    if (known !== undefined) return known
    this.#records.delete(record.id)
    this.#records.set(record.id, record)
    return undefined
  }

  write({ freed, begun, kept }: JournalChanges): void {
    for (const { id, exchangeId } of freed)
      if (this.#records.get(id)?.exchangeId === exchangeId) this.#records.delete(id)
    for (const record of [...begun, ...kept]) this.#bring(record)
  }

  find(id: string, nowMs: number): JournalRecord | undefined {
    const record = this.#records.get(id)
    return record !== undefined && record.expiresAtMs > nowMs ? record : undefined
  }

  sweep(nowMs: number, bytesMax: number): number {
    const expired = sweepKept(this.#records, { nowMs, bytesMax: Number.POSITIVE_INFINITY, bytesOf })
    return expired + this.#dropAnswers(bytesMax)
  }

  /** The oldest go; their records stay, since their keys were used. How many went. */
  #dropAnswers(bytesMax: number): number {
    let bytes = 0
    let count = 0
    for (const record of this.#records.values()) bytes += bytesOf(record)
    for (const [id, record] of this.#records) {
      if (bytes <= bytesMax) break
      const { answer, ...bare } = record
      if (answer === undefined) continue
      bytes -= answer.length
      count += 1
      this.#records.set(id, { ...bare, state: 'open' })
    }
    return count
  }

  #bring(record: JournalRecord): void {
    const { id, exchangeId, answer, createdAtMs, expiresAtMs } = record
    const done = answer === undefined ? {} : ({ state: 'done', answer, expiresAtMs } as const)
    const known = this.#records.get(id)
    if (known?.exchangeId === exchangeId) this.#records.set(id, { ...known, ...done })
    else this.open({ ...record, ...done }, createdAtMs)
  }
}

function bytesOf({ answer }: JournalRecord): number {
  return answer?.length ?? 0
}
