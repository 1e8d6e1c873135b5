/** Copies a store in PostgreSQL, and fills one from a copy. */

import type { Budget } from '../../ledger/budget.ts'
import type { LedgerEntry, RequestRow } from '../../ledger/entry.ts'
import type { NanoUsd } from '../../ledger/prices.ts'
import { AUDIT_GENESIS } from '../../std/audit.ts'
import {
  CHUNK_RECORDS_MAX,
  type ContentChunk,
  importChunks,
  type PeriodSpend,
  type TransferChunk,
  type TransferTotals,
} from '../transfer.ts'
import type { Row, Session } from './connections.ts'
import { auditLineOf, takeAuditLines } from './postgres-audit.ts'
import { bodiesOf, putBodies } from './postgres-bodies.ts'
import { cachedAnswerOf, takeAnswer } from './postgres-cache.ts'
import { loadDirectory, takeDirectory } from './postgres-directory.ts'
import { journalRecordOf, takeJournal } from './postgres-journal.ts'
import {
  chargeOf,
  leaseOf,
  loadBudgets,
  takeBudgets,
  takeLeases,
  takeLines,
  takePeriods,
} from './postgres-ledger.ts'
import { numberIn, recordIn } from './row-values.ts'

const SEE_ONE_MOMENT = `
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SET LOCAL statement_timeout = 0;
SET LOCAL idle_in_transaction_session_timeout = 0;`

const TOTALS = {
  text: `
SELECT
  (SELECT count(*) FROM holdfast.directory WHERE kind = 'user') AS users,
  (SELECT count(*) FROM holdfast.directory WHERE kind = 'team') AS teams,
  (SELECT count(*) FROM holdfast.directory WHERE kind = 'project') AS projects,
  (SELECT count(*) FROM holdfast.directory WHERE kind = 'key') AS keys,
  (SELECT count(*) FROM holdfast.budgets) AS budgets,
  (SELECT coalesce(sum(spent), 0)::bigint FROM holdfast.standings) AS spent,
  (SELECT coalesce(sum(leased), 0)::bigint FROM holdfast.standings) AS leased,
  (SELECT count(*) FROM holdfast.entries) AS entries,
  (SELECT coalesce(sum(cost), 0)::bigint FROM holdfast.entries) AS cost,
  (SELECT count(*) FROM holdfast.requests) AS requests,
  (SELECT count(*) FROM holdfast.audit) AS audit_lines,
  (SELECT hash FROM holdfast.audit ORDER BY sequence DESC LIMIT 1) AS last_hash,
  (SELECT count(*) FROM holdfast.journal) AS journal,
  (SELECT count(*) FROM holdfast.cache) AS cached,
  (SELECT count(*) FROM holdfast.bodies) AS bodies`,
}

/** There while a copy is under way. */
const COPYING = { text: `SELECT FROM holdfast.counters WHERE name = 'copying'` }
const BEGIN_COPY = { text: `INSERT INTO holdfast.counters VALUES ('copying', 1) ON CONFLICT DO NOTHING` }
const END_COPY = { text: `DELETE FROM holdfast.counters WHERE name = 'copying'` }
/** Bodies may be large: few of them make a chunk. */
const CHUNK_BODIES_MAX = 20

/** With a connection of its own, outside of any transaction. */
export async function* exportAll(session: Session): AsyncGenerator<TransferChunk> {
  await session.run({ text: SEE_ONE_MOMENT })
  yield { type: 'start', totals: await totalsOf(session) }
  for await (const lines of read(session, 'SELECT line FROM holdfast.audit ORDER BY sequence', auditLineOf))
    yield { type: 'audit', lines }
  yield { type: 'directory', directory: await loadDirectory(session) }
  for (const budgets of slices(await loadBudgets(session))) yield { type: 'budgets', budgets }
  for await (const periods of read(session, 'SELECT * FROM holdfast.standings', periodOf))
    yield { type: 'periods', periods }
  for await (const leases of read(session, 'SELECT * FROM holdfast.leases', leaseOf))
    yield { type: 'leases', leases }
  for await (const entries of read(session, inTime('entries'), recordIn<LedgerEntry>))
    yield { type: 'entries', entries }
  for await (const requests of read(session, inTime('requests'), recordIn<RequestRow>))
    yield { type: 'requests', requests }
  for await (const records of read(session, 'SELECT * FROM holdfast.journal', journalRecordOf))
    yield { type: 'journal', records }
  for await (const answers of read(session, 'SELECT * FROM holdfast.cache ORDER BY place', cachedAnswerOf))
    yield { type: 'cache', answers }
  for await (const bodies of read(session, 'SELECT * FROM holdfast.bodies', bodiesOf, CHUNK_BODIES_MAX))
    yield { type: 'bodies', bodies }
  yield { type: 'end', totals: await totalsOf(session) }
  await session.run({ text: 'COMMIT' })
}

/** Each part in a transaction of its own. */
export function importAll(
  transaction: <Result>(work: (session: Session) => Promise<Result>) => Promise<Result>,
  chunks: AsyncIterable<TransferChunk> | Iterable<TransferChunk>,
): Promise<TransferTotals> {
  return importChunks(chunks, {
    take: (chunk) => transaction((session) => take(session, chunk)),
    totals: () => transaction(totalsOf),
    mark: async (isUnderWay) => {
      await transaction((session) => session.run(isUnderWay ? BEGIN_COPY : END_COPY))
    },
    isMarked: () => transaction(isPartOfCopy),
  })
}

export async function isPartOfCopy(session: Session): Promise<boolean> {
  return (await session.query(COPYING)).length > 0
}

async function take(session: Session, chunk: ContentChunk): Promise<void> {
  switch (chunk.type) {
    case 'directory':
      return takeDirectory(session, chunk.directory)
    case 'budgets':
      return takeBudgets(session, chunk.budgets)
    case 'periods':
      return takePeriods(session, chunk.periods)
    case 'leases':
      return takeLeases(session, chunk.leases)
    case 'entries':
      return takeLines(session, { entries: chunk.entries, requests: [] })
    case 'requests':
      return takeLines(session, { entries: [], requests: chunk.requests })
    case 'audit':
      return takeAuditLines(session, chunk.lines)
    case 'journal':
      for (const record of chunk.records) await takeJournal(session, record)
      return
    case 'cache':
      for (const answer of chunk.answers) await takeAnswer(session, answer)
      return
    case 'bodies':
      return putBodies(session, chunk.bodies)
  }
}

function inTime(table: 'entries' | 'requests'): string {
  return `SELECT record FROM holdfast.${table} ORDER BY at_ms, exchange_id`
}

async function* read<Item>(
  session: Session,
  text: string,
  itemOf: (row: Row) => Item,
  count = CHUNK_RECORDS_MAX,
): AsyncGenerator<readonly Item[]> {
  await session.run({ text: `DECLARE part NO SCROLL CURSOR FOR ${text}` })
  for (;;) {
    const rows = await session.query({ text: `FETCH ${count} FROM part` })
    if (rows.length === 0) break
    yield rows.map((row) => itemOf(row))
  }
  await session.run({ text: 'CLOSE part' })
}

function* slices(budgets: readonly Budget[]): Generator<readonly Budget[]> {
  for (let from = 0; from < budgets.length; from += CHUNK_RECORDS_MAX)
    yield budgets.slice(from, from + CHUNK_RECORDS_MAX)
}

async function totalsOf(session: Session): Promise<TransferTotals> {
  const [row] = await session.query(TOTALS)
  const lastHash = row?.['last_hash']
  return {
    users: numberIn(row, 'users'),
    teams: numberIn(row, 'teams'),
    projects: numberIn(row, 'projects'),
    keys: numberIn(row, 'keys'),
    budgets: numberIn(row, 'budgets'),
    spentNanoUsd: numberIn(row, 'spent'),
    leasedNanoUsd: numberIn(row, 'leased'),
    entries: numberIn(row, 'entries'),
    entriesNanoUsd: numberIn(row, 'cost'),
    requests: numberIn(row, 'requests'),
    auditLines: numberIn(row, 'audit_lines'),
    lastAuditHash: typeof lastHash === 'string' ? lastHash : AUDIT_GENESIS,
    journal: numberIn(row, 'journal'),
    cached: numberIn(row, 'cached'),
    bodies: numberIn(row, 'bodies'),
  }
}

function periodOf(row: Row): PeriodSpend {
  return { ...chargeOf(row), spentNanoUsd: nanoIn(row, 'spent') }
}

function nanoIn(row: Row, column: string): NanoUsd {
  // Sound: the columns hold whole numbers of nano-dollars.
  return numberIn(row, column) as NanoUsd
}
