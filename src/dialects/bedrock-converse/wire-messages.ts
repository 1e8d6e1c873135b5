/**
 * The messages of a stream as they may be believed: framing checked, parsed once, broken ones and those after the end
 * left out and counted, exceptions told apart.
 */

import { GatewayError } from '../../errors/gateway-error.ts'
import { isJsonObject, type JsonObject, parseJson } from '../../std/json.ts'
import { type EventStreamMessage, EventStreamParser } from '../../wire/eventstream.ts'
import { readException } from './read-error.ts'

export interface WireMessage {
  /** Its event type: `contentBlockDelta`. */
  readonly type: string
  readonly value: JsonObject
}

/** Broken payloads in a row after which the stream is given up. */
export const BROKEN_MESSAGES_MAX = 5

export class WireMessages {
  readonly #parser = new EventStreamParser()
  #brokenInARow = 0
  #isComplete = false
  #isTerminated = false
  #anomalies = 0
  #error: GatewayError | undefined

  /** A stop reason was seen. */
  get isComplete(): boolean {
    return this.#isComplete
  }

  /** The metadata, which come last, were seen. */
  get isTerminated(): boolean {
    return this.#isTerminated
  }

  get anomalies(): number {
    return this.#anomalies
  }

  /** Why the stream failed: the provider's own exception, or what it amounts to. */
  get error(): GatewayError | undefined {
    return this.#error
  }

  read(chunk: Uint8Array): readonly WireMessage[] {
    if (this.#error !== undefined) return []
    const hadFault = this.#parser.fault !== undefined
    const believed = this.#parser.read(chunk).flatMap((message) => this.#check(message) ?? [])
    const { fault } = this.#parser
    if (fault !== undefined && !hadFault) this.#fail(fault)
    return believed
  }

  #check({ headers, payload }: EventStreamMessage): WireMessage | undefined {
    if (this.#isTerminated || this.#error !== undefined) return this.#drop()
    const kind = headers.get(':message-type') ?? 'event'
    const value = parseJson(
      Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('utf8'),
    )
    if (kind !== 'event') {
      const name = headers.get(':exception-type') ?? headers.get(':error-code')
      const message = headers.get(':error-message')
      const said = isJsonObject(value) ? value : {}
      return this.#fail(readException(name ?? kind, message === undefined ? said : { message, ...said }))
    }
    if (!isJsonObject(value)) return this.#skipBroken()
    this.#brokenInARow = 0
    const type = headers.get(':event-type') ?? ''
    return this.#note({ type, value })
  }

  #note(message: WireMessage): WireMessage {
    if (message.type === 'messageStop') this.#isComplete = true
    if (message.type === 'metadata' && this.#isComplete) this.#isTerminated = true
    return message
  }

  #drop(): undefined {
    this.#anomalies += 1
  }

  #skipBroken(): undefined {
    this.#anomalies += 1
    this.#brokenInARow += 1
    if (this.#brokenInARow <= BROKEN_MESSAGES_MAX) return
    this.#fail(
      new GatewayError(
        'upstream_bad_response',
        `The provider sent more than ${BROKEN_MESSAGES_MAX} events in a row that are not JSON objects.`,
      ),
    )
  }

  /** Once the answer is whole an error changes nothing any more. */
  #fail(error: GatewayError): undefined {
    if (this.#isComplete) return this.#drop()
    this.#error = error
  }
}
