/** Keeps the budgets in force as the store has them: loaded at the start, looked after every second, known from a file while the store is away. */

import { type Clock, repeat, type Timer } from '../std/clock.ts'
import type { Notice } from '../std/notice.ts'
import type { Budget } from './budget.ts'
import type { BudgetAccounts } from './budget-accounts.ts'
import { readBudgetSnapshot, writeBudgetSnapshot } from './budget-snapshot.ts'
import type { LedgerStore } from './ledger-store.ts'
import { periodStart } from './period.ts'

/** How often the store is asked for its revision, ms. */
const POLL_MS = 1_000
/** Of so many looks one writes down how the budgets stand. */
const LOOKS_A_SNAPSHOT = 10

export interface BudgetWatchOptions {
  readonly clock: Clock
  readonly store: Pick<LedgerStore, 'loadBudgets' | 'budgetsRevision' | 'releases' | 'standings'>
  readonly accounts: BudgetAccounts
  /** Where the budgets last known stand, so that none is forgotten while the store is away. */
  readonly snapshotPath?: string
  /** Posts what was settled before the call; false where the store does not take it. Default: there is nothing to post. */
  readonly post?: () => Promise<boolean>
  readonly onNotice: (notice: Notice) => void
}

export class BudgetWatch {
  readonly #options: BudgetWatchOptions
  #revision: number | undefined
  #polling: Timer | undefined
  #isStopped = false
  #isAway = false
  /** The last look that was asked for; each begins when the one before it is over. */
  #looking: Promise<boolean> | undefined
  #budgets: readonly Budget[] = []
  /** How often the leases of this run were released. */
  #releases = 0
  #looks = 0
  #postedUntilMs = 0
  /** The snapshot that is being written. */
  #writing: Promise<void> | undefined
  #written = ''

  constructor(options: BudgetWatchOptions) {
    this.#options = options
  }

  /** Never rejects: where the store does not answer, the file counts until it does. */
  async start(): Promise<void> {
    const { clock, accounts } = this.#options
    await this.#readSnapshot()
    await this.look()
    if (!this.#isStopped)
      this.#polling = repeat(clock, POLL_MS, async () => {
        await this.look()
        // Of a store that is away nobody else could lease it, and this node may need it until that is back.
        if (!this.#isAway) await accounts.returnIdle()
      })
  }

  /** What was settled before, ms since 1970, was in the store when it was last asked. */
  get postedUntilMs(): number {
    return this.#postedUntilMs
  }

  stop(): void {
    this.#isStopped = true
    this.#polling?.cancel()
  }

  /**
   * Takes over what the store has now: whatever was changed before the call is in force when it resolves. Never rejects:
   * false where the store does not answer.
   */
  look(): Promise<boolean> {
    this.#looking = (this.#looking ?? Promise.resolve()).then(() => this.#look())
    return this.#looking
  }

  async #look(): Promise<boolean> {
    const { store, accounts, onNotice } = this.#options
    try {
      const revision = await store.budgetsRevision()
      if (revision !== this.#revision) {
        await this.#findRelease()
        const budgets = await store.loadBudgets()
        accounts.replace(budgets)
        this.#budgets = budgets
        this.#revision = revision
        this.#looks = 0
      }
      // Nobody who waits for the budgets waits for the lines that are posted before it.
      if (this.#looks % LOOKS_A_SNAPSHOT === 0) void this.writeDown()
      this.#looks += 1
      if (this.#isAway)
        onNotice({ level: 'info', name: 'budgets_back', message: 'The budgets are read again.' })
      this.#isAway = false
      return true
    } catch (error) {
      if (!this.#isAway)
        onNotice({
          level: 'warn',
          name: 'budgets_away',
          message: `The budgets cannot be read; those last known stay in force. ${messageOf(error)}`,
        })
      this.#isAway = true
      return false
    }
  }

  /** Before the budgets are looked at: what was taken from this node must not go back once more. */
  async #findRelease(): Promise<void> {
    const { store, accounts, onNotice } = this.#options
    const releases = await store.releases(accounts.nodeId)
    if (releases > this.#releases) {
      accounts.loseLeases()
      onNotice({
        level: 'warn',
        name: 'leases_released',
        message:
          'What this run had leased of the budgets was given back by holdfast lease release, as if it were gone. It leases anew; what it spent of them meanwhile others may have spent as well.',
        facts: { node: accounts.nodeId },
      })
    }
    this.#releases = releases
  }

  async #readSnapshot(): Promise<void> {
    const { snapshotPath, accounts, onNotice } = this.#options
    if (snapshotPath === undefined) return
    try {
      const known = await readBudgetSnapshot(snapshotPath)
      if (known === undefined) return
      accounts.replace(known.budgets)
      this.#postedUntilMs = known.postedUntilMs
    } catch (error) {
      onNotice({ level: 'warn', name: 'budgets_snapshot_unreadable', message: messageOf(error) })
    }
  }

  /** Says how the budgets stand in the file, for a store that forgets it. */
  async writeDown(): Promise<void> {
    await this.#writing
    if (this.#isAway || this.#revision === undefined) return
    this.#writing ??= this.#writeSnapshot(this.#revision).finally(() => {
      this.#writing = undefined
    })
    await this.#writing
  }

  async #writeSnapshot(revision: number): Promise<void> {
    const { snapshotPath, onNotice, store, clock, post } = this.#options
    if (snapshotPath === undefined) return
    const charges = this.#budgets
      .filter(({ removedAtMs }) => removedAtMs === undefined)
      .map(({ id, period }) => ({ budgetId: id, periodStartMs: periodStart(period, clock.wallMs()) }))
    const nowMs = clock.wallMs()
    try {
      // What the store does not have yet is in no sum.
      if (post === undefined || (await post())) this.#postedUntilMs = nowMs
      const postedUntilMs = this.#postedUntilMs
      const standings = charges.length === 0 ? [] : await store.standings(charges)
      const text = JSON.stringify([revision, this.#budgets, standings])
      if (text === this.#written) return
      await writeBudgetSnapshot(snapshotPath, { revision, budgets: this.#budgets, standings, postedUntilMs })
      this.#written = text
    } catch (error) {
      onNotice({
        level: 'warn',
        name: 'budgets_snapshot_unwritable',
        message: `The snapshot of the budgets cannot be written. ${messageOf(error)}`,
      })
    }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
