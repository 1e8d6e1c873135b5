/**
 * The body of an answer that travels as it comes: sound, the content of a file, events. It begins with its first bytes;
 * what breaks it off after that must never look like an end: events end with an error of the client's dialect, anything
 * else breaks the client's connection too.
 */

import type { Usage } from '../canonical/usage.ts'
import { GatewayError, toGatewayError } from '../errors/gateway-error.ts'
import { isJsonObject, parseJson } from '../std/json.ts'
import { type SseEvent, SseParser } from '../wire/sse.ts'
import { usageOf } from './answer-facts.ts'
import { joinBytes } from './join-bytes.ts'
import { type OperationCall, saysError } from './operation-call.ts'
import type { RelayContext } from './relay-context.ts'
import type { Settlement } from './reply.ts'

type Step = IteratorResult<Uint8Array, undefined>

const END: Step = { done: true, value: undefined }

export class OperationStream implements AsyncIterable<Uint8Array>, AsyncIterator<Uint8Array, undefined> {
  readonly #context: RelayContext
  readonly #call: OperationCall
  readonly #chunks: AsyncIterator<Uint8Array, undefined>
  readonly #settlement = Promise.withResolvers<Settlement>()
  /** Where the answer is events. */
  readonly #events: SseParser | undefined
  #usage: Usage | undefined
  #failure: GatewayError | undefined
  #isExhausted = false
  #first: Step | undefined
  #bodyBytes = 0
  #isSettled = false

  constructor(context: RelayContext, call: OperationCall, isEvents: boolean) {
    this.#context = context
    this.#call = call
    this.#chunks = context.response.body[Symbol.asyncIterator]()
    this.#events = isEvents ? new SseParser() : undefined
  }

  get settled(): Promise<Settlement> {
    return this.#settlement.promise
  }

  /** Waits for the first bytes; throws what keeps them from coming, an error as the first event included. */
  async open(): Promise<void> {
    const step = await this.#pull()
    // Only what was kept may be empty: a file may well hold nothing.
    if (step.done && this.#call.spec.placedBy === 'model') throw noAnswer()
    this.#first = step
    this.#context.response.markContent()
    this.#context.attempt.markFirstToken()
  }

  async next(): Promise<Step> {
    if (this.#isSettled) return END
    try {
      const step = this.#first ?? (await this.#pull())
      this.#first = undefined
      if (step.done) this.#settleWhole()
      else this.#bodyBytes += step.value.length
      return step
    } catch (thrown) {
      return this.#breakOff(this.#context.redact(toGatewayError(thrown)))
    }
  }

  return(): Promise<Step> {
    const { signal } = this.#context.exchange
    const reason = signal.aborted ? toGatewayError(signal.reason) : undefined
    this.#settleBroken(reason)
    return Promise.resolve(END)
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  #breakOff(failure: GatewayError): Step {
    this.#settleBroken(failure)
    if (failure.code === 'client_gone') return END
    if (this.#events === undefined) throw failure
    const { exchange } = this.#context
    const context = { requestId: exchange.id, attempts: this.#context.attempts(), isPartial: true }
    return { done: false, value: Buffer.from(exchange.dialect.writeStreamError(failure, context)) }
  }

  /** The next bytes: as they came, or, of events, whole ones, since signs of life of our own may stand between two. */
  async #pull(): Promise<Step> {
    const events = this.#events
    if (events === undefined) return this.#chunks.next()
    for (;;) {
      if (this.#failure) throw this.#failure
      if (this.#isExhausted) return END
      const step = await this.#chunks.next()
      this.#isExhausted = step.done === true
      const value = this.#take(step.done ? events.end() : events.read(step.value))
      if (value.length > 0) return { done: false, value }
    }
  }

  /** The events up to an error among them, which is told in the words of the client's dialect instead. */
  #take(events: readonly SseEvent[]): Uint8Array {
    const taken: Uint8Array[] = []
    for (const event of events) {
      this.#failure = this.#readAlong(event)
      if (this.#failure) break
      taken.push(event.raw)
    }
    return joinBytes(taken)
  }

  /** Notes what an event reports; the error that it is, where it is one. */
  #readAlong({ name, data }: SseEvent): GatewayError | undefined {
    if (name !== 'error' && !/"(?:usage|error)"/.test(data)) return undefined
    const parsed = parseJson(data)
    if (name === 'error' || (isJsonObject(parsed) && saysError(parsed))) return this.#refusalOf(data)
    if (isJsonObject(parsed)) this.#usage = this.#call.spec.readUsage?.(parsed) ?? this.#usage
    return undefined
  }

  #refusalOf(data: string): GatewayError {
    const { targetDialect } = this.#context
    return targetDialect.readError({ status: 200, headers: {}, body: Buffer.from(data) })
  }

  #settleWhole(): void {
    if (this.#isSettled) return
    this.#isSettled = true
    this.#context.attempt.complete(this.#end())
    this.#settlement.resolve({ state: 'completed', bodyBytes: this.#bodyBytes, ...this.#counted() })
  }

  #settleBroken(failure: GatewayError | undefined): void {
    if (this.#isSettled) return
    this.#isSettled = true
    const { response, attempt } = this.#context
    response.cancel()
    const known = { bodyBytes: this.#bodyBytes, ...this.#counted() }
    if (failure === undefined || failure.code === 'client_gone') {
      attempt.cancel(this.#end())
      this.#settlement.resolve({ state: 'client_gone', ...known })
      return
    }
    // That we shut down is no failure of the target.
    if (failure.code === 'gateway_shutting_down') attempt.cancel(this.#end())
    else attempt.fail(failure, this.#end())
    this.#settlement.resolve({ state: 'truncated', error: failure, ...known })
  }

  #counted() {
    return usageOf({ usage: this.#usage })
  }

  #end() {
    const hasBegun = this.#call.spec.placedBy === 'model'
    return { hasBegun, status: this.#context.response.status, flags: [], ...this.#counted() }
  }
}

function noAnswer(): GatewayError {
  return new GatewayError('empty_response', 'The provider answered with an empty body.')
}
