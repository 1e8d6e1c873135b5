/**
 * How nodes divide the limits of keys and projects, in PostgreSQL. One node at a time, under a lock of its own, by the
 * database's clock: what the rule of `admission/split-shares.ts` says of what is there is written back.
 */

import type { PartyGrant, ShareAnswer, ShareAsk } from '../../admission/limit-share-store.ts'
import { NODE_MS, PARTY_MS, type PartyShares, splitShares } from '../../admission/split-shares.ts'
import type { Session } from './connections.ts'
import { numberIn, recordIn, textIn } from './row-values.ts'

const LOCK = {
  name: 'shares-lock',
  text: `SELECT pg_advisory_xact_lock(hashtextextended('holdfast.limit_shares', 0))`,
}
/** After the lock is there: not when the transaction began. */
const NOW = {
  name: 'shares-now',
  text: `SELECT (extract(epoch FROM clock_timestamp()) * 1000)::double precision AS now_ms`,
}
const FORGET_NODES = {
  name: 'shares-forget-nodes',
  text: 'DELETE FROM holdfast.limit_nodes WHERE until_ms <= $2 OR node_id = $1',
}
const FIND_NODE = { text: 'SELECT until_ms FROM holdfast.limit_nodes WHERE node_id = $1' }
const ADD_NODE = {
  name: 'shares-add-node',
  text: 'INSERT INTO holdfast.limit_nodes (node_id, until_ms) VALUES ($1, $2)',
}
const COUNT_NODES = {
  name: 'shares-count-nodes',
  text: 'SELECT count(*) AS nodes FROM holdfast.limit_nodes',
}
const FIND = {
  name: 'shares-find',
  text: 'SELECT party, shares FROM holdfast.limit_shares WHERE party = ANY($1)',
}
const PUT = {
  name: 'shares-put',
  text: `
INSERT INTO holdfast.limit_shares (party, shares, at_ms)
SELECT party, shares, $3 FROM unnest($1::text[], $2::json[]) AS put(party, shares)
ON CONFLICT (party) DO UPDATE SET shares = excluded.shares, at_ms = excluded.at_ms`,
}
/** No share holds as long as that after it was asked for last. */
const FORGET_PARTIES = {
  name: 'shares-forget-parties',
  text: 'DELETE FROM holdfast.limit_shares WHERE at_ms < $1',
}
/** How often what nobody asks for any more is looked for, in asks of a node. */
const FORGET_EVERY = 64

/**
 * Inside a transaction, until the end of which no node can ask. How long ago the node asked last, ms; `undefined` where it
 * is none any more.
 */
export async function seenMsAgo(session: Session, nodeId: string): Promise<number | undefined> {
  await session.query(LOCK)
  const [moment] = await session.query(NOW)
  const [node] = await session.query(FIND_NODE, [nodeId])
  const leftMs = node === undefined ? 0 : numberIn(node, 'until_ms') - numberIn(moment, 'now_ms')
  return leftMs > 0 ? Math.max(0, NODE_MS - leftMs) : undefined
}

/** Inside a transaction. */
export async function renewShares(session: Session, ask: ShareAsk): Promise<ShareAnswer> {
  const { nodeId, turn, holdMs, isLeaving = false, parties } = ask
  await session.query(LOCK)
  const [moment] = await session.query(NOW)
  const nowMs = numberIn(moment, 'now_ms')
  await session.run(FORGET_NODES, [nodeId, nowMs])
  if (!isLeaving) await session.run(ADD_NODE, [nodeId, nowMs + NODE_MS])
  const [counted] = await session.query(COUNT_NODES)
  const nodes = Math.max(1, numberIn(counted, 'nodes'))
  if (turn % FORGET_EVERY === 0) await session.run(FORGET_PARTIES, [nowMs - 2 * PARTY_MS - holdMs])
  if (parties.length === 0) return { nodes, grants: [] }
  const known = new Map<string, PartyShares>()
  for (const row of await session.query(FIND, [parties.map(({ party }) => party)]))
    known.set(textIn(row, 'party'), recordIn<PartyShares>(row, 'shares'))
  const grants: PartyGrant[] = []
  const texts: string[] = []
  for (const one of parties) {
    const { shares, grant } = splitShares(
      known.get(one.party),
      { ...one, nodeId, turn, holdMs, nodes },
      nowMs,
    )
    texts.push(JSON.stringify(shares))
    grants.push(grant)
  }
  await session.run(PUT, [parties.map(({ party }) => party), texts, nowMs])
  return { nodes, grants }
}
