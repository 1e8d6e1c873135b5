/**
 * Where the nodes that share a store divide the limits of keys and projects among themselves: a port. A node counts by
 * its share, in memory; the store sees to it that the shares of all nodes together never pass the whole, and forgets the
 * share of a node that has not asked for it in time.
 *
 * A share moves with what is in it. A node that gives up a part of its share hands in what was left of that part, and
 * stops using it before it says so; what nobody holds is refilled in the store as a bucket is; who takes a part of it gets
 * what is in that part. So the buckets of all nodes and what the store keeps are one bucket of the whole limit.
 */

import type { RateKind } from './limit-terms.ts'

/** Parts of whole limits, one for each kind that is counted by the minute; below zero is a debt. */
export type Fills = Readonly<Record<RateKind, number>>

export function mapFills(fillOf: (kind: RateKind) => number): Fills {
  return {
    requests: fillOf('requests'),
    'input-tokens': fillOf('input-tokens'),
    'output-tokens': fillOf('output-tokens'),
    tokens: fillOf('tokens'),
  }
}

export const NO_FILLS: Fills = mapFills(() => 0)

export interface ShareAsk {
  readonly nodeId: string
  /** Grows with every ask of the node: what arrives after a later one changes nothing. */
  readonly turn: number
  /** How long the shares hold without being asked for again, ms of the store's clock. */
  readonly holdMs: number
  /** The node stops: it is one less from now on. */
  readonly isLeaving?: boolean
  readonly parties: readonly PartyAsk[]
}

/** What a node holds of one party's limits, and what it could use. */
export interface PartyAsk {
  /** Whose limits: a key or a project. */
  readonly party: string
  /** The share that the node goes on with, 0 to 1: no more than it was granted. */
  readonly share: number
  /** What was left of the part that it gave up since it last asked. */
  readonly returned: Fills
  /** The part of the limits that it could use, 0 to 1. `undefined`: it needs nothing more, and its share goes back. */
  readonly wants: number | undefined
  /** Absent where requests at one time are not limited. */
  readonly places?: PlacesAsk
}

/** Requests at one time are divided in whole numbers. */
export interface PlacesAsk {
  readonly limit: number
  /** Those the node may use or does use. */
  readonly held: number
  readonly wanted: number
}

export interface ShareAnswer {
  /** The nodes that asked of late, this one among them. */
  readonly nodes: number
  /** One for each party asked for, in order. */
  readonly grants: readonly PartyGrant[]
}

export interface PartyGrant {
  /** False where the store knew of no share of this node: what it held is not its own any more. */
  readonly isKept: boolean
  /** What the node has now: what it held and what was added. */
  readonly share: number
  /** What is in the part that was added. */
  readonly added: Fills
  /** What would be fair. A node with more gives the rest up; one with less gets it when others have given up theirs. */
  readonly fairShare: number
  /** Requests that may be under way at one time; absent where they are not limited. */
  readonly places?: number
}

export interface LimitShareStore {
  /** All of it at one moment of the store, or nothing. */
  renewShares(ask: ShareAsk): Promise<ShareAnswer>
}
