/** What the admin API shows of the configuration in force: routes, targets, and where each is managed. */

import type { ConfigSubject, ConfigView, TargetDescription } from '../http/admin/rooms.ts'
import { parseAddress } from '../providers/target.ts'
import type { JsonObject } from '../std/json.ts'
import type { ConfiguredProvider, HoldfastConfig } from './config/config.ts'
import { listKey, type ModelLists } from './discover-models.ts'

export interface ConfigViewParts {
  readonly config: () => HoldfastConfig
  /** What providers list. */
  readonly modelLists: () => ModelLists
}

export function createConfigView({ config, modelLists }: ConfigViewParts): ConfigView {
  return {
    routes: () =>
      config().routes.map(({ name, targets, root: _root, ...policy }) => ({
        name,
        targets,
        // Sound: what a route says beside its tree is numbers, words and claims.
        policy: policy as unknown as JsonObject,
      })),
    targets: () => targetsOf(config(), modelLists()),
    placeOf(subject) {
      const { path, lines } = config()
      const line = lines?.get(entryOf(subject))
      return path === undefined ? {} : { path, ...(line !== undefined && { line }) }
    },
  }
}

/** What of the file it is: a target stands at its provider. */
function entryOf({ kind, name }: ConfigSubject): string {
  const section = kind === 'route' ? 'routes' : 'providers'
  if (name === undefined) return section
  return `${section}.${kind === 'route' ? name : parseAddress(name)?.providerId}`
}

/** Of each provider what the file names under it, then what routes name, then what it lists: each once. */
function targetsOf({ providers, routes }: HoldfastConfig, lists: ModelLists): readonly TargetDescription[] {
  const named = routes.flatMap(({ targets }) => targets.flatMap((target) => parseAddress(target) ?? []))
  return providers.flatMap((one) => {
    const { provider, models = [] } = one
    const ofRoutes = named.filter(({ providerId }) => providerId === provider.id)
    const listed = lists.get(listKey(provider)) ?? []
    const all = new Set([...models, ...ofRoutes.map(({ modelId }) => modelId), ...listed])
    return [...all].map((model) => describeTarget(one, model))
  })
}

function describeTarget({ provider, credential }: ConfiguredProvider, model: string): TargetDescription {
  return {
    target: `${provider.id}/${model}`,
    provider: provider.id,
    dialect: provider.dialect,
    isLocal: provider.isLocal,
    ...(credential && { credential: credential.fingerprint }),
  }
}
