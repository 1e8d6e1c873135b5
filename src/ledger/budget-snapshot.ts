/** The budgets, and how they stood, in a file beside the store: for a start without it, and for a store that lost them. */

import { z } from 'zod'
import { readFileIfThere, replaceFile } from '../std/replace-file.ts'
import { type Budget, BUDGET_NANO_USD_MAX } from './budget.ts'
import type { BudgetStanding } from './ledger-store.ts'

export interface BudgetSnapshot {
  readonly revision: number
  readonly budgets: readonly Budget[]
  /** Of those in force, in the periods of that moment. */
  readonly standings: readonly BudgetStanding[]
  /** What this node settled before, ms since 1970, is in the standings. */
  readonly postedUntilMs: number
}

/** `undefined` where there is no such file. Rejects where it cannot be read. */
export async function readBudgetSnapshot(path: string): Promise<BudgetSnapshot | undefined> {
  const text = await readFileIfThere(path)
  if (text === undefined) return undefined
  const parsed = schema.safeParse(parse(text))
  if (!parsed.success)
    throw new TypeError(
      `${path} is not a snapshot of budgets that this version can read: it is made anew when the store answers.`,
    )
  // Sound: the schema holds what is counted with; the rest of a budget is as it was written.
  return parsed.data as unknown as BudgetSnapshot
}

export function writeBudgetSnapshot(path: string, snapshot: BudgetSnapshot): Promise<void> {
  return replaceFile(path, JSON.stringify(snapshot))
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const time = z.number()
const money = z.number().int().min(0)

const schema = z.object({
  // A file of an earlier version says neither this nor the last: it counts as one that nothing is missing from.
  revision: z.number().default(0),
  budgets: z.array(
    z.looseObject({
      id: z.string(),
      name: z.string(),
      scope: z.object({ kind: z.string(), id: z.string() }),
      period: z.enum(['day', 'week', 'month', 'total']),
      limitNanoUsd: money.max(BUDGET_NANO_USD_MAX),
      owner: z.string().optional(),
      createdAtMs: time,
      removedAtMs: time.optional(),
    }),
  ),
  standings: z.array(
    z.object({
      budgetId: z.string(),
      periodStartMs: time,
      limitNanoUsd: money,
      spentNanoUsd: money,
      leasedNanoUsd: money,
    }),
  ),
  postedUntilMs: time.default(0),
})
