/**
 * Which seals a SQLite store holds. SQLite reads a whole piece to know how it begins, so they are counted some at a time:
 * how long a piece is, it knows without.
 */

import type { SealCounts, SealedKind, SealQuery } from '../../reports/sealed-store.ts'
import { SEAL_HEADER_BYTES } from '../../std/sealer.ts'
import type { Database } from './database.ts'

/** Pieces of one count, and about how many bytes they may be. */
export const COUNTED_MAX = 2_000
export const COUNTED_BYTES_MAX = 8 * 1024 ** 2

interface Statements {
  /** From a place on: the next places, and how long what is there is. */
  readonly sizes: string
  /** After a place and up to another one. */
  readonly counts: string
}

function statements(sealed: string, place: string, from: string): Statements {
  const [table = ''] = from.split(' ')
  return {
    sizes: `SELECT ${place} AS place, length(${sealed}) AS bytes FROM ${table} WHERE ${place} > ? ORDER BY ${place} LIMIT ${COUNTED_MAX}`,
    counts: `SELECT substr(${sealed}, 1, ${SEAL_HEADER_BYTES}) AS header, count(*) AS count, max(expires_at_ms) AS expire_at_ms
      FROM ${from} WHERE ${place} > ? AND ${place} <= ? AND expires_at_ms > ? GROUP BY 1`,
  }
}

const STATEMENTS: Readonly<Record<SealedKind, Statements>> = {
  answers: statements('answer', 'journal_answers.number', 'journal_answers JOIN journal USING (number)'),
  cache: statements('answer', 'rowid', 'cache'),
  bodies: statements('sealed', 'rowid', 'bodies'),
}

export function countSeals(db: Database, { kind, nowMs, place = 0 }: SealQuery): SealCounts {
  const { sizes, counts } = STATEMENTS[kind]
  return db.read(() => {
    const until = endOf(db.all(sizes, place))
    if (until === undefined) return { counts: [] }
    const rows = db.all(counts, place, until, nowMs)
    return {
      counts: rows.map(({ header, count, expire_at_ms }) => ({
        header: header instanceof Uint8Array ? header : new Uint8Array(),
        count: Number(count),
        expireAtMs: Number(expire_at_ms),
      })),
      next: until,
    }
  })
}

/** The last place whose pieces are not too many bytes together with those before it; the first one in any case. */
function endOf(sizes: ReturnType<Database['all']>): number | undefined {
  let until: number | undefined
  let bytes = 0
  for (const size of sizes) {
    bytes += Number(size['bytes'])
    if (until !== undefined && bytes > COUNTED_BYTES_MAX) break
    until = Number(size['place'])
  }
  return until
}
