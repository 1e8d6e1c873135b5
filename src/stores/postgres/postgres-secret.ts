/** By what a store in PostgreSQL knows the master secret again that its nodes use. */

import type { Store } from '../store.ts'
import type { Session } from './connections.ts'

/** One statement, so that of two nodes that come first at one time, one is the first. */
const MATCH = {
  text: `
INSERT INTO holdfast.secret_mark AS kept (place, mark) VALUES (1, $1)
ON CONFLICT (place) DO UPDATE SET mark = CASE WHEN kept.mark = ANY ($2) THEN excluded.mark ELSE kept.mark END
RETURNING mark`,
}

export async function matchSecret(
  session: Session,
  marks: Parameters<Store['matchSecret']>[0],
): Promise<boolean> {
  const [row] = await session.query(MATCH, [marks[0], marks])
  return row?.['mark'] === marks[0]
}
