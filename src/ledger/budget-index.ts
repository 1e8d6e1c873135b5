/** Which budgets bound a request: by its key, its user and tags, the models it may go to, and all that its key belongs to. */

import type { Budget, BudgetScope } from './budget.ts'
import type { Attribution } from './entry.ts'
import { formerName, scopeName } from './said-names.ts'

interface HolderBudgets {
  readonly keyIds: readonly string[] | undefined
  readonly budgets: readonly Budget[]
}

const NONE: readonly Budget[] = []
const NO_IDS: readonly string[] = []

export class BudgetIndex {
  readonly #byScope: ReadonlyMap<BudgetScope['kind'], ReadonlyMap<string, readonly Budget[]>>
  /** What bounds the requests of a key that say nothing of themselves. */
  readonly #ofHolders = new WeakMap<Attribution, HolderBudgets>()

  constructor(budgets: readonly Budget[]) {
    const byKind = Map.groupBy(budgets, ({ scope }) => scope.kind)
    this.#byScope = new Map([...byKind].map(([kind, of]) => [kind, byName(of)]))
  }

  /** The narrowest first. `keyIds`: every id the key goes by, its own among them. */
  find(
    who: Attribution,
    modelNames: readonly string[],
    keyIds: readonly string[] | undefined,
  ): readonly Budget[] {
    if (this.#byScope.size === 0) return NONE
    // Whoever says nothing of a request is the same object for all requests of a key, whatever models they name.
    const isOfHolder = !this.#byScope.has('model') && saysNothing(who)
    if (!isOfHolder) return this.#look(who, modelNames, keyIds)
    const known = this.#ofHolders.get(who)
    if (known !== undefined && known.keyIds === keyIds) return known.budgets
    const budgets = this.#look(who, modelNames, keyIds)
    this.#ofHolders.set(who, { keyIds, budgets })
    return budgets
  }

  #look(
    who: Attribution,
    modelNames: readonly string[],
    keyIds: readonly string[] = who.keyId === undefined ? NO_IDS : [who.keyId],
  ): readonly Budget[] {
    const found: Budget[] = []
    const add = (kind: BudgetScope['kind'], id: string | undefined) => {
      const budgets = id === undefined ? undefined : this.#byScope.get(kind)?.get(id)
      if (budgets !== undefined) found.push(...budgets)
    }
    for (const id of keyIds) add('key', id)
    // A key of the file has no id but its name.
    if (keyIds.length === 0) add('key', who.keyName)
    add('end-user', who.endUser)
    // One that is for two spellings is charged once.
    for (const tag of who.tags)
      for (const budget of this.#byScope.get('tag')?.get(tag) ?? NONE)
        if (!found.includes(budget)) found.push(budget)
    if (this.#byScope.has('model')) for (const name of new Set(modelNames)) add('model', name)
    add('user', who.userId)
    add('project', who.projectId)
    add('team', who.teamId)
    add('all', '')
    return found
  }
}

/** By what requests have: a budget that was kept with the name as it was said is for that name all the same. */
function byName(budgets: readonly Budget[]): ReadonlyMap<string, readonly Budget[]> {
  const byNames = new Map<string, Budget[]>()
  for (const budget of budgets) {
    for (const name of namesOf(budget.scope)) {
      const known = byNames.get(name)
      if (known === undefined) byNames.set(name, [budget])
      else known.push(budget)
    }
  }
  return byNames
}

/** Whoever copied a name from a report of before asks for what it is kept as now, too. */
function namesOf(scope: BudgetScope): ReadonlySet<string> {
  const name = scopeName(scope)
  const isSaid = scope.kind === 'tag' || scope.kind === 'end-user'
  return new Set(isSaid ? [name, scopeName({ kind: scope.kind, id: formerName(name) })] : [name])
}

function saysNothing({ endUser, sessionId, tags }: Attribution): boolean {
  return endUser === undefined && sessionId === undefined && tags.length === 0
}
