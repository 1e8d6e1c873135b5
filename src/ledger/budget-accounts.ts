/**
 * What this node may spend, in memory: of each budget and period a lease that the store granted, and of that what is held
 * for attempts under way. Money is held before it is spent and never more of it than is leased, so the sum of all nodes
 * cannot pass a limit. A request waits for the store only where the lease at hand does not suffice.
 */

import { StoreUnavailable, wasNotAsked } from '../std/store-error.ts'
import {
  Account,
  DOUBT_MS,
  type HoldAsk,
  keyOf,
  lacks,
  neededOf,
  type OwnLease,
  returned,
  spentStanding,
  type SpentStanding,
} from './budget-account.ts'
import { BudgetIndex } from './budget-index.ts'
import type { Budget, BudgetId } from './budget.ts'
import type { Attribution, Charge } from './entry.ts'
import type { HoldAnswer } from './hold.ts'
import type { LeaseAsk, LedgerStore, LeaseGrant } from './ledger-store.ts'
import { periodStart } from './period.ts'
import type { NanoUsd } from './prices.ts'

export interface BudgetAccountsOptions {
  readonly store: Pick<LedgerStore, 'lease' | 'returnLease' | 'leasesOf'>
  readonly nodeId: string
  /** Others spend of the same budgets: leases are slices, not all there is. */
  readonly isShared: boolean
  /** Nothing is known of budgets before they were read: until `replace` nothing is paid for. Default false: there are none. */
  readonly awaitsBudgets?: boolean
  readonly wallMs: () => number
  readonly nowMs: () => number
}

/** Of a shared budget, how much is leased at a time beyond what is needed, as a share of its limit. */
export const LEASE_SHARE = 0.02
/** How long a budget that gave nothing is not asked again, ms. */
const DRY_MS = 1_000
/** How long a lease may lie unused before it goes back to the others, ms. */
export const IDLE_MS = 30_000
const NO_CHARGES: readonly Charge[] = []

export class BudgetAccounts {
  readonly #options: BudgetAccountsOptions
  #isKnown: boolean
  #index = new BudgetIndex([])
  #limits = new Map<BudgetId, number>()
  readonly #accounts = new Map<string, Account>()
  /** The account that each budget was asked for last: nearly always the one that it is asked for next. */
  readonly #latest = new Map<BudgetId, Account>()
  /** How often the store was made anew, or had its leases taken back. */
  #rebuilds = 0
  /** How often it had. */
  #losses = 0

  constructor(options: BudgetAccountsOptions) {
    this.#options = options
    this.#isKnown = options.awaitsBudgets !== true
  }

  /** The budgets in force from now on. What was leased of one whose limit changed goes back, to be asked for anew. */
  replace(budgets: readonly Budget[]): void {
    this.#isKnown = true
    const before = this.#limits
    const inForce = budgets.filter(({ removedAtMs }) => removedAtMs === undefined)
    this.#index = new BudgetIndex(inForce)
    this.#limits = new Map(inForce.map((budget) => [budget.id, budget.limitNanoUsd]))
    const byId = new Map(inForce.map((budget) => [budget.id, budget]))
    for (const account of this.#accounts.values()) {
      const { id } = account.budget
      account.budget = byId.get(id) ?? account.budget
      if (before.get(id) === this.#limits.get(id)) continue
      account.dryUntilMs = 0
      account.isRecalled = account.held > 0
      account.recall()
      void this.#giveBack(account)
    }
    this.#latest.clear()
  }

  /** Whether it is known which budgets there are. */
  get isKnown(): boolean {
    return this.#isKnown
  }

  get isEmpty(): boolean {
    return this.#limits.size === 0
  }

  /** Every budget that bounds such a request, the narrowest first. `keyIds`: every id the key goes by, its own among them. */
  applicable(who: Attribution, modelNames: readonly string[], keyIds?: readonly string[]): readonly Budget[] {
    return this.#index.find(who, modelNames, keyIds)
  }

  /** Takes the money out of every budget, or out of none. A promise only where the store has to be asked. */
  hold(budgets: readonly Budget[], ask: HoldAsk): HoldAnswer | Promise<HoldAnswer> {
    if (budgets.length === 0)
      return { type: 'held', charges: NO_CHARGES, nanoUsd: ask.atMostNanoUsd, settle() {} }
    const accounts = budgets.map((budget) => this.#accountOf(budget))
    const nowMs = this.#options.nowMs()
    const short = accounts.filter((one) => lacks(one, ask, nowMs))
    if (short.length === 0) return this.#take(accounts, ask, undefined)
    return this.#leaseAndTake(accounts, short, ask)
  }

  /** How the budgets stand, as far as this node knows without asking. */
  standingsOf(budgets: readonly Budget[]): readonly SpentStanding[] {
    const standings: SpentStanding[] = []
    for (const budget of budgets) {
      const account = this.#accountOf(budget)
      if (account.standing !== undefined) standings.push(spentStanding(account))
    }
    return standings
  }

  /**
   * The store was made anew and knows of no lease of this node: what is free of them is gone, and nothing more is leased
   * of an account until what is held of it is settled and posted.
   */
  forgetLeases(): void {
    this.#rebuilds += 1
    for (const account of this.#accounts.values()) account.forget()
  }

  /**
   * What this node has leased, for a store that may have forgotten it or knows it as it was: it takes this in place of what it
   * has, while nothing is asked of it.
   */
  tellLeases(): readonly OwnLease[] {
    const shares: OwnLease[] = []
    for (const account of this.#accounts.values()) {
      if (account.rightful > 0) shares.push({ ...account.charge, nanoUsd: nano(account.rightful) })
      account.told()
    }
    return shares
  }

  /**
   * The leases of this node were released while it lives: what is free of them is somebody else's to spend. As where the
   * store was made anew; what was granted after that, and is not told from it, is in doubt.
   */
  loseLeases(): void {
    this.#rebuilds += 1
    this.#losses += 1
    for (const account of this.#accounts.values()) account.lose(this.#options.nowMs())
  }

  get nodeId(): string {
    return this.#options.nodeId
  }

  /** Money held for attempts under way, in all. */
  get heldNanoUsd(): number {
    let sum = 0
    for (const { held } of this.#accounts.values()) sum += held
    return sum
  }

  /** The store has an attempt that was settled. */
  posted(charges: readonly Charge[], costNanoUsd: NanoUsd): void {
    for (const charge of charges) {
      const account = this.#charged(charge)
      if (account === undefined) continue
      account.unposted -= costNanoUsd
      if (account.isLocked) account.isLocked = !account.isSettled
    }
  }

  /** It will not have it while this node runs, though it is told of as `posted`: what paid for it stays leased. */
  stranded(charges: readonly Charge[], costNanoUsd: NanoUsd): void {
    for (const charge of charges) {
      const account = this.#charged(charge)
      if (account !== undefined) account.stranded += costNanoUsd
    }
  }

  /** Nearly always the very account that its budget was asked for last. */
  #charged(charge: Charge): Account | undefined {
    const latest = this.#latest.get(charge.budgetId)
    return latest?.charge === charge ? latest : this.#accounts.get(keyOf(charge))
  }

  /** Gives back what lies unused, and asks what became of money in doubt; call it now and then, while the store answers. */
  async returnIdle(): Promise<void> {
    const accounts = [...this.#accounts.values()]
    await Promise.all(accounts.map(async (account) => this.#returnUnused(account)))
    await this.#reconcile()
  }

  /** Gives back everything that is not held: the node stops. */
  async returnAll(): Promise<void> {
    for (const account of this.#accounts.values()) await this.#giveBack(account)
  }

  async #returnUnused(account: Account): Promise<void> {
    if (account.awaited > 0) return
    const { isShared, wallMs, nowMs } = this.#options
    const { budget, charge } = account
    const isOver = periodStart(budget.period, wallMs()) !== charge.periodStartMs
    const isIdle = isShared && nowMs() - account.usedAtMs > IDLE_MS
    const isGone = !this.#limits.has(budget.id)
    await (isOver || isIdle || isGone ? this.#giveBack(account) : this.#giveBackOwed(account))
    if ((isOver || isGone) && account.awaited === 0 && account.isBlank) this.#drop(account)
  }

  #drop(account: Account): void {
    const { budget, charge } = account
    this.#accounts.delete(keyOf(charge))
    if (this.#latest.get(budget.id) === account) this.#latest.delete(budget.id)
  }

  /** Of money in doubt that is back which the store has leased beyond what is known. */
  async #reconcile(): Promise<void> {
    const nowMs = this.#options.nowMs()
    const accounts = [...this.#accounts.values()]
    for (const account of accounts) account.decide(nowMs)
    const doubtful = accounts.filter(
      (account) => account.doubted > 0 && !account.isAsked && account.askDoubtsAtMs <= nowMs,
    )
    await Promise.all(doubtful.map(async (account) => this.#resolveDoubt(account)))
  }

  /**
   * Requests may hold and settle meanwhile: that changes nothing in the store, nor what is known to be leased there. What is
   * posted makes it less, so that what is beyond is in doubt all the same, and no more of it than there is; whether that is
   * all is told once nothing is.
   */
  async #resolveDoubt(account: Account): Promise<void> {
    const { changes, known, undecided, unposted, spends } = account
    const leasedInStore = await this.#leasedInStore(account.charge)
    // Whatever was asked of it meanwhile may be in what it said, or not.
    if (leasedInStore === undefined || account.changes !== changes) return
    const back = Math.min(account.doubted, Math.max(0, leasedInStore - known - undecided))
    const mayBePosted = unposted !== 0 || account.spends !== spends
    account.doubted = mayBePosted || undecided > 0 ? account.doubted - back : 0
    account.owed += back
    account.askDoubtsAtMs = back === 0 && account.doubted > 0 ? this.#options.nowMs() + DOUBT_MS : 0
    await this.#giveBackOwed(account)
  }

  /**
   * `undefined` where the store does not say. Nothing is returned first: in SQLite that comes after all that was asked before,
   * in PostgreSQL it waits for every transaction that is about to return or to grant some, so none is decided later.
   */
  async #leasedInStore({ budgetId, periodStartMs }: Charge): Promise<number | undefined> {
    const { store, nodeId } = this.#options
    try {
      await store.returnLease(nodeId, { budgetId, periodStartMs }, nano(0))
      const leases = await store.leasesOf(nodeId)
      const lease = leases.find((one) => one.budgetId === budgetId && one.periodStartMs === periodStartMs)
      return lease?.nanoUsd ?? 0
    } catch {
      return undefined
    }
  }

  #accountOf(budget: Budget): Account {
    const wallMs = this.#options.wallMs()
    const latest = this.#latest.get(budget.id)
    if (latest?.isOf(budget, wallMs) === true) return latest
    const startMs = periodStart(budget.period, wallMs)
    const key = keyOf({ budgetId: budget.id, periodStartMs: startMs })
    const account = this.#accounts.get(key) ?? new Account(budget, startMs)
    this.#accounts.set(key, account)
    this.#latest.set(budget.id, account)
    return account
  }

  async #leaseAndTake(
    accounts: readonly Account[],
    short: readonly Account[],
    ask: HoldAsk,
  ): Promise<HoldAnswer> {
    for (const account of accounts) account.awaited += 1
    try {
      const unanswered = await this.#lease(short, ask)
      const unavailable = unanswered.find((account) => account.free < ask.atLeastNanoUsd)
      return this.#take(accounts, ask, unavailable)
    } finally {
      for (const account of accounts) account.awaited -= 1
    }
  }

  /** Asks the store for more of them all at once, after those who are asking already; tells of whom it did not answer. */
  async #lease(accounts: readonly Account[], ask: HoldAsk): Promise<readonly Account[]> {
    const unanswered = new Set<Account>()
    const waitFor = async (account: Account) => {
      while (account.leasing !== undefined) {
        if (!(await account.leasing)) unanswered.add(account)
        else unanswered.delete(account)
      }
    }
    while (accounts.some(({ leasing }) => leasing !== undefined)) await Promise.all(accounts.map(waitFor))
    const nowMs = this.#options.nowMs()
    // Who waited for an answer that did not come waits for no second one.
    const lacking = accounts.filter((account) => !unanswered.has(account) && lacks(account, ask, nowMs))
    if (lacking.length === 0) return [...unanswered]
    const asking = this.#askStore(lacking, ask)
    for (const account of lacking) account.leasing = asking
    const isAnswered = await asking
    return isAnswered ? [...unanswered] : [...unanswered, ...lacking]
  }

  /** Never rejects: false where the store does not answer. */
  async #askStore(accounts: readonly Account[], ask: HoldAsk): Promise<boolean> {
    const asks = accounts.map((account) => this.#leaseAsk(account, ask))
    const [rebuilds, losses] = [this.#rebuilds, this.#losses]
    for (const account of accounts) account.changes += 1
    try {
      const grants = await this.#options.store.lease(asks)
      // It may have been granted before it was taken back.
      if (losses !== this.#losses) throw new StoreUnavailable('The leases of this node were released.')
      for (const [place, account] of accounts.entries()) this.#granted(account, grants[place], ask)
      return true
    } catch (error) {
      // It may have been granted all the same.
      if ((rebuilds === this.#rebuilds || losses !== this.#losses) && !wasNotAsked(error))
        for (const [place, account] of accounts.entries())
          account.doubt(asks[place]?.wantNanoUsd ?? 0, this.#options.nowMs())
      return false
    } finally {
      for (const account of accounts) {
        account.leasing = undefined
        account.changes += 1
      }
    }
  }

  #leaseAsk(account: Account, ask: HoldAsk): LeaseAsk {
    const { budget, charge, free } = account
    const { nodeId, isShared } = this.#options
    const limit = this.#limits.get(budget.id) ?? 0
    const missing = Math.max(0, ask.atMostNanoUsd - free)
    const want = isShared ? Math.min(limit, missing + Math.ceil(limit * LEASE_SHARE)) : limit
    const need = Math.max(1, Math.min(want, neededOf(account, ask)))
    return { nodeId, charge, needNanoUsd: nano(need), wantNanoUsd: nano(want) }
  }

  #granted(account: Account, grant: LeaseGrant | undefined, ask: HoldAsk): void {
    const { grantedNanoUsd = 0, standing } = grant ?? {}
    const needed = neededOf(account, ask)
    account.leased += grantedNanoUsd
    account.standing = standing
    if (account.free >= ask.atMostNanoUsd) return
    account.dryUntilMs = this.#options.nowMs() + DRY_MS
    // What was granted was all there is; where nothing was, there may be some for whoever needs less.
    account.dryFrom = grantedNanoUsd > 0 ? 0 : needed
  }

  #take(accounts: readonly Account[], ask: HoldAsk, unavailable: Account | undefined): HoldAnswer {
    if (unavailable !== undefined) return { type: 'unavailable', budget: unavailable.budget }
    let nanoUsd = ask.atMostNanoUsd as number
    for (const account of accounts) {
      if (account.free < ask.atLeastNanoUsd)
        return account.isLocked
          ? { type: 'unavailable', budget: account.budget }
          : { type: 'spent', budget: account.budget, standing: spentStanding(account) }
      nanoUsd = Math.min(nanoUsd, account.free)
    }
    const nowMs = this.#options.nowMs()
    for (const account of accounts) {
      account.held += nanoUsd
      account.usedAtMs = nowMs
    }
    let isSettled = false
    return {
      type: 'held',
      charges: accounts.map(({ charge }) => charge),
      nanoUsd: nano(nanoUsd),
      settle: (costNanoUsd) => {
        if (isSettled) return
        isSettled = true
        for (const account of accounts) this.#spend(account, nanoUsd, costNanoUsd)
      },
    }
  }

  /** What was used beyond the hold is spent all the same, of the lease as far as it goes: the store charges it in full. */
  #spend(account: Account, heldNanoUsd: number, costNanoUsd: number): void {
    account.held -= heldNanoUsd
    account.unposted += costNanoUsd
    account.spends += 1
    account.leased = Math.max(account.held, account.leased - costNanoUsd)
    if (account.isLocked) account.isLocked = !account.isSettled
    if (!account.isRecalled) return
    account.isRecalled = account.held > 0
    account.recall()
    void this.#giveBack(account)
  }

  /** What is free, and what is owed. Where the store was not even asked, what was free is spent of as before. */
  async #giveBack(account: Account): Promise<void> {
    const owing = this.#giveBackOwed(account)
    const { free, recalls } = account
    account.leased -= free
    await this.#return(account, free, () => {
      if (account.recalls === recalls) account.leased += free
      else account.owed += free
    })
    await owing
  }

  async #giveBackOwed(account: Account): Promise<void> {
    const { owed } = account
    account.owed = 0
    await this.#return(account, owed, () => {
      account.owed += owed
    })
  }

  /**
   * Never rejects. `keep` is called where the store was not asked; where it does not say, the money is in doubt, and told of
   * as leased.
   */
  async #return(account: Account, nanoUsd: number, keep: () => void): Promise<void> {
    if (nanoUsd <= 0) return
    const { store, nodeId } = this.#options
    const rebuilds = this.#rebuilds
    account.returning += nanoUsd
    account.standing = returned(account.standing, nanoUsd)
    account.changes += 1
    try {
      await store.returnLease(nodeId, account.charge, nano(nanoUsd))
    } catch (error) {
      // A store that was made anew meanwhile knows of no lease.
      if (rebuilds !== this.#rebuilds) return
      account.standing = returned(account.standing, -nanoUsd)
      if (wasNotAsked(error)) keep()
      else account.doubt(nanoUsd, this.#options.nowMs())
    } finally {
      account.returning -= nanoUsd
      account.changes += 1
    }
  }
}

function nano(value: number): NanoUsd {
  // Sound: sums and differences of whole numbers of nano-dollars.
  return value as NanoUsd
}
