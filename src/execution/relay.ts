/**
 * Brings one upstream answer to the point of commitment, and past it. Until the first real content every fault is
 * thrown, so that another attempt can be made; from then on faults end the stream with the client dialect's own error
 * event, and never with its terminal marker.
 */

import type { Usage } from '../canonical/usage.ts'
import type { Loss } from '../canonical/loss.ts'
import { unfold } from '../canonical/unfold.ts'
import type {
  AttemptSummary,
  Dialect,
  Folder,
  Passthrough,
  StreamFacts,
  WriteAnswerOptions,
} from '../dialects/dialect.ts'
import { GatewayError, toGatewayError } from '../errors/gateway-error.ts'
import { DRAIN_AFTER_TERMINAL_MS, TERMINAL_MARKER_MS } from '../resilience/timers.ts'
import type { Clock } from '../std/clock.ts'
import type { UpstreamResponse } from '../upstream/attempt.ts'
import { type AttemptEntry, isCounted } from './attempt-log.ts'
import type { EncodedCall } from './encode-call.ts'
import type { Exchange } from './exchange.ts'
import type { Settlement } from './reply.ts'
import { createTranslatingFolder, createTranslator } from './translator.ts'

/** Bytes that may be held back while nothing but pings and empty deltas has come. */
export const HEAD_BYTES_MAX = 1_048_576

const EVENT_STREAM = 'text/event-stream; charset=utf-8'

/** A pipe or folder that translates knows what it lost on the way. */
type Pipe = Passthrough & { readonly losses?: readonly Loss[] }
type LossyFolder = Folder & { readonly losses?: readonly Loss[] }

export interface RelayContext {
  readonly exchange: Exchange
  readonly call: EncodedCall
  readonly targetDialect: Dialect
  readonly response: UpstreamResponse
  readonly attempt: AttemptEntry
  readonly clock: Clock
  /** The client waits no longer for its answer to begin. */
  commit(): void
  /** Takes secrets out of a provider's words before anybody sees them. */
  redact(error: GatewayError): GatewayError
  /** All attempts so far, for the error event. */
  attempts(): readonly AttemptSummary[]
  readonly modelId: string
}

/** An answer past its commit point. */
export interface Committed {
  readonly contentType: string
  readonly body: Uint8Array | AsyncIterable<Uint8Array>
  readonly losses: readonly Loss[]
  readonly settled: Promise<Settlement>
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
    contentType: EVENT_STREAM,
    body: source,
    losses: [...context.call.losses, ...(pipe.losses ?? [])],
    settled: source.settled,
  }
}

function createPipe(context: RelayContext): Pipe {
  const { exchange, call, targetDialect } = context
  return call.isTranslated
    ? createTranslator(targetDialect, exchange.dialect, answerOptions(context))
    : exchange.dialect.createPassthrough({ hidesUsage: !exchange.envelope.wantsStreamUsage })
}

/** The target answered a streaming request with one piece (fault 78): said as the stream that was asked for. */
async function streamOfPlain(context: RelayContext): Promise<Committed> {
  const { exchange, targetDialect, attempt } = context
  const result = targetDialect.readResult(await readWhole(context.response))
  const writer = exchange.dialect.createStreamWriter(answerOptions(context))
  const text =
    unfold(result)
      .map((event) => writer.write(event))
      .join('') + writer.end()
  const body = Buffer.from(text)
  context.commit()
  attempt.markFirstToken()
  attempt.complete({
    hasBegun: true,
    flags: ['plain_for_stream', ...usageFlags(result.usage)],
    ...usageOf(result),
  })
  return {
    contentType: EVENT_STREAM,
    body,
    losses: [...context.call.losses, ...writer.losses],
    settled: Promise.resolve({ state: 'completed', bodyBytes: body.length, ...usageOf(result) }),
  }
}

/**
 * Pulls an upstream stream through a pipe: first up to the commit point, then, as the reply's body, to its end. Its
 * chunks never throw; leaving early closes the upstream; it settles exactly once.
 */
class StreamSource implements AsyncIterable<Uint8Array>, AsyncIterator<Uint8Array, undefined> {
  readonly #context: RelayContext
  readonly #pipe: Passthrough
  readonly #chunks: AsyncIterator<Uint8Array>
  readonly #settlement = Promise.withResolvers<Settlement>()
  #head: Uint8Array | undefined
  #bodyBytes = 0
  /** What the pipe knows after the last bytes it read. */
  #facts: StreamFacts
  #isExhausted = false
  #isPipeEnded = false
  #isSettled = false

  constructor(context: RelayContext, pipe: Passthrough) {
    this.#context = context
    this.#pipe = pipe
    this.#facts = pipe.facts
    this.#chunks = context.response.body[Symbol.asyncIterator]()
  }

  get settled(): Promise<Settlement> {
    return this.#settlement.promise
  }

  /** Everything up to and with the first content is held back here; throws what keeps it from coming. */
  async open(): Promise<void> {
    try {
      await this.#holdToContent()
    } catch (error) {
      this.#context.attempt.noteUsage(this.#facts.usage)
      throw error
    }
  }

  async #holdToContent(): Promise<void> {
    const held: Uint8Array[] = []
    let heldBytes = 0
    while (!this.#facts.hasContent && !this.#facts.isTerminated) {
      const bytes = await this.#nextBytes()
      if (bytes === undefined) break
      if (this.#facts.error) throw this.#facts.error
      if (bytes.length === 0) continue
      held.push(bytes)
      heldBytes += bytes.length
      if (heldBytes > HEAD_BYTES_MAX && !this.#facts.hasContent) throw tooMuchBeforeContent()
    }
    if (!this.#facts.hasContent) assertWhole(this.#facts)
    this.#context.response.markContent()
    this.#context.attempt.markFirstToken()
    this.#head = joined(held)
    this.#bodyBytes = this.#head.length
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (this.#head) {
      const value = this.#head
      this.#head = undefined
      return { done: false, value }
    }
    if (this.#isSettled) return { done: true, value: undefined }
    try {
      const value = await this.#nextContent()
      if (value) {
        this.#bodyBytes += value.length
        return { done: false, value }
      }
      this.#settleWhole()
      return { done: true, value: undefined }
    } catch (thrown) {
      const failure = this.#context.redact(toGatewayError(thrown))
      this.#settleBroken(failure)
      return failure.code === 'client_gone'
        ? { done: true, value: undefined }
        : { done: false, value: this.#errorEvent(failure) }
    }
  }

  return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#settleBroken(undefined)
    return Promise.resolve({ done: true, value: undefined })
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  /** The next bytes worth sending, or `undefined` at the end of a whole answer. */
  async #nextContent(): Promise<Uint8Array | undefined> {
    for (;;) {
      const bytes = this.#facts.isTerminated ? this.#endPipe() : await this.#nextBytes()
      if (this.#facts.error && !bytes?.length) throw this.#facts.error
      if (bytes === undefined) break
      if (bytes.length > 0) return bytes
    }
    if (!this.#facts.isComplete) throw brokenOff()
    return undefined
  }

  /** What the pipe makes of the next chunk; its last bytes when the source ends; then `undefined`. */
  async #nextBytes(): Promise<Uint8Array | undefined> {
    if (this.#isExhausted) return undefined
    const step = await nextChunk(this.#context, this.#chunks, this.#facts.isComplete)
    if (step.done) {
      this.#isExhausted = true
      return this.#endPipe()
    }
    const bytes = this.#pipe.read(step.value)
    this.#facts = this.#pipe.facts
    return bytes
  }

  /** The pipe's last bytes, once. */
  #endPipe(): Uint8Array | undefined {
    if (this.#isPipeEnded) return undefined
    this.#isPipeEnded = true
    const bytes = this.#pipe.end()
    this.#facts = this.#pipe.facts
    return bytes
  }

  #errorEvent(error: GatewayError): Uint8Array {
    const { exchange, attempts } = this.#context
    const text = exchange.dialect.writeStreamError(error, {
      requestId: exchange.id,
      attempts: attempts(),
      isPartial: true,
    })
    return Buffer.from(text)
  }

  #settleWhole(): void {
    if (this.#isSettled) return
    this.#isSettled = true
    this.#context.attempt.complete(this.#end())
    if (!this.#isExhausted) drain(this.#context, this.#chunks)
    this.#settlement.resolve({ state: 'completed', bodyBytes: this.#bodyBytes, ...usageOf(this.#facts) })
  }

  #settleBroken(failure: GatewayError | undefined): void {
    if (this.#isSettled) return
    this.#isSettled = true
    this.#context.response.cancel()
    const usage = usageOf(this.#facts)
    const bodyBytes = this.#bodyBytes
    if (failure === undefined || failure.code === 'client_gone') {
      this.#context.attempt.cancel(this.#end())
      this.#settlement.resolve({ state: 'client_gone', bodyBytes, ...usage })
    } else {
      this.#context.attempt.fail(failure, this.#end())
      this.#settlement.resolve({ state: 'truncated', error: failure, bodyBytes, ...usage })
    }
  }

  #end() {
    const facts = this.#facts
    return { hasBegun: true, flags: flagsOf(facts), status: this.#context.response.status, ...usageOf(facts) }
  }
}

// A client that waits for the whole.

async function relayPlain(context: RelayContext): Promise<Committed> {
  return context.response.framing === 'sse' ? foldStream(context) : passPlain(context)
}

async function foldStream(context: RelayContext): Promise<Committed> {
  const { attempt, call, exchange, targetDialect } = context
  const folder: LossyFolder = call.isTranslated
    ? createTranslatingFolder(targetDialect, exchange.dialect, answerOptions(context))
    : exchange.dialect.createFolder()
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
  let { facts } = folder
  const chunks = response.body[Symbol.asyncIterator]()
  while (!facts.isTerminated) {
    const step = await nextChunk(context, chunks, facts.isComplete)
    if (step.done) folder.end()
    else folder.read(step.value)
    const hadContent = facts.hasContent
    facts = folder.facts
    if (facts.error) throw facts.error
    if (step.done) break
    if (!hadContent && facts.hasContent) {
      response.markContent()
      attempt.markFirstToken()
    }
  }
  assertWhole(facts)
  drain(context, chunks)
}

async function passPlain(context: RelayContext): Promise<Committed> {
  const { call, exchange, targetDialect, response } = context
  const body = await readWhole(response)
  if (exchange.operation !== 'chat') {
    assertJsonObject(body)
    return committedPlain(context, { body, losses: [], flags: [] })
  }
  const result = targetDialect.readResult(body)
  const flags = usageFlags(result.usage)
  if (!call.isTranslated) return committedPlain(context, { body, losses: [], flags, ...usageOf(result) })
  const answer = exchange.dialect.writeResult(result, answerOptions(context))
  return committedPlain(context, {
    body: Buffer.from(answer.body),
    losses: [...call.losses, ...answer.losses],
    flags,
    ...usageOf(result),
  })
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
    settled: Promise.resolve({ state: 'completed', bodyBytes: answer.body.length, ...usage }),
  }
}

/** The response bound of `upstream/` limits what can pile up here. */
async function readWhole(response: UpstreamResponse): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for await (const chunk of response.body) chunks.push(chunk)
  return joined(chunks)
}

// What both need.

/** The next chunk. After the finish reason, the rest is not waited for longer than its limit (fault 60). */
function nextChunk(
  context: RelayContext,
  chunks: AsyncIterator<Uint8Array>,
  isComplete: boolean,
): Promise<IteratorResult<Uint8Array, undefined>> {
  if (!isComplete) return chunks.next()
  return within(context.clock, TERMINAL_MARKER_MS, chunks.next(), () => {
    context.response.cancel()
    return { done: true, value: undefined }
  })
}

/** Lets the upstream end by itself, so that its connection can be used again; not for long. */
function drain(context: RelayContext, chunks: AsyncIterator<Uint8Array>): void {
  const timer = context.clock.after(DRAIN_AFTER_TERMINAL_MS, () => context.response.cancel())
  const pull = async () => {
    while (!(await chunks.next()).done);
  }
  pull()
    .catch(() => undefined)
    .finally(() => timer.cancel())
}

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  const [only] = chunks
  return chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks)
}

function answerOptions(context: RelayContext): WriteAnswerOptions {
  return {
    responseId: context.exchange.id,
    modelId: context.modelId,
    createdAtS: Math.floor(context.clock.wallMs() / 1_000),
    wantsUsage: context.exchange.envelope.wantsStreamUsage,
  }
}

function usageOf(source: { readonly usage?: Usage | undefined }): { usage?: Usage } {
  return source.usage === undefined ? {} : { usage: source.usage }
}

function flagsOf(facts: StreamFacts): readonly string[] {
  return [
    ...(facts.anomalies > 0 ? ['parse_anomaly'] : []),
    ...(facts.hasMalformedToolCall === true ? ['tool_args_invalid'] : []),
    ...(facts.isComplete ? usageFlags(facts.usage) : []),
  ]
}

/** A whole answer reports what it cost; one that does not, or in numbers nobody can believe, is odd (fault 50). */
function usageFlags(usage: Usage | undefined): readonly string[] {
  return isCounted(usage) ? [] : ['usage_anomaly']
}

/** An answer without content is whole only if the model says that it had nothing to say (B3: 200 empty). */
function assertWhole(facts: StreamFacts): void {
  if (facts.error) throw facts.error
  if (!facts.isComplete) throw brokenOff()
  if (facts.hasContent) return
  const reason = facts.finish?.reason
  const isSilent =
    (reason === 'stop' || reason === 'other' || reason === undefined) && !(facts.usage?.outputTokens ?? 0)
  if (isSilent) throw new GatewayError('empty_response', 'The provider ended its answer without any content.')
}

function brokenOff(): GatewayError {
  return new GatewayError('upstream_truncated', 'The provider ended the stream before the answer was whole.')
}

function tooMuchBeforeContent(): GatewayError {
  return new GatewayError(
    'upstream_bad_response',
    `The provider sent ${HEAD_BYTES_MAX} bytes without any content of an answer.`,
  )
}

function assertJsonObject(body: Uint8Array): void {
  try {
    const value: unknown = JSON.parse(Buffer.from(body).toString())
    if (typeof value === 'object' && value !== null) return
  } catch {
    // Falls through: both cases are the same failure.
  }
  throw new GatewayError(
    'upstream_bad_response',
    'The provider answered with something that is not a JSON object.',
  )
}

/** The promise's value, or what `otherwise` makes of it when time is up; the loser is ignored. */
function within<Value>(
  clock: Clock,
  limitMs: number,
  promise: Promise<Value>,
  otherwise: () => Value,
): Promise<Value> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(limitMs, () => resolve(otherwise()))
    promise.then(resolve, reject).finally(() => timer.cancel())
  })
}
