/** Puts the admin API together: what it shows of the configuration, and the store and the keys that it changes. */

import { findBodies } from '../archive/find-bodies.ts'
import { type AdminApi, createAdminApi } from '../http/admin/admin-api.ts'
import { SignInLinks } from '../http/admin/sign-in.ts'
import type { OperatorView } from '../http/operator-view.ts'
import { createDirectoryKeyring } from '../keys/directory-keyring.ts'
import { createGuessLimiter } from '../keys/guess-limiter.ts'
import type { KeyDirectory } from '../keys/key-directory.ts'
import type { BudgetWatch } from '../ledger/budget-watch.ts'
import type { Readiness } from '../exchange/gateway.ts'
import type { Ground } from './compose.ts'
import { createConfigView } from './config-view.ts'
import { type HoldfastConfig, namesOfFile } from './config/config.ts'
import type { ModelLists } from './discover-models.ts'
import { hasOperators } from './has-operators.ts'

export interface AdminParts {
  readonly ground: Ground
  readonly directory: KeyDirectory
  readonly budgets: BudgetWatch
  readonly view: OperatorView
  /** The configuration in force. */
  readonly config: () => HoldfastConfig
  /** What providers list. */
  readonly modelLists: () => ModelLists
  readonly readiness: () => Readiness
}

export interface ComposedAdmin {
  readonly api: AdminApi
  /** Path of a link by which the first person signs in, where nobody can yet who could let others in. */
  firstSignIn(): string | undefined
}

export function composeAdmin(parts: AdminParts): ComposedAdmin {
  const { ground, directory, budgets, view, config, readiness } = parts
  const { clock, ids, telemetry, keeping } = ground
  const signInLinks = new SignInLinks({ clock, ids })
  const api = createAdminApi({
    store: keeping.store,
    cache: keeping.cache,
    findBodies: (id) => findBodies(id, { ...keeping, clock }),
    directory,
    budgets,
    adminKeys: createDirectoryKeyring([], directory),
    guesses: createGuessLimiter(clock),
    peppers: directory.peppers,
    sealer: keeping.sealer,
    namesOfFile: () => namesOfFile(config()),
    signInLinks,
    clock,
    ids,
    view,
    readiness,
    config: createConfigView(parts),
    telemetry,
  })
  return {
    api,
    firstSignIn() {
      const known = directory.current
      const index = directory.index()
      // Where nothing could be read there may be somebody.
      if (known === undefined || index === undefined) return undefined
      if (hasOperators(known, index, clock.wallMs())) return undefined
      return signInLinks.make({ kind: 'role', role: 'owner' }).path
    },
  }
}
