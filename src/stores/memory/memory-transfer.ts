/** Copies a memory store, and makes one from a copy. */

import { AUDIT_GENESIS } from '../../std/audit.ts'
import {
  CHUNK_RECORDS_MAX,
  type ContentChunk,
  importChunks,
  type TransferChunk,
  type TransferTotals,
} from '../transfer.ts'
import type { MemoryAudit } from './memory-audit.ts'
import type { MemoryBodies } from './memory-bodies.ts'
import type { MemoryCache } from './memory-cache.ts'
import type { MemoryDirectory } from './memory-directory.ts'
import type { MemoryJournal } from './memory-journal.ts'
import type { MemoryLedger } from './memory-ledger.ts'

interface Parts {
  readonly audit: MemoryAudit
  readonly directory: MemoryDirectory
  readonly ledger: MemoryLedger
  readonly journal: MemoryJournal
  readonly cache: MemoryCache
  readonly bodies: MemoryBodies
}

export class MemoryTransfer {
  readonly #parts: Parts
  #isPartOfCopy = false

  constructor(parts: Parts) {
    this.#parts = parts
  }

  async *exportAll(): AsyncGenerator<TransferChunk> {
    // Nothing waits between here and the last chunk but the one who reads: so all of it is taken at once.
    const chunks = [...this.#chunks()]
    yield* chunks
  }

  importAll(chunks: AsyncIterable<TransferChunk> | Iterable<TransferChunk>): Promise<TransferTotals> {
    return importChunks(chunks, {
      take: (chunk) => this.#take(chunk),
      totals: () => this.#totals(),
      mark: (isUnderWay) => {
        this.#isPartOfCopy = isUnderWay
      },
      isMarked: () => this.#isPartOfCopy,
    })
  }

  get isPartOfCopy(): boolean {
    return this.#isPartOfCopy
  }

  *#chunks(): Generator<TransferChunk> {
    const { audit, directory, ledger, journal, cache, bodies } = this.#parts
    yield { type: 'start', totals: this.#totals() }
    for (const lines of slices(audit.lines)) yield { type: 'audit', lines }
    yield { type: 'directory', directory: directory.load() }
    for (const budgets of slices(ledger.budgets)) yield { type: 'budgets', budgets }
    for (const periods of slices(ledger.periods)) yield { type: 'periods', periods }
    for (const leases of slices(ledger.leases)) yield { type: 'leases', leases }
    for (const entries of slices([...ledger.entries])) yield { type: 'entries', entries }
    for (const requests of slices([...ledger.requests])) yield { type: 'requests', requests }
    for (const records of slices(journal.records)) yield { type: 'journal', records }
    for (const answers of slices(cache.answers)) yield { type: 'cache', answers }
    for (const kept of slices(bodies.all)) yield { type: 'bodies', bodies: kept }
    yield { type: 'end', totals: this.#totals() }
  }

  #take(chunk: ContentChunk): void {
    const { audit, directory, ledger, journal, cache, bodies } = this.#parts
    switch (chunk.type) {
      case 'directory':
        return directory.take(chunk.directory)
      case 'audit':
        return audit.take(chunk.lines)
      case 'journal':
        return chunk.records.forEach((record) => journal.take(record))
      case 'cache':
        return chunk.answers.forEach((answer) => cache.put(answer))
      case 'bodies':
        return bodies.put(chunk.bodies)
      default:
        return ledger.take(chunk)
    }
  }

  #totals(): TransferTotals {
    const { audit, directory, ledger, journal, cache, bodies } = this.#parts
    const { users, teams, projects, keys } = directory.load()
    const entries = [...ledger.entries]
    return {
      users: users.length,
      teams: teams.length,
      projects: projects.length,
      keys: keys.length,
      budgets: ledger.budgets.length,
      spentNanoUsd: sum(ledger.periods.map(({ spentNanoUsd }) => spentNanoUsd)),
      leasedNanoUsd: sum(ledger.leases.map(({ nanoUsd }) => nanoUsd)),
      entries: entries.length,
      entriesNanoUsd: sum(entries.map(({ costNanoUsd }) => costNanoUsd ?? 0)),
      requests: [...ledger.requests].length,
      auditLines: audit.lines.length,
      lastAuditHash: audit.lines.at(-1)?.hash ?? AUDIT_GENESIS,
      journal: journal.records.length,
      cached: cache.answers.length,
      bodies: bodies.all.length,
    }
  }
}

function* slices<Item>(items: readonly Item[]): Generator<readonly Item[]> {
  for (let from = 0; from < items.length; from += CHUNK_RECORDS_MAX)
    yield items.slice(from, from + CHUNK_RECORDS_MAX)
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
