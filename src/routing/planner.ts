/**
 * Route and health to plan: decides what to try. Pure: no clock, no network; it decides from memory and returns the
 * decision as a value.
 */

import type { Envelope } from '../canonical/envelope.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import type { Target } from '../providers/provider.ts'
import { homeOriginOf } from '../provenance/home-origin.ts'
import type { HealthKey, TargetHealth } from '../resilience/target-health.ts'
import { ATTEMPTS_MAX } from '../resilience/timers.ts'
import { nearest } from '../std/nearest.ts'
import { type FactsOf, type FilteredTargets, filterByNeeds } from './capability-filter.ts'
import { chooseProvider, type ProviderQuestion } from './choose-provider.ts'
import type { ModelDirectory } from './model-directory.ts'
import type { Plan } from './plan.ts'
import { placeFiles } from './place-files.ts'
import type { RequestNeeds } from './request-needs.ts'
import { DIRECT_POLICY, type Route, type RouteNode } from './route.ts'

export interface PlannerOptions {
  readonly routes: ReadonlyMap<string, Route>
  readonly directory: ModelDirectory
  readonly health: TargetHealth
  /** The target for a provider that is configured, or `undefined`; `modelId` may be anything a client wrote. */
  target(providerId: string, modelId: string): Target | undefined
  /** What is known of a target's model; absent: nothing of any. */
  readonly factsOf?: FactsOf
  /** The provider that is known to have a file. */
  readonly ownerOf?: (fileId: string) => string | undefined
  /** Whether any file is known of; absent: where `ownerOf` is given. */
  readonly knowsFiles?: () => boolean
}

/** What the request itself asks of its plan. */
export interface PlanWishes {
  /** Refuse rather than lose, whatever the route says. */
  readonly isStrict?: boolean
  /** Targets whose models lack what it needs are left out; absent: none is. */
  readonly needs?: RequestNeeds
}

export interface Planner {
  /** Throws `model_not_found` when no target can be named for the model, `capability_missing` when none can serve it. */
  plan(envelope: Envelope, nowMs: number, wishes?: PlanWishes): Plan
  /** For what no model places. `likelyModel`: a model that the request names all the same. Throws as `chooseProvider` does. */
  planProvider(question: ProviderQuestion, likelyModel: string | undefined, nowMs: number): Plan
}

/** Names shown to a client that asked for a model nobody knows. */
const SUGGESTIONS_MAX = 5
/** A model name longer than this is no model name; it is cut in messages. */
const MODEL_NAME_SHOWN_MAX = 120

export function createPlanner(options: PlannerOptions): Planner {
  return {
    plan(envelope, nowMs, { isStrict = false, needs } = {}) {
      const route = options.routes.get(envelope.modelId) ?? directRoute(envelope.modelId, options)
      const { name, root, ...policy } = route
      const { targets, skipped } = ableTargets(targetsOf(root), { envelope, needs }, options)
      const children = targets.map((target) => {
        return { type: 'target', target, verdict: options.health.verdict(healthKey(target), nowMs) } as const
      })
      const [only] = children
      return {
        ...policy,
        ...(options.routes.has(envelope.modelId) ? { routeName: name } : {}),
        root: children.length === 1 && only !== undefined ? only : { type: 'first', children },
        attemptsMax: ATTEMPTS_MAX,
        isStrict: policy.isStrict || isStrict,
        ...(skipped.length === 0 ? {} : { skipped }),
      }
    },
    planProvider(question, likelyModel, nowMs) {
      // What is asked for stands where a model's name would: `openai/files`.
      const label = question.spec.operation
      const targets = options.directory.providerIds().flatMap((id) => options.target(id, label) ?? [])
      const likely = [...question.likely, modelsProvider(likelyModel, options)]
      const provider = chooseProvider(
        { ...question, likely },
        targets.map((target) => target.provider),
      )
      const target = targets.find((one) => one.provider === provider)
      if (target === undefined) throw new Error('the chosen provider is one of those offered')
      const verdict = options.health.verdict(healthKey(target), nowMs)
      return {
        ...DIRECT_POLICY,
        root: { type: 'target', target, verdict },
        attemptsMax: ATTEMPTS_MAX,
      }
    },
  }
}

/** The targets that can serve what the request needs, as far as anything is known of it and of them. */
function ableTargets(
  targets: readonly Target[],
  { envelope, needs }: { readonly envelope: Envelope; readonly needs: RequestNeeds | undefined },
  { factsOf = () => undefined, ownerOf, knowsFiles = () => ownerOf !== undefined }: PlannerOptions,
): FilteredTargets {
  if (needs === undefined) return { targets, skipped: [] }
  const placed = placeFiles(targets, {
    needs,
    ownerOf: (id) => ownerOf?.(id),
    isAnyKnown: knowsFiles(),
    homeOrigin: homeOriginOf(envelope.dialect),
  })
  const able = filterByNeeds(placed.targets, { needs, factsOf })
  return { targets: able.targets, skipped: [...placed.skipped, ...able.skipped] }
}

/** The names under which the health of a target is remembered. */
export function healthKey(target: Target): HealthKey {
  const known = healthKeys.get(target)
  if (known) return known
  const fingerprint = target.credential?.fingerprint ?? 'none'
  const key = {
    target: `t:${target.id}:${fingerprint}`,
    credential: `c:${target.provider.id}:${fingerprint}`,
    label: target.id,
    fingerprint,
  }
  healthKeys.set(target, key)
  return key
}

/** Made once for each target: it is asked for several times an attempt. */
const healthKeys = new WeakMap<Target, HealthKey>()

/** `provider/model`, or a bare model name that some provider claims. */
function directRoute(name: string, options: PlannerOptions): Route {
  const target = directTarget(name, options)
  if (target === undefined) throw unknownModel(name, options)
  return { ...DIRECT_POLICY, name, root: { type: 'target', target } }
}

function directTarget(name: string, options: PlannerOptions): Target | undefined {
  const slash = name.indexOf('/')
  const named = slash > 0 ? options.target(name.slice(0, slash), name.slice(slash + 1)) : undefined
  if (named) return named
  const providerId = options.directory.providerFor(name)
  return providerId === undefined ? undefined : options.target(providerId, name)
}

function modelsProvider(modelId: string | undefined, options: PlannerOptions): string | undefined {
  if (modelId === undefined) return undefined
  const route = options.routes.get(modelId)
  const target = route === undefined ? directTarget(modelId, options) : targetsOf(route.root)[0]
  return target?.provider.id
}

function targetsOf(node: RouteNode): readonly Target[] {
  return node.type === 'target' ? [node.target] : node.children.flatMap(targetsOf)
}

/** `antropic/claude-x`: the model may be right, the provider is not. */
function nearestProvider(name: string, options: PlannerOptions): string | undefined {
  const slash = name.indexOf('/')
  if (slash <= 0) return undefined
  const providerId = nearest(name.slice(0, slash), options.directory.providerIds())
  const meant = `${providerId}${name.slice(slash)}`
  return providerId === undefined || meant.length > MODEL_NAME_SHOWN_MAX ? undefined : meant
}

function unknownModel(name: string, options: PlannerOptions): GatewayError {
  const shown = name.length > MODEL_NAME_SHOWN_MAX ? `${name.slice(0, MODEL_NAME_SHOWN_MAX)}…` : name
  const known = [...options.routes.keys(), ...options.directory.list().map((entry) => entry.id)]
  const meant = nearest(name, known) ?? nearestProvider(name, options)
  const some = known.slice(0, SUGGESTIONS_MAX).join(', ')
  const hint = meant === undefined ? `Known models: ${some || 'none'}.` : `Did you mean ${meant}?`
  return new GatewayError('model_not_found', `No route or provider serves the model "${shown}". ${hint}`, {
    param: 'model',
  })
}
