/** Makes room among what is kept: the oldest goes first. */

import type { Database } from './database.ts'

/** What has an `id` and so many `bytes`. */
interface Kept {
  readonly bytes: string
  readonly oldest: string
  readonly drop: string
}

/** Inside a transaction; how many were dropped. */
export function dropOldest(db: Database, sql: Kept, bytesMax: number): number {
  let excess = Number(db.get(sql.bytes)?.['bytes']) - bytesMax
  const dropped: string[] = []
  if (excess <= 0) return 0
  for (const { id, bytes } of db.prepare(sql.oldest).iterate()) {
    if (excess <= 0) break
    excess -= Number(bytes)
    dropped.push(String(id))
  }
  for (const id of dropped) db.run(sql.drop, id)
  return dropped.length
}
