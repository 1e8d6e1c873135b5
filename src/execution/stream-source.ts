/** The body of a streamed reply: held back up to the commit point, then handed on as it comes, settled once. */

import type { AttemptSummary, ErrorContext, Passthrough, StreamFacts } from '../dialects/dialect.ts'
import { GatewayError, toGatewayError } from '../errors/gateway-error.ts'
import type { Target } from '../providers/provider.ts'
import type { Clock } from '../std/clock.ts'
import { DRAIN_AFTER_TERMINAL_MS } from '../resilience/timers.ts'
import type { UpstreamResponse } from '../upstream/attempt.ts'
import { assertWhole, brokenOff, flagsOf, usageOf } from './answer-facts.ts'
import { modelFlags } from './answered-model.ts'
import type { AttemptEntry } from './attempt-log.ts'
import type { Exchange } from './exchange.ts'
import { joinBytes } from './join-bytes.ts'
import type { Settlement } from './reply.ts'
import { UpstreamChunks } from './upstream-chunks.ts'
import { warningsOfStream } from './visible-text.ts'

/** Bytes that may be held back while nothing but pings and empty deltas has come. */
export const HEAD_BYTES_MAX = 1_048_576

export interface StreamContext {
  readonly exchange: Exchange
  readonly response: UpstreamResponse
  readonly target: Target
  readonly attempt: AttemptEntry
  readonly clock: Clock
  /** Takes secrets out of a provider's words before anybody sees them. */
  redact(error: GatewayError): GatewayError
  /** All attempts so far, for the error event. */
  attempts(): readonly AttemptSummary[]
  /** From here on neither the client's leaving nor the deadline ends the attempt. */
  release(): void
}

/**
 * Pulls an upstream stream through a pipe: first up to the commit point, then, as the reply's body, to its end. Its
 * chunks never throw; leaving early closes the upstream; it settles exactly once.
 */
export class StreamSource implements AsyncIterable<Uint8Array>, AsyncIterator<Uint8Array, undefined> {
  readonly #context: StreamContext
  readonly #pipe: Passthrough
  readonly #facts: StreamFacts
  readonly #chunks: UpstreamChunks
  readonly #settlement = Promise.withResolvers<Settlement>()
  #head: Uint8Array | undefined
  #bodyBytes = 0
  #isExhausted = false
  #isPipeEnded = false
  #isSettled = false
  /** The reading that is under way. */
  #reading: Promise<unknown> | undefined

  constructor(context: StreamContext, pipe: Passthrough) {
    this.#context = context
    this.#pipe = pipe
    this.#facts = pipe.facts
    this.#chunks = new UpstreamChunks(context.response, context.clock)
  }

  get settled(): Promise<Settlement> {
    return this.#settlement.promise
  }

  /** Everything up to and with the first content is held back here; throws what keeps it from coming. */
  async open(): Promise<void> {
    try {
      await this.#holdToContent()
    } catch (error) {
      const { attempt } = this.#context
      attempt.noteUsage(this.#facts.usage)
      // Content and its end came in one piece: nothing of it was sent, but it was made.
      if (this.#facts.hasContent) attempt.markFirstToken()
      throw error
    }
  }

  async #holdToContent(): Promise<void> {
    const held: Uint8Array[] = []
    let heldBytes = 0
    // Content that its writer still holds back (a tool call that must be said in one piece) commits to nothing.
    while (!(this.#facts.hasContent && heldBytes > 0) && !this.#facts.isTerminated) {
      const bytes = await this.#nextBytes()
      if (bytes === undefined) break
      if (this.#facts.error) throw this.#facts.error
      if (this.#facts.hasContent) this.#context.response.markContent()
      if (bytes.length === 0) continue
      held.push(bytes)
      heldBytes += bytes.length
      if (heldBytes > HEAD_BYTES_MAX && !this.#facts.hasContent) throw tooMuchBeforeContent()
    }
    if (!this.#facts.hasContent || (heldBytes === 0 && !this.#facts.isComplete)) assertWhole(this.#facts)
    this.#context.response.markContent()
    this.#context.attempt.markFirstToken()
    this.#head = joinBytes(held)
    this.#bodyBytes = this.#head.length
  }

  next(): Promise<IteratorResult<Uint8Array, undefined>> {
    const reading = this.#next()
    this.#reading = reading
    return reading
  }

  async #next(): Promise<IteratorResult<Uint8Array, undefined>> {
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
        : { done: false, value: Buffer.from(this.writeError(failure)) }
    }
  }

  return(): Promise<IteratorResult<Uint8Array, undefined>> {
    const { signal } = this.#context.exchange
    if (signal.aborted) this.#settleBroken(toGatewayError(signal.reason))
    else if (this.#facts.isComplete && this.#head === undefined) this.#finishAlone()
    else this.#settleBroken(undefined)
    return Promise.resolve({ done: true, value: undefined })
  }

  /** The client left with the whole answer in hand; what it cost is still to come, and waited for a moment (fault 109). */
  #finishAlone(): void {
    if (this.#isSettled) return
    const { clock, response } = this.#context
    this.#context.release()
    const timer = clock.after(DRAIN_AFTER_TERMINAL_MS, () => {
      response.cancel()
      this.#settleWhole()
    })
    const finish = async () => {
      await this.#reading
      while (!(await this.next()).done);
    }
    void finish().finally(() => timer.cancel())
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  /** The next bytes worth sending, or `undefined` at the end of a whole answer. */
  async #nextContent(): Promise<Uint8Array | undefined> {
    for (;;) {
      // An error in the chunk before this: its content went out first, and nothing more is waited for.
      if (this.#facts.error) throw this.#facts.error
      const bytes = this.#facts.isTerminated ? this.#endPipe() : await this.#nextBytes()
      if (bytes === undefined) break
      if (bytes.length > 0) return bytes
    }
    if (!this.#facts.isComplete) throw brokenOff()
    return undefined
  }

  /** What the pipe makes of the next chunk; its last bytes when the source ends; then `undefined`. */
  async #nextBytes(): Promise<Uint8Array | undefined> {
    if (this.#isExhausted) return undefined
    const step = await this.#chunks.next(this.#facts.isComplete)
    if (step.done) {
      this.#isExhausted = true
      return this.#endPipe()
    }
    return this.#pipe.read(step.value)
  }

  /** The pipe's last bytes, once. */
  #endPipe(): Uint8Array | undefined {
    if (this.#isPipeEnded) return undefined
    this.#isPipeEnded = true
    return this.#pipe.end()
  }

  /** The error as the last event of this stream. */
  writeError(error: GatewayError): string {
    const { exchange } = this.#context
    const { streamForm } = exchange.envelope
    const context: ErrorContext = {
      requestId: exchange.id,
      attempts: this.#context.attempts(),
      isPartial: true,
      ...(streamForm === undefined ? {} : { streamForm }),
    }
    return this.#pipe.writeError?.(error, context) ?? exchange.dialect.writeStreamError(error, context)
  }

  #settleWhole(): void {
    if (this.#isSettled) return
    this.#isSettled = true
    this.#context.attempt.complete(this.#end())
    if (!this.#isExhausted) this.#chunks.drain()
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
      // That we shut down is no failure of the target.
      if (failure.code === 'gateway_shutting_down') this.#context.attempt.cancel(this.#end())
      else this.#context.attempt.fail(failure, this.#end())
      this.#settlement.resolve({ state: 'truncated', error: failure, bodyBytes, ...usage })
    }
  }

  #end() {
    const facts = this.#facts
    const flags = [
      ...flagsOf(facts),
      ...modelFlags(facts.modelId, this.#context.target),
      ...warningsOfStream(facts),
    ]
    return { hasBegun: true, flags, status: this.#context.response.status, ...usageOf(facts) }
  }
}

function tooMuchBeforeContent(): GatewayError {
  return new GatewayError(
    'upstream_bad_response',
    `The provider sent ${HEAD_BYTES_MAX} bytes without any content of an answer.`,
  )
}
