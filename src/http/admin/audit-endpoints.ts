/** The audit log: who changed what, and whether nothing of it was touched since. */

import { gatherPages } from '../../reports/gather-pages.ts'
import { verifyAudit } from '../../reports/verify-audit.ts'
import type { AuditLine } from '../../std/audit.ts'
import { endpoint } from './endpoint.ts'
import { findAuditLines } from './find-audit-lines.ts'
import { auditCursor } from './given-cursor.ts'
import { mapInSlices } from './in-slices.ts'
import { momentSchema, named, PAGE_MAX, pageOf, tableQuery, tableRowsMax, timeSchema, z } from './schemas.ts'

const lineSchema = named(
  'AuditLine',
  z.object({
    sequence: z.int(),
    at: timeSchema,
    actor: z.string(),
    action: z.string(),
    subject: z.string(),
    before: z.unknown(),
    after: z.unknown(),
    previous_hash: z.string(),
    hash: z.string(),
  }),
)

// Sound: the keys of an object that is written above.
const lineColumns = Object.keys(lineSchema.shape) as (keyof typeof lineSchema.shape)[]

const filter = z.string().min(1).max(256).optional()

export const auditEndpoints = [
  endpoint({
    route: 'GET /api/v1/audit',
    summary:
      'The lines of the audit log, the newest first. With filters a page may be short or empty: there are more while it has a "next".',
    query: z.strictObject({
      from: momentSchema.optional(),
      until: momentSchema.optional(),
      actor: filter.meta({ description: '"cli", "gateway", or "user:" or "token:" and an id.' }),
      action: filter.meta({ description: 'A verb and a noun: "revoke-key".' }),
      subject: filter.meta({ description: 'The id of what was changed.' }),
      ...tableQuery,
    }),
    answer: pageOf(lineSchema),
    csv: {
      columns: lineColumns,
      cells:
        () =>
        ({ before, after, ...line }) =>
          lineColumns.map((name) => {
            if (name !== 'before' && name !== 'after') return line[name]
            const change = name === 'before' ? before : after
            return change === null ? null : JSON.stringify(change)
          }),
    },
    async handle({ query, rooms, isCsv }) {
      const { cursor } = query
      const rowsMax = tableRowsMax(query, isCsv)
      const { rows, next } = hasFilter(query)
        ? await findAuditLines(rooms.store, {
            isAskedFor: (line) => isAskedFor(line, query),
            rowsMax,
            cursor,
          })
        : await gatherPages({
            pageMax: PAGE_MAX,
            rowsMax,
            cursor: auditCursor(cursor),
            page: (page) => rooms.store.auditLines(page),
          })
      return { data: [...(await mapInSlices(rows, sayLine))], next: next ?? null }
    },
  }),
  endpoint({
    route: 'GET /api/v1/audit/verify',
    summary:
      'Whether each line follows from the one before it. Compare the last hash with one noted elsewhere.',
    answer: z.object({
      is_whole: z.boolean(),
      lines: z.int(),
      broken_at: z
        .int()
        .nullable()
        .meta({ description: 'The sequence of the first line that does not follow.' }),
      last_sequence: z.int().nullable(),
      last_hash: z.string().nullable(),
    }),
    async handle({ rooms }) {
      const verdict = await verifyAudit(rooms.store)
      return {
        is_whole: verdict.isWhole,
        lines: verdict.lines,
        broken_at: verdict.brokenAt ?? null,
        last_sequence: verdict.last?.sequence ?? null,
        last_hash: verdict.last?.hash ?? null,
      }
    },
  }),
]

interface AuditFilters {
  readonly from?: number | undefined
  readonly until?: number | undefined
  readonly actor?: string | undefined
  readonly action?: string | undefined
  readonly subject?: string | undefined
}

function hasFilter({ from, until, actor, action, subject }: AuditFilters): boolean {
  return [from, until, actor, action, subject].some((filter) => filter !== undefined)
}

function isAskedFor(line: AuditLine, { from, until, actor, action, subject }: AuditFilters): boolean {
  return (
    (from === undefined || line.atMs >= from) &&
    (until === undefined || line.atMs < until) &&
    (actor === undefined || line.actor === actor) &&
    (action === undefined || line.action === action) &&
    (subject === undefined || line.subject === subject)
  )
}

function sayLine({ atMs, previousHash, before, after, ...line }: AuditLine): z.input<typeof lineSchema> {
  return {
    ...line,
    at: new Date(atMs).toISOString(),
    before: before ?? null,
    after: after ?? null,
    previous_hash: previousHash,
  }
}
