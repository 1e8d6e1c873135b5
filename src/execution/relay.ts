/**
 * Brings one upstream answer to the point of commitment, and past it. Until the first real content every fault is
 * thrown, so that another attempt can be made; from then on faults end the stream with the client dialect's own error
 * event, and never with its terminal marker.
 */

import type { Envelope } from '../canonical/envelope.ts'
import type { Usage } from '../canonical/usage.ts'
import type { Loss } from '../canonical/loss.ts'
import { unfold } from '../canonical/unfold.ts'
import type { Folder, Passthrough, TargetDialect, WriteAnswerOptions } from '../dialects/dialect.ts'
import type { GatewayError } from '../errors/gateway-error.ts'
import { type StateMemory, StateWatch } from '../provenance/watch-state.ts'
import { stateOriginOf } from '../providers/target.ts'
import type { Target } from '../providers/provider.ts'
import type { UpstreamResponse } from '../upstream/attempt.ts'
import { assertWellFormed, assertWhole, flagsOf, usageFlags, usageOf } from './answer-facts.ts'
import type { EncodedCall } from './encode-call.ts'
import type { Exchange } from './exchange.ts'
import { joinBytes } from './join-bytes.ts'
import type { Settlement } from './reply.ts'
import { type StreamContext, StreamSource } from './stream-source.ts'
import { createTranslatingFolder, createTranslator } from './translator.ts'
import { UpstreamChunks } from './upstream-chunks.ts'

const EVENT_STREAM = 'text/event-stream; charset=utf-8'
const JSON_STREAM = 'application/json; charset=utf-8'

/** A pipe or folder that translates knows what it lost on the way. */
type Pipe = Passthrough & { readonly losses?: readonly Loss[] }
type LossyFolder = Folder & { readonly losses?: readonly Loss[] }

export interface RelayContext extends StreamContext {
  readonly call: EncodedCall
  readonly target: Target
  readonly targetDialect: TargetDialect
  /** Who made the state that clients may send back. */
  readonly state: StateMemory
  readonly modelId: string
  /** The client waits no longer for its answer to begin. */
  commit(): void
}

/** An answer past its commit point. */
export interface Committed {
  readonly contentType: string
  readonly body: Uint8Array | AsyncIterable<Uint8Array>
  readonly losses: readonly Loss[]
  readonly settled: Promise<Settlement>
  readonly writeError?: (error: GatewayError) => string
  close(isTaken: boolean): void
}

/** Throws GatewayError for every fault before the commit point; the upstream is closed by then. */
export async function relay(context: RelayContext): Promise<Committed> {
  try {
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
  const pipe = createPipe(context)
  const source = new StreamSource(context, pipe)
  await source.open()
  context.commit()
  return {
    contentType: streamType(context),
    body: source,
    losses: [...context.call.losses, ...(pipe.losses ?? [])],
    settled: source.settled,
    writeError: (error) => source.writeError(error),
    close: () => {},
  }
}

function streamType({ exchange }: RelayContext): string {
  return exchange.envelope.streamForm === 'json-array' ? JSON_STREAM : EVENT_STREAM
}

function createPipe(context: RelayContext): Pipe {
  const { exchange, call, targetDialect } = context
  const { candidateCount: candidates, wantsStreamUsage } = exchange.envelope
  return call.isTranslated
    ? createTranslator(targetDialect, exchange.dialect, { ...translationOptions(context), candidates })
    : exchange.dialect.createPassthrough({
        hidesUsage: !wantsStreamUsage,
        candidates,
        onState: (state) => context.state.makers.remember(state, stateOriginOf(context.target.provider)),
        ...streamFormOf(exchange.envelope),
      })
}

/** The target answered a streaming request with one piece (fault 78): said as the stream that was asked for. */
async function streamOfPlain(context: RelayContext): Promise<Committed> {
  const { exchange, targetDialect, attempt } = context
  const result = targetDialect.readResult(await readWhole(context.response))
  const { watch, ...options } = translationOptions(context)
  const writer = exchange.dialect.createStreamWriter(options)
  let text = ''
  for (const event of unfold(result)) {
    watch.note(event)
    text += writer.write(event)
  }
  text += writer.end()
  const body = Buffer.from(text)
  context.commit()
  attempt.markFirstToken()
  attempt.complete({
    hasBegun: true,
    flags: ['plain_for_stream', ...usageFlags(result.usage)],
    ...usageOf(result),
  })
  return {
    contentType: streamType(context),
    body,
    losses: [...context.call.losses, ...writer.losses],
    ...settledByClose({ bodyBytes: body.length, ...usageOf(result) }),
  }
}

// A client that waits for the whole.

async function relayPlain(context: RelayContext): Promise<Committed> {
  if (context.exchange.operation === 'count-tokens') return passCount(context)
  return context.response.framing === 'stream' ? foldStream(context) : passPlain(context)
}

async function foldStream(context: RelayContext): Promise<Committed> {
  const { attempt, call, exchange, targetDialect } = context
  const { candidateCount: candidates } = exchange.envelope
  const folder: LossyFolder = call.isTranslated
    ? createTranslatingFolder(targetDialect, exchange.dialect, { ...translationOptions(context), candidates })
    : exchange.dialect.createFolder({ candidates })
  try {
    await foldWhole(context, folder)
  } catch (error) {
    attempt.noteUsage(folder.facts.usage)
    throw error
  }
  const { facts } = folder
  const body = folder.result()
  const losses = [...call.losses, ...(folder.losses ?? [])]
  return committedPlain(context, { body, losses, flags: flagsOf(facts), ...usageOf(facts) })
}

/** Reads the stream to the end of a whole answer. */
async function foldWhole(context: RelayContext, folder: Folder): Promise<void> {
  const { response, attempt } = context
  const { facts } = folder
  const chunks = new UpstreamChunks(response, context.clock)
  let isMarked = false
  while (!facts.isTerminated) {
    const step = await chunks.next(facts.isComplete)
    if (step.done) folder.end()
    else folder.read(step.value)
    if (facts.hasContent && !isMarked) {
      isMarked = true
      response.markContent()
      attempt.markFirstToken()
    }
    if (facts.error) throw facts.error
    if (step.done) break
  }
  assertWhole(facts)
  chunks.drain()
}

async function passPlain(context: RelayContext): Promise<Committed> {
  const { call, exchange, targetDialect, response } = context
  const body = await readWhole(response)
  const result = targetDialect.readResult(body)
  assertWellFormed(result.candidates[0]?.finish)
  const flags = usageFlags(result.usage)
  if (!call.isTranslated) return committedPlain(context, { body, losses: [], flags, ...usageOf(result) })
  const { watch, ...options } = translationOptions(context)
  for (const event of unfold(result)) watch.note(event)
  const answer = exchange.dialect.writeResult(result, options)
  return committedPlain(context, {
    body: Buffer.from(answer.body),
    losses: [...call.losses, ...answer.losses],
    flags,
    ...usageOf(result),
  })
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

function committedPlain(
  context: RelayContext,
  answer: { body: Uint8Array; losses: readonly Loss[]; flags: readonly string[]; usage?: Usage },
): Committed {
  const usage = usageOf(answer)
  const { attempt, exchange, response } = context
  context.commit()
  attempt.markFirstToken()
  // What is no inference (counting tokens) costs nothing.
  const hasBegun = exchange.operation === 'chat'
  attempt.complete({ hasBegun, flags: answer.flags, status: response.status, ...usage })
  return {
    contentType: 'application/json',
    body: answer.body,
    losses: answer.losses,
    ...settledByClose({ bodyBytes: answer.body.length, ...usage }),
  }
}

/** A whole body is made before anybody takes it: who carries it out says how that ended. */
function settledByClose(known: Omit<Settlement, 'state' | 'error'>): Pick<Committed, 'settled' | 'close'> {
  const { promise, resolve } = Promise.withResolvers<Settlement>()
  return {
    settled: promise,
    close: (isTaken) => resolve({ state: isTaken ? 'completed' : 'client_gone', ...known }),
  }
}

/** The response bound of `upstream/` limits what can pile up here. */
async function readWhole(response: UpstreamResponse): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for await (const chunk of response.body) chunks.push(chunk)
  return joinBytes(chunks)
}

// What both need.

function translationOptions(context: RelayContext): WriteAnswerOptions & { readonly watch: StateWatch } {
  const origin = stateOriginOf(context.target.provider)
  return {
    watch: new StateWatch(context.state, origin),
    responseId: context.exchange.id,
    modelId: context.modelId,
    createdAtS: Math.floor(context.clock.wallMs() / 1_000),
    wantsUsage: context.exchange.envelope.wantsStreamUsage,
    origin,
    ...streamFormOf(context.exchange.envelope),
    ...echoOf(context.exchange),
  }
}

function streamFormOf({ streamForm }: Envelope): Pick<Envelope, 'streamForm'> {
  return streamForm === undefined ? {} : { streamForm }
}

/** Read anew for each answer that needs it: the body is at hand, and few are written twice. */
function echoOf({ dialect, body }: Exchange): Pick<WriteAnswerOptions, 'echo'> {
  const echo = dialect.readEcho?.(body)
  return echo === undefined ? {} : { echo }
}
