/** The audit log: who changed what, and whether nothing of it was touched since. */

import { verifyAudit } from '../../reports/verify-audit.ts'
import { endpoint } from './endpoint.ts'
import { pageOf, pageQuery, named, timeSchema, z } from './schemas.ts'

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

export const auditEndpoints = [
  endpoint({
    route: 'GET /api/v1/audit',
    summary: 'The lines of the audit log, the newest first.',
    query: z.strictObject(pageQuery),
    answer: pageOf(lineSchema),
    async handle({ query, rooms }) {
      const { limit, cursor } = query
      const { rows, next } = await rooms.store.auditLines({ limit, ...(cursor !== undefined && { cursor }) })
      const data = rows.map(({ atMs, previousHash, before, after, ...line }) => ({
        ...line,
        at: new Date(atMs).toISOString(),
        before: before ?? null,
        after: after ?? null,
        previous_hash: previousHash,
      }))
      return { data, next: next ?? null }
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
