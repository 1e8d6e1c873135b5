/** Copies a SQLite store, and makes one from a copy. */

import { AUDIT_GENESIS } from '../../std/audit.ts'
import { checkBooks } from '../check-books.ts'
import { CHUNK_RECORDS_MAX, type ContentChunk, type TransferChunk, type TransferTotals } from '../transfer.ts'
import { batchText } from './book-values.ts'
import type { Database, Row } from './database.ts'
import { auditFrom, lastLine, takeLines } from './sqlite-audit.ts'
import { bodiesOf, takeBodies } from './sqlite-bodies.ts'
import { allLeases, allPeriods, loadBudgets, takeBudgets, takeLeases, takePeriods } from './sqlite-budgets.ts'
import { readDirectory, takeDirectory } from './sqlite-directory.ts'
import type { Posting } from './sqlite-posting.ts'
import { answerOf, takeAnswer } from './sqlite-cache.ts'
import { recordOf, takeRecord } from './sqlite-journal.ts'
import { entriesAfter, type Lines, requestsAfter } from './sqlite-requests.ts'

const JOURNAL = `SELECT journal.number AS place, journal.*, answer FROM journal LEFT JOIN journal_answers USING (number)
  WHERE journal.number > ? ORDER BY journal.number LIMIT ?`
const CACHE = 'SELECT rowid AS place, * FROM cache WHERE rowid > ? ORDER BY rowid LIMIT ?'
const BODIES = 'SELECT rowid AS place, * FROM bodies WHERE rowid > ? ORDER BY rowid LIMIT ?'
const TOTALS = `SELECT
  (SELECT count(*) FROM directory WHERE kind = 'user') AS users,
  (SELECT count(*) FROM directory WHERE kind = 'team') AS teams,
  (SELECT count(*) FROM directory WHERE kind = 'project') AS projects,
  (SELECT count(*) FROM directory WHERE kind = 'key') AS keys,
  (SELECT count(*) FROM budgets) AS budgets,
  (SELECT coalesce(sum(spent_nano), 0) FROM periods) AS spentNanoUsd,
  (SELECT coalesce(sum(nano), 0) FROM leases) AS leasedNanoUsd,
  (SELECT count(*) FROM entries) AS entries,
  (SELECT coalesce(sum(cost_nano), 0) FROM entries) AS entriesNanoUsd,
  (SELECT count(*) FROM requests) AS requests,
  (SELECT count(*) FROM audit) AS auditLines,
  (SELECT count(*) FROM journal) AS journal,
  (SELECT count(*) FROM cache) AS cached,
  (SELECT count(*) FROM bodies) AS bodies`
/** There while a copy is under way. */
const COPYING = "SELECT value FROM revisions WHERE name = 'copying'"
const BEGIN_COPY = "INSERT INTO revisions VALUES ('copying', 1) ON CONFLICT DO NOTHING"
const END_COPY = "DELETE FROM revisions WHERE name = 'copying'"
/** Answers may be large: few of them make a chunk. */
const CHUNK_ANSWERS_MAX = 20

export function totals(db: Database): TransferTotals {
  const counts = Object.fromEntries(
    Object.entries(db.get(TOTALS) ?? {}).map(([name, value]) => [name, Number(value)]),
  )
  // Sound: the columns of the statement are the counts of the interface, by name.
  return { ...counts, lastAuditHash: lastLine(db)?.hash ?? AUDIT_GENESIS } as TransferTotals
}

export function markCopy(db: Database, isUnderWay: boolean): void {
  db.write(() => db.run(isUnderWay ? BEGIN_COPY : END_COPY))
}

export function isPartOfCopy(db: Database): boolean {
  return db.get(COPYING) !== undefined
}

/** Everything, as of the first chunk: the transaction ends with the last. */
export function* exportChunks(db: Database): Generator<TransferChunk> {
  db.exec('BEGIN')
  try {
    yield { type: 'start', totals: totals(db) }
    for (let last = 0; ; ) {
      const lines = auditFrom(db, last, CHUNK_RECORDS_MAX)
      if (lines.length === 0) break
      yield { type: 'audit', lines }
      last = lines.at(-1)?.sequence ?? 0
    }
    yield { type: 'directory', directory: readDirectory(db) }
    yield { type: 'budgets', budgets: loadBudgets(db) }
    yield { type: 'periods', periods: allPeriods(db) }
    yield { type: 'leases', leases: allLeases(db) }
    for (const entries of allLines(db, entriesAfter)) yield { type: 'entries', entries }
    for (const requests of allLines(db, requestsAfter)) yield { type: 'requests', requests }
    for (const rows of answers(db, JOURNAL)) yield { type: 'journal', records: rows.map(recordOf) }
    for (const rows of answers(db, CACHE)) yield { type: 'cache', answers: rows.map(answerOf) }
    for (const rows of answers(db, BODIES)) yield { type: 'bodies', bodies: rows.map(bodiesOf) }
    yield { type: 'end', totals: totals(db) }
  } finally {
    db.exec('COMMIT')
  }
}

function* allLines<Line>(
  db: Database,
  after: (db: Database, place: number, count: number) => Lines<Line>,
): Generator<readonly Line[]> {
  for (let last = 0; ; ) {
    const { lines, place } = after(db, last, CHUNK_RECORDS_MAX)
    if (lines.length === 0) return
    yield lines
    last = place
  }
}

function* answers(db: Database, sql: string): Generator<readonly Row[]> {
  for (let last = 0; ; ) {
    const rows = db.all(sql, last, CHUNK_ANSWERS_MAX)
    if (rows.length === 0) return
    yield rows
    last = Number(rows.at(-1)?.['place'])
  }
}

export function importChunk(db: Database, posting: Posting, chunk: ContentChunk): void {
  switch (chunk.type) {
    case 'entries':
      checkBooks({ entries: chunk.entries, requests: [] })
      return posting.take(batchText(chunk.entries, []))
    case 'requests':
      checkBooks({ entries: [], requests: chunk.requests })
      return posting.take(batchText([], chunk.requests))
    default:
      db.write(() => takeRecords(db, chunk))
  }
}

function takeRecords(
  db: Database,
  chunk: Exclude<ContentChunk, { readonly type: 'entries' | 'requests' }>,
): void {
  switch (chunk.type) {
    case 'directory':
      return takeDirectory(db, chunk.directory)
    case 'budgets':
      return takeBudgets(db, chunk.budgets)
    case 'periods':
      return takePeriods(db, chunk.periods)
    case 'leases':
      return takeLeases(db, chunk.leases)
    case 'audit':
      return takeLines(db, chunk.lines)
    case 'journal':
      return chunk.records.forEach((record) => takeRecord(db, record))
    case 'cache':
      return chunk.answers.forEach((answer) => takeAnswer(db, answer))
    case 'bodies':
      return takeBodies(db, chunk.bodies)
  }
}
