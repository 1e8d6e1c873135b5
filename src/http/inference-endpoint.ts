/**
 * One inference request over HTTP: who asks, then what is asked, then the gateway's story, then the answer's bytes. Until
 * the story begins, this endpoint owns the admission and the record of a refusal; from then on the story does.
 */

import type { DialectId, PathFacts } from '../canonical/envelope.ts'
import type { Dialect } from '../dialects/dialect.ts'
import { type GatewayError, toGatewayError } from '../errors/gateway-error.ts'
import type { Admission, Gateway } from '../exchange/gateway.ts'
import type { Exchange } from '../execution/exchange.ts'
import type { Reply } from '../execution/reply.ts'
import type { GuessLimiter } from '../keys/guess-limiter.ts'
import { releaseBytes } from '../std/release-bytes.ts'
import { type StopSignal, StopSource } from '../std/stop-signal.ts'
import { admitCall } from './admit-call.ts'
import { type AnswerRules, commonHeaders, endResponse } from './answer.ts'
import { answerError } from './answer-error.ts'
import { type CallPhase, type ClientCall, type StopReason, stopError } from './client-call.ts'
import type { HttpLimits } from './http-limits.ts'
import { addModel } from './azure-model.ts'
import { refuseForeignPage } from './foreign-page.ts'
import { pushReplyHeaders } from './reply-headers.ts'
import { ReplyStream, type ReplyStreamInit } from './reply-stream.ts'
import { type ReadBodyOptions, readBody } from './request-body.ts'
import type { SpoolSpace } from './spool-space.ts'
import type { Endpoint, HttpRoute } from './route-table.ts'

export interface InferenceRooms {
  readonly gateway: Gateway
  readonly guesses: GuessLimiter
  readonly dialects: ReadonlyMap<DialectId, Dialect>
  readonly limits: HttpLimits
  readonly rules: AnswerRules
  readonly heartbeatMs: number
  /** Disk for the forms in flight. */
  readonly spoolSpace: SpoolSpace
  /** A failure that is our own defect. */
  readonly onDefect: (call: ClientCall, error: unknown) => void
}

/** A request that becomes an exchange: how it is received is its own affair. */
export interface ServedCall {
  readonly call: ClientCall
  readonly dialect: Dialect
  /** Reads what the client sends. Throws GatewayError, and keeps nothing then. */
  receive(admission: Admission, signal: StopSignal, receipt: Receipt): Promise<Exchange>
}

/** What was received of a request, for the record of its refusal. */
export class Receipt {
  #bytes = 0

  get bytes(): number {
    return this.#bytes
  }

  note(bytes: number): void {
    this.#bytes = bytes
  }
}

export interface InferenceCall {
  readonly call: ClientCall
  readonly route: HttpRoute
  readonly endpoint: Extract<Endpoint, { kind: 'inference' }>
  readonly dialect: Dialect
  /** The model that the path names (Azure's deployments), where it does. */
  readonly pathModel: string | undefined
}

export function serveInference(inference: InferenceCall, rooms: InferenceRooms): Promise<void> {
  const { call, dialect } = inference
  const receive = async (admission: Admission, signal: StopSignal, receipt: Receipt) => {
    const body = await readBody(call, bodyOptions(inference, admission, rooms))
    receipt.note(body.length)
    return openExchange(inference, body, signal)
  }
  return serveExchange({ call, dialect, receive }, rooms)
}

/** Serves the request to its last byte. Throws only what our own defects throw before an answer began. */
export async function serveExchange(served: ServedCall, rooms: InferenceRooms): Promise<void> {
  const { call } = served
  const stopping = new StopSource()
  const receipt = new Receipt()
  let admission: Admission | undefined
  let exchange: Exchange
  try {
    const admitted = admitCall(call, rooms)
    admission = admitted instanceof Promise ? await admitted : admitted
    refuseForeignPage(call.origin, admission.caller)
    exchange = await served.receive(admission, stopping, receipt)
  } catch (error) {
    admission?.release()
    return refuseInference(served, { thrown: error, requestBytes: receipt.bytes, admission }, rooms)
  }
  const serving = new Serving(call, stopping, (error) => answerThrown(served, error, rooms, admission))
  call.phase = serving
  if (call.stopped !== undefined) serving.stop(call.stopped)
  let reply: Reply
  try {
    reply = await rooms.gateway.serve(exchange, admission)
  } catch (error) {
    giveBack(exchange)
    return call.stopped === undefined ? answerThrown(served, error, rooms, admission) : undefined
  }
  // Its own record of the settlement was ordered before ours, so the story has read the body for the last time by then;
  // and no socket has it, since a dialect sends a copy.
  void reply.settled.then(() => giveBack(exchange))
  if (call.stopped !== undefined) return dropReply(reply)
  try {
    return await writeReply({ served, exchange, reply, stopping, admission }, rooms)
  } catch (error) {
    dropReply(reply)
    throw error
  }
}

function giveBack({ body, asked }: Exchange): void {
  releaseBytes(body)
  void asked?.form?.close()
}

function bodyOptions(inference: InferenceCall, admission: Admission, rooms: InferenceRooms): ReadBodyOptions {
  return {
    bytesMax: inference.route.bodyBytesMax,
    limits: rooms.limits,
    hold: (bytes) => admission.hold(bytes),
  }
}

function openExchange(inference: InferenceCall, received: Uint8Array, signal: StopSignal): Exchange {
  const { call, dialect, endpoint, pathModel } = inference
  const named = readPathFacts(inference)
  const body = pathModel === undefined || named !== undefined ? received : addModel(received, pathModel)
  return {
    id: call.id,
    dialect,
    operation: endpoint.operation,
    path: pathOf(call),
    envelope: dialect.peek(body, endpoint.operation, named),
    ...(named === undefined ? {} : { named }),
    body,
    headers: call.request.headers,
    arrivedAtMs: call.arrivedAtMs,
    signal,
  }
}

/** Without the query, which may hold a key. */
export function pathOf({ request: { url = '' } }: ClientCall): string {
  const end = url.indexOf('?')
  return end === -1 ? url : url.slice(0, end)
}

/** Gemini's paths say which model, whether it streams, and in which form; the others' bodies do. */
function readPathFacts({ call, endpoint, pathModel }: InferenceCall): PathFacts | undefined {
  const { streams } = endpoint
  if (streams === undefined || pathModel === undefined) return undefined
  const query = new URLSearchParams(call.request.url?.split('?', 2)[1])
  return {
    modelId: pathModel,
    stream: streams,
    ...(streams ? { streamForm: query.get('alt') === 'sse' ? 'sse' : 'json-array' } : {}),
  }
}

interface RefusedInference {
  readonly thrown: unknown
  readonly requestBytes: number
  readonly admission: Admission | undefined
}

/** The request ends before the story could begin: recorded here, since nobody else knows of it. */
function refuseInference(served: ServedCall, refused: RefusedInference, rooms: InferenceRooms): void {
  const error = toGatewayError(refused.thrown)
  const keyName = refused.admission?.caller.keyName
  rooms.gateway.refuse({
    exchangeId: served.call.id,
    dialect: served.dialect.id,
    error,
    status: error.status,
    requestBytes: refused.requestBytes,
    durationMs: rooms.rules.nowMs() - served.call.arrivedAtMs,
    ...(keyName === undefined ? {} : { keyName }),
  })
  answerThrown(served, refused.thrown, rooms)
}

/** Whatever was thrown, as an answer; what is no refusal of anybody is a defect of ours and said so. */
function answerThrown(
  served: ServedCall,
  thrown: unknown,
  rooms: InferenceRooms,
  admission?: Admission,
): void {
  const error = toGatewayError(thrown)
  if (error.code === 'gateway_error') rooms.onDefect(served.call, thrown)
  answerError(served.call, served.dialect, error, rooms.rules, {
    standing: admission?.standing?.(),
    cost: admission?.cost?.(),
  })
}

/** The gateway works on it and nothing is written yet. */
class Serving implements CallPhase {
  readonly #call: ClientCall
  readonly #stopping: StopSource
  readonly #answer: (error: GatewayError) => void

  constructor(call: ClientCall, stopping: StopSource, answer: (error: GatewayError) => void) {
    this.#call = call
    this.#stopping = stopping
    this.#answer = answer
  }

  check(): void {}

  stop(reason: StopReason): void {
    const error = stopError(reason)
    this.#stopping.stop(error)
    if (reason === 'shutting-down') this.#answer(error)
    else this.#call.response.destroy()
  }
}

interface Answering {
  readonly served: ServedCall
  readonly exchange: Exchange
  readonly reply: Reply
  readonly stopping: StopSource
  readonly admission: Admission
}

function writeReply(answering: Answering, rooms: InferenceRooms): Promise<void> | undefined {
  const { reply, served, stopping, admission } = answering
  const { call } = served
  const headers = commonHeaders(call, rooms.rules)
  const standing = admission.standing?.()
  pushReplyHeaders(headers, reply, standing && { dialect: served.dialect.id, standing })
  if (reply.body instanceof Uint8Array) {
    headers.push('content-length', String(reply.body.length))
    call.reply = reply
    call.response.writeHead(reply.status, headers)
    endResponse(call, rooms.rules, reply.body)
    return undefined
  }
  headers.push('x-accel-buffering', 'no')
  call.response.writeHead(reply.status, headers)
  const stream = new ReplyStream({
    call,
    body: reply.body,
    rules: rooms.rules,
    ...streamManners(answering, rooms),
    abort: (error) => stopping.stop(error),
    onDefect: (error) => rooms.onDefect(call, error),
  })
  call.phase = stream
  return stream.run()
}

/** What a stream of events has room for: an error of ours, and between server-sent events a sign of life. */
function streamManners(
  { served, reply }: Answering,
  rooms: InferenceRooms,
): Pick<ReplyStreamInit, 'heartbeat' | 'writeStreamError'> {
  const { call, dialect } = served
  const { attempts, writeError } = reply
  if (!reply.contentType.startsWith('text/event-stream'))
    return writeError === undefined ? {} : { writeStreamError: writeError }
  return {
    heartbeat: { text: dialect.heartbeat, afterMs: rooms.heartbeatMs },
    writeStreamError:
      writeError ??
      ((error) => dialect.writeStreamError(error, { requestId: call.id, attempts, isPartial: true })),
  }
}

/** A reply nobody is left to read: its source is told. */
function dropReply(reply: Reply): void {
  reply.close(false)
  if (reply.body instanceof Uint8Array) return
  reply.body[Symbol.asyncIterator]()
    .return?.()
    .then(undefined, () => {})
}
