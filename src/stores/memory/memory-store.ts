/** A store that forgets when the process ends: for trying out, for the simulation, and as the fake in tests. Nothing in it waits. */

import type { AuditNote } from '../../std/audit.ts'
import { type Clock, systemClock } from '../../std/clock.ts'
import type { SealedKind } from '../../reports/sealed-store.ts'
import { ShareBook } from '../share-book.ts'
import type { Store } from '../store.ts'
import type { Transferable } from '../transfer.ts'
import { MemoryAudit } from './memory-audit.ts'
import { MemoryBodies } from './memory-bodies.ts'
import { MemoryCache } from './memory-cache.ts'
import { MemoryDirectory } from './memory-directory.ts'
import { MemoryJournal } from './memory-journal.ts'
import { MemoryLedger } from './memory-ledger.ts'
import { MemoryReports } from './memory-reports.ts'
import { countSeals, type SealedPiece } from './memory-seals.ts'
import { MemoryTransfer } from './memory-transfer.ts'

export interface MemoryStoreOptions {
  /** Several nodes of one process spend from it: for tests. Default false. */
  readonly isShared?: boolean
  /** Entries and rows kept for reports; the oldest make room. Default 100,000 of each. */
  readonly linesMax?: number
  /** By which shares of limits run out. Default: the system's. */
  readonly clock?: Pick<Clock, 'nowMs'>
}

const LINES_MAX = 100_000

export function createMemoryStore({
  isShared = false,
  linesMax = LINES_MAX,
  clock = systemClock,
}: MemoryStoreOptions = {}): Store & Transferable {
  let secretMark: string | undefined
  const audit = new MemoryAudit()
  const directory = new MemoryDirectory(audit)
  const ledger = new MemoryLedger(audit, linesMax)
  const journal = new MemoryJournal()
  const cache = new MemoryCache(directory)
  const shares = new ShareBook(clock)
  const bodies = new MemoryBodies()
  const reports = new MemoryReports(ledger)
  const transfer = new MemoryTransfer({ audit, directory, ledger, journal, cache, bodies })
  const sealedPieces: Readonly<Record<SealedKind, () => readonly SealedPiece[]>> = {
    answers: () =>
      journal.records.flatMap(({ answer, expiresAtMs }) =>
        answer === undefined ? [] : [{ sealed: answer, expiresAtMs }],
      ),
    cache: () => cache.answers.map(({ answer, expiresAtMs }) => ({ sealed: answer, expiresAtMs })),
    bodies: () => bodies.all,
  }
  return {
    kind: 'memory',
    isShared,
    loadDirectory: async () => directory.load(),
    directoryRevision: async () => directory.revision,
    changeDirectory: async (...change) => directory.change(...change),
    postBooks: async (batch) => ledger.post(batch),
    loadBudgets: async () => ledger.budgets,
    budgetsRevision: async () => ledger.revision,
    putBudget: async (...change) => ledger.putBudget(...change),
    lease: async (asks) => asks.map((ask) => ledger.lease(ask)),
    returnLease: async (nodeId, charge, nanoUsd) => ledger.returnLease(nodeId, charge, nanoUsd),
    leasesOf: async (nodeId) => ledger.leasesOf(nodeId),
    leases: async () => shares.withSight(ledger.leasesInOrder()),
    releaseNode: (ask) => shares.releaseUnseen(ask, async () => ledger.releaseNode(ask)),
    releases: async (nodeId) => ledger.releases(nodeId),
    standings: async (charges) => ledger.standings(charges),
    renewShares: (ask) => shares.renewShares(ask),
    openJournals: async (records, nowMs) => records.map((record) => journal.open(record, nowMs)),
    writeJournal: async (changes) => journal.write(changes),
    findJournal: async (id, nowMs) => journal.find(id, nowMs),
    sweepJournal: async (nowMs, bytesMax) => journal.sweep(nowMs, bytesMax),
    putCached: async (entry) => cache.put(entry),
    findCached: async (id, nowMs) => cache.find(id, nowMs),
    findAlike: async (query) => cache.findAlike(query),
    dropCached: async (notes, tenant) => cache.drop(notes, tenant),
    sweepCache: async (nowMs, bytesMax) => cache.sweep(nowMs, bytesMax),
    putBodies: async (batch) => bodies.put(batch),
    findBodies: async (exchangeId, nowMs) => bodies.find(exchangeId, nowMs),
    sweepBodies: async (nowMs, bytesMax) => bodies.sweep(nowMs, bytesMax),
    countSeals: async ({ kind, nowMs }) => countSeals(sealedPieces[kind](), nowMs),
    spend: async (query) => reports.spend(query),
    requests: async (query) => reports.requests(query),
    request: async (exchangeId) => reports.request(exchangeId),
    auditLines: async (query) => audit.page(query),
    async matchSecret(marks) {
      if (secretMark !== undefined && !marks.includes(secretMark)) return false
      secretMark = marks[0]
      return true
    },
    note: async (note: AuditNote) => audit.add([note]),
    exportAll: () => transfer.exportAll(),
    importAll: (chunks) => transfer.importAll(chunks),
    isPartOfCopy: async () => transfer.isPartOfCopy,
    ping: async () => {},
    close: async () => {},
  }
}
