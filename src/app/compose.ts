/**
 * The one place that wires. The ground lives as long as the process; a house is built on it for each configuration and
 * replaced as a whole when the configuration changes, so that a request sees one configuration from beginning to end.
 */

import { type Admission, createAdmission } from '../admission/admission.ts'
import { targetDialects as dialects } from '../dialects/index.ts'
import { type BackgroundAnswers, createBackgroundAnswers } from '../exchange/background-answers.ts'
import type { Gateway, ModelEntry } from '../exchange/gateway.ts'
import { createGateway } from '../exchange/serve.ts'
import { createExecution } from '../execution/run-plan.ts'
import { createKeyring } from '../keys/keyring.ts'
import { factsOfTarget } from '../providers/model-facts.ts'
import { costOf } from '../ledger/cost-of.ts'
import type { Target } from '../providers/provider.ts'
import { stateOriginOf } from '../providers/target.ts'
import { createIdMakers, type IdMakers } from '../provenance/id-makers.ts'
import { createStateMakers } from '../provenance/state-makers.ts'
import { createToolCallSignatures } from '../provenance/tool-call-signatures.ts'
import type { StateMemory } from '../provenance/watch-state.ts'
import { createResponseStore, type ResponseStore } from '../archive/response-store.ts'
import { createTargetHealth, type TargetHealth } from '../resilience/target-health.ts'
import { createModelDirectory } from '../routing/model-directory.ts'
import { createPlanner } from '../routing/planner.ts'
import type { Route } from '../routing/route.ts'
import type { Clock } from '../std/clock.ts'
import type { IdSource, Random } from '../std/ids.ts'
import type { Secret } from '../std/secret.ts'
import type { Transport } from '../std/transport.ts'
import type { Telemetry } from '../telemetry/records.ts'
import type { FetchDeps } from '../upstream/fetch-json.ts'
import { type AuthorizerOf, createAuthorizers } from '../upstream/authorize/authorizers.ts'
import { secretParts } from '../upstream/authorize/secret-parts.ts'
import { createRedactor, redactError } from '../upstream/redact.ts'
import { createSender } from '../upstream/send.ts'
import { readVersion } from './version.ts'
import { createTargetTable } from './target-table.ts'
import type { ConfiguredProvider, ConfiguredRoute, HoldfastConfig } from './config/config.ts'
import { listKey, type ModelLists } from './discover-models.ts'

const USER_AGENT = `holdfast/${readVersion()}`

/** What outlives every configuration: time, chance, sockets, and what is remembered of targets. */
export interface Ground {
  readonly clock: Clock
  readonly random: Random
  readonly ids: IdSource
  readonly telemetry: Telemetry
  readonly health: TargetHealth
  readonly transport: Transport
  /** Answers that clients may come back to, and those that are being made without them. */
  readonly responses: ResponseStore
  readonly background: BackgroundAnswers
  /** Who made the state that clients send back. */
  readonly state: StateMemory
  /** Which provider has a file or a batch. */
  readonly idMakers: IdMakers
  /** What signs requests where a key is not simply a header. */
  readonly authorizerOf: AuthorizerOf
}

export type GroundParts = Omit<
  Ground,
  'health' | 'responses' | 'background' | 'state' | 'idMakers' | 'authorizerOf'
>

export function createGround(parts: GroundParts): Ground {
  const responses = createResponseStore(parts)
  return {
    ...parts,
    health: createTargetHealth(),
    responses,
    background: createBackgroundAnswers({ ...parts, responses }),
    state: { makers: createStateMakers(), calls: createToolCallSignatures() },
    idMakers: createIdMakers(),
    authorizerOf: createAuthorizers(parts),
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
  isAccepting(): boolean
}

export function composeHouse(ground: Ground, options: HouseOptions): House {
  const { config } = options
  const { clock, telemetry, health, transport, random } = ground
  const redactor = createRedactor([...config.secrets, ...partsOf(config)], hostsOf(config))
  const sender = createSender({
    transport,
    clock,
    telemetry,
    redactor,
    dialects,
    authorizerOf: ground.authorizerOf,
    limits: { responseBytesMax: config.limits.responseBytes },
    userAgent: USER_AGENT,
  })
  const target = createTargetTable(config.providers)
  const directory = createModelDirectory(
    config.providers.map((one) => ({ provider: one.provider, modelIds: modelsOf(one, options.modelLists) })),
  )
  const routes = new Map(config.routes.map((route) => [route.name, resolveRoute(route, target)]))
  const planner = createPlanner({
    routes,
    directory,
    health,
    target,
    factsOf: factsOfTarget,
    ownerOf: (id) => ground.idMakers.makerOf(id),
    knowsFiles: () => !ground.idMakers.isEmpty,
  })
  const execution = createExecution({
    clock,
    random,
    telemetry,
    health,
    state: ground.state,
    costOf: (one, usage) => costOf(usage, factsOfTarget(one)?.prices),
    dialects,
    send: (request) => sender.send(request),
    redact: (error) => redactError(error, redactor),
    onIds(ids, provider) {
      for (const id of ids) {
        ground.idMakers.remember(id, provider.id)
        ground.state.makers.remember(id, stateOriginOf(provider))
      }
    },
    contextWindow: (target) => factsOfTarget(target)?.contextTokens,
  })
  const admission = admissionFor(config, options.before)
  const gateway = createGateway({
    clock,
    telemetry,
    keyring: createKeyring(config.keys),
    admission,
    planner,
    execution,
    responses: ground.responses,
    background: ground.background,
    makerOfId: (id) => ground.idMakers.makerOf(id),
    models: () => listModels(config, directory.list()),
    readiness: () =>
      options.isAccepting()
        ? { isReady: true, reasons: [] }
        : { isReady: false, reasons: ['The gateway is shutting down.'] },
  })
  return { config, gateway, admission }
}

/** One count of what is in flight, as long as its bounds stay the same. */
function admissionFor({ limits }: HoldfastConfig, before: House | undefined): Admission {
  const known = before?.config.limits
  const isSame =
    known?.requestsInFlight === limits.requestsInFlight && known.bufferedBytes === limits.bufferedBytes
  if (before && isSame) return before.admission
  return createAdmission({
    requestsInFlightMax: limits.requestsInFlight,
    bufferedBytesMax: limits.bufferedBytes,
  })
}

/** A credential of several parts must not appear in pieces either. */
function partsOf({ providers }: HoldfastConfig): readonly Secret[] {
  return providers.flatMap(({ provider, credential }) =>
    credential === undefined ? [] : secretParts(provider.auth, credential),
  )
}

function hostsOf(config: HoldfastConfig): readonly string[] {
  return config.providers.map(({ provider }) => new URL(provider.baseUrl).host)
}

function modelsOf(configured: ConfiguredProvider, lists: ModelLists): readonly string[] {
  return [...new Set([...(configured.models ?? []), ...(lists.get(listKey(configured.provider)) ?? [])])]
}

/** The configuration was checked: every target of a route names a configured provider. */
function resolveRoute(
  route: ConfiguredRoute,
  target: (providerId: string, modelId: string) => Target | undefined,
): Route {
  const targets = route.targets.flatMap((id) => {
    const slash = id.indexOf('/')
    return target(id.slice(0, slash), id.slice(slash + 1)) ?? []
  })
  return {
    name: route.name,
    targets,
    deadlineMs: route.deadlineMs,
    retries: route.retries,
    isStrict: route.isStrict,
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
