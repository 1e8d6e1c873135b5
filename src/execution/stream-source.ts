/** The body of a streamed reply: held back up to the commit point, then handed on as it comes, settled once. */

import type { AttemptSummary, ErrorContext } from '../dialects/dialect.ts'
import { GatewayError, toGatewayError } from '../errors/gateway-error.ts'
import { DRAIN_AFTER_TERMINAL_MS } from '../resilience/timers.ts'
import type { Clock } from '../std/clock.ts'
import { assertWhole, brokenOff, flagsOf, usageOf } from './answer-facts.ts'
import type { AnswerLimit } from './answer-limit.ts'
import { modelFlags } from './answered-model.ts'
import type { AttemptEnd } from './attempt-log.ts'
import { DeliveredBytes, type DeliveredMemory } from './delivered-bytes.ts'
import type { Exchange } from './exchange.ts'
import { joinBytes } from './join-bytes.ts'
import type { Settlement } from './reply.ts'
import type { StreamLeg } from './stream-leg.ts'
import { textBytesOf, textBytesWithin } from './text-bytes.ts'
import { warningsOfStream } from './visible-text.ts'

/** Bytes that may be held back: while nothing but pings and empty deltas has come, and of a tool call that is not complete. */
export const HEAD_BYTES_MAX = 1_048_576

/** Finds somebody who goes on where a stream broke off. */
export interface Rescue {
  readonly memory: DeliveredMemory
  /** The stream that goes on after what was delivered, its first content in hand; or what the client is told. */
  resume(
    failure: GatewayError,
    delivered: readonly Uint8Array[],
    failed: StreamLeg,
  ): Promise<ResumedLeg | GatewayError>
}

export interface ResumedLeg {
  readonly leg: StreamLeg
  readonly head: Uint8Array
  /** It made anew what was delivered already. */
  readonly isAnew: boolean
}

export interface StreamContext {
  readonly exchange: Exchange
  readonly clock: Clock
  /** Absent where a stream that breaks off ends with its error. */
  readonly rescue?: Rescue | undefined
  /** Content has come. Throws where another attempt was first. */
  claim(): void
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
  readonly #settlement = Promise.withResolvers<Settlement>()
  /** What the client has, where somebody may have to go on from there. */
  readonly #delivered: DeliveredBytes | undefined
  #leg: StreamLeg
  #head: Uint8Array | undefined
  /** The beginning of a tool call that is not complete: dropped where it never is. */
  #held: Uint8Array[] = []
  #heldBytes = 0
  #bodyBytes = 0
  #rescues = 0
  /** Of the text delivered, what streams before this one made, and it did not. */
  #textBytesBefore = 0
  #isExhausted = false
  #isPipeEnded = false
  #isSettled = false
  /** The answer came to all that was held for it: nothing more is read. */
  #limitReached: GatewayError | undefined
  /** The reading that is under way. */
  #reading: Promise<unknown> | undefined

  constructor(context: StreamContext, leg: StreamLeg) {
    this.#context = context
    this.#leg = leg
    this.#delivered = context.rescue === undefined ? undefined : new DeliveredBytes(context.rescue.memory)
  }

  get settled(): Promise<Settlement> {
    return this.#settlement.promise
  }

  /** Everything up to and with the first content is held back here; throws what keeps it from coming. */
  async open(): Promise<void> {
    try {
      await this.#holdToContent()
    } catch (error) {
      const { attempt, chunks, pipe } = this.#leg
      attempt.noteText(this.#leg.limit?.textBytes ?? textBytesWithin(chunks.bytes))
      attempt.noteUsage(usageOf(pipe.facts).usage, pipe.facts.isComplete)
      // Content and its end came in one piece: nothing of it was sent, but it was made.
      if (pipe.facts.hasContent) attempt.markFirstToken()
      throw error
    }
  }

  async #holdToContent(): Promise<void> {
    const { pipe, response, attempt } = this.#leg
    const { facts } = pipe
    const head: Uint8Array[] = []
    let headBytes = 0
    // Content that is still held back (a tool call that must be said in one piece) commits to nothing.
    while (!(facts.hasContent && headBytes > 0) && !facts.isTerminated) {
      const bytes = await this.#nextBytes()
      if (facts.error && bytes !== undefined) throw facts.error
      if (facts.hasContent) {
        this.#context.claim()
        response.markContent()
      }
      const free = this.#hold(bytes)
      if (free.length > 0) {
        head.push(free)
        headBytes += free.length
      }
      if (this.#limitReached !== undefined) {
        // Nothing of it was sent: the error itself can be.
        if (!facts.hasContent || headBytes === 0) throw this.#limitReached
        break
      }
      if (bytes === undefined) break
      if (headBytes > HEAD_BYTES_MAX && !facts.hasContent) throw tooMuchBeforeContent()
    }
    if (!facts.hasContent || (headBytes === 0 && !facts.isComplete)) assertWhole(facts)
    this.#context.claim()
    response.markContent()
    attempt.markFirstToken()
    this.#head = joinBytes(head)
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
      return this.#deliver(value)
    }
    if (this.#isSettled) return END
    try {
      const value = await this.#nextContent()
      if (value) return this.#deliver(value)
      this.#settleWhole()
      return END
    } catch (thrown) {
      const { limit } = this.#leg
      const reached = this.#limitReached
      if (limit !== undefined && reached !== undefined && thrown === reached)
        return this.#endAtLimit(reached, limit)
      return this.#broken(this.#context.redact(toGatewayError(thrown)))
    }
  }

  #deliver(value: Uint8Array): IteratorResult<Uint8Array, undefined> {
    this.#bodyBytes += value.length
    this.#delivered?.add(value)
    return { done: false, value }
  }

  /** Nobody goes on with it: as one of full length, or with the error where that was asked for or would make half a call whole. */
  #endAtLimit(reached: GatewayError, limit: AnswerLimit): IteratorResult<Uint8Array, undefined> {
    const { attempt, pipe } = this.#leg
    const { usage: told, isInToolCall } = pipe.facts
    const end = this.#end()
    const usage = limit.usageSoFar(told)
    const mayClose = limit.atLimit === 'length' && isInToolCall !== true && this.#heldBytes === 0
    const closing = mayClose ? pipe.cutShort?.(usage) : undefined
    const value = closing ?? Buffer.from(this.writeError(reached))
    if (closing !== undefined) this.#bodyBytes += closing.length
    this.#settle()
    attempt.cancel({ ...end, textBytes: limit.textBytes }, reached)
    this.#settlement.resolve({ state: 'truncated', error: reached, bodyBytes: this.#bodyBytes, usage })
    return { done: false, value }
  }

  /** Somebody goes on with the answer, or the client is told that it broke off. */
  async #broken(failure: GatewayError): Promise<IteratorResult<Uint8Array, undefined>> {
    const told = await this.#rescue(failure)
    if (this.#isSettled) return END
    if (told !== undefined) {
      this.#settleBroken(told)
      return told.code === 'client_gone' ? END : { done: false, value: Buffer.from(this.writeError(told)) }
    }
    const head = this.#head ?? NOTHING
    this.#head = undefined
    return head.length > 0 ? this.#deliver(head) : this.#next()
  }

  /** What the client must be told; `undefined` where the answer goes on. */
  async #rescue(failure: GatewayError): Promise<GatewayError | undefined> {
    const { rescue, exchange } = this.#context
    const delivered = this.#delivered?.chunks
    if (rescue === undefined || delivered === undefined || !isRescuable(failure)) return failure
    const failed = this.#leg
    failed.response.cancel()
    const textBytes = this.#textBytes()
    failed.attempt.fail(failure, { ...this.#end(), textBytes: textBytes - this.#textBytesBefore })
    this.#textBytesBefore = textBytes
    this.#dropHeld()
    const resumed = await rescue.resume(failure, delivered, failed).catch(toGatewayError)
    if (resumed instanceof GatewayError) return resumed
    if (this.#isSettled || exchange.signal.aborted) {
      resumed.leg.response.cancel()
      resumed.leg.attempt.cancel({ hasBegun: true })
      return failure
    }
    if (resumed.isAnew) this.#textBytesBefore = 0
    this.#leg = resumed.leg
    this.#head = resumed.head
    this.#rescues += 1
    this.#isExhausted = false
    this.#isPipeEnded = false
    return undefined
  }

  return(): Promise<IteratorResult<Uint8Array, undefined>> {
    const { signal } = this.#context.exchange
    const reason = signal.aborted ? toGatewayError(signal.reason) : undefined
    if (this.#isDelivered && reason?.code !== 'client_gone') this.#finishAlone()
    else this.#settleBroken(reason)
    return Promise.resolve(END)
  }

  /** The client has the whole answer; what may still come is what it cost, and the last word. */
  get #isDelivered(): boolean {
    const { isComplete, error } = this.#leg.pipe.facts
    return isComplete && error === undefined && this.#head === undefined && this.#heldBytes === 0
  }

  /** The client left with the whole answer in hand; what it cost is still to come, and waited for a moment (fault 109). */
  #finishAlone(): void {
    if (this.#isSettled) return
    const { clock } = this.#context
    const { response } = this.#leg
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
    const { facts } = this.#leg.pipe
    for (;;) {
      // An error in the chunk before this: its content went out first, and nothing more is waited for.
      if (facts.error) throw facts.error
      if (this.#limitReached !== undefined) throw this.#limitReached
      const bytes = facts.isTerminated ? this.#endPipe() : await this.#nextBytes()
      const free = this.#hold(bytes)
      if (free.length > 0) return free
      if (bytes === undefined) break
    }
    if (!facts.isComplete) throw brokenOff()
    return undefined
  }

  /** Keeps back the bytes of a tool call until it is complete, so that a cut inside one leaves nothing behind (rung 0). */
  #hold(bytes: Uint8Array | undefined): Uint8Array {
    if (this.#delivered === undefined) return bytes ?? NOTHING
    const { facts } = this.#leg.pipe
    const isOpen = facts.isInToolCall === true && this.#heldBytes <= HEAD_BYTES_MAX
    if (!isOpen && this.#heldBytes === 0) return bytes ?? NOTHING
    if (bytes === undefined && !facts.isComplete) return NOTHING
    if (bytes !== undefined && bytes.length > 0) {
      this.#held.push(bytes)
      this.#heldBytes += bytes.length
    }
    if (isOpen) return NOTHING
    const free = joinBytes(this.#held)
    this.#dropHeld()
    return free
  }

  #dropHeld(): void {
    this.#held = []
    this.#heldBytes = 0
  }

  /** What the pipe makes of the next chunk; its last bytes when the source ends; then `undefined`. */
  async #nextBytes(): Promise<Uint8Array | undefined> {
    if (this.#isExhausted) return undefined
    const { chunks, pipe, limit, response } = this.#leg
    const step = await chunks.next(pipe.facts.isComplete)
    if (step.done) {
      this.#isExhausted = true
      return this.#endPipe()
    }
    chunks.bytes += step.value.length
    const bytes = pipe.read(step.value)
    if (limit?.isReachedBy(pipe.facts) === true) {
      this.#limitReached = limit.error()
      response.cancel()
    }
    return bytes
  }

  /** The pipe's last bytes, once. */
  #endPipe(): Uint8Array | undefined {
    if (this.#isPipeEnded) return undefined
    this.#isPipeEnded = true
    return this.#leg.pipe.end()
  }

  /** The error as the last event of this stream; of a whole answer only the last word is left to say. */
  writeError(error: GatewayError): string {
    if (this.#isDelivered) return Buffer.from(this.#endPipe() ?? NOTHING).toString()
    const { exchange } = this.#context
    const { streamForm } = exchange.envelope
    const context: ErrorContext = {
      requestId: exchange.id,
      attempts: this.#context.attempts(),
      isPartial: true,
      ...(streamForm === undefined ? {} : { streamForm }),
    }
    return this.#leg.pipe.writeError?.(error, context) ?? exchange.dialect.writeStreamError(error, context)
  }

  #settleWhole(): void {
    if (this.#isSettled) return
    this.#settle()
    const { attempt, chunks, pipe } = this.#leg
    attempt.complete(this.#end())
    if (!this.#isExhausted) chunks.drain()
    const state = this.#rescues > 0 ? 'rescued' : 'completed'
    this.#settlement.resolve({ state, bodyBytes: this.#bodyBytes, ...usageOf(pipe.facts) })
  }

  #settleBroken(failure: GatewayError | undefined): void {
    if (this.#isSettled) return
    const textBytes = Math.max(0, this.#textBytes() - this.#textBytesBefore)
    this.#settle()
    const { attempt, response, pipe } = this.#leg
    response.cancel()
    const usage = usageOf(pipe.facts)
    const bodyBytes = this.#bodyBytes
    const end = { ...this.#end(), textBytes }
    if (failure === undefined || failure.code === 'client_gone') {
      attempt.cancel(end)
      this.#settlement.resolve({ state: 'client_gone', bodyBytes, ...usage })
    } else {
      // That we shut down is no failure of the target.
      if (failure.code === 'gateway_shutting_down') attempt.cancel(end)
      else attempt.fail(failure, end)
      this.#settlement.resolve({ state: 'truncated', error: failure, bodyBytes, ...usage })
    }
  }

  #settle(): void {
    this.#isSettled = true
    this.#delivered?.release()
  }

  /** Of everything delivered; where that was not kept, what its bytes make likely. */
  #textBytes(): number {
    const chunks = this.#delivered?.chunks
    if (chunks === undefined) return textBytesWithin(this.#bodyBytes)
    return textBytesOf(chunks, this.#context.exchange.dialect)
  }

  #end(): AttemptEnd {
    const { pipe, target, response } = this.#leg
    const { facts } = pipe
    const flags = [...flagsOf(facts), ...modelFlags(facts.modelId, target), ...warningsOfStream(facts)]
    return { hasBegun: true, flags, status: response.status, ...usageOf(facts) }
  }
}

const END: IteratorResult<Uint8Array, undefined> = { done: true, value: undefined }
const NOTHING = new Uint8Array(0)

/** A fault of the provider: the client's leaving, the deadline and our own end are nothing that anybody could mend. */
function isRescuable({ row }: GatewayError): boolean {
  return row.fault === 'provider' && row.otherTarget === 'yes'
}

function tooMuchBeforeContent(): GatewayError {
  return new GatewayError(
    'upstream_bad_response',
    `The provider sent ${HEAD_BYTES_MAX} bytes without any content of an answer.`,
  )
}
