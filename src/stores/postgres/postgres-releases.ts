/** Who has leased what in PostgreSQL, and how the leases of a node that is gone are taken from it. */

import { NODE_MS } from '../../admission/split-shares.ts'
import type { ReleaseAnswer, ReleaseAsk, SeenLease } from '../../ledger/ledger-store.ts'
import { releaseNote } from '../../ledger/release-note.ts'
import type { Session } from './connections.ts'
import { addAuditLines } from './postgres-audit.ts'
import { COUNT_BUDGETS, leaseOf, SHRINK_LEASES } from './postgres-ledger.ts'
import { seenMsAgo } from './postgres-shares.ts'
import { databaseJson, numberIn } from './row-values.ts'

/** By the database's clock, as nodes are counted. */
const LEASES = {
  text: `
SELECT node_id, budget_id, period_start_ms, nano,
  until_ms - (extract(epoch FROM clock_timestamp()) * 1000)::double precision AS left_ms
FROM holdfast.leases LEFT JOIN holdfast.limit_nodes USING (node_id)
ORDER BY budget_id, period_start_ms, node_id`,
}
/** In the order in which everybody locks standings. With them the leases of every node are locked. */
const LOCK_STANDINGS = {
  text: `
SELECT FROM holdfast.standings AS standing
WHERE (budget_id, period_start_ms) IN (SELECT budget_id, period_start_ms FROM holdfast.leases WHERE node_id = $1)
ORDER BY budget_id COLLATE "C", period_start_ms FOR UPDATE`,
}
const LEASES_OF_NODE = {
  text: `
SELECT node_id, budget_id, period_start_ms, nano FROM holdfast.leases
WHERE node_id = $1 ORDER BY budget_id, period_start_ms`,
}
/** Beside the revisions, since it is one: of what a node may think that it has. */
const COUNT_RELEASE = {
  text: `
INSERT INTO holdfast.counters AS counter VALUES ('released ' || $1::text, 1)
ON CONFLICT (name) DO UPDATE SET value = counter.value + 1`,
}
const RELEASES = { text: `SELECT value FROM holdfast.counters WHERE name = 'released ' || $1::text` }

export async function leases(session: Session): Promise<readonly SeenLease[]> {
  return (await session.query(LEASES)).map((row) => {
    const leftMs = typeof row['left_ms'] === 'number' ? row['left_ms'] : 0
    return leftMs > 0 ? { ...leaseOf(row), seenMsAgo: Math.max(0, NODE_MS - leftMs) } : leaseOf(row)
  })
}

/** Inside a transaction. Until it ends the node cannot say that it lives: what was found of it stays so. */
export async function releaseNode(session: Session, ask: ReleaseAsk): Promise<ReleaseAnswer> {
  const { nodeId, isForced } = ask
  const seen = await seenMsAgo(session, nodeId)
  if (seen !== undefined && !isForced) return { type: 'seen', seenMsAgo: seen }
  const before = await session.query(LEASES_OF_NODE, [nodeId])
  if (before.length === 0) return { type: 'released', leases: [] }
  // First, as with every change of the budgets: they wait for one another here and nowhere else.
  await session.query(COUNT_BUDGETS)
  await session.query(LOCK_STANDINGS, [nodeId])
  const released = (await session.query(LEASES_OF_NODE, [nodeId])).map(leaseOf)
  const taken = released.map(({ budgetId, periodStartMs, nanoUsd }) => ({
    budget_id: budgetId,
    period_start_ms: periodStartMs,
    nano: nanoUsd,
  }))
  await session.run(SHRINK_LEASES, [nodeId, databaseJson(taken)])
  await session.run(COUNT_RELEASE, [nodeId])
  await addAuditLines(session, [releaseNote(ask, released)])
  return { type: 'released', leases: released }
}

export async function releases(session: Session, nodeId: string): Promise<number> {
  const [row] = await session.query(RELEASES, [nodeId])
  return row === undefined ? 0 : numberIn(row, 'value')
}
