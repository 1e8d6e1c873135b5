/**
 * The events of a stream as they may be believed: parsed once, broken ones and those after the end left out and counted,
 * an error told apart. The reader, the passthrough and the folder all stand on this, so that they never disagree.
 */

import { GatewayError } from '../../errors/gateway-error.ts'
import { isJsonObject, type JsonObject, parseJson } from '../../std/json.ts'
import { type SseEvent, SseParser } from '../../wire/sse.ts'
import { readErrorEvent } from './read-error.ts'
import { hasStopReason } from './stop-reason.ts'

export interface WireEvent {
  /** Its `type`, or the name of its event line where it has none. */
  readonly type: string
  readonly value: JsonObject
  readonly sse: SseEvent
}

/** Broken events in a row after which the stream is given up. */
export const BROKEN_EVENTS_MAX = 5

export class WireEvents {
  readonly #parser = new SseParser()
  #brokenInARow = 0
  #hasStarted = false
  #isComplete = false
  #isTerminated = false
  #anomalies = 0
  #error: GatewayError | undefined

  get isComplete(): boolean {
    return this.#isComplete
  }

  /** `message_stop` was seen. */
  get isTerminated(): boolean {
    return this.#isTerminated
  }

  get anomalies(): number {
    return this.#anomalies
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

  #take(parse: () => readonly SseEvent[]): readonly WireEvent[] {
    if (this.#error !== undefined) return []
    try {
      return this.#believe(parse())
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error
      this.#fail(error)
      return []
    }
  }

  #believe(events: readonly SseEvent[]): readonly WireEvent[] {
    const believed: WireEvent[] = []
    for (const sse of events) {
      const event = this.#check(sse)
      if (event !== undefined) believed.push(event)
    }
    return believed
  }

  #check(sse: SseEvent): WireEvent | undefined {
    // Some servers end this dialect with OpenAI's marker; it says nothing and its clients must not see it.
    if (sse.data === '[DONE]') return undefined
    if (this.#isTerminated || this.#error !== undefined) return this.#drop()
    const value = parseJson(sse.data)
    if (!isJsonObject(value)) return this.#skipBroken()
    const type = typeof value['type'] === 'string' ? value['type'] : sse.name
    if (type === 'error' || sse.name === 'error') return this.#fail(readErrorEvent(value))
    this.#brokenInARow = 0
    return this.#note({ type, value, sse })
  }

  #note(event: WireEvent): WireEvent | undefined {
    switch (event.type) {
      case 'message_start':
        if (this.#hasStarted) return this.#drop()
        this.#hasStarted = true
        return event
      case 'message_delta':
        this.#isComplete ||= hasStopReason(event.value['delta'])
        return event
      case 'message_stop':
        this.#isComplete = true
        this.#isTerminated = true
        return event
      default:
        return event
    }
  }

  #drop(): undefined {
    this.#anomalies += 1
  }

  #skipBroken(): undefined {
    this.#anomalies += 1
    this.#brokenInARow += 1
    if (this.#brokenInARow <= BROKEN_EVENTS_MAX) return
    this.#fail(
      new GatewayError(
        'upstream_bad_response',
        `The provider sent more than ${BROKEN_EVENTS_MAX} events in a row that are not JSON objects.`,
      ),
    )
  }

  /** Once the answer is whole an error changes nothing any more. */
  #fail(error: GatewayError): undefined {
    if (this.#isComplete) return this.#drop()
    this.#error = error
  }
}
