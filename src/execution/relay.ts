/**
 * Brings one upstream answer to the point of commitment, and past it. Until the first real content every fault is
 * thrown, so that another attempt can be made; from then on faults end the stream with the client dialect's own error
 * event, and never with its terminal marker.
 */

import type { Usage } from '../canonical/usage.ts'
import type { Loss } from '../canonical/loss.ts'
import type { InferenceResult } from '../canonical/result.ts'
import { unfold } from '../canonical/unfold.ts'
import { mayHoldState } from '../dialects/marks.ts'
import type { Dialect, Folder, Passthrough, StreamFacts } from '../dialects/dialect.ts'
import type { GatewayError } from '../errors/gateway-error.ts'
import { CEILING_IGNORED } from '../ledger/spend-errors.ts'
import { StateWatch } from '../provenance/watch-state.ts'
import { stateOriginOf } from '../providers/target.ts'
import {
  assertWhole,
  assertWholeResult,
  filteredAnswer,
  flagsOf,
  saysSomething,
  usageFlags,
  usageOf,
} from './answer-facts.ts'
import { type AnswerFolder, createAnswerFolder } from './answer-folder.ts'
import { answerOptions, streamFormOf } from './answer-options.ts'
import type { AnswerLimit } from './answer-limit.ts'
import { answeredModel, modelFlags } from './answered-model.ts'
import { readWhole } from './read-whole.ts'
import { relayOperation } from './operation-relay.ts'
import type { Committed, RelayContext } from './relay-context.ts'
import type { Settlement } from './reply.ts'
import { StreamSource } from './stream-source.ts'
import { textBytesOfResult, textBytesWithin } from './text-bytes.ts'
import { createTranslator } from './translator.ts'
import { UpstreamChunks } from './upstream-chunks.ts'
import { warningsOfFolded, warningsOfResult, warningsOfStream } from './visible-text.ts'

const EVENT_STREAM = 'text/event-stream; charset=utf-8'
const JSON_STREAM = 'application/json; charset=utf-8'

/** A pipe or folder that translates knows what it lost on the way. */
type Pipe = Passthrough & { readonly losses?: readonly Loss[] }

/** Throws GatewayError for every fault before the commit point; the upstream is closed by then. */
export async function relay(context: RelayContext): Promise<Committed> {
  try {
    const { operation } = context.call
    if (operation !== undefined) return await relayOperation(context, operation)
    if (context.exchange.envelope.stream && context.exchange.operation === 'chat')
      return await relayStream(context)
    return await relayPlain(context)
  } catch (error) {
    context.response.cancel()
    throw error
  }
}

// A client that streams.

async function relayStream(context: RelayContext): Promise<Committed> {
  if (context.response.framing === 'json') return streamOfPlain(context)
  const { target, attempt, response, clock, limit } = context
  const pipe = createPipe(context)
  const chunks = new UpstreamChunks(response, clock)
  const source = new StreamSource(context, { target, attempt, response, pipe, chunks, limit })
  await source.open()
  assertNotFiltered(pipe.facts, context)
  context.commit()
  return {
    contentType: streamType(context),
    body: source,
    losses: lossesOf(context, pipe),
    lossesAtEnd: () => lossesOf(context, pipe),
    ...answeredModel(pipe.facts.modelId, context.target),
    warnings: warningsOfStream(pipe.facts),
    settled: source.settled,
    writeError: (error) => source.writeError(error),
    close: () => {},
  }
}

function lossesOf({ call }: RelayContext, pipe: Pipe): readonly Loss[] {
  return [...call.losses, ...(pipe.losses ?? [])]
}

function streamType({ exchange }: RelayContext): string {
  return exchange.envelope.streamForm === 'json-array' ? JSON_STREAM : EVENT_STREAM
}

function createPipe(context: RelayContext): Pipe {
  const { exchange, call, targetDialect } = context
  const { candidateCount: candidates, wantsStreamUsage } = exchange.envelope
  const { limit } = context
  const onText = limit && { onText: (text: string) => limit.note(text) }
  return call.isTranslated
    ? createTranslator(targetDialect, exchange.dialect, { ...answerOptions(context), candidates, ...onText })
    : exchange.dialect.createPassthrough({
        hidesUsage: !wantsStreamUsage,
        candidates,
        onState: (state) => context.state.makers.remember(state, stateOriginOf(context.target.provider)),
        ...streamFormOf(exchange.envelope),
        ...onText,
      })
}

/** The target answered a streaming request with one piece (fault 78): said as the stream that was asked for. */
async function streamOfPlain(context: RelayContext): Promise<Committed> {
  const { exchange, targetDialect, attempt } = context
  const result = targetDialect.readResult(await readWhole(context.response))
  assertWholeResult(result)
  const { watch, ...options } = answerOptions(context)
  const writer = exchange.dialect.createStreamWriter(options)
  let text = ''
  for (const event of unfold(result)) {
    watch.note(event)
    text += writer.write(event)
  }
  text += writer.end()
  const body = Buffer.from(text)
  context.claim()
  context.commit()
  attempt.markFirstToken()
  attempt.complete({
    hasBegun: true,
    flags: ['plain_for_stream', ...resultFlags(result, context)],
    ...usageOf(result),
  })
  return {
    contentType: streamType(context),
    body,
    losses: [...context.call.losses, ...writer.losses],
    ...answeredModel(result.modelId, context.target),
    warnings: warningsOfResult(result),
    ...settledByClose({ bodyBytes: body.length, ...usageOf(result) }),
  }
}

// A client that waits for the whole.

async function relayPlain(context: RelayContext): Promise<Committed> {
  if (context.exchange.operation === 'count-tokens') return passCount(context)
  return context.response.framing === 'stream' ? foldStream(context) : passPlain(context)
}

async function foldStream(context: RelayContext): Promise<Committed> {
  const { attempt, call, exchange, targetDialect, limit } = context
  const folder = createAnswerFolder(context)
  const received = { bytes: 0 }
  let cut: CutAnswer | undefined
  try {
    cut = await foldWhole(context, folder, received)
  } catch (error) {
    attempt.noteText(limit?.textBytes ?? foldedTextBytes(folder, received.bytes, exchange.dialect))
    attempt.noteUsage(usageOf(folder.facts).usage, folder.facts.isComplete)
    throw error
  }
  const { facts } = folder
  const body = folder.result()
  const losses = [...call.losses, ...(folder.losses ?? [])]
  const warnings = [
    ...warningsOfFolded(facts, body, exchange.dialect),
    ...(cut === undefined ? [] : [CEILING_IGNORED]),
  ]
  const flags = [...flagsOf(facts), ...modelFlags(facts.modelId, context.target), ...warnings]
  const { modelId } = facts
  if (!call.isTranslated) rememberState(context, body, () => targetDialect.readResult(body))
  return committedPlain(context, { body, losses, flags, warnings, modelId, ...usageOf(facts), cut })
}

/** Of the part that is there; half an answer may be none that can be said, and is then measured by its bytes. */
function foldedTextBytes(folder: Folder, receivedBytes: number, dialect: Dialect): number {
  try {
    return textBytesOfResult(dialect.readResult(folder.result()))
  } catch {
    return textBytesWithin(receivedBytes)
  }
}

/** An answer that was ended where it came to what was held for it. */
interface CutAnswer {
  readonly reached: GatewayError
  /** What its provider had told by then. */
  readonly told: Usage | undefined
  readonly textBytes: number
}

/** Reads the stream to the end of a whole answer, or of what is held for it. */
async function foldWhole(
  context: RelayContext,
  folder: AnswerFolder,
  received: { bytes: number },
): Promise<CutAnswer | undefined> {
  const { response, attempt, limit } = context
  const { facts } = folder
  const chunks = new UpstreamChunks(response, context.clock)
  let isMarked = false
  while (!facts.isTerminated) {
    const step = await chunks.next(facts.isComplete)
    if (step.done) folder.end()
    else {
      received.bytes += step.value.length
      folder.read(step.value)
    }
    if (facts.hasContent && !isMarked) {
      isMarked = true
      context.claim()
      response.markContent()
      attempt.markFirstToken()
    }
    if (facts.error) throw facts.error
    if (limit?.isReachedBy(facts) === true) {
      response.cancel()
      return cutFolded(folder, limit)
    }
    if (step.done) break
  }
  assertWhole(facts)
  assertNotFiltered(facts, context)
  chunks.drain()
  return undefined
}

/** Throws where an error was asked for, where there is nothing to show, and where half a tool call would look whole. */
function cutFolded(folder: AnswerFolder, limit: AnswerLimit): CutAnswer {
  const { usage: told, hasContent, isInToolCall } = folder.facts
  const reached = limit.error()
  const mayClose = limit.atLimit === 'length' && hasContent && isInToolCall !== true
  if (!mayClose || !folder.cutShort(limit.usageSoFar(told))) throw reached
  return { reached, told, textBytes: limit.textBytes }
}

async function passPlain(context: RelayContext): Promise<Committed> {
  const { call, exchange, targetDialect, response } = context
  const body = await readWhole(response)
  const result = targetDialect.readResult(body)
  assertWholeResult(result)
  assertNotFiltered(
    {
      finish: result.candidates[0]?.finish,
      usage: result.usage,
      hasContent: result.candidates.some(({ parts }) => parts.some(saysSomething)),
    },
    context,
  )
  const { modelId } = result
  const told = {
    flags: resultFlags(result, context),
    warnings: warningsOfResult(result),
    modelId,
    ...usageOf(result),
  }
  if (!call.isTranslated) {
    rememberState(context, body, () => result)
    return committedPlain(context, { body, losses: call.losses, ...told })
  }
  const { watch, ...options } = answerOptions(context)
  for (const event of unfold(result)) watch.note(event)
  const answer = exchange.dialect.writeResult(result, options)
  return committedPlain(context, {
    body: Buffer.from(answer.body),
    losses: [...call.losses, ...answer.losses],
    ...told,
  })
}

/** Notes who made the state in a plain answer that passes as it is; few hold any. */
function rememberState(context: RelayContext, body: Uint8Array, read: () => InferenceResult): void {
  if (!mayHoldState(body)) return
  const watch = new StateWatch(context.state, stateOriginOf(context.target.provider))
  for (const event of unfold(read())) watch.note(event)
}

function resultFlags(result: InferenceResult, { target }: RelayContext): readonly string[] {
  return [...usageFlags(result), ...modelFlags(result.modelId, target), ...warningsOfResult(result)]
}

/** A count is judged before it is passed on: in the target's own bytes, or as the client's dialect says it. */
async function passCount(context: RelayContext): Promise<Committed> {
  const { call, exchange, targetDialect } = context
  const body = await readWhole(context.response)
  const tokens = targetDialect.readTokenCount?.(body)
  const isSaidAgain = call.isTranslated && tokens !== undefined
  const said = isSaidAgain ? exchange.dialect.writeTokenCount?.(tokens) : undefined
  const { losses } = call
  return committedPlain(context, { body: said === undefined ? body : Buffer.from(said), losses, flags: [] })
}

interface PlainAnswer {
  readonly body: Uint8Array
  readonly losses: readonly Loss[]
  readonly flags: readonly string[]
  readonly warnings?: readonly string[]
  /** What the answer calls its model. */
  readonly modelId?: string | undefined
  /** As far as it can be believed. */
  readonly usage?: Usage
  readonly cut?: CutAnswer | undefined
}

function committedPlain(context: RelayContext, answer: PlainAnswer): Committed {
  const { attempt, exchange, response } = context
  const { cut, flags } = answer
  const usage = answer.usage === undefined ? {} : { usage: answer.usage }
  context.claim()
  context.commit()
  attempt.markFirstToken()
  // What is no inference (counting tokens) costs nothing.
  const hasBegun = exchange.operation === 'chat'
  const { status } = response
  if (cut === undefined) attempt.complete({ hasBegun, flags, status, ...usage })
  else {
    const { told, textBytes } = cut
    attempt.cancel({ hasBegun, flags, status, textBytes, ...usageOf({ usage: told }) }, cut.reached)
  }
  return {
    contentType: 'application/json',
    body: answer.body,
    losses: answer.losses,
    warnings: answer.warnings ?? [],
    ...answeredModel(answer.modelId, context.target),
    ...settledByClose({ bodyBytes: answer.body.length, ...usage }, cut?.reached),
  }
}

/** A whole body is made before anybody takes it: who carries it out says how that ended. */
function settledByClose(
  known: Omit<Settlement, 'state' | 'error'>,
  reached?: GatewayError,
): Pick<Committed, 'settled' | 'close'> {
  const { promise, resolve } = Promise.withResolvers<Settlement>()
  const taken = reached === undefined ? { state: 'completed' as const } : cutBy(reached)
  return {
    settled: promise,
    close: (isTaken) => resolve({ ...(isTaken ? taken : { state: 'client_gone' }), ...known }),
  }
}

function cutBy(error: GatewayError): Pick<Settlement, 'state' | 'error'> {
  return { state: 'truncated', error }
}

// What both need.

/** Nothing but a content filter spoke: where the route wishes it, another target is asked. */
function assertNotFiltered(
  facts: Pick<StreamFacts, 'finish' | 'hasContent' | 'usage'>,
  { refusesFiltered }: RelayContext,
): void {
  if (refusesFiltered && facts.finish?.reason === 'content-filter' && !facts.hasContent)
    throw filteredAnswer(facts)
}
