/** Puts the admin API together: what it shows of the configuration, and the store and the keys that it changes. */

import { findBodies } from '../archive/find-bodies.ts'
import { type AdminApi, createAdminApi } from '../http/admin/admin-api.ts'
import type { ConfigView } from '../http/admin/rooms.ts'
import { SignInLinks } from '../http/admin/sign-in.ts'
import type { OperatorView } from '../http/operator-view.ts'
import { createDirectoryKeyring } from '../keys/directory-keyring.ts'
import { createGuessLimiter } from '../keys/guess-limiter.ts'
import type { KeyDirectory } from '../keys/key-directory.ts'
import type { Directory } from '../keys/records.ts'
import type { Readiness } from '../exchange/gateway.ts'
import type { JsonObject } from '../std/json.ts'
import type { Ground } from './compose.ts'
import type { HoldfastConfig } from './config/config.ts'

export interface AdminParts {
  readonly ground: Ground
  readonly directory: KeyDirectory
  readonly view: OperatorView
  /** The configuration in force. */
  readonly config: () => HoldfastConfig
  readonly readiness: () => Readiness
}

export interface ComposedAdmin {
  readonly api: AdminApi
  /** Path of a link by which the first person signs in, where nobody can sign in yet. */
  firstSignIn(): string | undefined
}

export function composeAdmin({ ground, directory, view, config, readiness }: AdminParts): ComposedAdmin {
  const { clock, ids, telemetry, keeping } = ground
  const signInLinks = new SignInLinks({ clock, ids })
  const api = createAdminApi({
    store: keeping.store,
    findBodies: (id) => findBodies(id, { ...keeping, clock }),
    directory,
    adminKeys: createDirectoryKeyring([], directory),
    guesses: createGuessLimiter(clock),
    peppers: directory.peppers,
    sealer: keeping.sealer,
    namesOfFile: () => config().keys.map(({ name }) => name),
    signInLinks,
    clock,
    ids,
    view,
    readiness,
    config: configView(config),
    telemetry,
  })
  return {
    api,
    firstSignIn: () =>
      hasOperators(directory.current) ? undefined : signInLinks.make({ kind: 'role', role: 'owner' }).path,
  }
}

/** Whether anybody can sign in or ask with a key of their own. */
function hasOperators(directory: Directory | undefined): boolean {
  if (directory === undefined) return true
  return (
    directory.users.some(({ isService, disabledAtMs }) => !isService && disabledAtMs === undefined) ||
    directory.keys.some(({ kind, revokedAtMs }) => kind === 'admin' && revokedAtMs === undefined)
  )
}

function configView(config: () => HoldfastConfig): ConfigView {
  return {
    routes: () =>
      config().routes.map(({ name, targets, root: _root, ...policy }) => ({
        name,
        targets,
        // Sound: what a route says beside its tree is numbers, words and claims.
        policy: policy as unknown as JsonObject,
      })),
    targets: () =>
      config().providers.flatMap(({ provider, credential, models = [] }) =>
        models.map((model) => ({
          target: `${provider.id}/${model}`,
          provider: provider.id,
          dialect: provider.dialect,
          isLocal: provider.isLocal,
          ...(credential && { credential: credential.fingerprint }),
        })),
      ),
    placeOf: () => {
      const { path } = config()
      return path === undefined ? {} : { path }
    },
  }
}
