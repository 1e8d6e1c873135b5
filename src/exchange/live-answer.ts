/**
 * A streamed answer while it is being made, for any number of readers: each gets it from its first byte, in order and at
 * its own pace. What is held is bounded: up to a size the whole answer is, so that a slow reader holds nobody up; beyond
 * it only a window, and a reader that falls out of the window is told so and cut.
 */

import type { Dialect } from '../dialects/dialect.ts'
import { GatewayError, toGatewayError } from '../errors/gateway-error.ts'
import type { Exchange } from '../execution/exchange.ts'
import { joinBytes } from '../execution/join-bytes.ts'
import type { Reply, Settlement } from '../execution/reply.ts'

/** Bytes of all live answers together; beyond them none is held whole any more. */
export const LIVE_BYTES_MAX = 256 * 1024 ** 2
/** What a chunk costs beside its bytes. */
const CHUNK_COST_BYTES = 96

/** What all live answers hold together. */
export interface LiveMemory {
  bytes: number
}

export interface EndedAnswer {
  readonly settlement: Settlement
  /** All of it; `undefined` where it is not held whole any more. */
  readonly body: Uint8Array | undefined
  /** What the body threw. */
  readonly failure: GatewayError | undefined
}

export interface LiveAnswerInit {
  /** The request that it is made for. */
  readonly exchangeId: string
  readonly reply: Reply & { readonly body: AsyncIterable<Uint8Array> }
  readonly memory: LiveMemory
  readonly bytesMax: number
  /** It is made to its end, whoever leaves. */
  readonly isDurable: boolean
  /** Called once; readers are told of the end when it is done. */
  readonly onEnd: (ended: EndedAnswer) => Promise<void> | void
}

export class LiveAnswer {
  readonly reply: LiveAnswerInit['reply']
  readonly exchangeId: string
  /** Resolves when nothing more comes of it and `onEnd` is done; never rejects. */
  readonly over: Promise<void>
  readonly #init: LiveAnswerInit
  readonly #source: AsyncIterator<Uint8Array>
  readonly #readers = new Set<LiveReader>()
  #chunks: Uint8Array[] = []
  /** Chunks before the first that is held. */
  #dropped = 0
  #heldBytes = 0
  #isWhole = true
  #isDeserted = false
  #ended: { readonly settlement: Settlement; readonly failure: GatewayError | undefined } | undefined
  /** The error that took the place of the answer's own end, as bytes: what comes after it is no part of the answer. */
  #lastWords: string | undefined
  #onDemand: (() => void) | undefined

  constructor(init: LiveAnswerInit) {
    this.#init = init
    this.reply = init.reply
    this.exchangeId = init.exchangeId
    this.#source = init.reply.body[Symbol.asyncIterator]()
    this.over = this.#pump()
  }

  /** Whether a reader that comes now would get all of it. */
  get isJoinable(): boolean {
    return this.#isWhole && !this.#isDeserted
  }

  /** A reader of its own place. `onLeave` is called once, when it needs nothing more. */
  join(exchange: Pick<Exchange, 'id' | 'dialect' | 'envelope'>, onLeave: () => void): LiveReader {
    const reader = new LiveReader(this, { exchange, onLeave })
    this.#readers.add(reader)
    return reader
  }

  /** Nobody wants the rest: its source is told, and it is not made on. */
  desert(): void {
    if (this.#isDeserted || this.#ended !== undefined) return
    this.#isDeserted = true
    this.#source.return?.().then(undefined, () => {})
    this.#wakeSource()
  }

  // For its readers.

  get hasEnded(): boolean {
    return this.#ended !== undefined
  }

  /** What ended it; absent before. */
  get ended() {
    return this.#ended
  }

  get end(): number {
    return this.#dropped + this.#chunks.length
  }

  /** `undefined` where it is not held any more, or not yet. */
  chunk(place: number): Uint8Array | undefined {
    return this.#chunks[place - this.#dropped]
  }

  demand(): void {
    this.#wakeSource()
  }

  leave(reader: LiveReader): void {
    this.#readers.delete(reader)
    this.#trim()
    this.#wakeSource()
  }

  /** A chunk was taken: what everybody has may go where the whole is not held. */
  taken(): void {
    if (!this.#isWhole) this.#trim()
  }

  /** An error in the answer's own words, for a reader that stands where its source does. */
  writeError(error: GatewayError, place: number): string | undefined {
    if (this.#ended !== undefined || place !== this.end || this.reply.writeError === undefined)
      return undefined
    this.#lastWords ??= this.reply.writeError(error)
    return this.#lastWords
  }

  // The source.

  async #pump(): Promise<void> {
    const failure = await this.#pullAll()
    const settlement = await this.reply.settled
    const isCut = !this.#isWhole || this.#isDeserted || this.#lastWords !== undefined
    const body = isCut ? undefined : joinBytes(this.#chunks)
    try {
      await this.#init.onEnd({ settlement, failure, body })
    } finally {
      this.#ended = { settlement, failure }
      this.#isWhole = false
      this.#trim()
      for (const reader of this.#readers) reader.wake()
    }
  }

  async #pullAll(): Promise<GatewayError | undefined> {
    try {
      for (;;) {
        while (!this.#wantsMore) await this.#demanded()
        const step = await this.#source.next()
        if (step.done === true) return undefined
        this.#add(step.value)
      }
    } catch (thrown) {
      return toGatewayError(thrown)
    }
  }

  get #wantsMore(): boolean {
    if (this.#isDeserted) return true
    if (this.#init.isDurable && (this.#isWhole || this.#readers.size === 0)) return true
    for (const reader of this.#readers) if (reader.isWaiting) return true
    return false
  }

  #demanded(): Promise<void> {
    return new Promise((resolve) => {
      this.#onDemand = resolve
    })
  }

  #wakeSource(): void {
    const wake = this.#onDemand
    this.#onDemand = undefined
    wake?.()
  }

  #add(chunk: Uint8Array): void {
    if (this.#isDeserted) return
    this.#chunks.push(chunk)
    this.#hold(chunk.length + CHUNK_COST_BYTES)
    const { bytesMax, memory } = this.#init
    if (this.#heldBytes > bytesMax || memory.bytes > LIVE_BYTES_MAX) this.#isWhole = false
    for (const reader of this.#readers) reader.wake()
    if (!this.#isWhole) this.#trim()
  }

  /** Lets go of what every reader has, and of what is too far behind for the bound. */
  #trim(): void {
    if (this.#isWhole) return
    let first = this.end
    for (const { place } of this.#readers) first = Math.min(first, place)
    while (this.#dropped < first || this.#heldBytes > this.#init.bytesMax) {
      const chunk = this.#chunks.shift()
      if (chunk === undefined) return
      this.#dropped += 1
      this.#hold(-chunk.length - CHUNK_COST_BYTES)
    }
  }

  #hold(bytes: number): void {
    this.#heldBytes += bytes
    this.#init.memory.bytes += bytes
  }
}

interface LiveReaderInit {
  readonly exchange: Pick<Exchange, 'id' | 'dialect' | 'envelope'>
  readonly onLeave: () => void
}

/** One reader's way through a live answer. */
export class LiveReader implements AsyncIterable<Uint8Array>, AsyncIterator<Uint8Array, undefined> {
  readonly #live: LiveAnswer
  readonly #init: LiveReaderInit
  readonly #settlement = Promise.withResolvers<Settlement>()
  /** The chunk that it takes next. */
  place = 0
  #bodyBytes = 0
  #hasLeft = false
  #wake: (() => void) | undefined

  constructor(live: LiveAnswer, init: LiveReaderInit) {
    this.#live = live
    this.#init = init
  }

  /** How it ended for this reader. */
  get settled(): Promise<Settlement> {
    return this.#settlement.promise
  }

  get isWaiting(): boolean {
    return this.#wake !== undefined
  }

  wake(): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    const live = this.#live
    while (!this.#hasLeft) {
      const value = live.chunk(this.place)
      if (value !== undefined) return this.#take(value)
      if (this.place < live.end) throw this.#fellBehind()
      if (live.ended !== undefined) return this.#finish(live.ended)
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      live.demand()
      await woken
    }
    return END
  }

  return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#leave({ state: 'client_gone', bodyBytes: this.#bodyBytes })
    return Promise.resolve(END)
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  /** In the answer's own words where this reader has all of it so far. */
  writeError(error: GatewayError): string {
    const { id, dialect, envelope } = this.#init.exchange
    return this.#live.writeError(error, this.place) ?? streamError(dialect, error, { id, envelope })
  }

  #take(value: Uint8Array): IteratorResult<Uint8Array, undefined> {
    this.place += 1
    this.#bodyBytes += value.length
    this.#live.taken()
    return { done: false, value }
  }

  #finish({
    settlement,
    failure,
  }: {
    readonly settlement: Settlement
    readonly failure: GatewayError | undefined
  }): IteratorResult<Uint8Array, undefined> {
    const { state, error } = settlement
    this.#leave({ state, bodyBytes: this.#bodyBytes, ...(error === undefined ? {} : { error }) })
    if (failure !== undefined) throw failure
    return END
  }

  #fellBehind(): GatewayError {
    const error = new GatewayError(
      'overloaded',
      'This reader of a shared answer fell too far behind the others: what it had not read yet is not held any more.',
    )
    this.#leave({ state: 'truncated', error, bodyBytes: this.#bodyBytes })
    return error
  }

  #leave(settlement: Settlement): void {
    if (this.#hasLeft) return
    this.#hasLeft = true
    this.#settlement.resolve(settlement)
    this.#live.leave(this)
    this.wake()
    this.#init.onLeave()
  }
}

const END: IteratorResult<Uint8Array, undefined> = { done: true, value: undefined }

function streamError(
  dialect: Dialect,
  error: GatewayError,
  { id, envelope: { streamForm } }: Pick<Exchange, 'id' | 'envelope'>,
): string {
  return dialect.writeStreamError(error, {
    requestId: id,
    attempts: error.attempts,
    isPartial: true,
    ...(streamForm === undefined ? {} : { streamForm }),
  })
}
