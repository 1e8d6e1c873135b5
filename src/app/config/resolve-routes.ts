/** Routes: every target found, routes within routes followed, circles refused. */

import { cachePolicyOf } from '../../cache/config-schema.ts'
import { RESERVED_PROVIDER_IDS } from '../../providers/config-schema.ts'
import { knownProviders } from '../../providers/index.ts'
import { parseAddress } from '../../providers/target.ts'
import { compileCondition, type Condition } from '../../routing/condition.ts'
import {
  GROUP_DEPTH_MAX,
  type GroupEntry,
  type TargetEntry,
  TARGETS_MAX,
} from '../../routing/config-schema.ts'
import type { BalanceStrategy } from '../../routing/route.ts'
import { nearest } from '../../std/nearest.ts'
import type { ConfiguredNode, ConfiguredProvider, ConfiguredRoute } from './config.ts'
import { formatPath, type Path, quote } from './fault.ts'
import type { Resolution } from './resolution.ts'
import { groupOf, isAlwaysMeant, targetsIn } from './route-tree.ts'
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
  const routes = Object.entries(context.document.routes).map(([name, route]): ConfiguredRoute => {
    const cache = cachePolicyOf(route.cache, context.document.cache)
    const root = resolver.expand(name, [])
    if (!isAlwaysMeant(root)) {
      context.warnings.push(
        `routes.${name} refuses requests for which none of its conditions holds; end it with a target that has none.`,
      )
    }
    return {
      name,
      targets: targetsIn(root),
      root,
      deadlineMs: route.deadline,
      retries: route.retries,
      isStrict: route.strict,
      ...(route.hedge && { hedge: { afterMsMin: route.hedge.after, spendShare: route.hedge.share } }),
      ...(cache && { cache }),
      rescue: route.rescue,
      fallsBackOnPolicy: route.policyFallback,
      isExplained: route.explain,
    }
  })
  return { routes, added: resolver.added }
}

/** Where an entry stands. */
interface Place {
  readonly path: Path
  /** The routes on the way to it, outermost first. */
  readonly trail: readonly string[]
  /** How the group it stands in chooses. */
  readonly balance?: BalanceStrategy | undefined
}

/** What no schema can say of an entry. */
function faultOf({ target, targets, balance, weight }: GroupEntry, place: Place): string | undefined {
  if ((target === undefined) === (targets === undefined))
    return 'must have either target, for one, or targets, for a group'
  if (target !== undefined && balance !== undefined)
    return 'has balance and a single target: write them as targets, or remove balance'
  if (weight !== undefined && place.balance !== 'weighted' && place.balance !== 'affinity')
    return 'has a weight, which counts only in a group with balance: weighted or balance: affinity'
  const depth = place.path.slice(2).filter((step) => step === 'targets').length
  return targets !== undefined && depth > GROUP_DEPTH_MAX
    ? `stands in ${depth} groups: at most ${GROUP_DEPTH_MAX} are allowed`
    : undefined
}

type Meaning =
  | { readonly type: 'target' }
  | { readonly type: 'route'; readonly name: string }
  | { readonly type: 'unknown'; readonly message: string }

class RouteResolver {
  readonly #context: RouteContext
  readonly #byId = new Map<string, ConfiguredProvider>()
  readonly #expanded = new Map<string, ConfiguredNode>()
  readonly added: ConfiguredProvider[] = []

  constructor(context: RouteContext) {
    this.#context = context
    for (const configured of context.providers) this.#byId.set(configured.provider.id, configured)
  }

  /** The tree a route comes down to; `trail` is how it was reached. */
  expand(name: string, trail: readonly string[]): ConfiguredNode {
    const known = this.#expanded.get(name)
    if (known !== undefined) return known
    const route = this.#context.document.routes[name]
    const path = ['routes', name]
    const root = this.#group(route ?? {}, { path, trail: [...trail, name] })
    const count = targetsIn(root).length
    if (count > TARGETS_MAX) {
      const where = [...path, 'targets']
      this.#context.faults.at(
        where,
        `${formatPath(where)} comes to ${count} targets with the routes in it; at most ${TARGETS_MAX} can be tried`,
      )
    }
    this.#expanded.set(name, root)
    return root
  }

  #group({ targets = [], balance, when }: GroupEntry, place: Place): ConfiguredNode {
    const children = targets.flatMap((entry, index) =>
      this.#entry(entry, { ...place, path: [...place.path, 'targets', index], balance }),
    )
    const condition = when === undefined ? undefined : this.#condition(when, [...place.path, 'when'])
    return groupOf({ children, balance, when: condition })
  }

  #entry(entry: TargetEntry, place: Place): readonly ConfiguredNode[] {
    if (typeof entry === 'string') return this.#named(entry, place)
    const { faults } = this.#context
    const fault = faultOf(entry, place)
    if (fault !== undefined) {
      if (!faults.hasWithin(place.path)) faults.at(place.path, `${formatPath(place.path)} ${fault}`)
      return []
    }
    const { target, weight } = entry
    const named = { ...place, path: [...place.path, 'target'] }
    const node =
      target === undefined
        ? this.#group(entry, place)
        : groupOf({
            children: this.#named(target, named),
            when: entry.when === undefined ? undefined : this.#condition(entry.when, [...place.path, 'when']),
          })
    return node.type !== 'target' && node.children.length === 0
      ? []
      : [weight === undefined ? node : { ...node, weight }]
  }

  #condition(source: string, path: Path): Condition | undefined {
    const compiled = compileCondition(source)
    if (compiled.type === 'condition') return compiled.condition
    const { faults } = this.#context
    if (!faults.has(path)) faults.at(path, `${formatPath(path)}: ${quote(source)} ${compiled.message}`)
    return undefined
  }

  /** One target, or the tree of a route. */
  #named(written: string, { path, trail }: Place): readonly ConfiguredNode[] {
    const target = written.trim()
    const route = trail.at(-1) ?? ''
    const { faults } = this.#context
    const meaning = this.#meaningOf(target, route)
    if (meaning.type === 'target') return [{ type: 'target', target }]
    if (meaning.type === 'unknown') {
      if (!faults.has(path)) faults.at(path, `${formatPath(path)}: ${meaning.message}`)
      return []
    }
    if (!trail.includes(meaning.name)) return [this.expand(meaning.name, trail)]
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
