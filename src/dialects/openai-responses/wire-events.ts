/**
 * The events of a stream as they may be believed: parsed once, broken ones and those after the end left out and counted,
 * an error told apart. The reader, the passthrough and the folder all stand on this, so that they never disagree.
 */

import { GatewayError, toGatewayError } from '../../errors/gateway-error.ts'
import { isJsonObject, type JsonObject, objectOf, parseJson, stringOf } from '../../std/json.ts'
import { type SseEvent, SseParser } from '../../wire/sse.ts'
import { exceedsDepth } from '../openai-chat/json-depth.ts'
import { embeddedError, errorOfEvent } from '../openai-chat/read-error.ts'
import { failureOf } from './read-failure.ts'

export interface WireEvent {
  /** Its `type`, or the name of its event line where it has none. */
  readonly type: string
  readonly value: JsonObject
  /** Absent where a plain answer came in the place of a stream: its bytes are no event. */
  readonly sse: SseEvent | undefined
}

/** Broken events in a row that are skipped; one more and the stream is not worth reading. */
export const BROKEN_IN_ROW_MAX = 5

/** Characters below which no event can be nested deep enough to trouble anyone. */
const SHALLOW_CHARS = 2048

export class WireEvents {
  readonly #parser = new SseParser()
  #brokenInRow = 0
  #isTerminated = false
  #anomalies = 0
  #hasGap = false
  #error: GatewayError | undefined
  #lastNumber: number | undefined
  /** Events are numbered one after the other, as far as has been seen: not all the same. */
  #isCounting = false
  #lastData = ''

  /** `response.completed` or `response.incomplete` was seen: in this dialect the answer is whole only then. */
  get isTerminated(): boolean {
    return this.#isTerminated
  }

  get anomalies(): number {
    return this.#anomalies
  }

  /** Events are missing or out of order, by their own numbers (fault 82). */
  get hasGap(): boolean {
    return this.#hasGap
  }

  get lastNumber(): number | undefined {
    return this.#lastNumber
  }

  /** Why the stream failed: the provider's own error, or what it amounts to. */
  get error(): GatewayError | undefined {
    return this.#error
  }

  read(chunk: Uint8Array): readonly WireEvent[] {
    return this.#take(() => this.#parser.read(chunk))
  }

  end(): readonly WireEvent[] {
    return this.#take(() => this.#parser.end())
  }

  anomaly(): undefined {
    this.#anomalies += 1
  }

  /** Nothing follows. */
  fail(error: GatewayError): undefined {
    this.#error ??= error
  }

  /** Too large an event is an error of the stream; any other throw is a defect of ours and an error of it all the same. */
  #take(parse: () => readonly SseEvent[]): readonly WireEvent[] {
    if (this.#error !== undefined) return []
    const believed: WireEvent[] = []
    try {
      for (const sse of parse()) {
        const event = this.#check(sse)
        if (event !== undefined) believed.push(event)
      }
    } catch (thrown) {
      this.fail(toGatewayError(thrown))
    }
    return believed
  }

  #check(sse: SseEvent): WireEvent | undefined {
    // Some servers end this dialect with the marker of another; it says nothing, and its clients need not see it.
    if (sse.data === '' || sse.data === '[DONE]') return undefined
    if (this.#error !== undefined) return undefined
    if (this.#isTerminated) return this.anomaly()
    const value = parseEvent(sse.data)
    if (value === undefined) return this.#skipBroken(sse)
    this.#brokenInRow = 0
    if (this.#isRepeated(sse.data, value)) return this.anomaly()
    const type = stringOf(value['type']) ?? sse.name
    return this.#sort({ type, value, sse })
  }

  #sort(event: WireEvent): WireEvent | undefined {
    const { type, value, sse } = event
    if (value['object'] === 'response' && value['type'] === undefined) return this.#plainAnswer(value)
    if (type === 'error' || sse?.name === 'error') return this.fail(errorOfEvent(sse?.data ?? ''))
    this.#noteNumber(value['sequence_number'])
    switch (type) {
      case 'response.failed':
      case 'response.cancelled':
        return this.fail(failureOf(objectOf(value['response']) ?? {}))
      case 'response.completed':
      case 'response.incomplete':
      case 'response.done':
        return this.#terminal(event)
      default: {
        const error = type === 'message' ? embeddedError(value) : undefined
        return error === undefined ? event : this.fail(error)
      }
    }
  }

  #terminal(event: WireEvent): WireEvent | undefined {
    const response = objectOf(event.value['response']) ?? {}
    if (isFailed(response)) return this.fail(failureOf(response))
    this.#isTerminated = true
    return event
  }

  /** A whole plain answer where a stream was asked for. */
  #plainAnswer(response: JsonObject): WireEvent | undefined {
    return this.#terminal({ type: 'response.completed', value: { response }, sse: undefined })
  }

  /** The same event under the same number, once more: said already (fault 82). */
  #isRepeated(data: string, { sequence_number: number }: JsonObject): boolean {
    const isSame = this.#isCounting && number === this.#lastNumber && data === this.#lastData
    this.#lastData = data
    return isSame
  }

  /** Early servers number nothing. Order is kept as it came; what is wrong with it is only noted. */
  #noteNumber(number: unknown): void {
    if (typeof number !== 'number') return
    const isNext = this.#lastNumber === undefined || number === this.#lastNumber + 1
    if (isNext && this.#lastNumber !== undefined) this.#isCounting = true
    this.#lastNumber = Math.max(number, this.#lastNumber ?? number)
    if (isNext) return
    this.#hasGap = true
    this.anomaly()
  }

  #skipBroken(sse: SseEvent): undefined {
    if (sse.name === 'error') return this.fail(errorOfEvent(sse.data))
    this.anomaly()
    this.#brokenInRow += 1
    if (this.#brokenInRow <= BROKEN_IN_ROW_MAX) return
    this.fail(
      new GatewayError(
        'upstream_bad_response',
        `The provider sent ${this.#brokenInRow} events in a row that are not JSON objects.`,
      ),
    )
  }
}

export function isFailed({ status }: JsonObject): boolean {
  return status === 'failed' || status === 'cancelled'
}

function parseEvent(data: string): JsonObject | undefined {
  const value = parseJson(data)
  if (!isJsonObject(value)) return undefined
  return data.length > SHALLOW_CHARS && exceedsDepth(data) ? undefined : value
}
