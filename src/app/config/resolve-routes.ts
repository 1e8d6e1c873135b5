/** Routes: every target found, routes within routes followed, circles refused. */

import { RESERVED_PROVIDER_IDS } from '../../providers/config-schema.ts'
import { knownProviders } from '../../providers/index.ts'
import { parseAddress } from '../../providers/target.ts'
import { TARGETS_MAX } from '../../routing/config-schema.ts'
import { nearest } from '../../std/nearest.ts'
import type { ConfiguredProvider, ConfiguredRoute } from './config.ts'
import { formatPath, quote } from './fault.ts'
import type { Resolution } from './resolution.ts'
import { implicitProvider } from './resolve-providers.ts'
import type { ConfigDocument } from './schema.ts'

export interface RouteContext extends Resolution {
  readonly document: ConfigDocument
  readonly providers: readonly ConfiguredProvider[]
  readonly declared: DeclaredNames
}

/** Every name the file gives, whether what it names is sound or not: a fault there has been reported there. */
export interface DeclaredNames {
  readonly providers: ReadonlySet<string>
  readonly routes: ReadonlySet<string>
}

export interface ResolvedRoutes {
  readonly routes: readonly ConfiguredRoute[]
  /** Known providers that routes name without anyone having configured them. */
  readonly added: readonly ConfiguredProvider[]
}

export function resolveRoutes(context: RouteContext): ResolvedRoutes {
  const resolver = new RouteResolver(context)
  const routes = Object.entries(context.document.routes).map(([name, route]) => ({
    name,
    targets: resolver.expand(name, []),
    deadlineMs: route.deadline,
    retries: route.retries,
    isStrict: route.strict,
  }))
  return { routes, added: resolver.added }
}

type Meaning =
  | { readonly type: 'target' }
  | { readonly type: 'route'; readonly name: string }
  | { readonly type: 'unknown'; readonly message: string }

class RouteResolver {
  readonly #context: RouteContext
  readonly #byId = new Map<string, ConfiguredProvider>()
  readonly #expanded = new Map<string, readonly string[]>()
  readonly added: ConfiguredProvider[] = []

  constructor(context: RouteContext) {
    this.#context = context
    for (const configured of context.providers) this.#byId.set(configured.provider.id, configured)
  }

  /** The targets a route comes down to; `trail` is how it was reached. */
  expand(name: string, trail: readonly string[]): readonly string[] {
    const known = this.#expanded.get(name)
    if (known !== undefined) return known
    const written = this.#context.document.routes[name]?.targets ?? []
    const targets = written.flatMap((target, index) => this.#expandTarget(target, [...trail, name], index))
    const unique = [...new Set(targets)]
    if (unique.length > TARGETS_MAX) {
      const path = ['routes', name, 'targets']
      this.#context.faults.at(
        path,
        `${formatPath(path)} comes to ${unique.length} targets with the routes in it; at most ${TARGETS_MAX} can be tried`,
      )
    }
    this.#expanded.set(name, unique)
    return unique
  }

  #expandTarget(written: string, trail: readonly string[], index: number): readonly string[] {
    const target = written.trim()
    const route = trail.at(-1) ?? ''
    const path = ['routes', route, 'targets', index]
    const { faults } = this.#context
    const meaning = this.#meaningOf(target, route)
    if (meaning.type === 'target') return [target]
    if (meaning.type === 'unknown') {
      if (!faults.has(path)) faults.at(path, `${formatPath(path)}: ${meaning.message}`)
      return []
    }
    if (!trail.includes(meaning.name)) return this.expand(meaning.name, trail)
    if (!faults.has(path)) {
      const circle = [...trail.slice(trail.indexOf(meaning.name)), meaning.name].join(' -> ')
      faults.at(
        path,
        `${formatPath(path)}: the routes go in a circle (${circle}): end it with a provider/model`,
      )
    }
    return []
  }

  /** A provider's model first, so that a route may carry its own target's name; then another route. */
  #meaningOf(target: string, route: string): Meaning {
    const { declared } = this.#context
    const address = parseAddress(target)
    if (address !== undefined && this.#hasProvider(address.providerId)) {
      this.#warnOfUnlistedModel(target, route)
      return { type: 'target' }
    }
    if (declared.routes.has(target) && target !== route) return { type: 'route', name: target }
    if (target === route && address === undefined) return { type: 'route', name: target }
    if (address === undefined) return { type: 'unknown', message: this.#unknownRoute(target) }
    return this.#implicit(address.providerId) ?? { type: 'target' }
  }

  #hasProvider(id: string): boolean {
    // What is named in the file and faulty has been reported where it stands.
    return this.#byId.has(id) || id === RESERVED_PROVIDER_IDS[0] || this.#context.declared.providers.has(id)
  }

  #implicit(id: string): Meaning | undefined {
    const made = implicitProvider(id, this.#context.sources.env)
    if ('reason' in made)
      return {
        type: 'unknown',
        message: `the provider ${quote(id)} ${made.reason}${this.#meantProvider(id)}`,
      }
    this.#byId.set(id, made)
    this.added.push(made)
    return undefined
  }

  #meantProvider(id: string): string {
    if (knownProviders.has(id)) return ''
    const hint = nearest(id, [...this.#byId.keys(), ...knownProviders.keys()])
    return hint === undefined
      ? ': add it under providers'
      : `; did you mean ${quote(hint)}? Otherwise add it under providers`
  }

  #unknownRoute(target: string): string {
    const hint = nearest(target, [...this.#context.declared.routes])
    const meant = hint === undefined ? '' : `; did you mean the route ${quote(hint)}?`
    const provider =
      this.#byId.has(target) || knownProviders.has(target) ? ` (${target} is a provider: add a model)` : ''
    return `${quote(target)} is neither provider/model nor the name of a route${meant}${provider}`
  }

  #warnOfUnlistedModel(target: string, route: string): void {
    const address = parseAddress(target)
    const models = address && this.#byId.get(address.providerId)?.models
    if (!address || !models || models.includes(address.modelId)) return
    const hint = nearest(address.modelId, models)
    this.#context.warnings.push(
      `routes.${route} names ${target}, which is not among the models listed for ${address.providerId}${hint === undefined ? '' : `; did you mean ${hint}?`}`,
    )
  }
}
