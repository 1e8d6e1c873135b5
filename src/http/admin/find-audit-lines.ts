/**
 * The lines of the audit log that somebody asks for. The store gives the log as it is, page by page, so its lines are looked
 * at here, a bounded number for each call: a page may be short, even empty, and yet there may be more.
 */

import type { Page, ReportStore } from '../../reports/report-store.ts'
import type { AuditLine } from '../../std/audit.ts'
import { invalid } from './problem.ts'

/** Lines that one call looks at, at most: well below a second of the store's time. */
export const LOOKED_AT_MAX = 20_000
/** Lines that are read at one time, so that nothing else waits longer than a few milliseconds. */
const PAGE_LINES = 500

export interface AuditSearch {
  readonly isAskedFor: (line: AuditLine) => boolean
  readonly rowsMax: number
  /** As the page before told it. */
  readonly cursor?: string | undefined
}

/** Where to go on: on which page of the store, and before which line of it. */
interface Place {
  /** Absent: the newest page. */
  readonly page?: string | undefined
  readonly before: number
}

/** Newest first. Throws `invalid_request` for a cursor that no page gave. */
export async function findAuditLines(
  store: Pick<ReportStore, 'auditLines'>,
  { isAskedFor, rowsMax, cursor }: AuditSearch,
): Promise<Page<AuditLine>> {
  let { page, before }: Place = cursor === undefined ? NEWEST : readPlace(cursor)
  const rows: AuditLine[] = []
  for (let lookedAt = 0; lookedAt < LOOKED_AT_MAX; lookedAt += PAGE_LINES) {
    const read = await store.auditLines({ limit: PAGE_LINES, ...(page !== undefined && { cursor: page }) })
    for (const line of read.rows) {
      // The newest page holds others by the time that it is read again.
      if (line.sequence >= before || !isAskedFor(line)) continue
      if (rows.length === rowsMax) return { rows, next: writePlace({ page, before }) }
      rows.push(line)
      before = line.sequence
    }
    if (read.next === undefined) return { rows }
    page = read.next
  }
  return { rows, next: writePlace({ page, before }) }
}

const NEWEST: Place = { before: Number.MAX_SAFE_INTEGER }

function writePlace({ page = '', before }: Place): string {
  return `${before}_${page}`
}

function readPlace(cursor: string): Place {
  const [, before, page] = /^([1-9]\d{0,15})_(.*)$/s.exec(cursor) ?? []
  if (before === undefined) throw invalid('cursor', 'This is none that a page with these filters gave.')
  return { before: Number(before), page: page === '' ? undefined : page }
}
