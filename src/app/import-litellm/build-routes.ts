/** Deployments of one name become a route, and fallbacks what stands behind it. */

import type { TargetEntry } from '../../routing/config-schema.ts'
import { TARGETS_MAX } from '../../routing/config-schema.ts'
import type { Findings, Place } from './findings.ts'
import type { Deployment } from './read-deployment.ts'
import { sayShares, sharesOf } from './shares.ts'

export type Balance = 'weighted' | 'latency' | 'cheapest'

export interface RouteDraft {
  readonly targets: TargetEntry[]
  balance?: Balance
  policyFallback?: true
  retries?: number
  deadline?: string
}

export interface Fallback {
  readonly model: string
  readonly to: string
  readonly place: Place
  readonly kind: 'any' | 'larger-context' | 'content-policy'
}

/** A group as large as a route may be; weights count only where there is something to choose. */
export function routeOf(
  deployments: readonly Deployment[],
  balance: Balance,
  findings: Findings,
): RouteDraft {
  const tiers = Map.groupBy(deployments, ({ order }) => order ?? 1)
  const groups = [...tiers.keys()]
    .toSorted((one, other) => one - other)
    .map((order) => groupOf(tiers.get(order) ?? [], balance, findings))
  const [only] = groups
  if (groups.length === 1 && typeof only === 'object' && only.targets !== undefined)
    return { targets: [...only.targets], balance }
  return { targets: groups }
}

function groupOf(deployments: readonly Deployment[], balance: Balance, findings: Findings): TargetEntry {
  const shares = balance === 'weighted' ? sharesOf(deployments) : undefined
  const byTarget = new Map<string, number>()
  for (const [at, { target }] of deployments.entries())
    byTarget.set(target, (byTarget.get(target) ?? 0) + (shares?.weights[at] ?? 1))
  const isAlone = byTarget.size === 1
  sayShares(deployments, isAlone ? undefined : shares?.field, findings)
  const [first] = byTarget.keys()
  if (isAlone && first !== undefined) return first
  const isEven = new Set(byTarget.values()).size === 1
  const targets = [...byTarget].map(([target, weight]): TargetEntry => (isEven ? target : { target, weight }))
  return { balance, targets }
}

/** Puts what may follow behind each route; where routes would go in a circle, the other's own targets stand instead of its name. */
export function addFallbacks(
  routes: ReadonlyMap<string, RouteDraft>,
  fallbacks: readonly Fallback[],
  findings: Findings,
): void {
  const own = new Map([...routes].map(([name, route]) => [name, ownGroup(route)]))
  for (const fallback of fallbacks) addFallback(routes, own, fallback, findings)
}

function ownGroup({ targets, balance }: RouteDraft): TargetEntry {
  const [only] = targets
  if (targets.length === 1 && only !== undefined) return only
  return balance === undefined ? { targets: [...targets] } : { balance, targets: [...targets] }
}

function addFallback(
  routes: ReadonlyMap<string, RouteDraft>,
  own: ReadonlyMap<string, TargetEntry>,
  { model, to, place, kind }: Fallback,
  findings: Findings,
): void {
  const route = routes.get(model)
  const group = own.get(to)
  if (route === undefined || group === undefined) {
    findings.cannot(place, `${route === undefined ? model : to} is no model that could be carried over`)
    return
  }
  if (model === to) {
    findings.cannot(place, `${model} cannot follow itself: retries are for that`)
    return
  }
  const entry = reaches(to, model, routes) ? group : to
  const before = structuredClone(route)
  if (route.balance !== undefined) {
    route.targets.splice(0, route.targets.length, { balance: route.balance, targets: [...route.targets] })
    delete route.balance
  }
  if (!route.targets.some((one) => JSON.stringify(one) === JSON.stringify(entry))) route.targets.push(entry)
  if (kind === 'content-policy') route.policyFallback = true
  if ([...routes.keys()].every((name) => countOf(name, routes) <= TARGETS_MAX)) {
    findings.maps(place, `${model} -> ${to}${sayKind[kind]}`)
    return
  }
  restore(route, before)
  findings.cannot(place, `${model} -> ${to} would make a route of more than ${TARGETS_MAX} targets`)
}

const sayKind: Readonly<Record<Fallback['kind'], string>> = {
  any: '',
  'larger-context': ': what is too long for one target goes to the next with room for it',
  'content-policy': ': with policyFallback, refusals go on to it',
}

function restore(route: RouteDraft, before: RouteDraft): void {
  route.targets.splice(0, route.targets.length, ...before.targets)
  delete route.balance
  delete route.policyFallback
  Object.assign(route, before, { targets: route.targets })
}

/** Names of routes in a tree. A name with a provider in front is a target, unless a route is called so. */
function namesIn(entry: TargetEntry): readonly string[] {
  if (typeof entry === 'string') return [entry]
  return [...(entry.target === undefined ? [] : [entry.target]), ...(entry.targets ?? []).flatMap(namesIn)]
}

function reaches(from: string, to: string, routes: ReadonlyMap<string, RouteDraft>): boolean {
  const seen = new Set<string>()
  const waiting = [from]
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (name === to) return true
    if (seen.has(name)) continue
    seen.add(name)
    waiting.push(...(routes.get(name)?.targets ?? []).flatMap(namesIn).filter((one) => routes.has(one)))
  }
  return false
}

/** Targets that a route comes to, other routes in it counted out; each once, as they are tried. */
function countOf(name: string, routes: ReadonlyMap<string, RouteDraft>): number {
  const seen = new Set<string>()
  const targets = new Set<string>()
  const waiting = [name]
  for (let one = waiting.pop(); one !== undefined; one = waiting.pop()) {
    if (seen.has(one)) continue
    seen.add(one)
    for (const inner of (routes.get(one)?.targets ?? []).flatMap(namesIn)) {
      if (routes.has(inner) && inner !== one) waiting.push(inner)
      else targets.add(inner)
    }
  }
  return targets.size
}
