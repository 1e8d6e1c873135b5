/** The story of a request: admitted, planned, run, settled. When a step is added, a verb is added here and a room below. */

import type { CallerLimits, LimitPermit } from '../admission/caller-limits.ts'
import { type Priority, PRIORITY_HEADER, readPriority } from '../admission/priority.ts'
import { GatewayError, toGatewayError } from '../errors/gateway-error.ts'
import type { Exchange } from '../execution/exchange.ts'
import type { Reply } from '../execution/reply.ts'
import type { Execution, Standing } from '../execution/execution.ts'
import { isScoped, mayKnow } from '../keys/scopes.ts'
import type { Books } from '../ledger/books.ts'
import type { RequestBooks } from '../ledger/request-books.ts'
import { affinityKeyOf } from '../routing/affinity-key.ts'
import { conditionFacts } from '../routing/condition-facts.ts'
import { type Plan, targetNodes } from '../routing/plan.ts'
import type { Planner, PlanWishes } from '../routing/planner.ts'
import { createRequestNeeds } from '../routing/request-needs.ts'
import { readStrictHeader } from '../routing/strict-header.ts'
import { preferTarget } from '../routing/prefer-target.ts'
import { readIdempotencyKey } from '../journal/idempotency-key.ts'
import type { BodyKeeper } from '../archive/body-keeper.ts'
import type { BodyNote } from '../archive/body-note.ts'
import type { ResponseStore } from '../archive/response-store.ts'
import type { Clock } from '../std/clock.ts'
import type { Telemetry } from '../telemetry/records.ts'
import { ownerOf, recallOwnerOf } from './caller-owner.ts'
import { standingOf as limitStandingOf, takeLimits } from './limits-of-request.ts'
import type { Recall, RecallFacts } from './recall.ts'
import type { RecallStep } from './recall-step.ts'
import { attributionFor } from './request-row.ts'
import { planInScopes } from './scoped-plan.ts'
import type { BackgroundAnswers } from './background-answers.ts'
import type { Explanations } from './explanations.ts'
import { keepAnswer } from './keep-answer.ts'
import { createKeptAnswers } from './kept-answers.ts'
import { noteReply, noteRequest } from './note-bodies.ts'
import { refuseEventsWithoutKey } from './numbered-events.ts'
import { type Archive, findReferences, type FoundRequest } from './references.ts'
import { arrivedAtWallMs, recordFailure, recordRefusal, settle } from './settle.ts'
import { startOnce } from './start-once.ts'
import type { Admission, Caller, Gateway, ModelEntry, Permit, Readiness } from './gateway.ts'

/** The rooms a request passes through, in this order. */
export interface Rooms {
  readonly clock: Clock
  readonly telemetry: Telemetry
  readonly keyring: { authenticate(clientKey: string | undefined): Caller | Promise<Caller> }
  readonly books: Books
  /** What keys and projects may ask. */
  readonly limits: CallerLimits
  /** Answers that were given before, or are being given. */
  readonly recall: Recall
  readonly admission: { enter(priority?: Priority): Permit }
  readonly planner: Planner
  readonly execution: Execution
  readonly responses: ResponseStore
  /** What was asked and answered, for those who want it kept. */
  readonly bodies: BodyKeeper
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
    models: (caller) => rooms.models().filter(({ id }) => mayKnowModel(caller, id)),
    readiness: () => rooms.readiness(),
  }
}

function admit(
  clientKey: string | undefined,
  priority: Priority | undefined,
  rooms: Rooms,
): Admission | Promise<Admission> {
  const caller = rooms.keyring.authenticate(clientKey)
  return caller instanceof Promise
    ? caller.then((known) => enter(known, priority, rooms))
    : enter(caller, priority, rooms)
}

function enter(caller: Caller, priority: Priority | undefined, rooms: Rooms): Admission {
  const permit = rooms.admission.enter(priority)
  return { caller, hold: (bytes) => permit.hold(bytes), release: () => permit.release() }
}

export async function serve(asked: Exchange, admission: Admission, rooms: Rooms): Promise<Reply> {
  let plan: Plan | undefined
  let exchange = asked
  let books: RequestBooks | undefined
  let permit: LimitPermit | undefined
  let note: BodyNote | undefined
  try {
    exchange = attributed(asked, admission)
    const found = findReferences(asked, archiveOf(admission, rooms))
    if (found?.references.isBackground === true) return await serveInBackground(exchange, admission, rooms)
    note = noteRequest(asked, admission.caller, rooms.bodies)
    if (found?.referring !== undefined) exchange = { ...exchange, referring: found.referring }
    const opened = openBooks(exchange, admission, rooms)
    books = opened
    const standing = () => limitStandingOf(admission.caller, opened, rooms)
    admission.standing = standing
    const cost = () => opened.cost
    admission.cost = cost
    const taken = takeLimits(exchange, admission, rooms)
    permit = taken.permit
    plan = scopedPlanOf(exchange, { admission, maker: found?.referring?.maker }, rooms)
    const reply = await answer(
      exchange,
      { admission, plan, books, permit, refusal: taken.refusal, found },
      rooms,
    )
    return note === undefined ? reply : noteReply(reply, exchange, note)
  } catch (thrown) {
    note?.end()
    admission.release()
    const error = toGatewayError(thrown)
    books ??= openBooks(exchange, admission, rooms)
    recordFailure(error, { exchange, admission, plan, books, permit }, rooms)
    throw error
  }
}

/** The plan for what the caller may use. */
function scopedPlanOf(
  exchange: Exchange,
  { admission: { caller }, maker }: { readonly admission: Admission; readonly maker: string | undefined },
  rooms: Rooms,
): Plan {
  const { modelId } = exchange.envelope
  const { operation } = exchange
  return planInScopes(() => preferTarget(planOf(exchange, caller, rooms), maker), caller, {
    modelId,
    operation,
  })
}

interface Prepared {
  readonly admission: Admission
  readonly plan: Plan
  readonly books: RequestBooks
  readonly permit: LimitPermit
  /** It may only read along with what is under way. */
  readonly refusal: GatewayError | undefined
  readonly found: FoundRequest | undefined
}

/** An answer that was made before, or is being made, or one that is made now. */
async function answer(exchange: Exchange, prepared: Prepared, rooms: Rooms): Promise<Reply> {
  const { admission, plan, books } = prepared
  const served = { ...prepared, exchange }
  const { caller } = admission
  const facts = {
    ...recallFacts(plan, caller),
    serve: (own: Exchange) => serve(own, ownAdmission(caller), rooms),
  }
  const begun =
    prepared.refusal === undefined
      ? rooms.recall.begin(exchange, facts)
      : joinUnderWay(exchange, facts, prepared.refusal, rooms)
  const step = begun instanceof Promise ? await begun : begun
  if (step.type !== 'run') {
    const reply = await step.reply
    // Who was told an answer has a row, whatever dies now.
    const accepted = books.accepted()
    if (accepted !== undefined) await accepted
    settle(reply, reply, served, rooms)
    return reply
  }
  try {
    const standing = { ...standingOf(exchange, { plan, admission }, rooms), books }
    const made = keep(await rooms.execution.run(plan, step.exchange, standing), exchange, prepared, rooms)
    const reply = await step.watch(made)
    settle(reply, made, served, rooms)
    return reply
  } catch (error) {
    step.failed(error, books.costNanoUsd !== 0)
    throw error
  }
}

/** Throws `refusal` where what was under way is over. */
async function joinUnderWay(
  exchange: Exchange,
  facts: RecallFacts,
  refusal: GatewayError,
  { recall }: Rooms,
): Promise<RecallStep> {
  const step = await recall.join(exchange, facts)
  if (step === undefined) throw refusal
  return step
}

/** What is asked for the sake of a request has its place. */
function ownAdmission(caller: Caller): Admission {
  return { caller, isOwn: true, hold() {}, release() {} }
}

function recallFacts({ routeName, cache, root, isStrict }: Plan, caller: Caller): RecallFacts {
  return {
    owner: recallOwnerOf(caller),
    routeName,
    cache,
    isStrict,
    targets: () => targetNodes(root).map(({ target }) => target.id),
  }
}

/**
 * Whose it is. Before a budget is asked, and once: what is made of the request later has what its client said, not what its
 * own body says.
 */
function attributed(exchange: Exchange, { caller }: Admission): Exchange {
  const tenant = ownerOf(caller)
  const inBody = exchange.inBody ?? exchange.dialect.readAttribution?.(exchange.body, exchange.envelope)
  if (tenant === undefined && inBody === exchange.inBody) return exchange
  return {
    ...exchange,
    ...(tenant === undefined ? {} : { tenant }),
    ...(inBody === undefined ? {} : { inBody }),
  }
}

function openBooks(exchange: Exchange, { caller }: Admission, { books, clock }: Rooms): RequestBooks {
  const { id, dialect, operation, envelope } = exchange
  return books.begin({
    opened: {
      exchangeId: id,
      atMs: arrivedAtWallMs(exchange, clock),
      attribution: attributionFor(exchange, caller),
      dialect: dialect.id,
      operation,
      ...(envelope.modelId === '' ? {} : { modelId: envelope.modelId }),
      stream: envelope.stream,
      requestBytes: envelope.bodyBytes,
    },
    ...(caller.line === undefined ? {} : { keyIds: caller.line }),
  })
}

/** A route is known by its name, and a model by its own or as `provider/model`. */
function mayKnowModel(caller: Caller, id: string): boolean {
  return !isScoped(caller) || mayKnow(caller, { modelId: id, route: id, target: id })
}

/** How urgent the request is, and whether its client or its route wants to know why it went as it did. */
function standingOf(
  { id, headers }: Exchange,
  { plan, admission }: { readonly plan: Plan; readonly admission: Admission },
  { explanations }: Rooms,
): Standing {
  const priority = readPriority(headers[PRIORITY_HEADER])
  if (!plan.isExplained && headers[EXPLAIN_HEADER] !== '1') return { priority }
  return { priority, onTrace: (trace) => explanations.keep(id, admission.caller, trace) }
}

/** `1` asks for the decision trace. */
const EXPLAIN_HEADER = 'x-holdfast-explain'

function archiveOf(admission: Admission, rooms: Rooms): Archive {
  return {
    owner: ownerOf(admission.caller),
    store: rooms.responses,
    hold: (bytes) => admission.hold(bytes),
  }
}

/** By the model, or, where none says who serves the request, by who has what it speaks of. */
function planOf(exchange: Exchange, caller: Caller, rooms: Rooms): Plan {
  const { asked, envelope, dialect } = exchange
  const nowMs = rooms.clock.nowMs()
  const isByModel = asked === undefined || (asked.spec.placedBy === 'model' && envelope.modelId !== '')
  if (isByModel) return rooms.planner.plan(envelope, nowMs, wishesOf(exchange, caller, rooms))
  const { spec, reference, providerId } = asked
  const likely = [asked.id, reference?.id].map((id) => (id === undefined ? id : rooms.makerOfId(id)))
  const question = { spec, dialect: dialect.id, named: providerId, likely }
  return rooms.planner.planProvider(question, reference?.modelId, nowMs)
}

/** What the request asks of its plan; it is decoded, and its facts are found out, only where a route or a target asks. */
function wishesOf(exchange: Exchange, caller: Caller, { clock }: Rooms): PlanWishes {
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
        keyName: caller.keyName,
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
async function serveInBackground(exchange: Exchange, admission: Admission, rooms: Rooms): Promise<Reply> {
  const { caller } = admission
  const start = (own: Exchange) =>
    rooms.background.start(own, ownerOf(caller), (detached) => serve(detached, admission, rooms))
  if (readIdempotencyKey(exchange.headers) === undefined) {
    refuseEventsWithoutKey(exchange)
    return start(exchange)
  }
  const reply = await startOnce(exchange, { owner: recallOwnerOf(caller), recall: rooms.recall, start })
  if (reply.recall === undefined) return reply
  // Nothing of our own is served for it, which would give its place back.
  const books = openBooks(exchange, admission, rooms)
  await books.accepted()
  settle(reply, reply, { exchange, admission, plan: undefined, books, permit: undefined }, rooms)
  return reply
}

/**
 * A client may come back to this answer, or refer to it in its next request. It is kept as it is made and not as it is
 * read: under a key it is made to its end though its client left, who is given it again when he comes back.
 */
function keep(
  made: Reply,
  exchange: Exchange,
  { admission, found }: Pick<Prepared, 'admission' | 'found'>,
  rooms: Rooms,
): Reply {
  const { conversation } = exchange.dialect
  if (conversation === undefined || found?.references.isStored !== true) return made
  const { references } = found
  const owner = ownerOf(admission.caller)
  const turn = { exchange, conversation, references, owner, maker: makerOf(made, exchange) }
  return keepAnswer(made, turn, rooms.responses)
}

/** A target that speaks the client's dialect made it under an id of its own, and remembers it. */
function makerOf({ target }: Reply, { dialect }: Exchange): string | undefined {
  if (target === undefined) return undefined
  const { provider } = target
  const isNative = provider.dialect === dialect.id || provider.alsoSpeaks?.includes(dialect.id) === true
  return isNative ? target.id : undefined
}
