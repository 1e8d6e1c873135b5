/** From a request's head to the endpoint that answers it: the order of the checks stands here, and nowhere else. */

import type { IncomingHttpHeaders } from 'node:http'
import type { DialectId } from '../canonical/envelope.ts'
import type { Dialect } from '../dialects/dialect.ts'
import { GatewayError, toGatewayError } from '../errors/gateway-error.ts'
import type { Caller } from '../exchange/gateway.ts'
import type { OperationSpec } from '../operations/operation-spec.ts'
import { admitCall } from './admit-call.ts'
import { answerWhole } from './answer.ts'
import { answerError } from './answer-error.ts'
import { preflightHeaders } from './browser-origin.ts'
import type { ClientCall } from './client-call.ts'
import { refuseForeignPage } from './foreign-page.ts'
import { type InferenceRooms, serveInference } from './inference-endpoint.ts'
import { serveKeptAnswer } from './kept-answer-endpoint.ts'
import { findModel, listModels, type ModelsQuery } from './models-endpoint.ts'
import { serveOperation } from './operation-endpoint.ts'
import { readinessAnswer } from './readiness.ts'
import { readPath } from './request-path.ts'
import type { Endpoint, HttpRoute, RouteMatch, Router } from './route-table.ts'

export interface CallRooms extends InferenceRooms {
  readonly router: Router
  readonly metrics: (() => Promise<string>) | undefined
  readonly startedAtS: number
}

/** Answers one request. What it throws, now or later, is our own defect. */
export function handleCall(call: ClientCall, rooms: CallRooms): Promise<void> | void {
  const { request } = call
  const target = request.url ?? ''
  const path = rooms.router.isPath(target) ? target : readPath(target)
  const refusal = refuseForm(request.headers, request.httpVersion)
  if (refusal !== undefined) return refuse(call, path, refusal, rooms)
  if (request.method === 'OPTIONS') return answerPreflight(call, rooms)
  const match = path === undefined ? UNKNOWN : rooms.router.match(request.method ?? '', path)
  switch (match.type) {
    case 'unknown':
      return refuse(call, path, unknownPath(request.method, path), rooms)
    case 'wrong-method':
      return refuse(call, path, wrongMethod(match.allow), rooms)
    case 'found': {
      const { route, parameter } = match
      const { endpoint } = route
      if (endpoint.kind === 'operation') {
        const { spec } = endpoint
        const dialect = dialectOf(askedIn(spec, request.headers, path), rooms)
        call.dialect = dialect
        return serveOperation({ call, spec, dialect, parameter }, rooms)
      }
      if (endpoint.kind !== 'inference')
        return handleReading({ call, path, route, endpoint, parameter }, rooms)
      const dialect = dialectOf(endpoint.dialect, rooms)
      call.dialect = dialect
      return serveInference({ call, route, endpoint, dialect, pathModel: parameter }, rooms)
    }
  }
}

const UNKNOWN: RouteMatch = { type: 'unknown' }

interface ReadingCall {
  readonly call: ClientCall
  readonly path: string | undefined
  readonly route: HttpRoute
  readonly endpoint: Exclude<Endpoint, { kind: 'inference' | 'operation' }>
  readonly parameter: string | undefined
}

async function handleReading(reading: ReadingCall, rooms: CallRooms): Promise<void> {
  const { call, path } = reading
  call.dialect = callerDialect(call, path, rooms)
  try {
    const caller = reading.route.access === 'key' ? await authenticate(reading, rooms) : {}
    await answerReading(reading, caller, rooms)
  } catch (thrown) {
    const error = toGatewayError(thrown)
    if (error !== thrown) rooms.onDefect(call, thrown)
    refuse(call, path, error, rooms)
  }
}

function callerDialect(call: ClientCall, path: string | undefined, rooms: CallRooms): Dialect {
  return dialectOf(guessDialect(call.request.headers, path), rooms)
}

/** Who asks: Anthropic's and Google's clients are known by their headers or their paths; all others read OpenAI's errors. */
function guessDialect(headers: IncomingHttpHeaders, path = ''): DialectId {
  if (headers['anthropic-version'] !== undefined || headers['anthropic-beta'] !== undefined)
    return 'anthropic-messages'
  if (ANTHROPIC_PATH.test(path)) return 'anthropic-messages'
  const isGoogles = headers['x-goog-api-key'] !== undefined || headers['x-goog-api-client'] !== undefined
  return isGoogles || GEMINI_PATH.test(path) ? 'gemini' : 'openai-chat'
}

const ANTHROPIC_PATH = /^\/anthropic(?:\/|$)|\/messages(?:\/|$)/
const GEMINI_PATH = /^\/(?:gemini\/)?v1(?:alpha|beta)(?:\/|$)|:[a-zA-Z]+Content$|:countTokens$/

/** Of the dialects that have the operation: the one that the request seems to be in, or the first. */
function askedIn(
  { dialects: [first = 'openai-chat', ...others] }: OperationSpec,
  headers: IncomingHttpHeaders,
  path: string | undefined,
): DialectId {
  const guessed = guessDialect(headers, path)
  return others.includes(guessed) ? guessed : first
}

function dialectOf(id: DialectId, rooms: CallRooms): Dialect {
  const dialect = rooms.dialects.get(id)
  if (dialect === undefined) throw new Error(`the dialect ${id} is not wired`)
  return dialect
}

/** Forms of HTTP that are not served, whatever the path. */
function refuseForm(headers: IncomingHttpHeaders, httpVersion: string): GatewayError | undefined {
  // Only WebSockets are turned away: an offer of HTTP/2 (Java's client makes one on every request) is one to ignore.
  if (headers.upgrade !== undefined && /websocket/i.test(headers.upgrade)) {
    return new GatewayError('upgrade_required', 'WebSockets are not served here.')
  }
  if (headers.host === undefined && httpVersion === '1.1') {
    return new GatewayError('invalid_request', 'The Host header is missing.')
  }
  return undefined
}

const PATH_SHOWN_MAX = 200

function unknownPath(method: string | undefined, path: string | undefined): GatewayError {
  const shown = path === undefined ? 'this path' : path.slice(0, PATH_SHOWN_MAX)
  return new GatewayError('path_not_found', `Nothing is served at ${method ?? 'GET'} ${shown}.`)
}

function wrongMethod(allow: string): GatewayError {
  return new GatewayError('method_not_allowed', `This path answers ${allow}.`, { allow })
}

/** A refusal before any endpoint: recorded, then answered in the dialect the caller seems to speak. */
function refuse(call: ClientCall, path: string | undefined, error: GatewayError, rooms: CallRooms): void {
  const dialect = callerDialect(call, path, rooms)
  call.dialect = dialect
  rooms.gateway.refuse({
    exchangeId: call.id,
    dialect: dialect.id,
    error,
    status: error.status,
    requestBytes: 0,
    durationMs: rooms.rules.nowMs() - call.arrivedAtMs,
  })
  answerError(call, dialect, error, rooms.rules)
}

/** Judges the key without taking a place: a gateway too busy for one more request still shows its models and metrics. */
async function authenticate({ call, endpoint }: ReadingCall, rooms: CallRooms): Promise<Caller> {
  let caller: Caller = {}
  try {
    const admission = await admitCall(call, rooms)
    admission.release()
    caller = admission.caller
  } catch (error) {
    // Whose answer it is must be known to hand it out.
    const isAnybodys = endpoint.kind !== 'kept-answer' && endpoint.kind !== 'explanation'
    if (!(error instanceof GatewayError && error.code === 'overloaded' && isAnybodys)) throw error
  }
  refuseForeignPage(call.origin, caller)
  return caller
}

async function answerReading(reading: ReadingCall, caller: Caller, rooms: CallRooms): Promise<void> {
  const { call, endpoint } = reading
  switch (endpoint.kind) {
    case 'models':
      return answerJson(call, 200, listModels(rooms.gateway.models(caller), modelsQuery(call, rooms)), rooms)
    case 'model': {
      const model = findModel(rooms.gateway.models(caller), reading.parameter ?? '', modelsQuery(call, rooms))
      return answerJson(call, 200, model, rooms)
    }
    case 'kept-answer':
      return serveKeptAnswer({ call, act: endpoint.act, id: reading.parameter ?? '', caller }, rooms)
    case 'explanation':
      return answerExplanation(reading, caller, rooms)
    case 'livez':
      return answerJson(call, 200, { status: 'alive' }, rooms)
    case 'readyz':
      return answerReadiness(call, rooms)
    case 'metrics':
      return answerMetrics(call, rooms)
    case 'greeting':
      return answerWhole(
        call,
        { status: 200, contentType: 'text/plain; charset=utf-8', body: GREETING },
        rooms.rules,
      )
  }
}

const GREETING =
  'Holdfast is listening. OpenAI clients use /v1 as their base URL, Anthropic clients use this address as it stands.\n'

function modelsQuery(call: ClientCall, rooms: CallRooms): ModelsQuery {
  return { dialect: call.dialect?.id ?? 'openai-chat', createdAtS: rooms.startedAtS }
}

function answerExplanation({ call, parameter = '' }: ReadingCall, caller: Caller, rooms: CallRooms): void {
  const explanation = rooms.gateway.explain(parameter, caller)
  if (explanation === undefined)
    throw new GatewayError('explanation_not_found', 'Nothing is kept of a request with this id.')
  answerJson(call, 200, explanation, rooms)
}

function answerReadiness(call: ClientCall, rooms: CallRooms): void {
  const readiness = rooms.gateway.readiness()
  const { status, body } = readinessAnswer(
    rooms.rules.isDraining()
      ? { isReady: false, reasons: ['The gateway is shutting down.', ...readiness.reasons] }
      : readiness,
  )
  answerJson(call, status, body, rooms)
}

async function answerMetrics(call: ClientCall, rooms: CallRooms): Promise<void> {
  if (rooms.metrics === undefined) throw new GatewayError('path_not_found', 'Metrics are not collected here.')
  const body = await rooms.metrics()
  answerWhole(
    call,
    { status: 200, contentType: 'text/plain; version=0.0.4; charset=utf-8', body },
    rooms.rules,
  )
}

function answerJson(call: ClientCall, status: number, value: unknown, rooms: CallRooms): void {
  const body = JSON.stringify(value)
  answerWhole(call, { status, contentType: 'application/json; charset=utf-8', body }, rooms.rules)
}

function answerPreflight(call: ClientCall, rooms: CallRooms): void {
  const headers = [
    'allow',
    'GET, HEAD, POST, DELETE, OPTIONS',
    ...preflightHeaders(call.origin, call.request.headers),
  ]
  answerWhole(call, { status: 204, contentType: 'text/plain', body: '', headers }, rooms.rules)
}
