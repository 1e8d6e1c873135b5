/** Who asks during the crashes: keys with budgets of several levels, small enough to be spent, made anew every few runs. */

import type { Peppers } from '../../src/keys/key-hashes.ts'
import { createKey, revokeKey } from '../../src/keys/key-changes.ts'
import type { DirectoryEdit, EditContext } from '../../src/keys/directory-edit.ts'
import { createProject } from '../../src/keys/people-changes.ts'
import type { Directory } from '../../src/keys/records.ts'
import type { Budget, BudgetId, BudgetPeriod, BudgetScope } from '../../src/ledger/budget.ts'
import type { NanoUsd } from '../../src/ledger/prices.ts'
import { systemIds } from '../../src/std/ids.ts'
import type { Store } from '../../src/stores/store.ts'

export interface Tenant {
  readonly name: string
  readonly id: string
  readonly secret: string
  isRevoked: boolean
}

export interface Tenants {
  /** Who asks now. */
  readonly current: readonly Tenant[]
  readonly all: readonly Tenant[]
  /** Every budget that ever was. */
  readonly budgets: readonly Budget[]
  /** A key that may change everything over the admin API. */
  readonly admin: string
  /** New keys and budgets; the budgets before them are removed, and one of the keys is revoked. */
  renew(): Promise<void>
  /** What somebody else made or revoked, once that was confirmed. */
  add(tenant: Tenant): void
  /** Nobody can say what became of it. */
  forget(tenant: Tenant): void
}

const KEYS = 3
/** A request costs up to 0.9 million, and holds about 1.5 million. */
const LIMITS = { key: 9_000_000, project: 16_000_000, all: 22_000_000, model: 20_000_000 } as const

export async function openTenants(store: Store, peppers: Peppers): Promise<Tenants> {
  const context = (): EditContext => ({ nowMs: Date.now(), actor: 'cli', ids: systemIds })
  const change = async <Edit extends DirectoryEdit>(make: (directory: Directory) => Edit): Promise<Edit> => {
    const directory = await store.loadDirectory()
    const edit = make(directory)
    await store.changeDirectory(edit.changes, edit.notes, directory.revision)
    return edit
  }
  const all: Tenant[] = []
  const budgets: Budget[] = []
  let current: Tenant[] = []
  let era = 0
  const { secret } = await change((directory) =>
    createKey(directory, { name: 'root', kind: 'admin', role: 'owner' }, { ...context(), peppers }),
  )

  const put = async (scope: BudgetScope, period: BudgetPeriod, limit: number) => {
    const budget: Budget = {
      // Sound: this is where ids of budgets are made for the crashes.
      id: systemIds.next('bud_') as BudgetId,
      name: `${scope.kind} ${era}`,
      scope,
      period,
      // Sound: a whole number.
      limitNanoUsd: limit as NanoUsd,
      createdAtMs: Date.now(),
    }
    await store.putBudget(budget, [])
    budgets.push(budget)
  }

  return {
    get current() {
      return current.filter(({ isRevoked }) => !isRevoked)
    },
    all,
    budgets,
    admin: secret.reveal(),
    add: (tenant) => void all.push(tenant),
    forget: (tenant) => void all.splice(all.indexOf(tenant), 1),
    async renew() {
      era += 1
      for (const [place, budget] of budgets.entries()) {
        if (budget.removedAtMs !== undefined) continue
        const removed = { ...budget, removedAtMs: Date.now() }
        await store.putBudget(removed, [])
        budgets[place] = removed
      }
      const [first] = current
      if (first !== undefined) {
        await change((directory) => revokeKey(directory, first.id, context()))
        first.isRevoked = true
      }
      const { project } = await change((directory) =>
        createProject(directory, { name: `project ${era}` }, context()),
      )
      current = []
      for (let place = 0; place < KEYS; place += 1) {
        const made = await change((directory) =>
          createKey(
            directory,
            { name: `key ${era}.${place}`, ...(place > 0 && { project: project.id }) },
            { ...context(), peppers },
          ),
        )
        const { id, name } = made.key
        current.push({ id, name, secret: made.secret.reveal(), isRevoked: false })
        await put({ kind: 'key', id }, place === 0 ? 'day' : 'total', LIMITS.key)
      }
      all.push(...current)
      await put({ kind: 'project', id: project.id }, 'month', LIMITS.project)
      await put({ kind: 'model', id: 'priced/m' }, 'week', LIMITS.model)
      await put({ kind: 'all', id: '' }, 'total', LIMITS.all)
    },
  }
}
