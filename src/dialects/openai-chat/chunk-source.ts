/**
 * Turns the bytes of a stream into what they mean at the top: chunks, errors, the last word. The reader, the
 * passthrough and the folder all drink from here, so that they agree on what is broken, what is over and what is dropped.
 */

import { GatewayError, toGatewayError } from '../../errors/gateway-error.ts'
import type { JsonObject } from '../../std/json.ts'
import { type SseEvent, SseParser } from '../../wire/sse.ts'
import { ChunkParser } from './chunk-parser.ts'
import { choiceError, embeddedError, errorOfEvent } from './read-error.ts'

/** Broken events in a row that are skipped; one more and the stream is not worth reading. */
export const BROKEN_IN_ROW_MAX = 5

/** What one event of the stream turned out to be. */
export interface ChunkSink {
  chunk(value: JsonObject, event: SseEvent): void
  /** A whole plain answer where a stream was asked for. */
  plainAnswer(value: JsonObject, event: SseEvent): void
  /** `[DONE]`. */
  done(event: SseEvent): void
  /** Nothing follows. */
  failed(error: GatewayError): void
  /** Whether the answer is whole: what comes after that is dropped, an error too. */
  readonly isComplete: boolean
}

export class ChunkSource {
  readonly #sink: ChunkSink
  readonly #parser = new SseParser()
  readonly #chunks = new ChunkParser()
  #brokenInRow = 0
  /** `[DONE]` was seen. */
  isTerminated = false
  /** `[DONE]`, or a plain answer, which holds all candidates there will be. */
  isLastWordSaid = false
  isFailed = false
  anomalies = 0

  constructor(sink: ChunkSink) {
    this.#sink = sink
  }

  read(bytes: Uint8Array): void {
    this.#feed(() => this.#parser.read(bytes))
  }

  end(): void {
    this.#feed(() => this.#parser.end())
  }

  /** Too large an event is an error of the stream; any other throw is a defect of ours and an error of it all the same. */
  #feed(parse: () => readonly SseEvent[]): void {
    if (this.isFailed) return
    try {
      for (const event of parse()) this.#take(event)
    } catch (thrown) {
      this.#fail(toGatewayError(thrown))
    }
  }

  #take(event: SseEvent): void {
    const { data } = event
    if (data === '' || this.isFailed) return
    if (this.isTerminated) this.anomalies += 1
    else if (event.name === 'error') this.#takeError(event)
    else if (data.charCodeAt(0) === 0x5b && data.trim() === '[DONE]') this.#takeDone(event)
    else this.#takeChunk(event)
  }

  #takeDone(event: SseEvent): void {
    this.isTerminated = true
    this.isLastWordSaid = true
    if (!this.#sink.isComplete) this.anomalies += 1
    this.#sink.done(event)
  }

  #takeChunk(event: SseEvent): void {
    const value = this.#chunks.parse(event.data)
    if (value === undefined) return this.#takeBroken()
    this.#brokenInRow = 0
    const error = embeddedError(value) ?? choiceError(value)
    if (error === undefined) return this.#sink.chunk(value, event)
    if (!this.#sink.isComplete) return this.#fail(error)
    // OpenRouter reports "Token limit reached" as an error after the finish reason that said so; its usage counts.
    this.anomalies += 1
    const { error: _error, choices: _choices, ...rest } = value
    this.#sink.chunk(rest, event)
  }

  /** JSON without a field name is the parser's `error`; a plain answer in place of a stream looks so too. */
  #takeError(event: SseEvent): void {
    const value = event.data.startsWith('{') ? this.#chunks.parse(event.data) : undefined
    if (value !== undefined && Array.isArray(value['choices']) && embeddedError(value) === undefined) {
      this.isLastWordSaid = true
      return this.#sink.plainAnswer(value, event)
    }
    if (this.#sink.isComplete) this.anomalies += 1
    else this.#fail(errorOfEvent(event.data))
  }

  #takeBroken(): void {
    this.anomalies += 1
    this.#brokenInRow += 1
    if (this.#brokenInRow <= BROKEN_IN_ROW_MAX) return
    this.#fail(
      new GatewayError(
        'upstream_bad_response',
        `The provider sent ${this.#brokenInRow} events in a row that are not JSON objects.`,
      ),
    )
  }

  #fail(error: GatewayError): void {
    this.isFailed = true
    this.#sink.failed(error)
  }
}
