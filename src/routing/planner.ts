/**
 * Route and health to plan: decides what to try. Pure: no clock, no network; it decides from memory and returns the
 * decision as a value. Chance is handed in, so that the same seed decides the same.
 */

import type { Envelope } from '../canonical/envelope.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import { costOf } from '../ledger/cost-of.ts'
import type { Prices } from '../ledger/prices.ts'
import type { Target } from '../providers/provider.ts'
import { homeOriginOf } from '../provenance/home-origin.ts'
import type { HealthKey, TargetHealth } from '../resilience/target-health.ts'
import { ATTEMPTS_MAX } from '../resilience/timers.ts'
import { nearest } from '../std/nearest.ts'
import { type FactsOf, type FilteredTargets, filterByNeeds } from './capability-filter.ts'
import { chooseProvider, type ProviderQuestion } from './choose-provider.ts'
import { type ConditionFacts, estimateTokens } from './condition-facts.ts'
import { judgeConditions } from './judge-conditions.ts'
import { inputRoom } from './lacks.ts'
import { type BalanceDeps, drawPlan } from './draw-plan.ts'
import type { ModelDirectory } from './model-directory.ts'
import type { Plan, UnmetCondition } from './plan.ts'
import { placeFiles } from './place-files.ts'
import { poolNode } from './pool.ts'
import type { RequestNeeds } from './request-needs.ts'
import { DIRECT_POLICY, type Route, targetsOf } from './route.ts'

export interface PlannerOptions extends BalanceDeps {
  readonly routes: ReadonlyMap<string, Route>
  readonly directory: ModelDirectory
  readonly health: TargetHealth
  /**
   * The targets for a provider that is configured, one for each credential of its pool, or none; `modelId` may be anything
   * a client wrote.
   */
  targets(providerId: string, modelId: string): readonly Target[]
  /** What is known of a target's model; absent: nothing of any. */
  readonly factsOf?: FactsOf
  /** What a target's model costs; absent: nobody knows of any. */
  readonly pricesOf?: (target: Target) => Prices | undefined
  /** The provider that is known to have a file. */
  readonly ownerOf?: (fileId: string) => string | undefined
  /** Whether any file is known of; absent: where `ownerOf` is given. */
  readonly knowsFiles?: () => boolean
  /** Told of conditions that cannot be evaluated, each once in `FAULT_NOTICE_MS`. */
  readonly onConditionFault?: (fault: ConditionFault) => void
}

/** A condition of a route that a request made impossible to evaluate. */
export interface ConditionFault {
  readonly routeName: string
  readonly source: string
  readonly reason: string
}

/** What the request itself asks of its plan. */
export interface PlanWishes {
  /** Refuse rather than lose, whatever the route says. */
  readonly isStrict?: boolean
  /** Targets whose models lack what it needs are left out; absent: none is. */
  readonly needs?: RequestNeeds
  /** What conditions may ask; absent: none holds. */
  readonly facts?: () => ConditionFacts
  /** What requests have in common that belong together (`affinityKeyOf`); absent: it belongs with none. */
  readonly affinityKey?: () => string | undefined
}

export interface Planner {
  /**
   * Throws `model_not_found` when no target can be named for the model, `capability_missing` when none can serve it or is
   * meant for it.
   */
  plan(envelope: Envelope, nowMs: number, wishes?: PlanWishes): Plan
  /** For what no model places. `likelyModel`: a model that the request names all the same. Throws as `chooseProvider` does. */
  planProvider(question: ProviderQuestion, likelyModel: string | undefined, nowMs: number): Plan
  /** The most input that what serves a model of this name can hold, tokens; `undefined` where it is not known of all of it. */
  inputRoom(modelId: string): number | undefined
}

/** Names shown to a client that asked for a model nobody knows. */
const SUGGESTIONS_MAX = 5
/** A model name longer than this is no model name; it is cut in messages. */
const MODEL_NAME_SHOWN_MAX = 120
/** How long a condition that cannot be evaluated is complained of only once, ms. */
export const FAULT_NOTICE_MS = 60_000
/** Output that is reckoned with where prices are compared, tokens: clients' ceilings are far above what they get. */
const OUTPUT_TOKENS_EXPECTED = 1_000

export function createPlanner(options: PlannerOptions): Planner {
  /** Until when the faults of a condition are no news. */
  const knownFaults = new WeakMap<object, number>()
  return {
    plan(envelope, nowMs, wishes = {}) {
      const configured = options.routes.get(envelope.modelId)
      const { name, root, ...policy } = configured ?? directRoute(envelope.modelId, options)
      const judged = judgeConditions(root, wishes.facts, (condition, reason) => {
        if ((knownFaults.get(condition) ?? Number.NEGATIVE_INFINITY) > nowMs) return
        knownFaults.set(condition, nowMs + FAULT_NOTICE_MS)
        options.onConditionFault?.({ routeName: name, source: condition.source, reason })
      })
      if (judged.targets.length === 0) throw noneMeant(name, judged.unmet)
      const { targets, skipped } = ableTargets(judged.targets, { envelope, needs: wishes.needs }, options)
      const left = new Set(targets)
      const drawn = drawPlan(
        root,
        {
          nowMs,
          nameOf: (target) => healthKey(target).target,
          verdictOf: (target) => options.health.verdict(healthKey(target), nowMs),
          takes: (target) => left.delete(target),
          holds: judged.holds,
          costOf: (target) => expectedCost(envelope, options.pricesOf?.(target)),
          affinityKey: () => wishes.affinityKey?.(),
        },
        options,
      )
      if (drawn === undefined) throw new Error('a target that is able and meant is in the plan')
      return {
        ...policy,
        ...(configured === undefined ? {} : { routeName: name }),
        root: drawn,
        attemptsMax: ATTEMPTS_MAX,
        isStrict: policy.isStrict || wishes.isStrict === true,
        ...(skipped.length === 0 ? {} : { skipped }),
        ...(judged.unmet.length === 0 ? {} : { unmet: judged.unmet }),
      }
    },
    planProvider(question, likelyModel, nowMs) {
      // What is asked for stands where a model's name would: `openai/files`. Files stay with the first credential of a pool.
      const label = question.spec.operation
      const targets = options.directory.providerIds().flatMap((id) => options.targets(id, label)[0] ?? [])
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
    inputRoom: (modelId) => mostRoom(namedTargets(modelId, options), options),
  }
}

function mostRoom(
  targets: readonly Target[],
  { factsOf = () => undefined }: PlannerOptions,
): number | undefined {
  let most: number | undefined
  for (const target of targets) {
    const room = inputRoom(factsOf(target))
    if (room === undefined) return undefined
    most = Math.max(most ?? 0, room)
  }
  return most
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

/** In nano-dollars, of a request of this length that is answered as most are. */
function expectedCost(
  { bodyBytes, maxOutputTokens = OUTPUT_TOKENS_EXPECTED }: Envelope,
  prices: Prices | undefined,
): number | undefined {
  const outputTokens = Math.min(maxOutputTokens, OUTPUT_TOKENS_EXPECTED)
  return costOf({ inputTokens: estimateTokens(bodyBytes), outputTokens }, prices)
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
    ...(target.provider.hasBreaker === false ? { hasBreaker: false } : {}),
  }
  healthKeys.set(target, key)
  return key
}

/** Made once for each target: it is asked for several times an attempt. */
const healthKeys = new WeakMap<Target, HealthKey>()

/** `provider/model`, or a bare model name that some provider claims. */
function directRoute(name: string, options: PlannerOptions): Route {
  const targets = directTargets(name, options)
  if (targets.length === 0) throw unknownModel(name, options)
  return { ...DIRECT_POLICY, name, root: poolNode(targets) }
}

function directTargets(name: string, options: PlannerOptions): readonly Target[] {
  const slash = name.indexOf('/')
  const named = slash > 0 ? options.targets(name.slice(0, slash), name.slice(slash + 1)) : []
  if (named.length > 0) return named
  const providerId = options.directory.providerFor(name)
  return providerId === undefined ? [] : options.targets(providerId, name)
}

function modelsProvider(modelId: string | undefined, options: PlannerOptions): string | undefined {
  if (modelId === undefined) return undefined
  const [target] = namedTargets(modelId, options)
  return target?.provider.id
}

/** All that a model's name stands for; none where nobody knows it. */
function namedTargets(modelId: string, options: PlannerOptions): readonly Target[] {
  const route = options.routes.get(modelId)
  return route === undefined ? directTargets(modelId, options) : targetsOf(route.root)
}

function noneMeant(routeName: string, unmet: readonly UnmetCondition[]): GatewayError {
  const conditions = unmet.map(({ source }) => source).join('; ')
  return new GatewayError(
    'capability_missing',
    `No target of the route ${routeName} is meant for this request: of its conditions none holds (${conditions}).`,
  )
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
