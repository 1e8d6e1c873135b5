/** The story of a request: admitted, planned, run, settled. When a step is added, a verb is added here and a room below. */

import { type Priority, PRIORITY_HEADER, readPriority } from '../admission/priority.ts'
import { describeDefect } from '../errors/describe-defect.ts'
import { GatewayError, toGatewayError } from '../errors/gateway-error.ts'
import type { Exchange } from '../execution/exchange.ts'
import type { Reply, Settlement } from '../execution/reply.ts'
import type { Execution, Standing } from '../execution/execution.ts'
import { affinityKeyOf } from '../routing/affinity-key.ts'
import { conditionFacts } from '../routing/condition-facts.ts'
import type { Plan } from '../routing/plan.ts'
import type { Planner, PlanWishes } from '../routing/planner.ts'
import { createRequestNeeds } from '../routing/request-needs.ts'
import { readStrictHeader } from '../routing/strict-header.ts'
import { preferTarget } from '../routing/prefer-target.ts'
import type { ResponseStore } from '../archive/response-store.ts'
import type { Clock } from '../std/clock.ts'
import type { ExchangeRecord, Telemetry, TerminalState } from '../telemetry/records.ts'
import type { BackgroundAnswers } from './background-answers.ts'
import type { Explanations } from './explanations.ts'
import { keepAnswer } from './keep-answer.ts'
import { createKeptAnswers } from './kept-answers.ts'
import { type Archive, findReferences, type FoundRequest } from './references.ts'
import { sessionOf } from './session.ts'
import type { Admission, Caller, Gateway, ModelEntry, Permit, Readiness, Refusal } from './gateway.ts'

/** The rooms a request passes through, in this order. */
export interface Rooms {
  readonly clock: Clock
  readonly telemetry: Telemetry
  readonly keyring: { authenticate(clientKey: string | undefined): Caller }
  readonly admission: { enter(priority?: Priority): Permit }
  readonly planner: Planner
  readonly execution: Execution
  readonly responses: ResponseStore
  readonly background: BackgroundAnswers
  readonly explanations: Explanations
  /** The provider that is known to have a file or a batch. */
  makerOfId(id: string): string | undefined
  models(): readonly ModelEntry[]
  readiness(): Readiness
}

export function createGateway(rooms: Rooms): Gateway {
  return {
    admit: (clientKey, priority) => admit(clientKey, priority, rooms),
    serve: (exchange, admission) => serve(exchange, admission, rooms),
    refuse: (refusal) => recordRefusal(refusal, rooms),
    answers: createKeptAnswers(rooms.responses, rooms.background),
    explain: (requestId, caller) => rooms.explanations.find(requestId, caller),
    models: () => rooms.models(),
    readiness: () => rooms.readiness(),
  }
}

function admit(clientKey: string | undefined, priority: Priority | undefined, rooms: Rooms): Admission {
  const caller = rooms.keyring.authenticate(clientKey)
  const permit = rooms.admission.enter(priority)
  return { caller, hold: (bytes) => permit.hold(bytes), release: () => permit.release() }
}

export async function serve(asked: Exchange, admission: Admission, rooms: Rooms): Promise<Reply> {
  let plan: Plan | undefined
  let exchange = withTenant(asked, admission)
  try {
    const found = findReferences(asked, archiveOf(admission, rooms))
    if (found?.references.isBackground === true) return serveInBackground(asked, admission, rooms)
    if (found?.referring !== undefined) exchange = { ...exchange, referring: found.referring }
    plan = preferTarget(planOf(exchange, rooms), found?.referring?.maker)
    const reply = await rooms.execution.run(plan, exchange, standingOf(exchange, { plan, admission }, rooms))
    settle(reply, { exchange, admission, plan }, rooms)
    return found?.references.isStored === true ? keep(reply, { exchange, admission }, found, rooms) : reply
  } catch (thrown) {
    admission.release()
    const error = toGatewayError(thrown)
    recordFailure(error, { exchange, admission, ...(plan === undefined ? {} : { plan }) }, rooms)
    throw error
  }
}

function withTenant(exchange: Exchange, { caller: { keyName } }: Admission): Exchange {
  return keyName === undefined ? exchange : { ...exchange, tenant: keyName }
}

/** How urgent the request is, and whether its client or its route wants to know why it went as it did. */
function standingOf(
  { id, headers }: Exchange,
  { plan, admission }: { readonly plan: Plan; readonly admission: Admission },
  { explanations }: Rooms,
): Standing {
  const priority = readPriority(headers[PRIORITY_HEADER])
  if (!plan.isExplained && headers[EXPLAIN_HEADER] !== '1') return { priority }
  return { priority, onTrace: (explain) => explanations.keep(id, admission.caller, explain) }
}

/** `1` asks for the decision trace. */
const EXPLAIN_HEADER = 'x-holdfast-explain'

function archiveOf(admission: Admission, rooms: Rooms): Archive {
  return {
    owner: admission.caller.keyName,
    store: rooms.responses,
    hold: (bytes) => admission.hold(bytes),
  }
}

/** By the model, or, where none says who serves the request, by who has what it speaks of. */
function planOf(exchange: Exchange, rooms: Rooms): Plan {
  const { asked, envelope, dialect } = exchange
  const nowMs = rooms.clock.nowMs()
  const isByModel = asked === undefined || (asked.spec.placedBy === 'model' && envelope.modelId !== '')
  if (isByModel) return rooms.planner.plan(envelope, nowMs, wishesOf(exchange, rooms))
  const { spec, reference, providerId } = asked
  const likely = [asked.id, reference?.id].map((id) => (id === undefined ? id : rooms.makerOfId(id)))
  const question = { spec, dialect: dialect.id, named: providerId, likely }
  return rooms.planner.planProvider(question, reference?.modelId, nowMs)
}

/** What the request asks of its plan; it is decoded, and its facts are found out, only where a route or a target asks. */
function wishesOf(exchange: Exchange, { clock }: Rooms): PlanWishes {
  const { dialect, operation, headers, named, tenant } = exchange
  const isStrict = readStrictHeader(headers)
  const { body, envelope } = operation === 'chat' ? saidInFull(exchange) : exchange
  const needs =
    operation === 'chat'
      ? createRequestNeeds({ envelope, body, decode: () => dialect.readRequest(body, named) })
      : undefined
  return {
    isStrict,
    ...(needs === undefined ? {} : { needs }),
    facts: () =>
      conditionFacts({
        envelope,
        headers,
        keyName: tenant,
        priority: readPriority(headers[PRIORITY_HEADER]),
        wallMs: clock.wallMs(),
        ...(needs === undefined ? {} : { needs }),
      }),
    affinityKey: () => affinityKeyOf(envelope, body, tenant),
  }
}

/** Where it cannot be said in full, whoever remembers what it refers to may serve it all the same. */
function saidInFull(exchange: Exchange): Pick<Exchange, 'body' | 'envelope'> {
  if (exchange.referring?.isComplete !== true) return exchange
  try {
    return exchange.referring.inFull()
  } catch (error) {
    if (error instanceof GatewayError) return exchange
    throw error
  }
}

/** The answer is made by a request of our own, which is served as any other; its client reads along, or comes back. */
function serveInBackground(exchange: Exchange, admission: Admission, rooms: Rooms): Reply {
  return rooms.background.start(exchange, admission.caller.keyName, (detached) =>
    serve(detached, admission, rooms),
  )
}

/** A client may come back to this answer, or refer to it in its next request. */
function keep(
  reply: Reply,
  { exchange, admission }: Served,
  { references }: FoundRequest,
  rooms: Rooms,
): Reply {
  const { conversation } = exchange.dialect
  if (conversation === undefined) return reply
  const owner = admission.caller.keyName
  const turn = { exchange, conversation, references, owner, maker: makerOf(reply, exchange) }
  return keepAnswer(reply, turn, rooms.responses)
}

/** A target that speaks the client's dialect made it under an id of its own, and remembers it. */
function makerOf({ target }: Reply, { dialect }: Exchange): string | undefined {
  if (target === undefined) return undefined
  const { provider } = target
  const isNative = provider.dialect === dialect.id || provider.alsoSpeaks?.includes(dialect.id) === true
  return isNative ? target.id : undefined
}

interface Served {
  readonly exchange: Exchange
  readonly admission: Admission
  /** Absent where it failed before there was one. */
  readonly plan?: Plan
}

/** Attaches the one settlement: however the answer ends, the place is given back and exactly one record is kept. */
function settle(reply: Reply, served: Served, rooms: Rooms): void {
  void reply.settled.then((settlement) => {
    served.admission.release()
    recordReply(reply, settlement, served, rooms)
  })
}

function recordReply(reply: Reply, settlement: Settlement, served: Served, rooms: Rooms): void {
  rooms.telemetry.exchanges.publish({
    ...exchangeFacts(served, rooms),
    state: settlement.state,
    ...targetField(reply),
    attempts: reply.attempts.length,
    ...costField(reply.costNanoUsd?.()),
    status: reply.status,
    responseBytes: settlement.bodyBytes,
    losses: reply.lossesAtEnd?.() ?? reply.losses,
    isSimulated: reply.target?.provider.isSimulated === true,
    ...(reply.routeName === undefined ? {} : { route: reply.routeName }),
    ...(reply.firstTokenMs === undefined ? {} : { firstTokenMs: reply.firstTokenMs }),
    ...(reply.overheadMs === undefined ? {} : { overheadMs: reply.overheadMs }),
    ...(settlement.usage === undefined ? {} : { usage: settlement.usage }),
    ...(settlement.error === undefined ? {} : { code: settlement.error.code }),
  })
  if (settlement.error) publishDefect(settlement.error, served, rooms)
}

/** Who finished the answer. */
function targetField({ target, rescue }: Reply): Pick<ExchangeRecord, 'target' | 'rescueRung'> {
  const rescued = rescue?.()
  if (rescued !== undefined) return { target: rescued.target, rescueRung: rescued.rung }
  return target === undefined ? {} : { target: target.id }
}

function costField(costNanoUsd: number | undefined): Pick<ExchangeRecord, 'costNanoUsd'> {
  return costNanoUsd === undefined ? {} : { costNanoUsd }
}

function recordFailure(error: GatewayError, served: Served, rooms: Rooms): void {
  rooms.telemetry.exchanges.publish({
    ...exchangeFacts(served, rooms),
    state: failureState(error),
    attempts: error.attempts.length,
    status: error.status,
    code: error.code,
    ...ownWords(error),
    responseBytes: 0,
    losses: [],
    isSimulated: false,
    ...(served.plan?.routeName === undefined ? {} : { route: served.plan.routeName }),
  })
  publishDefect(error, served, rooms)
}

/** A defect of our own is said with its place, so that it can be mended. */
function publishDefect(error: GatewayError, { exchange }: Served, rooms: Rooms): void {
  if (error.code !== 'gateway_error') return
  rooms.telemetry.notices.publish({
    level: 'error',
    name: 'gateway_defect',
    message: error.message,
    facts: { exchangeId: exchange.id, ...describeDefect(error) },
  })
}

function exchangeFacts({ exchange, admission, plan }: Served, rooms: Rooms) {
  const skipped = plan?.skipped?.map(({ targetId, lacks }) => `${targetId}: ${lacks.join(', ')}`)
  const sessionId = sessionOf(exchange.headers)
  return {
    ...(sessionId === undefined ? {} : { sessionId }),
    ...(skipped === undefined ? {} : { skipped }),
    exchangeId: exchange.id,
    dialect: exchange.dialect.id,
    operation: exchange.operation,
    ...(exchange.envelope.modelId === '' ? {} : { modelId: exchange.envelope.modelId }),
    stream: exchange.envelope.stream,
    requestBytes: exchange.envelope.bodyBytes,
    durationMs: rooms.clock.nowMs() - exchange.arrivedAtMs,
    ...(admission.caller.keyName === undefined ? {} : { keyName: admission.caller.keyName }),
  }
}

function recordRefusal(refusal: Refusal, rooms: Rooms): void {
  rooms.telemetry.exchanges.publish({
    exchangeId: refusal.exchangeId,
    state: failureState(refusal.error),
    dialect: refusal.dialect,
    operation: 'other',
    attempts: 0,
    stream: false,
    status: refusal.status,
    code: refusal.error.code,
    ...ownWords(refusal.error),
    requestBytes: refusal.requestBytes,
    responseBytes: 0,
    durationMs: refusal.durationMs,
    losses: [],
    isSimulated: false,
    ...(refusal.keyName === undefined ? {} : { keyName: refusal.keyName }),
  })
}

/** Why a request was turned away. Where a provider was asked, its attempt says what came of it. */
function ownWords(error: GatewayError): Pick<ExchangeRecord, 'message'> {
  const isOwn = error.attempts.length === 0 && error.facts.upstreamMessage === undefined
  return isOwn ? { message: error.message } : {}
}

/** Which terminal state a failure is: ours or the provider's, the client's leaving, its fault, or our being full. */
function failureState(error: GatewayError): TerminalState {
  if (error.code === 'client_gone') return 'client_gone'
  if (error.code === 'overloaded' || error.code === 'gateway_shutting_down') return 'shed'
  return error.row.fault === 'client' && error.attempts.length === 0 ? 'rejected' : 'failed'
}
