/**
 * Decodes the events of a stream one after another: a broken one is skipped and counted, many in a row are an error. For
 * the dialects that only providers speak, whatever their framing.
 */

import { GatewayError } from '../errors/gateway-error.ts'
import { isJsonObject, type JsonObject, parseJson } from '../std/json.ts'
import { exceedsDepth } from './openai-chat/json-depth.ts'

/** Broken events in a row that are skipped; one more and the stream is not worth reading. */
export const BROKEN_IN_ROW_MAX = 5

/** Characters below which no event can be nested deep enough to trouble anyone. */
const SHALLOW_CHARS = 2_048

export class EventDecoder {
  #brokenInRow = 0
  /** Events skipped. */
  anomalies = 0

  /** The event's object, or `undefined` where it is none. Throws `upstream_bad_response` when too many were none. */
  decode(data: string): JsonObject | undefined {
    const value = objectIn(data)
    if (value === undefined) this.#countBroken()
    else this.#brokenInRow = 0
    return value
  }

  #countBroken(): void {
    this.anomalies += 1
    this.#brokenInRow += 1
    if (this.#brokenInRow <= BROKEN_IN_ROW_MAX) return
    throw new GatewayError(
      'upstream_bad_response',
      `The provider sent ${this.#brokenInRow} events in a row that are not JSON objects.`,
    )
  }
}

/** The one JSON object that a whole plain answer is. Throws `upstream_bad_response` where it is something else. */
export function decodeAnswer(body: Uint8Array): JsonObject {
  const value = objectIn(new TextDecoder().decode(body))
  if (value !== undefined) return value
  throw new GatewayError(
    'upstream_bad_response',
    'The provider answered with something that is not a JSON object, or is nested too deeply.',
  )
}

function objectIn(text: string): JsonObject | undefined {
  const value = parseJson(text)
  if (!isJsonObject(value)) return undefined
  return text.length > SHALLOW_CHARS && exceedsDepth(text) ? undefined : value
}
