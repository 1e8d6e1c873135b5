/** What a scenario names and the configuration does not have. Pure. */

import type { Provider } from '../providers/provider.ts'
import { nearest } from '../std/nearest.ts'
import { isInRegion, placeOf } from './provider-places.ts'
import type { Scenario } from './scenario.ts'

export interface KnownNames {
  readonly providers: readonly Provider[]
  /** What can be asked for. */
  readonly routes: readonly string[]
}

export interface Misnamed {
  /** In the document. */
  readonly path: readonly (string | number)[]
  /** The name stands before its value. */
  readonly isKey: boolean
  /** The rest of a sentence that begins with the path. */
  readonly message: string
}

export function misnamed({ traffic, weather }: Scenario, names: KnownNames): readonly Misnamed[] {
  const routes = Object.keys(traffic.routes).flatMap((name) => {
    const message = unknown('route', name, names.routes)
    return message === undefined ? [] : [{ path: ['traffic', 'routes', name], isKey: true, message }]
  })
  const places = weather.flatMap(({ where }, index) => {
    const message = unknownPlace(where, names)
    return message === undefined ? [] : [{ path: ['weather', index, where.kind], isKey: false, message }]
  })
  return [...routes, ...places]
}

function unknownPlace(
  where: Scenario['weather'][number]['where'],
  { providers }: KnownNames,
): string | undefined {
  const ids = providers.map(({ id }) => id)
  switch (where.kind) {
    case 'everywhere':
      return undefined
    case 'provider':
      return unknown('provider', where.provider, ids)
    case 'target': {
      const [provider = '', model] = splitOnce(where.target)
      return model === undefined
        ? `${JSON.stringify(where.target)} is no target: write provider/model`
        : unknown('provider', provider, ids)
    }
    case 'region': {
      if (providers.some((provider) => isInRegion(provider, where.region))) return undefined
      const known = providers.flatMap((provider) => {
        const { company, region } = placeOf(provider)
        return region === undefined ? [company] : [region, company]
      })
      return unknown('region or company', where.region, [...new Set(known)])
    }
  }
}

function splitOnce(target: string): readonly string[] {
  const slash = target.indexOf('/')
  return slash < 0 ? [target] : [target.slice(0, slash), target.slice(slash + 1)]
}

function unknown(what: string, name: string, known: readonly string[]): string | undefined {
  if (known.includes(name)) return undefined
  const hint = nearest(name, known)
  const meant = hint === undefined ? '' : `; did you mean ${JSON.stringify(hint)}?`
  return `the configuration has no ${what} ${JSON.stringify(name)}${meant} (there are ${known.join(', ')})`
}
