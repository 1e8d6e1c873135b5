/**
 * Checks the chain of the audit log from its newest line to its first, page by page, so that it needs no more memory for a
 * long log than for a short one. What it cannot see is that the newest lines are missing: compare the last hash with one
 * that was noted elsewhere.
 */

import { type AuditLine, findBrokenLink } from '../std/audit.ts'
import type { ReportStore } from './report-store.ts'

export interface AuditVerdict {
  readonly isWhole: boolean
  readonly lines: number
  /** The sequence of the first line that does not follow from the one before it. */
  readonly brokenAt?: number
  /** Of the newest line; absent for an empty log. */
  readonly last?: Pick<AuditLine, 'sequence' | 'hash'>
}

/** Lines that are hashed at one time, so that nothing else waits longer than a few milliseconds. */
const PAGE_LINES = 500

export async function verifyAudit(
  store: Pick<ReportStore, 'auditLines'>,
  pageLines = PAGE_LINES,
): Promise<AuditVerdict> {
  let lines = 0
  let brokenAt: number | undefined
  let newest: AuditLine | undefined
  /** The oldest line seen; the one before it is on the next page. */
  let oldest: AuditLine | undefined
  let cursor: string | undefined
  do {
    const page = await store.auditLines({ limit: pageLines, ...(cursor !== undefined && { cursor }) })
    newest ??= page.rows[0]
    lines += page.rows.length
    const [first, ...later] = page.rows.toReversed()
    if (first !== undefined) {
      const following = oldest === undefined ? later : [...later, oldest]
      brokenAt = findBrokenLink(following, first)?.sequence ?? brokenAt
      oldest = first
    }
    cursor = page.next
  } while (cursor !== undefined)
  if (oldest !== undefined) brokenAt = findBrokenLink([oldest])?.sequence ?? brokenAt
  return {
    isWhole: brokenAt === undefined,
    lines,
    ...(brokenAt !== undefined && { brokenAt }),
    ...(newest !== undefined && { last: { sequence: newest.sequence, hash: newest.hash } }),
  }
}
