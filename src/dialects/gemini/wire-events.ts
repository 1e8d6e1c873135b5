/**
 * The responses of a stream as they may be believed: parsed once, broken ones left out and counted, an error told apart.
 * They come as server-sent events or, where a client asked for no `alt=sse`, as elements of one JSON array.
 */

import { GatewayError, toGatewayError } from '../../errors/gateway-error.ts'
import { isJsonObject, type JsonObject, parseJson } from '../../std/json.ts'
import { SseParser } from '../../wire/sse.ts'
import { exceedsDepth } from '../openai-chat/json-depth.ts'
import { embeddedError, errorOfEvent } from '../openai-chat/read-error.ts'
import { parseExactly } from './exact-json.ts'
import { JsonArrayParser } from './json-array-parser.ts'

export interface WireEvent {
  readonly value: JsonObject
  /** The response as JSON text. */
  readonly data: string
  /** The event's own bytes; absent where it came as an element of an array. */
  readonly raw?: Uint8Array
}

/** Broken events in a row that are skipped; one more and the stream is not worth reading. */
export const BROKEN_IN_ROW_MAX = 5

/** Characters below which no event can be nested deep enough to trouble anyone. */
const SHALLOW_CHARS = 2_048

interface Framed {
  readonly name: string
  readonly data: string
  readonly raw?: Uint8Array
}

interface Parser {
  read(chunk: Uint8Array): readonly Framed[]
  end(): readonly Framed[]
}

export class WireEvents {
  #parser: Parser | undefined
  #brokenInRow = 0
  #anomalies = 0
  #error: GatewayError | undefined

  get anomalies(): number {
    return this.#anomalies
  }

  get error(): GatewayError | undefined {
    return this.#error
  }

  read(chunk: Uint8Array): readonly WireEvent[] {
    return this.#take(() => this.#parserFor(chunk)?.read(chunk) ?? [])
  }

  end(): readonly WireEvent[] {
    return this.#take(() => this.#parser?.end() ?? [])
  }

  /** The first byte that is no white space tells an array from events. */
  #parserFor(chunk: Uint8Array): Parser | undefined {
    if (this.#parser !== undefined) return this.#parser
    const first = chunk.find((byte) => !isSpace(byte))
    if (first === undefined) return undefined
    this.#parser = first === OPEN_BRACKET ? new JsonArrayParser() : new SseParser()
    return this.#parser
  }

  #take(parse: () => readonly Framed[]): readonly WireEvent[] {
    if (this.#error !== undefined) return []
    const believed: WireEvent[] = []
    try {
      for (const framed of parse()) {
        const event = this.#check(framed)
        if (event !== undefined) believed.push(event)
      }
    } catch (thrown) {
      this.#error ??= toGatewayError(thrown)
    }
    return believed
  }

  #check({ name, data, raw }: Framed): WireEvent | undefined {
    if (this.#error !== undefined || data === '' || data === '[DONE]') return undefined
    if (name === 'error') {
      this.#error = errorOfEvent(data)
      return undefined
    }
    const value = parseEvent(data)
    if (value === undefined) return this.#skipBroken()
    this.#brokenInRow = 0
    const error = embeddedError(value)
    if (error === undefined) return { value, data, ...(raw === undefined ? {} : { raw }) }
    this.#error = error
    return undefined
  }

  #skipBroken(): undefined {
    this.#anomalies += 1
    this.#brokenInRow += 1
    if (this.#brokenInRow <= BROKEN_IN_ROW_MAX) return
    const words = `The provider sent ${this.#brokenInRow} events in a row that are not JSON objects.`
    this.#error = new GatewayError('upstream_bad_response', words)
  }
}

const OPEN_BRACKET = 0x5b

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
}

function parseEvent(data: string): JsonObject | undefined {
  const value = data.includes('"functionCall"') ? parseExactly(data) : parseJson(data)
  if (!isJsonObject(value)) return undefined
  return data.length > SHALLOW_CHARS && exceedsDepth(data) ? undefined : value
}
