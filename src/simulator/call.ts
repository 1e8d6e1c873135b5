/** One request as the simulator holds it while deciding how to behave, and the well-behaved ways to answer it. */

import type { IdSource, Random } from '../std/ids.ts'
import { anthropicAnswer, anthropicPieces, anthropicTokenCount } from './encode-anthropic.ts'
import { openAiAnswer, openAiPieces } from './encode-openai.ts'
import type { Frame } from './frame.ts'
import { inputTokensOf } from './make-script.ts'
import { listModels } from './model-list.ts'
import type { Pace } from './pace.ts'
import type { StreamPiece } from './piece.ts'
import { framePiece } from './piece.ts'
import type { Refusal } from './refusal.ts'
import { plainRefusal, refusalBody, wholeAnswer } from './refusal.ts'
import type { RequestHead, SimulatedRequest } from './request.ts'
import type { Script } from './script.ts'
import type { Step } from './step.ts'
import { wait, write } from './step.ts'

export interface SimulatedCall {
  /** Counted from 1 over the simulator's life. */
  readonly number: number
  /** Calls this connection carried before; 0 in process. */
  readonly earlierOnConnection: number
  readonly head: RequestHead
  readonly request: SimulatedRequest
  /** Made when first asked for: a refusal needs none. */
  readonly script: Script
  readonly pace: Pace
  readonly random: Random
  readonly ids: IdSource
  readonly requestId: string
  readonly wallMs: number
}

/** Headers of every well-formed answer. */
export function commonHeaders(call: SimulatedCall): Readonly<Record<string, string>> {
  const name = call.request.dialect === 'openai-chat' ? 'x-request-id' : 'request-id'
  return { date: new Date(call.wallMs).toUTCString(), [name]: call.requestId, 'x-simulated': 'true' }
}

/** The answer of a provider in good health. */
export function wellBehaved(call: SimulatedCall): Iterable<Step> {
  switch (call.request.operation) {
    case 'chat':
      return call.request.stream ? streamSteps(call, piecesOf(call)) : plainSteps(call, answerOf(call))
    case 'count-tokens':
      return jsonSteps(call, anthropicTokenCount(inputTokensOf(call.request)))
    case 'models': {
      const list = listModels(call.request.dialect, call.head.path)
      return list ? jsonSteps(call, list) : refuse(call, plainRefusal(404, 'the simulator has no such model'))
    }
    case 'unknown':
      return refuse(call, plainRefusal(404, 'the simulator has nothing at this method and path'))
  }
}

export function frameOf(call: SimulatedCall): Frame {
  const { request } = call
  return {
    id: call.ids.next(request.dialect === 'openai-chat' ? 'chatcmpl-' : 'msg_'),
    model: request.model,
    createdSeconds: Math.floor(call.wallMs / 1000),
    tokensPerChunk: call.pace.tokensPerChunk,
    includeUsage: request.includeUsage,
  }
}

/** The events of the streamed answer, in order. */
export function piecesOf(call: SimulatedCall): readonly StreamPiece[] {
  const encode = call.request.dialect === 'openai-chat' ? openAiPieces : anthropicPieces
  return encode(call.script, frameOf(call))
}

/** The body of the plain answer, before it is written as JSON. */
export function answerOf(call: SimulatedCall): object {
  const encode = call.request.dialect === 'openai-chat' ? openAiAnswer : anthropicAnswer
  return encode(call.script, frameOf(call))
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

/** Starts a stream: the head of a chunked event stream. */
export function streamHead(call: SimulatedCall): Step {
  const headers = { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' }
  return {
    type: 'head',
    status: 200,
    headers: Object.entries({ ...headers, ...commonHeaders(call) }),
    framing: { type: 'chunked' },
  }
}

/** An event, or anything else that happens among the events. */
export type StreamItem = StreamPiece | Step

/** A stream at the call's pace: its head, then every item in order. */
export function* streamSteps(
  call: SimulatedCall,
  items: Iterable<StreamItem>,
  frame: (piece: StreamPiece) => string = framePiece,
): Iterable<Step> {
  yield streamHead(call)
  yield* bodySteps(call, items, frame)
}

/** The events of a stream at the call's pace, without a head. */
export function* bodySteps(
  call: SimulatedCall,
  items: Iterable<StreamItem>,
  frame: (piece: StreamPiece) => string = framePiece,
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
  return wholeAnswer({
    status: refusal.status,
    contentType: 'application/json',
    headers: { ...commonHeaders(call), ...refusal.headers },
    body: JSON.stringify(refusalBody(refusal, call.request.dialect, call.requestId)),
  })
}
