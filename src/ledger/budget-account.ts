/** What this node has of one budget in one of its periods: leased, held, owed, in doubt. */

import type { Budget } from './budget.ts'
import type { Charge } from './entry.ts'
import type { BudgetStanding } from './ledger-store.ts'
import { periodEnd } from './period.ts'
import type { NanoUsd } from './prices.ts'

/**
 * How long after the store did not answer it is asked what became of the money, ms: far longer than any of its operations
 * goes on after its caller was told that there is no answer.
 */
export const DOUBT_MS = 60_000

export interface SpentStanding {
  readonly limitNanoUsd: NanoUsd
  /** Spent, or held for what is under way. */
  readonly spentNanoUsd: NanoUsd
  /** ms since 1970; absent where it never is. */
  readonly resetsAtMs?: number
}

export interface HoldAsk {
  /** What is best held. */
  readonly atMostNanoUsd: NanoUsd
  /** Where there is not so much, at least this. */
  readonly atLeastNanoUsd: NanoUsd
}

/** What this node has leased of a budget in a period. */
export type OwnLease = Charge & { readonly nanoUsd: NanoUsd }

interface Doubt {
  readonly nanoUsd: number
  readonly sinceMs: number
}

export class Account {
  /** As it is now: whoever holds money of the account goes on holding it when its budget is changed. */
  budget: Budget
  readonly charge: Charge
  /** When its period is over, ms since 1970; absent where it never is. */
  readonly endMs: number | undefined
  /** Granted and not yet spent, what is held included. */
  leased = 0
  held = 0
  /** As the store told it last. */
  standing: BudgetStanding | undefined
  dryUntilMs = 0
  /** The store has not so much: whoever needs less may ask all the same. */
  dryFrom = 0
  usedAtMs = 0
  /** False where the store did not answer. */
  leasing: Promise<boolean> | undefined
  /** Requests that are about to take of it. */
  awaited = 0
  /** Its limit changed, or it was removed, while money was held: what comes free goes back, to be granted anew or not. */
  isRecalled = false
  /** Counts how often that was so. */
  recalls = 0
  /** Leased by a limit that counts no more: never spent, and to go back as soon as the store takes it. */
  owed = 0
  /** On its way back. */
  returning = 0
  /** The store was asked to take it back, or to grant it, and did not say whether it did: never spent. By now that is decided. */
  doubted = 0
  /** When the store is asked again where it is: not every second where there is nothing to be had. */
  askDoubtsAtMs = 0
  /** The same of what may still be under way. */
  #doubts: readonly Doubt[] = []
  /** Spent by attempts that the store does not have yet: of the lease here no more, and there still. */
  unposted = 0
  /** Counts the attempts that were settled. */
  spends = 0
  /** Spent by attempts that the store will not have while this node runs: it stays leased there. */
  stranded = 0
  /** Counts whatever is asked of the store that changes what is leased, as it begins and as it ends. */
  changes = 0
  /** The store was made anew, and what was held or not posted then may not be posted yet: nothing is leased until it is. */
  isLocked = false

  constructor(budget: Budget, periodStartMs: number) {
    this.budget = budget
    this.charge = { budgetId: budget.id, periodStartMs }
    this.endMs = periodEnd(budget.period, periodStartMs)
  }

  isOf(budget: Budget, wallMs: number): boolean {
    const { periodStartMs } = this.charge
    return (
      this.budget === budget && wallMs >= periodStartMs && (this.endMs === undefined || wallMs < this.endMs)
    )
  }

  get free(): number {
    return this.leased - this.held
  }

  /** Nothing is spent any more of what is free, nor of what is on its way back. */
  recall(): void {
    this.recalls += 1
    this.owed += this.free
    this.leased = this.held
  }

  /** The store did not say what it did with so much. */
  doubt(nanoUsd: number, nowMs: number): void {
    this.decide(nowMs)
    this.#doubts = [...this.#doubts, { nanoUsd, sinceMs: nowMs }]
  }

  /** What was doubted long enough ago is decided. */
  decide(nowMs: number): void {
    if (this.#doubts.length === 0) return
    const open = this.#doubts.filter(({ sinceMs }) => nowMs - sinceMs <= DOUBT_MS)
    this.doubted += sumOf(this.#doubts) - sumOf(open)
    this.#doubts = open
  }

  /** In doubt, and possibly still under way. */
  get undecided(): number {
    return sumOf(this.#doubts)
  }

  /** Whether the store is asked just now for what changes what is leased, postings apart. */
  get isAsked(): boolean {
    return this.leasing !== undefined || this.returning > 0
  }

  /** What the store has leased to this node, as far as this node knows: where it is not asked, all but what is doubted. */
  get known(): number {
    return this.leased + this.owed + this.unposted + this.stranded
  }

  /** What the store is to have leased once it is told: all that is known, and what is about to be taken back there. */
  get rightful(): number {
    return this.known + this.returning
  }

  /**
   * The store is told what is leased. Of what is not posted yet it may have some, and then it has so much too much leased: as
   * money in doubt it goes back once that is known. What was in doubt before is not in what it was told.
   */
  told(): void {
    this.doubted = this.unposted
    this.#doubts = []
    this.askDoubtsAtMs = 0
    this.dryUntilMs = 0
    this.changes += 1
  }

  /** The store was made anew, and knows of no lease. */
  forget(): void {
    this.leased = this.held
    this.owed = 0
    this.doubted = 0
    this.#doubts = []
    this.stranded = 0
    this.isRecalled = this.held > 0
    this.isLocked = !this.isSettled
    this.dryUntilMs = 0
    this.changes += 1
  }

  /** Somebody took from this node what the store had leased to it; what was granted to it since is still leased there. */
  lose(nowMs: number): void {
    const mayBeThere = this.known
    this.forget()
    if (mayBeThere > 0) this.doubt(mayBeThere, nowMs)
  }

  /** Nothing is under way, and all that was is posted. */
  get isSettled(): boolean {
    return this.held === 0 && this.unposted === 0
  }

  /** Neither this node nor the store has anything of it that the other does not know. */
  get isBlank(): boolean {
    return this.known + this.returning + this.doubted + this.undecided === 0
  }
}

/** By which accounts are told apart. */
export function keyOf({ budgetId, periodStartMs }: Charge): string {
  return `${budgetId}\n${periodStartMs}`
}

/** Whether the store is worth asking for more. */
export function lacks(account: Account, ask: HoldAsk, nowMs: number): boolean {
  if (account.isLocked || account.free >= ask.atMostNanoUsd) return false
  return account.dryUntilMs <= nowMs || neededOf(account, ask) < account.dryFrom
}

/** As the store has it once so much has come back, or gone out where it is below 0. */
export function returned(standing: BudgetStanding | undefined, nanoUsd: number): BudgetStanding | undefined {
  if (standing === undefined) return undefined
  return { ...standing, leasedNanoUsd: nano(Math.max(0, standing.leasedNanoUsd - nanoUsd)) }
}

export function neededOf({ free }: Account, { atLeastNanoUsd }: HoldAsk): number {
  return Math.max(1, atLeastNanoUsd - free)
}

/** What others have leased counts as used: nobody else can spend it. */
export function spentStanding({ budget, endMs, standing, free }: Account): SpentStanding {
  const { limitNanoUsd } = budget
  const unleased = standing === undefined ? 0 : limitNanoUsd - standing.spentNanoUsd - standing.leasedNanoUsd
  return {
    limitNanoUsd,
    spentNanoUsd: nano(Math.max(0, limitNanoUsd - free - Math.max(0, unleased))),
    ...(endMs === undefined ? {} : { resetsAtMs: endMs }),
  }
}

function sumOf(doubts: readonly Doubt[]): number {
  return doubts.reduce((sum, { nanoUsd }) => sum + nanoUsd, 0)
}

function nano(value: number): NanoUsd {
  // Sound: sums and differences of whole numbers of nano-dollars.
  return value as NanoUsd
}
