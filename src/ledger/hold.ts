/** Money that is held for an attempt, or why there is none. */

import type { SpentStanding } from './budget-account.ts'
import type { Budget } from './budget.ts'
import type { Charge } from './entry.ts'
import type { NanoUsd } from './prices.ts'

export interface Hold {
  readonly type: 'held'
  readonly charges: readonly Charge[]
  readonly nanoUsd: NanoUsd
  /** Gives back what was not used. Once; calling it again does nothing. */
  settle(costNanoUsd: NanoUsd): void
}

export type HoldRefusal =
  | { readonly type: 'spent'; readonly budget: Budget; readonly standing: SpentStanding }
  /** The store that keeps the budget does not answer, or was made anew and does not have yet what was under way. */
  | { readonly type: 'unavailable'; readonly budget: Budget }

export type HoldAnswer = Hold | HoldRefusal
