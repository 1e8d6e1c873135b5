/**
 * Changes of the journal on their way to the thread that writes them: one text and one run of bytes, which is handed over
 * and not copied. A copy of each record as it is would cost more than writing it.
 */

import type { JournalChanges, JournalRecord, KeptRecord } from '../../journal/journal-store.ts'

export interface JournalBatch {
  /** JSON of everything but the answers, which follow one another in `answers`. */
  readonly text: string
  readonly answers: Uint8Array<ArrayBuffer>
}

type FreedRow = readonly [id: string, exchangeId: string]
/** `answerBytes`: -1 where there is none. */
type RecordRow = readonly [
  id: string,
  exchangeId: string,
  requestHash: string,
  nodeId: string,
  createdAtMs: number,
  expiresAtMs: number,
  answerBytes: number,
]
type Rows = readonly [readonly FreedRow[], readonly RecordRow[], readonly RecordRow[]]

export function packJournal({ freed, begun, kept }: JournalChanges): JournalBatch {
  const answers: Uint8Array[] = []
  const rowOf = (record: JournalRecord): RecordRow => {
    const { id, exchangeId, requestHash, nodeId, createdAtMs, expiresAtMs, answer } = record
    if (answer !== undefined) answers.push(answer)
    return [id, exchangeId, requestHash, nodeId, createdAtMs, expiresAtMs, answer?.length ?? -1]
  }
  const rows: Rows = [freed.map(({ id, exchangeId }) => [id, exchangeId]), begun.map(rowOf), kept.map(rowOf)]
  return { text: JSON.stringify(rows), answers: joined(answers) }
}

export function unpackJournal({ text, answers }: JournalBatch): JournalChanges {
  // Sound: `packJournal` wrote it, in this process.
  const [freed, begun, kept] = JSON.parse(text) as Rows
  let start = 0
  const next = (bytes: number) => answers.subarray(start, (start += bytes))
  return {
    freed: freed.map(([id, exchangeId]) => ({ id, exchangeId })),
    begun: begun.map((row) => (answerBytesOf(row) < 0 ? openOf(row) : doneOf(row, next))),
    kept: kept.map((row) => doneOf(row, next)),
  }
}

function answerBytesOf(row: RecordRow): number {
  return row[6]
}

function openOf([id, exchangeId, requestHash, nodeId, createdAtMs, expiresAtMs]: RecordRow): JournalRecord {
  return { id, exchangeId, requestHash, nodeId, state: 'open', createdAtMs, expiresAtMs }
}

function doneOf(row: RecordRow, next: (bytes: number) => Uint8Array): KeptRecord {
  return { ...openOf(row), state: 'done', answer: next(answerBytesOf(row)) }
}

/** In bytes of their own, which may be given away. */
function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((bytes, part) => bytes + part.length, 0))
  let start = 0
  for (const part of parts) {
    whole.set(part, start)
    start += part.length
  }
  return whole
}
