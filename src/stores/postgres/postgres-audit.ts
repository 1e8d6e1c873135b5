/** The audit log in PostgreSQL: one line after another, whoever writes. */

import type { Page } from '../../reports/report-store.ts'
import { type AuditLine, type AuditNote, chainAudit, findBrokenLink } from '../../std/audit.ts'
import { foreignAudit } from '../transfer.ts'
import type { Row, Session } from './connections.ts'
import { databaseJson, numberIn, recordIn, textIn } from './row-values.ts'

const LOCK = '7525356427117884277'

const LAST = { text: 'SELECT sequence, hash FROM holdfast.audit ORDER BY sequence DESC LIMIT 1' }
const ADD = {
  text: `
INSERT INTO holdfast.audit (sequence, at_ms, actor, action, subject, hash, line)
SELECT sequence, at_ms, actor, action, subject, hash, line
FROM json_to_recordset($1::json) AS added(
  sequence bigint, at_ms bigint, actor text, action text, subject text, hash text, line json)`,
}
const FROM = {
  text: 'SELECT sequence, line FROM holdfast.audit WHERE sequence >= $1 ORDER BY sequence LIMIT $2',
}
const PAGE = {
  text: 'SELECT sequence, line FROM holdfast.audit WHERE sequence < $1 ORDER BY sequence DESC LIMIT $2',
}

/** Inside a transaction: nobody else adds a line until it ends. */
export async function addAuditLines(session: Session, notes: readonly AuditNote[]): Promise<void> {
  if (notes.length === 0) return
  await session.run({ text: 'SELECT pg_advisory_xact_lock($1)' }, [LOCK])
  const [row] = await session.query(LAST)
  let last =
    row === undefined ? undefined : { sequence: numberIn(row, 'sequence'), hash: textIn(row, 'hash') }
  const lines = notes.map((note) => {
    // What is hashed is what is kept.
    const line: AuditLine = chainAudit(JSON.parse(databaseJson(note)), last)
    last = line
    return line
  })
  await session.run(ADD, [JSON.stringify(lines.map(auditRow))])
}

export async function auditPage(
  session: Session,
  { cursor, limit }: { readonly cursor?: string; readonly limit: number },
): Promise<Page<AuditLine>> {
  // One that nobody gave out finds nothing.
  const before = cursor === undefined ? Number.MAX_SAFE_INTEGER : Number.parseInt(cursor, 10) || 0
  const rows = await session.query(PAGE, [before, limit + 1])
  const lines = rows.slice(0, limit).map(auditLineOf)
  const last = lines.at(-1)
  return {
    rows: lines,
    ...(rows.length > limit && last !== undefined ? { next: String(last.sequence) } : {}),
  }
}

/** Takes lines of a copy as they are; those it has must be the same. Inside a transaction. */
export async function takeAuditLines(session: Session, lines: readonly AuditLine[]): Promise<void> {
  await session.run({ text: 'SELECT pg_advisory_xact_lock($1)' }, [LOCK])
  const [first] = lines
  if (first === undefined) return
  const rows = await session.query(FROM, [first.sequence - 1, lines.length + 1])
  const known = new Map(rows.map((row) => [numberIn(row, 'sequence'), auditLineOf(row)]))
  const fresh = lines.filter(({ sequence }) => !known.has(sequence))
  const changed = lines.find(
    ({ sequence, hash }) => known.has(sequence) && known.get(sequence)?.hash !== hash,
  )
  if (changed !== undefined) throw foreignAudit(changed.sequence)
  const [next] = fresh
  if (next === undefined) return
  const broken = findBrokenLink(fresh, known.get(next.sequence - 1))
  if (broken !== undefined) throw foreignAudit(broken.sequence)
  await session.run(ADD, [JSON.stringify(fresh.map(auditRow))])
}

function auditRow(line: AuditLine) {
  const { sequence, atMs, actor, action, subject, hash } = line
  return { sequence, at_ms: atMs, actor, action, subject, hash, line }
}

export function auditLineOf(row: Row): AuditLine {
  return recordIn<AuditLine>(row, 'line')
}
