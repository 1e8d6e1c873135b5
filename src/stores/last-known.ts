/**
 * What a node knew of its store, in files beside it. A store that knows less than that lost what was written last: a backup
 * was put back, a standby took over, a disk forgot. It is brought up to it, so that no key, revocation or budget is undone,
 * and nothing that was spent can be spent again.
 */

import { isDeepStrictEqual } from 'node:util'
import type { Directory } from '../keys/records.ts'
import type { Budget } from '../ledger/budget.ts'
import type { Charge } from '../ledger/entry.ts'
import type { BudgetStanding } from '../ledger/ledger-store.ts'

export interface LastKnown {
  readonly directory: Directory
  readonly budgetsRevision: number
  readonly budgets: readonly Budget[]
  /** Of the budgets in force, in their periods then. */
  readonly standings: readonly BudgetStanding[]
  /** What was settled before it, ms since 1970, is in the standings. */
  readonly postedUntilMs: number
}

/** What a node knew of a store, and which store that was. */
export interface Known {
  /** By which the store is known from now on, where it has no id yet; absent where nobody would know it again. */
  readonly storeId?: number | undefined
  /** Absent where nothing is known, or only of another store. */
  readonly last?: LastKnown | undefined
}

/** What a store has that may be behind. */
export interface Stored {
  readonly directory: Directory
  readonly budgetsRevision: number
  readonly budgets: readonly Budget[]
  /** Of what was asked, those that there are. */
  readonly standings: readonly BudgetStanding[]
}

export interface Missing {
  /** What the store is to be given: nothing of what it has as it should be. Revisions are those that it is to have at least. */
  readonly known: LastKnown
  /** In words, for the operator and the audit log. */
  readonly reason: string
}

/** What of it the store does not have; `undefined` where it has everything. */
export function missingIn(stored: Stored, known: LastKnown): Missing | undefined {
  const spent = new Map(stored.standings.map((one) => [nameOf(one), one.spentNanoUsd]))
  const standings = known.standings.filter((one) => one.spentNanoUsd > (spent.get(nameOf(one)) ?? 0))
  const directory = lackingDirectory(stored.directory, known.directory)
  const isOlder = known.budgetsRevision > stored.budgetsRevision
  const budgets = lacking(stored.budgets, known.budgets, isOlder)
  const records = recordsIn(directory)
  const said = [
    ...(records > 0 ? [`${records} changes of people and keys that it does not have`] : []),
    ...(budgets.length > 0 ? [`${budgets.length} changes of budgets that it does not have`] : []),
    ...(standings.length > 0 ? [`more spent of ${standings.length} budgets than it has`] : []),
  ]
  if (said.length === 0) return undefined
  const budgetsRevision = Math.max(known.budgetsRevision, stored.budgetsRevision) + 1
  return {
    known: { ...known, directory, budgets, budgetsRevision, standings },
    reason: `What was written last is missing from the store: this node knew ${said.join('; ')}.`,
  }
}

/** Whether a store can be the one that is known: it is empty, or has something of it. */
export function isOfSameStore(
  { directory, budgets }: Pick<Stored, 'directory' | 'budgets'>,
  known: LastKnown,
): boolean {
  const idsOf = ({ users, teams, projects, keys }: Directory, all: readonly Budget[]) =>
    [...users, ...teams, ...projects, ...keys, ...all].map(({ id }) => id)
  const there = idsOf(directory, budgets)
  const ids = new Set<string>(idsOf(known.directory, known.budgets))
  return there.length === 0 || there.some((id) => ids.has(id))
}

/** Of an operator who is told what became of the store. */
export const STORE_BEHIND =
  'Keys and budgets were put back as this node knew them, and what was spent counts as the larger of both; reports lack what the store lost.'

/** One revision further than either, so that whoever knew one of both reads it again. */
function lackingDirectory(stored: Directory, known: Directory): Directory {
  const isOlder = known.revision > stored.revision
  return {
    revision: Math.max(known.revision, stored.revision) + 1,
    users: lacking(stored.users, known.users, isOlder),
    teams: lacking(stored.teams, known.teams, isOlder),
    projects: lacking(stored.projects, known.projects, isOlder),
    keys: lacking(stored.keys, known.keys, isOlder),
  }
}

function recordsIn({ users, teams, projects, keys }: Directory): number {
  return users.length + teams.length + projects.length + keys.length
}

interface Ending {
  readonly id: string
  readonly disabledAtMs?: number
  readonly archivedAtMs?: number
  readonly revokedAtMs?: number
  readonly removedAtMs?: number
}

const ENDS = ['disabledAtMs', 'archivedAtMs', 'revokedAtMs', 'removedAtMs'] as const

/**
 * Records as the store is to have them. Records are added and ended, and never go: those that it does not have were lost, and
 * what was ended here or there is. Where the store is older, those count that were known; else its own.
 */
function lacking<Kept extends object>(
  stored: readonly (Kept & Ending)[],
  known: readonly (Kept & Ending)[],
  isOlder: boolean,
): readonly (Kept & Ending)[] {
  const byId = new Map(stored.map((one) => [one.id, one]))
  return known.flatMap((one) => {
    const there = byId.get(one.id)
    if (there === undefined) return [one]
    const wanted = isOlder ? withEnds(one, there) : withEnds(there, one)
    return isDeepStrictEqual(wanted, there) ? [] : [wanted]
  })
}

function withEnds<Kept extends Ending>(record: Kept, other: Ending): Kept {
  const ends = ENDS.flatMap((name) =>
    other[name] === undefined || record[name] !== undefined ? [] : [[name, other[name]] as const],
  )
  return ends.length === 0 ? record : { ...record, ...Object.fromEntries(ends) }
}

function nameOf({ budgetId, periodStartMs }: Charge): string {
  return `${budgetId}\n${periodStartMs}`
}
