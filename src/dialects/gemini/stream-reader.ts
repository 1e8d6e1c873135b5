/** Reads a stream of this dialect into canonical events. It has no last word: the reasons are told when it ends. */

import type { InferenceEvent } from '../../canonical/event.ts'
import type { ReadStreamOptions, StreamReader } from '../dialect.ts'
import { AnswerReader } from './answer-reader.ts'
import { type WireEvent, WireEvents } from './wire-events.ts'

export class GeminiStreamReader implements StreamReader {
  readonly #wire = new WireEvents()
  readonly #answer: AnswerReader
  #hasFailed = false

  constructor({ candidates }: ReadStreamOptions = {}) {
    this.#answer = new AnswerReader(candidates)
  }

  get isComplete(): boolean {
    return this.#wire.error === undefined && this.#answer.isComplete
  }

  /** More may come after every reason given, for as long as the stream is open. */
  get isTerminated(): boolean {
    return false
  }

  get anomalies(): number {
    return this.#wire.anomalies + this.#answer.anomalies
  }

  read(chunk: Uint8Array): readonly InferenceEvent[] {
    return this.#eventsOf(this.#wire.read(chunk))
  }

  end(): readonly InferenceEvent[] {
    const events = this.#eventsOf(this.#wire.end())
    return this.#wire.error === undefined ? [...events, ...this.#answer.end()] : events
  }

  #eventsOf(responses: readonly WireEvent[]): readonly InferenceEvent[] {
    const events: InferenceEvent[] = []
    for (const { value } of responses) this.#answer.read(value, events)
    const { error } = this.#wire
    if (error === undefined || this.#hasFailed) return events
    this.#hasFailed = true
    events.push({ type: 'error', error })
    return events
  }
}
