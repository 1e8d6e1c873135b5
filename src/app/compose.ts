/**
 * The one place that wires. The ground lives as long as the process; a house is built on it for each configuration and
 * replaced as a whole when the configuration changes, so that a request sees one configuration from beginning to end.
 */

import { type Admission, createAdmission } from '../admission/admission.ts'
import { targetDialects as dialects } from '../dialects/index.ts'
import { type BackgroundAnswers, createBackgroundAnswers } from '../exchange/background-answers.ts'
import { createExplanations, type Explanations } from '../exchange/explanations.ts'
import type { Gateway, ModelEntry, Readiness } from '../exchange/gateway.ts'
import { createGateway } from '../exchange/serve.ts'
import { createExecution } from '../execution/run-plan.ts'
import { createDirectoryKeyring, type DirectoryKeyring } from '../keys/directory-keyring.ts'
import { createKeyring } from '../keys/keyring.ts'
import { isLoopbackHost } from '../providers/local-address.ts'
import { factsOfTarget } from '../providers/model-facts.ts'
import { costOf } from '../ledger/cost-of.ts'
import type { Target } from '../providers/provider.ts'
import { stateOriginOf } from '../providers/target.ts'
import { createIdMakers, type IdMakers } from '../provenance/id-makers.ts'
import { createStateMakers } from '../provenance/state-makers.ts'
import { createToolCallSignatures } from '../provenance/tool-call-signatures.ts'
import type { StateMemory } from '../provenance/watch-state.ts'
import { createResponseStore, type ResponseStore } from '../archive/response-store.ts'
import { createTargetGates, type TargetGates } from '../admission/target-gates.ts'
import type { DeliveredMemory } from '../execution/delivered-bytes.ts'
import type { SharedBudgets } from '../execution/effort.ts'
import { HedgeBudgets } from '../execution/hedge-budgets.ts'
import { createFirstTokenTimes, type FirstTokenTimes } from '../resilience/first-token-times.ts'
import { createRetryBudget } from '../resilience/retry-budget.ts'
import { createSpendBudgets, RETRY_SPEND_SHARE, SPEND_WINDOW_MS } from '../resilience/spend-budget.ts'
import { createTargetHealth, type TargetHealth } from '../resilience/target-health.ts'
import { createModelDirectory } from '../routing/model-directory.ts'
import { type ConditionFault, createPlanner, healthKey } from '../routing/planner.ts'
import type { Clock } from '../std/clock.ts'
import type { IdSource, Random } from '../std/ids.ts'
import type { Secret } from '../std/secret.ts'
import type { Transport } from '../std/transport.ts'
import type { NoticeRecord, Telemetry } from '../telemetry/records.ts'
import type { FetchDeps } from '../upstream/fetch-json.ts'
import { type AuthorizerOf, createAuthorizers } from '../upstream/authorize/authorizers.ts'
import { secretParts } from '../upstream/authorize/secret-parts.ts'
import { createRedactor, redactError } from '../upstream/redact.ts'
import { createSender } from '../upstream/send.ts'
import { readVersion } from './version.ts'
import { createTargetTable } from './target-table.ts'
import { buildRoute } from './build-route.ts'
import type { ConfiguredProvider, HoldfastConfig } from './config/config.ts'
import { type Keeping, keepInMemory } from './keeping.ts'
import { listKey, type ModelLists } from './discover-models.ts'

const USER_AGENT = `holdfast/${readVersion()}`

/** What outlives every configuration: time, chance, sockets, and what is remembered of targets. */
export interface Ground {
  readonly clock: Clock
  readonly random: Random
  readonly ids: IdSource
  readonly telemetry: Telemetry
  readonly health: TargetHealth
  /** How many calls each target may have at one time, and who waits for a place. */
  readonly gates: TargetGates
  readonly firstTokenTimes: FirstTokenTimes
  readonly budgets: SharedBudgets
  /** What streams keep of what they delivered, counted for all of them. */
  readonly deliveredMemory: DeliveredMemory
  readonly transport: Transport
  /** Answers that clients may come back to, and those that are being made without them. */
  readonly responses: ResponseStore
  readonly background: BackgroundAnswers
  /** Why recent requests went as they did, for those that asked. */
  readonly explanations: Explanations
  /** Who made the state that clients send back. */
  readonly state: StateMemory
  /** Which provider has a file or a batch. */
  readonly idMakers: IdMakers
  /** The store, the books and the directory of keys. */
  readonly keeping: Keeping
  /** What signs requests where a key is not simply a header. */
  readonly authorizerOf: AuthorizerOf
}

export interface GroundParts extends Pick<Ground, 'clock' | 'random' | 'ids' | 'telemetry' | 'transport'> {
  /** Default: in memory. */
  readonly keeping?: Keeping
}

export function createGround(parts: GroundParts): Ground {
  const responses = createResponseStore(parts)
  return {
    ...parts,
    keeping: parts.keeping ?? keepInMemory(parts),
    health: createTargetHealth({
      random: parts.random,
      onTransition: (transition) => parts.telemetry.transitions.publish(transition),
    }),
    gates: createTargetGates(parts),
    firstTokenTimes: createFirstTokenTimes(),
    budgets: createBudgets(),
    deliveredMemory: { bytes: 0 },
    responses,
    background: createBackgroundAnswers({ ...parts, responses }),
    explanations: createExplanations(),
    state: { makers: createStateMakers(), calls: createToolCallSignatures() },
    idMakers: createIdMakers(),
    authorizerOf: createAuthorizers(parts),
  }
}

/** Second tries of one pool always allowed for so much, 10^-9 US dollars; those without a price are bounded by their number alone. */
const RETRY_SPEND_FLOOR = { floorNanoUsd: 50_000_000, floorCount: Number.MAX_SAFE_INTEGER }
/** What further attempts may cost in all, beside what their number may be. */
function createBudgets(): SharedBudgets {
  return {
    retries: createRetryBudget(),
    retrySpend: createSpendBudgets({
      share: RETRY_SPEND_SHARE,
      windowMs: SPEND_WINDOW_MS,
      ...RETRY_SPEND_FLOOR,
    }),
    hedges: new HedgeBudgets(),
  }
}

/** What asks providers for their lists of models: before there is a configuration, and beside it. */
export function composeProber({ transport, clock, telemetry, authorizerOf }: Ground): FetchDeps {
  const redactor = createRedactor()
  return {
    clock,
    sender: createSender({ transport, clock, telemetry, dialects, redactor, authorizerOf }),
  }
}

export interface House {
  readonly config: HoldfastConfig
  readonly gateway: Gateway
  readonly admission: Admission
}

export interface HouseOptions {
  readonly config: HoldfastConfig
  readonly modelLists: ModelLists
  /** The house before this one: its requests in flight still count. */
  readonly before?: House
  /** Becomes false when the drain begins. */
  readonly isAccepting: () => boolean
  /** Whether the process is behind with its work. Default: it never is. */
  readonly isOverloaded?: () => boolean
  /** Whether it was stuck a moment ago. Default: it never was. */
  readonly isStuck?: () => boolean
}

export function composeHouse(ground: Ground, options: HouseOptions): House {
  // No closure below may hold `options`: it holds the house before, which holds the one before that.
  const { config, modelLists, isAccepting, isOverloaded = never, isStuck = never } = options
  const { clock, telemetry, health, gates, transport, random } = ground
  const redactor = createRedactor([...config.secrets, ...partsOf(config)], hostsOf(config))
  ground.keeping.bodies.use({ settings: config.requests, redact: (text) => redactor.redact(text) })
  const sender = createSender({
    transport,
    clock,
    telemetry,
    redactor,
    dialects,
    authorizerOf: ground.authorizerOf,
    limits: { responseBytesMax: config.limits.responseBytes },
    userAgent: USER_AGENT,
    onHead: (one, { status, headers }) =>
      gates.noteHead(healthKey(one).target, status, headers, clock.nowMs()),
  })
  const targets = createTargetTable(config.providers, (one, slots) =>
    gates.setSlots(healthKey(one).target, slots),
  )
  const directory = createModelDirectory(
    config.providers.map((one) => ({ provider: one.provider, modelIds: modelsOf(one, modelLists) })),
  )
  const routes = new Map(config.routes.map((route) => [route.name, buildRoute(route, targets)]))
  const planner = createPlanner({
    routes,
    directory,
    health,
    random,
    gates,
    firstTokenTimes: ground.firstTokenTimes,
    targets,
    factsOf: factsOfTarget,
    pricesOf: (one) => factsOfTarget(one)?.prices,
    ownerOf: (id) => ground.idMakers.makerOf(id),
    knowsFiles: () => !ground.idMakers.isEmpty,
    onConditionFault: (fault) => telemetry.notices.publish(conditionNotice(fault)),
  })
  const execution = createExecution({
    clock,
    random,
    telemetry,
    health,
    gates,
    firstTokenTimes: ground.firstTokenTimes,
    budgets: ground.budgets,
    deliveredMemory: ground.deliveredMemory,
    state: ground.state,
    costOf: (one, usage, asked) => costOf(usage, factsOfTarget(one)?.prices, asked),
    dialects,
    send: (request) => sender.send(request),
    redact: (error) => redactError(error, redactor),
    onIds(ids, provider) {
      for (const id of ids) {
        ground.idMakers.remember(id, provider.id)
        ground.state.makers.remember(id, stateOriginOf(provider))
      }
    },
    factsOf: factsOfTarget,
  })
  const admission = admissionFor(config, options.before, isOverloaded)
  const gateway = createGateway({
    clock,
    telemetry,
    keyring: keyringFor(config, ground.keeping),
    books: ground.keeping.books,
    limits: ground.keeping.limits,
    recall: ground.keeping.recall,
    admission,
    planner,
    execution,
    responses: ground.responses,
    bodies: ground.keeping.bodies,
    background: ground.background,
    explanations: ground.explanations,
    makerOfId: (id) => ground.idMakers.makerOf(id),
    models: () => listModels(config, directory.list()),
    readiness: () =>
      readinessOf({
        isAccepting: isAccepting(),
        isStuck: isStuck(),
        isOverloaded: isOverloaded(),
        troubles: ground.keeping.troubles(),
      }),
  })
  return { config, gateway, admission }
}

/** One count of what is in flight, as long as its bounds stay the same. */
function admissionFor(
  { limits }: HoldfastConfig,
  before: House | undefined,
  isOverloaded: () => boolean,
): Admission {
  const known = before?.config.limits
  const isSame =
    known?.requestsInFlight === limits.requestsInFlight && known.bufferedBytes === limits.bufferedBytes
  if (before && isSame) return before.admission
  return createAdmission({
    requestsInFlightMax: limits.requestsInFlight,
    bufferedBytesMax: limits.bufferedBytes,
    isOverloaded,
  })
}

const never = (): boolean => false

interface ReadinessFacts {
  readonly isAccepting: boolean
  readonly isStuck: boolean
  readonly isOverloaded: boolean
  readonly troubles: readonly string[]
}

function readinessOf({ isAccepting, isStuck, isOverloaded, troubles }: ReadinessFacts): Readiness {
  if (!isAccepting) return { isReady: false, reasons: ['The gateway is shutting down.'] }
  if (isStuck)
    return {
      isReady: false,
      reasons: ['The gateway was stuck, and may be again: it is given 10 s.', ...troubles],
    }
  const reasons = isOverloaded ? ['The gateway is behind with its work.', ...troubles] : troubles
  return reasons.length === 0 ? { isReady: true, reasons } : { isReady: true, isDegraded: true, reasons }
}

/** Where keys are kept, nobody from beyond this machine is let in without one, even while there is none. */
function keyringFor({ keys, listen }: HoldfastConfig, { directory }: Keeping): Keyring {
  if (directory === undefined) return createKeyring(keys)
  return createDirectoryKeyring(keys, directory, { isClosed: !isLoopbackHost(listen.host) })
}

type Keyring = Pick<DirectoryKeyring, 'authenticate'>

/** A credential of several parts must not appear in pieces either. */
function partsOf({ providers }: HoldfastConfig): readonly Secret[] {
  return providers.flatMap(({ provider, credential, pool = [credential] }) =>
    pool.flatMap((one) => (one === undefined ? [] : secretParts(provider.auth, one))),
  )
}

function hostsOf(config: HoldfastConfig): readonly string[] {
  return config.providers.map(({ provider }) => new URL(provider.baseUrl).host)
}

function modelsOf(configured: ConfiguredProvider, lists: ModelLists): readonly string[] {
  return [...new Set([...(configured.models ?? []), ...(lists.get(listKey(configured.provider)) ?? [])])]
}

function conditionNotice({ routeName, source, reason }: ConditionFault): NoticeRecord {
  return {
    level: 'error',
    name: 'condition_failed',
    message: `A condition of the route ${routeName} cannot be evaluated for a request, and so does not hold: ${reason}.`,
    facts: { route: routeName, condition: source },
  }
}

function listModels(
  config: HoldfastConfig,
  served: readonly { readonly id: string; readonly provider: Target['provider'] }[],
): readonly ModelEntry[] {
  return [
    ...config.routes.map((route) => ({ id: route.name, ownedBy: 'holdfast', isSimulated: false })),
    ...served.map(({ id, provider }) => ({
      id,
      ownedBy: provider.id,
      isSimulated: provider.isSimulated === true,
    })),
  ]
}
