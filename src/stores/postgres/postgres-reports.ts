/** Which requests can be asked for in PostgreSQL. The text of a query is put together from pieces of ours alone. */

import type { LedgerEntry, RequestRow } from '../../ledger/entry.ts'
import { listOf } from '../../reports/key-ids.ts'
import type { Page, RequestQuery } from '../../reports/report-store.ts'
import type { Session } from './connections.ts'
import { databaseJson, databaseText, recordIn } from './row-values.ts'
import { Values } from './values.ts'

export async function requests(session: Session, query: RequestQuery): Promise<Page<RequestRow>> {
  const values = new Values()
  const same = (column: string, value: string | undefined) =>
    value === undefined ? [] : [`${column} = ${values.add(value)}`]
  // Of what stands in the record alone. Hardly any record has the text in it, which is found out four times sooner than what
  // a record says; a CASE, since of two conditions the database might well try the dear one first.
  const sameIn = (field: 'teamId' | 'userId', value: string | undefined) =>
    value === undefined
      ? []
      : [
          `CASE WHEN strpos(record::text, ${values.add(`"${field}":${databaseJson(value)}`)}) > 0
            THEN record -> 'attribution' ->> '${field}' = ${values.add(value)} ELSE false END`,
        ]
  const cursor = query.cursor === undefined ? undefined : readCursor(query.cursor)
  const conditions = [
    ...(query.fromMs === undefined ? [] : [`at_ms >= ${values.add(query.fromMs)}`]),
    ...(query.untilMs === undefined ? [] : [`at_ms < ${values.add(query.untilMs)}`]),
    ...(query.endedFromMs === undefined
      ? []
      : [`at_ms + (record ->> 'durationMs')::numeric >= ${values.add(query.endedFromMs)}`]),
    ...(query.keyId === undefined
      ? []
      : [`key = ANY (${values.add(listOf(query.keyId).map(databaseText))})`]),
    ...same('project', query.projectId),
    ...sameIn('teamId', query.teamId),
    ...sameIn('userId', query.userId),
    ...same('session', query.sessionId),
    ...same('end_user', query.endUser),
    ...(query.tag === undefined ? [] : [`${values.add(query.tag)} = ANY (tags)`]),
    ...same('model', query.modelId),
    ...same('route', query.route),
    ...same('target', query.target),
    ...(query.provider === undefined
      ? []
      : [
          `EXISTS (SELECT FROM holdfast.entries AS entry WHERE entry.exchange_id = requests.exchange_id AND entry.provider = ${values.add(query.provider)})`,
        ]),
    ...same('state', query.state),
    ...same('code', query.code),
    ...(cursor === undefined
      ? []
      : [`(at_ms, exchange_id) < (${values.add(cursor.atMs)}, ${values.add(cursor.exchangeId)})`]),
  ]
  const text = `
SELECT record FROM holdfast.requests ${conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`}
ORDER BY at_ms DESC, exchange_id DESC LIMIT ${values.add(query.limit + 1)}`
  const rows = (await session.query({ text }, values.all)).map((row) => recordIn<RequestRow>(row))
  const shown = rows.slice(0, query.limit)
  const last = shown.at(-1)
  return { rows: shown, ...(rows.length > query.limit && last !== undefined ? { next: cursorOf(last) } : {}) }
}

export async function request(
  session: Session,
  exchangeId: string,
): Promise<{ readonly request: RequestRow; readonly attempts: readonly LedgerEntry[] } | undefined> {
  const id = databaseText(exchangeId)
  const [row] = await session.query({ text: 'SELECT record FROM holdfast.requests WHERE exchange_id = $1' }, [
    id,
  ])
  if (row === undefined) return undefined
  const attempts = await session.query(
    { text: 'SELECT record FROM holdfast.entries WHERE exchange_id = $1 ORDER BY attempt' },
    [id],
  )
  return {
    request: recordIn<RequestRow>(row),
    attempts: attempts.map((attempt) => recordIn<LedgerEntry>(attempt)),
  }
}

/** By time and then by id, so that a page ends at one place among requests of one millisecond. */
function cursorOf({ atMs, exchangeId }: RequestRow): string {
  return `${String(atMs).padStart(16, '0')}.${exchangeId}`
}

function readCursor(cursor: string): { readonly atMs: number; readonly exchangeId: string } {
  const dot = cursor.indexOf('.')
  const atMs = Number(cursor.slice(0, dot))
  // One that nobody gave out finds nothing.
  return { atMs: Number.isSafeInteger(atMs) ? atMs : 0, exchangeId: cursor.slice(dot + 1) }
}
