/**
 * The shares of limits where one process has the whole store: in memory, as they live for seconds. In a store that is
 * not shared nobody asks for them; what is asked is answered as every store does.
 */

import type { LimitShareStore, ShareAnswer, ShareAsk } from '../admission/limit-share-store.ts'
import { isForgettable, NODE_MS, type PartyShares, splitShares } from '../admission/split-shares.ts'
import type { NodeLease, ReleaseAnswer, ReleaseAsk, SeenLease } from '../ledger/ledger-store.ts'
import type { Clock } from '../std/clock.ts'

export class ShareBook implements LimitShareStore {
  readonly #clock: Pick<Clock, 'nowMs'>
  /** When each node is none any more. */
  readonly #nodes = new Map<string, number>()
  readonly #parties = new Map<string, PartyShares>()

  constructor(clock: Pick<Clock, 'nowMs'>) {
    this.#clock = clock
  }

  async renewShares({ nodeId, turn, holdMs, isLeaving = false, parties }: ShareAsk): Promise<ShareAnswer> {
    const nowMs = this.#clock.nowMs()
    this.#tidy(nowMs)
    if (isLeaving) this.#nodes.delete(nodeId)
    else this.#nodes.set(nodeId, nowMs + NODE_MS)
    const nodes = Math.max(1, this.#nodes.size)
    const grants = parties.map((ask) => {
      const known = this.#parties.get(ask.party)
      const { shares, grant } = splitShares(known, { ...ask, nodeId, turn, holdMs, nodes }, nowMs)
      this.#parties.set(ask.party, shares)
      return grant
    })
    return { nodes, grants }
  }

  /** The leases, with when their nodes asked last. */
  withSight(leases: readonly NodeLease[]): readonly SeenLease[] {
    return leases.map((lease) => {
      const seenMsAgo = this.#seenMsAgo(lease.nodeId)
      return seenMsAgo === undefined ? lease : { ...lease, seenMsAgo }
    })
  }

  /** Releases the leases of a node that has not asked of late, or of any where that is wanted. */
  async releaseUnseen(
    { nodeId, isForced }: ReleaseAsk,
    release: () => Promise<readonly NodeLease[]>,
  ): Promise<ReleaseAnswer> {
    const seenMsAgo = this.#seenMsAgo(nodeId)
    if (seenMsAgo !== undefined && !isForced) return { type: 'seen', seenMsAgo }
    return { type: 'released', leases: await release() }
  }

  #seenMsAgo(nodeId: string): number | undefined {
    const leftMs = (this.#nodes.get(nodeId) ?? 0) - this.#clock.nowMs()
    return leftMs > 0 ? NODE_MS - leftMs : undefined
  }

  #tidy(nowMs: number): void {
    for (const [nodeId, untilMs] of this.#nodes) if (untilMs <= nowMs) this.#nodes.delete(nodeId)
    for (const [party, shares] of this.#parties) if (isForgettable(shares, nowMs)) this.#parties.delete(party)
  }
}
