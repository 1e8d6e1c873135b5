/** Reads a stream of Ollama as events: a JSON object a line, and an object with `error` where it fails midway. */

import type { InferenceEvent } from '../../canonical/event.ts'
import { type GatewayError, toGatewayError } from '../../errors/gateway-error.ts'
import { NdjsonParser } from '../../wire/ndjson.ts'
import type { StreamReader } from '../dialect.ts'
import { EventDecoder } from '../event-decoder.ts'
import { embeddedError } from '../openai-chat/read-error.ts'
import { AnswerReader, isAnswerLine } from './answer-reader.ts'

export class OllamaStreamReader implements StreamReader {
  readonly #parser = new NdjsonParser()
  readonly #decoder = new EventDecoder()
  readonly #answer = new AnswerReader()
  #isFailed = false
  #strangeLines = 0

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
    return this.#answer.isFinished
  }

  get anomalies(): number {
    return this.#decoder.anomalies + this.#strangeLines + this.#answer.parts.anomalies
  }

  #feed(parse: () => readonly string[]): readonly InferenceEvent[] {
    if (this.#isFailed) return []
    try {
      for (const line of parse()) this.#take(line)
    } catch (thrown) {
      this.#fail(toGatewayError(thrown))
    }
    return this.#answer.parts.take()
  }

  #take(line: string): void {
    if (this.#isFailed) return
    if (this.#answer.isFinished) {
      this.#strangeLines += 1
      return
    }
    const value = this.#decoder.decode(line)
    if (value === undefined) return
    const error = embeddedError(value)
    if (error !== undefined) this.#fail(error)
    else if (isAnswerLine(value)) this.#answer.read(value)
    else this.#strangeLines += 1
  }

  #fail(error: GatewayError): void {
    this.#isFailed = true
    this.#answer.parts.fail(error)
  }
}
