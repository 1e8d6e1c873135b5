/** One request as the simulator holds it while deciding how to behave, and the ways to answer it. */

import type { IdSource, Random } from '../std/ids.ts'
import type { JsonObject } from '../std/json.ts'
import type { Frame } from './frame.ts'
import type { Pace } from './pace.ts'
import { createFramer, type FramePiece, type StreamFraming, type StreamPiece } from './piece.ts'
import type { Refusal } from './refusal.ts'
import { wholeAnswer } from './refusal.ts'
import type { RequestHead, SimulatedRequest } from './request.ts'
import type { Script } from './script.ts'
import type { Shelf } from './shelf.ts'
import type { Step } from './step.ts'
import { wait, write } from './step.ts'
import type { Voice } from './voice.ts'
import { voices } from './voices.ts'

export interface SimulatedCall {
  /** Counted from 1 over the simulator's life. */
  readonly number: number
  /** Calls this connection carried before; 0 in process. */
  readonly earlierOnConnection: number
  readonly head: RequestHead
  readonly request: SimulatedRequest
  /** As it came. */
  readonly body: Uint8Array
  /** What was uploaded and ordered before. */
  readonly shelf: Shelf
  /** Made when first asked for: a refusal needs none. */
  readonly script: Script
  readonly pace: Pace
  readonly random: Random
  readonly ids: IdSource
  readonly requestId: string
  readonly wallMs: number
  /** The body of the good answer to another request, as for one line of a batch. */
  ask(path: string, fields: JsonObject): unknown
}

/** How the call's dialect is spoken. */
export function voiceOf(call: SimulatedCall): Voice {
  return voices[call.request.dialect]
}

/** Headers of every well-formed answer. */
export function commonHeaders(call: SimulatedCall): Readonly<Record<string, string>> {
  const { requestIdHeader: name } = voiceOf(call)
  const id = name === undefined ? {} : { [name]: call.requestId }
  return { date: new Date(call.wallMs).toUTCString(), ...id, 'x-simulated': 'true' }
}

export function frameOf(call: SimulatedCall): Frame {
  const { request } = call
  return {
    id: call.ids.next(voiceOf(call).idPrefixes.answer),
    model: request.model,
    createdSeconds: Math.floor(call.wallMs / 1000),
    tokensPerChunk: call.pace.tokensPerChunk,
    includeUsage: request.includeUsage,
    fields: request.fields,
    ...(request.streamForm === undefined ? {} : { streamForm: request.streamForm }),
  }
}

/** The events of the streamed answer, in order. */
export function piecesOf(call: SimulatedCall): readonly StreamPiece[] {
  return voiceOf(call).pieces(call.script, frameOf(call))
}

/** The body of the plain answer, before it is written as JSON. */
export function answerOf(call: SimulatedCall): object {
  return voiceOf(call).answer(call.script, frameOf(call))
}

/** A plain JSON answer that needed no model. */
export function jsonSteps(call: SimulatedCall, value: object): readonly Step[] {
  return wholeAnswer({
    status: 200,
    contentType: 'application/json',
    headers: commonHeaders(call),
    body: JSON.stringify(value),
  })
}

/** A plain answer: silence while the tokens are made, then all of it at once. */
export function* plainSteps(call: SimulatedCall, body: object | string): Iterable<Step> {
  const isPaced = call.pace.firstTokenMs > 0 || call.pace.perTokenMs > 0
  if (isPaced) yield* makingTokens(call)
  yield* wholeAnswer({
    status: 200,
    contentType: 'application/json',
    headers: commonHeaders(call),
    body: typeof body === 'string' ? body : JSON.stringify(body),
    tokens: isPaced ? 0 : call.script.usage.outputTokens,
  })
}

/** Waits in which a plain answer's tokens are made at most. */
const WAITS_MAX = 200

function* makingTokens(call: SimulatedCall): Iterable<Step> {
  const { outputTokens } = call.script.usage
  yield wait(call.pace.firstTokenMs)
  const tokens = Math.max(1, Math.ceil(outputTokens / WAITS_MAX))
  for (let made = 0; made < outputTokens; made += tokens) {
    const batch = Math.min(tokens, outputTokens - made)
    yield wait(call.pace.perTokenMs * batch)
    yield { type: 'generate', tokens: batch }
  }
}

/** How the events of a stream stand one after another in the form that was asked for. */
export function framingOf(request: SimulatedRequest): StreamFraming {
  return request.streamForm === 'json-array' ? 'json-array' : voices[request.dialect].framing
}

export const STREAM_TYPES: Readonly<Record<StreamFraming, string>> = {
  sse: 'text/event-stream; charset=utf-8',
  'sse-crlf': 'text/event-stream',
  'json-array': 'application/json; charset=UTF-8',
  ndjson: 'application/x-ndjson',
  eventstream: 'application/vnd.amazon.eventstream',
}

/** Starts a stream: the head of a chunked one. */
export function streamHead(call: SimulatedCall): Step {
  const headers = { 'content-type': STREAM_TYPES[framingOf(call.request)], 'cache-control': 'no-cache' }
  return {
    type: 'head',
    status: 200,
    headers: Object.entries({ ...headers, ...commonHeaders(call) }),
    framing: { type: 'chunked' },
  }
}

/** Frames the events of this call's stream. */
export function framerOf(call: SimulatedCall): FramePiece {
  return createFramer(framingOf(call.request))
}

/** An event, or anything else that happens among the events. */
export type StreamItem = StreamPiece | Step

/** A stream at the call's pace: its head, then every item in order. */
export function* streamSteps(
  call: SimulatedCall,
  items: Iterable<StreamItem>,
  frame: FramePiece = framerOf(call),
): Iterable<Step> {
  yield streamHead(call)
  yield* bodySteps(call, items, frame)
}

/** The events of a stream at the call's pace, without a head. */
export function* bodySteps(
  call: SimulatedCall,
  items: Iterable<StreamItem>,
  frame: FramePiece = framerOf(call),
): Iterable<Step> {
  let delayMs = call.pace.firstTokenMs
  for (const item of items) {
    if ('type' in item) {
      yield item
      continue
    }
    if (item.tokens > 0) {
      if (delayMs > 0) yield wait(delayMs)
      delayMs = call.pace.perTokenMs * item.tokens
    }
    yield write(frame(item), item.tokens)
  }
}

/** The same answer with more headers. */
export function* withHeaders(
  steps: Iterable<Step>,
  headers: Readonly<Record<string, string>>,
): Iterable<Step> {
  for (const step of steps) {
    yield step.type === 'head' ? { ...step, headers: [...step.headers, ...Object.entries(headers)] } : step
  }
}

/** The refusal in the caller's dialect. */
export function refuse(call: SimulatedCall, refusal: Refusal): readonly Step[] {
  const { body, headers } = voiceOf(call).refuse(refusal, call.requestId)
  return wholeAnswer({
    status: refusal.status,
    contentType: 'application/json',
    headers: { ...commonHeaders(call), ...refusal.headers, ...headers },
    body: JSON.stringify(body),
  })
}
