/**
 * Changes of the journal on their way to the thread that writes them: one text and one run of bytes, which is handed over
 * and not copied. A copy of each record as it is would cost more than writing it.
 */

import type { JournalChanges, JournalRecord } from '../../journal/journal-store.ts'

export interface JournalBatch {
  /** JSON of everything but the answers, which follow one another in `answers`. */
  readonly text: string
  readonly answers: Uint8Array<ArrayBuffer>
}

type FreedRow = readonly [id: string, exchangeId: string]
type KeptRow = readonly [id: string, exchangeId: string, answerBytes: number]
/** `answerBytes`: -1 where there is none. */
type BegunRow = readonly [
  id: string,
  exchangeId: string,
  requestHash: string,
  nodeId: string,
  createdAtMs: number,
  expiresAtMs: number,
  answerBytes: number,
]
type Rows = readonly [readonly FreedRow[], readonly BegunRow[], readonly KeptRow[]]

export function packJournal({ freed, begun, kept }: JournalChanges): JournalBatch {
  const answers: Uint8Array[] = []
  const bytesOf = (answer: Uint8Array | undefined) => {
    if (answer === undefined) return -1
    answers.push(answer)
    return answer.length
  }
  const rows: Rows = [
    freed.map(({ id, exchangeId }) => [id, exchangeId]),
    begun.map(({ id, exchangeId, requestHash, nodeId, createdAtMs, expiresAtMs, answer }) => [
      id,
      exchangeId,
      requestHash,
      nodeId,
      createdAtMs,
      expiresAtMs,
      bytesOf(answer),
    ]),
    kept.map(({ id, exchangeId, answer }) => [id, exchangeId, bytesOf(answer)]),
  ]
  return { text: JSON.stringify(rows), answers: joined(answers) }
}

export function unpackJournal({ text, answers }: JournalBatch): JournalChanges {
  // Sound: `packJournal` wrote it, in this process.
  const [freed, begun, kept] = JSON.parse(text) as Rows
  let start = 0
  const next = (bytes: number) => answers.subarray(start, (start += bytes))
  return {
    freed: freed.map(([id, exchangeId]) => ({ id, exchangeId })),
    begun: begun.map(([id, exchangeId, requestHash, nodeId, createdAtMs, expiresAtMs, bytes]) => {
      const record: JournalRecord = {
        id,
        requestHash,
        exchangeId,
        nodeId,
        state: bytes < 0 ? 'open' : 'done',
        createdAtMs,
        expiresAtMs,
      }
      return bytes < 0 ? record : { ...record, answer: next(bytes) }
    }),
    kept: kept.map(([id, exchangeId, bytes]) => ({ id, exchangeId, answer: next(bytes) })),
  }
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
