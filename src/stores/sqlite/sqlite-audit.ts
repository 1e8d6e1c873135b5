/** The audit log of a SQLite store. */

import type { Page } from '../../reports/report-store.ts'
import { AUDIT_GENESIS, type AuditLine, type AuditNote, chainAudit, findBrokenLink } from '../../std/audit.ts'
import { foreignAudit } from '../transfer.ts'
import type { Database } from './database.ts'
import { fromJson } from './values.ts'

const LAST = 'SELECT sequence, hash FROM audit ORDER BY sequence DESC LIMIT 1'
const ADD = 'INSERT INTO audit (sequence, hash, line) VALUES (?, ?, ?)'
const HASH_OF = 'SELECT hash FROM audit WHERE sequence = ?'
const PAGE = 'SELECT line FROM audit WHERE sequence < ? ORDER BY sequence DESC LIMIT ?'
const FROM = 'SELECT line FROM audit WHERE sequence > ? ORDER BY sequence LIMIT ?'

/** Inside the transaction of the change. */
export function addNotes(db: Database, notes: readonly AuditNote[]): void {
  let last = lastLine(db)
  for (const note of notes) {
    const line = chainAudit(note, last)
    db.run(ADD, line.sequence, line.hash, JSON.stringify(line))
    last = line
  }
}

export function lastLine(db: Database): Pick<AuditLine, 'sequence' | 'hash'> | undefined {
  const row = db.get(LAST)
  return row === undefined ? undefined : { sequence: Number(row['sequence']), hash: String(row['hash']) }
}

export function auditPage(
  db: Database,
  { cursor, limit }: { readonly cursor?: string; readonly limit: number },
): Page<AuditLine> {
  const before = cursor === undefined ? Number.MAX_SAFE_INTEGER : Number.parseInt(cursor, 10) || 0
  const lines = db.all(PAGE, before, limit + 1).map(({ line }) => fromJson<AuditLine>(line))
  const rows = lines.slice(0, limit)
  const last = rows.at(-1)
  return { rows, ...(lines.length > limit && last !== undefined ? { next: String(last.sequence) } : {}) }
}

/** In order, those after `sequence`. */
export function auditFrom(db: Database, sequence: number, count: number): readonly AuditLine[] {
  return db.all(FROM, sequence, count).map(({ line }) => fromJson<AuditLine>(line))
}

/** Takes lines of a copy as they are; those it has must be the same. */
export function takeLines(db: Database, lines: readonly AuditLine[]): void {
  let last = lastLine(db)
  for (const line of lines) {
    if (line.sequence <= (last?.sequence ?? 0)) {
      if (db.get(HASH_OF, line.sequence)?.['hash'] !== line.hash) throw foreignAudit(line.sequence)
      continue
    }
    const isNext = line.previousHash === (last?.hash ?? AUDIT_GENESIS)
    const { sequence, previousHash, hash } = line
    // Of the line before, only its place and hash count.
    const before = last === undefined ? undefined : { ...line, ...last }
    if (!isNext || findBrokenLink([{ ...line, sequence, previousHash, hash }], before))
      throw foreignAudit(sequence)
    db.run(ADD, sequence, hash, JSON.stringify(line))
    last = line
  }
}
