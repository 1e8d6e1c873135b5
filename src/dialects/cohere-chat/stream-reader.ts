/** Reads a stream of Cohere as events. Its last word is `message-end`; a `[DONE]` after it is no fault. */

import type { InferenceEvent } from '../../canonical/event.ts'
import { type GatewayError, toGatewayError } from '../../errors/gateway-error.ts'
import { isJsonObject, type JsonObject } from '../../std/json.ts'
import { type SseEvent, SseParser } from '../../wire/sse.ts'
import type { StreamReader } from '../dialect.ts'
import { EventDecoder } from '../event-decoder.ts'
import { AnswerReader } from './answer-reader.ts'
import { embeddedError } from './read-error.ts'

export class CohereStreamReader implements StreamReader {
  readonly #parser = new SseParser()
  readonly #decoder = new EventDecoder()
  readonly #answer = new AnswerReader()
  #isTerminated = false
  #isDoneSeen = false
  #isFailed = false
  #lateEvents = 0

  read(chunk: Uint8Array): readonly InferenceEvent[] {
    return this.#feed(() => this.#parser.read(chunk))
  }

  end(): readonly InferenceEvent[] {
    return this.#feed(() => this.#parser.end())
  }

  get isComplete(): boolean {
    return this.#answer.isFinished
  }

  get isTerminated(): boolean {
    return this.#isTerminated
  }

  get anomalies(): number {
    return this.#decoder.anomalies + this.#lateEvents + this.#answer.parts.anomalies
  }

  #feed(parse: () => readonly SseEvent[]): readonly InferenceEvent[] {
    if (this.#isFailed) return []
    try {
      for (const event of parse()) this.#take(event)
    } catch (thrown) {
      this.#fail(toGatewayError(thrown))
    }
    return this.#answer.parts.take()
  }

  #take({ data }: SseEvent): void {
    if (data === '' || this.#isFailed) return
    if (data.trim() === '[DONE]') return this.#takeDone()
    if (this.#isTerminated) {
      this.#lateEvents += 1
      return
    }
    const value = this.#decoder.decode(data)
    if (value !== undefined) this.#takeObject(value)
  }

  /** Before the end of the message it would make a broken answer whole: nothing more will come, and it is not. */
  #takeDone(): void {
    if (!this.#isTerminated || this.#isDoneSeen) this.#lateEvents += 1
    this.#isDoneSeen = true
    this.#isTerminated = true
  }

  #takeObject(value: JsonObject): void {
    const error = embeddedError(value)
    if (error !== undefined) return this.#fail(error)
    if (value['type'] === undefined && isJsonObject(value['message'])) this.#answer.readAnswer(value)
    else this.#answer.readEvent(value)
    this.#isTerminated = this.#answer.isEnded
    if (this.#answer.isEnded && !this.#answer.isFinished) this.#isFailed = true
  }

  #fail(error: GatewayError): void {
    this.#isFailed = true
    this.#answer.parts.fail(error)
  }
}
