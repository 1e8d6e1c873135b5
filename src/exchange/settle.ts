/** How a request ends: its place and its limits given back, its books closed, and exactly one record of it published. */

import type { LimitPermit } from '../admission/caller-limits.ts'
import { NO_TOKENS } from '../admission/limit-terms.ts'
import { describeDefect } from '../errors/describe-defect.ts'
import type { GatewayError } from '../errors/gateway-error.ts'
import { isFree } from '../execution/attempt-money.ts'
import type { Exchange } from '../execution/exchange.ts'
import type { Reply, Settlement } from '../execution/reply.ts'
import type { Cost } from '../ledger/cost.ts'
import type { RequestBooks } from '../ledger/request-books.ts'
import type { Plan } from '../routing/plan.ts'
import type { Clock } from '../std/clock.ts'
import type { ExchangeRecord, Telemetry, TerminalState } from '../telemetry/records.ts'
import type { Admission, Refusal } from './gateway.ts'
import { rowOf } from './request-row.ts'

export interface SettlingRooms {
  readonly clock: Clock
  readonly telemetry: Telemetry
}

/** A request that is served, as far as it has come. */
export interface Served {
  readonly exchange: Exchange
  readonly admission: Admission
  /** Absent where it failed before there was one. */
  readonly plan: Plan | undefined
  readonly books: RequestBooks | undefined
  readonly permit: LimitPermit | undefined
}

/** Attaches the one settlement: however the answer ends, the place is given back and exactly one record is kept. */
export function settle(reply: Reply, made: Reply, served: Served, rooms: SettlingRooms): void {
  // At once, not when it is over: others have the tokens while it is read.
  if (takesNoTokens(reply, served.exchange)) served.permit?.settle(NO_TOKENS)
  void reply.settled.then((settlement) => {
    served.admission.release()
    served.permit?.settle(settlement.usage ?? {})
    served.permit?.release()
    const how = recordReply(reply, settlement, served, rooms)
    // Where others share the answer it goes on without this client, and costs what it costs.
    if (made === reply) closeBooks(how, served, rooms)
    else void made.settled.then(() => closeBooks(how, served, rooms))
  })
}

/** What was given before costs nobody anything, and what is free never does; the request itself stays counted. */
function takesNoTokens({ recall }: Reply, exchange: Exchange): boolean {
  return recall !== undefined || isFree(exchange)
}

function recordReply(
  reply: Reply,
  settlement: Settlement,
  served: Served,
  rooms: SettlingRooms,
): ExchangeRecord {
  const how: ExchangeRecord = {
    ...exchangeFacts(served, rooms),
    state: settlement.state,
    ...targetField(reply),
    attempts: reply.attempts.length,
    ...costFields(reply.cost?.()),
    status: reply.status,
    responseBytes: settlement.bodyBytes,
    losses: reply.lossesAtEnd?.() ?? reply.losses,
    isSimulated: reply.target?.provider.isSimulated === true,
    ...(reply.routeName === undefined ? {} : { route: reply.routeName }),
    ...(reply.firstTokenMs === undefined ? {} : { firstTokenMs: reply.firstTokenMs }),
    ...(reply.overheadMs === undefined ? {} : { overheadMs: reply.overheadMs }),
    ...(settlement.usage === undefined ? {} : { usage: settlement.usage }),
    ...(settlement.error === undefined ? {} : { code: settlement.error.code }),
    ...(reply.recall === undefined ? {} : { recall: reply.recall }),
  }
  rooms.telemetry.exchanges.publish(how)
  if (settlement.error) publishDefect(settlement.error, served, rooms)
  return how
}

function closeBooks(how: ExchangeRecord, { exchange, books }: Served, { clock }: SettlingRooms): void {
  books?.close(
    rowOf(how, {
      attribution: books.attribution,
      atMs: arrivedAtWallMs(exchange, clock),
      costNanoUsd: books.cost.nanoUsd,
    }),
  )
}

/** Who finished the answer. */
function targetField({ target, rescue }: Reply): Pick<ExchangeRecord, 'target' | 'rescueRung'> {
  const rescued = rescue?.()
  if (rescued !== undefined) return { target: rescued.target, rescueRung: rescued.rung }
  return target === undefined ? {} : { target: target.id }
}

function costFields(cost: Cost | undefined): Pick<ExchangeRecord, 'costNanoUsd' | 'costBasis'> {
  return cost?.nanoUsd === undefined ? {} : { costNanoUsd: cost.nanoUsd, costBasis: cost.basis }
}

export function recordFailure(error: GatewayError, served: Served, rooms: SettlingRooms): void {
  const how: ExchangeRecord = {
    ...exchangeFacts(served, rooms),
    state: failureState(error),
    attempts: error.attempts.length,
    status: error.status,
    code: error.code,
    ...ownWords(error),
    responseBytes: 0,
    losses: [],
    isSimulated: false,
    ...costFields(served.books?.cost),
    ...(served.plan?.routeName === undefined ? {} : { route: served.plan.routeName }),
  }
  // What cost nothing takes nothing of the caller's limits.
  if (served.books?.cost.nanoUsd === 0) served.permit?.undo()
  served.permit?.release()
  closeBooks(how, served, rooms)
  rooms.telemetry.exchanges.publish(how)
  publishDefect(error, served, rooms)
}

/** A defect of our own is said with its place, so that it can be mended. */
function publishDefect(error: GatewayError, { exchange }: Served, rooms: SettlingRooms): void {
  if (error.code !== 'gateway_error') return
  rooms.telemetry.notices.publish({
    level: 'error',
    name: 'gateway_defect',
    message: error.message,
    facts: { exchangeId: exchange.id, ...describeDefect(error) },
  })
}

function exchangeFacts({ exchange, admission, plan, books }: Served, rooms: SettlingRooms) {
  const skipped = plan?.skipped?.map(({ targetId, lacks }) => `${targetId}: ${lacks.join(', ')}`)
  const sessionId = books?.attribution.sessionId
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

export function recordRefusal(refusal: Refusal, rooms: SettlingRooms): void {
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

/** When it arrived, ms since 1970. */
export function arrivedAtWallMs({ arrivedAtMs }: Exchange, clock: Clock): number {
  return Math.round(clock.wallMs() - (clock.nowMs() - arrivedAtMs))
}
