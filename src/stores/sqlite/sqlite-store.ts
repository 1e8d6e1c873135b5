/**
 * The store of a single node: one SQLite file, which a thread of its own writes, so that no request ever waits while the
 * disk does. A kill loses nothing that was posted; a power cut may lose the last moments before it (`synchronous =
 * NORMAL`), never the file.
 */

import { checkBooks } from '../check-books.ts'
import type { Store } from '../store.ts'
import { ShareBook } from '../share-book.ts'
import { importChunks, type Transferable, type TransferChunk, type TransferTotals } from '../transfer.ts'
import { batchText } from './book-values.ts'
import { packJournal } from './journal-batch.ts'
import { SqliteFile, type SqliteFileOptions } from './sqlite-file.ts'

export type SqliteStoreOptions = SqliteFileOptions

/**
 * Opens the file, makes it if there is none, and brings its schema up to date. Rejects where the schema is not ours or
 * the file is damaged beyond what is known beside it. A file that cannot be had just now (locked, full, read-only) rejects
 * nothing: operations do until it can.
 */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<Store & Transferable> {
  const file = new SqliteFile(options)
  await file.open()
  return createStore(file, new ShareBook(options.clock))
}

function createStore(file: SqliteFile, shares: ShareBook): Store & Transferable {
  return {
    kind: 'sqlite',
    isShared: false,
    loadDirectory: () => file.write('loadDirectory'),
    directoryRevision: () => file.write('directoryRevision'),
    changeDirectory: (...change) => file.write('changeDirectory', ...change),
    async postBooks({ nodeId, entries, requests, postedUntilMs }) {
      checkBooks({ entries, requests })
      await file.write('post', nodeId, batchText(entries, requests), postedUntilMs)
    },
    loadBudgets: () => file.write('loadBudgets'),
    budgetsRevision: () => file.write('budgetsRevision'),
    putBudget: (...change) => file.write('putBudget', ...change),
    lease: (asks) => file.write('lease', asks),
    returnLease: (...values) => file.write('returnLease', ...values),
    leasesOf: (nodeId) => file.write('leasesOf', nodeId),
    leases: async () => shares.withSight(await file.write('leases')),
    releaseNode: (ask) => shares.releaseUnseen(ask, () => file.write('releaseNode', ask)),
    releases: (nodeId) => file.write('releases', nodeId),
    standings: (charges) => file.write('standings', charges),
    renewShares: (ask) => shares.renewShares(ask),
    openJournals: (records, nowMs) => file.write('openJournals', records, nowMs),
    writeJournal(changes) {
      const batch = packJournal(changes)
      return file.writeGiving([batch.answers.buffer], 'writeJournal', batch)
    },
    findJournal: (id, nowMs) => file.write('findJournal', id, nowMs),
    // Every gateway asks for it as it starts: a few pages cost less than a second thread that nobody may need.
    listJournal: (place) => file.write('listJournal', place),
    sweepJournal: (nowMs, bytesMax) => file.write('sweepJournal', nowMs, bytesMax),
    putCached: (entry) => file.write('putCached', entry),
    findCached: (id, nowMs) => file.write('findCached', id, nowMs),
    findAlike: (query) => file.write('findAlike', query),
    dropCached: (notes, tenant) => file.write('dropCached', notes, tenant),
    sweepCache: (nowMs, bytesMax) => file.write('sweepCache', nowMs, bytesMax),
    putBodies: (batch) => file.write('putBodies', batch),
    findBodies: (exchangeId, nowMs) => file.read('findBodies', exchangeId, nowMs),
    sweepBodies: (nowMs, bytesMax) => file.write('sweepBodies', nowMs, bytesMax),
    countSeals: (query) => file.read('countSeals', query),
    spend: (query) => file.read('spend', query),
    requests: (query) => file.read('requests', query),
    request: (exchangeId) => file.read('request', exchangeId),
    auditLines: (query) => file.read('auditLines', query),
    matchSecret: (marks) => file.write('matchSecret', marks),
    note: (note) => file.write('note', note),
    ping: () => file.write('ping'),
    backup: (path) => file.copy((thread) => thread.call('copyTo', path)),
    exportAll: () => exportAll(file),
    importAll: (chunks) => importAll(file, chunks),
    isPartOfCopy: () => file.write('isPartOfCopy'),
    close: () => file.close(),
  }
}

async function* exportAll(file: SqliteFile): AsyncGenerator<TransferChunk> {
  const thread = file.openCopy()
  try {
    for (;;) {
      const chunk = await thread.call('nextChunk')
      if (chunk === undefined) return
      yield chunk
    }
  } finally {
    await thread.close()
  }
}

function importAll(
  file: SqliteFile,
  chunks: AsyncIterable<TransferChunk> | Iterable<TransferChunk>,
): Promise<TransferTotals> {
  return importChunks(chunks, {
    take: (chunk) => file.write('importChunk', chunk),
    totals: () => file.write('totals'),
    mark: (isUnderWay) => file.write('markCopy', isUnderWay),
    isMarked: () => file.write('isPartOfCopy'),
  })
}
