/** Which seals a PostgreSQL store holds. The database reads the beginning of a piece without the rest, and disturbs nobody. */

import type { SealCounts, SealedKind, SealQuery } from '../../reports/sealed-store.ts'
import { SEAL_HEADER_BYTES } from '../../std/sealer.ts'
import type { Session } from './connections.ts'
import { bytesIn, numberIn } from './row-values.ts'

function statement(sealed: string, table: string) {
  return {
    text: `
SELECT substring(${sealed} FROM 1 FOR ${SEAL_HEADER_BYTES}) AS header, count(*) AS count, max(expires_at_ms) AS expire_at_ms
FROM holdfast.${table} WHERE ${sealed} IS NOT NULL AND expires_at_ms > $1 GROUP BY 1`,
  }
}

const STATEMENTS: Readonly<Record<SealedKind, ReturnType<typeof statement>>> = {
  answers: statement('answer', 'journal'),
  cache: statement('answer', 'cache'),
  bodies: statement('sealed', 'bodies'),
}

export async function countSeals(session: Session, { kind, nowMs }: SealQuery): Promise<SealCounts> {
  const rows = await session.query(STATEMENTS[kind], [nowMs])
  return {
    counts: rows.map((row) => ({
      header: bytesIn(row, 'header'),
      count: numberIn(row, 'count'),
      expireAtMs: numberIn(row, 'expire_at_ms'),
    })),
  }
}
