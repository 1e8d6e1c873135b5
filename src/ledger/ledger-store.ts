/**
 * Where the books are kept: a port. The store is the durable truth; a node spends from leases, slices of a budget that
 * the store took out of it beforehand, so that no request waits for the store and the sum of what all nodes can spend
 * never passes the limit, whatever dies.
 *
 * What a store keeps for a budget and a period: `spent` (posted) and `leased` (held by nodes, not yet spent), with
 * `spent + leased <= limit` whenever it grants.
 */

import type { AuditNote } from '../std/audit.ts'
import type { Budget, BudgetId } from './budget.ts'
import type { Charge, LedgerEntry, RequestRow } from './entry.ts'
import type { NanoUsd } from './prices.ts'

export interface BookBatch {
  /** The node whose leases pay. */
  readonly nodeId: string
  readonly entries: readonly LedgerEntry[]
  readonly requests: readonly RequestRow[]
  /**
   * Of a batch that may have been posted before, to a store that went back: what was settled before this moment, ms since
   * 1970, was in it then. It is not charged again where what was spent was put back since. Default 0.
   */
  readonly postedUntilMs?: number
}

export interface LeaseAsk {
  readonly nodeId: string
  readonly charge: Charge
  /** Grant as much as there is up to `wantNanoUsd`, or nothing where there is less than `needNanoUsd`. */
  readonly needNanoUsd: NanoUsd
  readonly wantNanoUsd: NanoUsd
}

/** How a budget stands in one period. */
export interface BudgetStanding {
  readonly budgetId: BudgetId
  readonly periodStartMs: number
  readonly limitNanoUsd: NanoUsd
  readonly spentNanoUsd: NanoUsd
  /** All nodes together. */
  readonly leasedNanoUsd: NanoUsd
}

export interface LeaseGrant {
  /** 0 where nothing was granted. */
  readonly grantedNanoUsd: NanoUsd
  /** After the grant. `undefined` where the budget is gone. */
  readonly standing: BudgetStanding | undefined
}

/** What a node has leased of a budget in a period. */
export interface NodeLease extends Charge {
  readonly nodeId: string
  readonly nanoUsd: NanoUsd
}

export interface SeenLease extends NodeLease {
  /** How long ago the store last heard of the node, ms; absent where that was more than `NODE_MS` ago, or never. */
  readonly seenMsAgo?: number
}

export interface ReleaseAsk {
  readonly nodeId: string
  /** Also where the store heard of the node of late: it may spend what others are granted, until it finds out. */
  readonly isForced: boolean
  readonly atMs: number
  readonly actor: string
}

export type ReleaseAnswer =
  /** None where the node had nothing. */
  | { readonly type: 'released'; readonly leases: readonly NodeLease[] }
  /** Nothing was done: the node runs. */
  | { readonly type: 'seen'; readonly seenMsAgo: number }

export interface LedgerStore {
  /**
   * Posts a batch, all or none of it. An entry or a row that was posted before is passed over, so that a batch may be
   * posted again. Of each new entry with a cost, every charge: `spent` grows by the cost, and the node's lease and
   * `leased` shrink by it as far as the lease goes.
   */
  postBooks(batch: BookBatch): Promise<void>
  /** Those in force and those removed. */
  loadBudgets(): Promise<readonly Budget[]>
  /** Grows with every change of a budget. */
  budgetsRevision(): Promise<number>
  /** Throws `StoreConflict`, and does nothing, where the budgets are not at `expectedRevision`. */
  putBudget(budget: Budget, notes: readonly AuditNote[], expectedRevision?: number): Promise<void>
  /** One grant for each ask, in order; atomically each. */
  lease(asks: readonly LeaseAsk[]): Promise<readonly LeaseGrant[]>
  /**
   * Returns what was leased and not spent; more than the node has leased returns what it has. Answers, of nothing too, once
   * every return and grant of the same charge that went on when it was asked is decided.
   */
  returnLease(nodeId: string, charge: Charge, nanoUsd: NanoUsd): Promise<void>
  /** What the node has leased, of every budget and period: for a node that starts again. */
  leasesOf(nodeId: string): Promise<readonly (Charge & { readonly nanoUsd: NanoUsd })[]>
  /** Who has leased what, by budget, period and node. */
  leases(): Promise<readonly SeenLease[]>
  /**
   * Takes every lease of a node from it, all or none, with a line of the audit log: for a node that nobody can start again.
   * `releases` and the revision of the budgets grow, by which the node finds out where it lives after all. What it spent and
   * did not post yet is still charged in full, and takes nothing from other nodes.
   */
  releaseNode(ask: ReleaseAsk): Promise<ReleaseAnswer>
  /** How often that was done with leases of this node. */
  releases(nodeId: string): Promise<number>
  /** In the given periods, one for each charge; a period nobody touched stands at 0. */
  standings(charges: readonly Charge[]): Promise<readonly BudgetStanding[]>
}
