/** Reads what Bedrock says when it refuses: as an HTTP answer, inside a 200, or as an exception inside a stream. */

import type { GatewayError } from '../../errors/gateway-error.ts'
import { isJsonObject, type JsonObject, parseJson, stringOf } from '../../std/json.ts'
import { classifyRefusal } from '../classify-refusal.ts'
import type { ErrorResponse } from '../dialect.ts'

/** Bytes of an error body that are read. */
const ERROR_BODY_BYTES_MAX = 65_536

export function readError({ status, headers, body }: ErrorResponse): GatewayError {
  const length = Math.min(body.length, ERROR_BODY_BYTES_MAX)
  const text = Buffer.from(body.buffer, body.byteOffset, length).toString('utf8')
  const value = parseJson(text)
  const type = exceptionName(headers['x-amzn-errortype'])
  if (!isJsonObject(value)) {
    return classifyRefusal({ status, headers, message: text, ...(type === undefined ? {} : { type }) })
  }
  return classify(status, headers, { type: type ?? typeOf(value), value })
}

/** An exception that came after a success status: its own name counts as if it had been the status. */
export function readException(name: string | undefined, value: JsonObject): GatewayError {
  return classify(200, {}, { type: exceptionName(name) ?? typeOf(value), value })
}

/** Whether a body that came with a success status is an error nevertheless. */
export function isErrorBody(value: JsonObject): boolean {
  if (value['output'] !== undefined || value['inputTokens'] !== undefined) return false
  return typeOf(value) !== undefined || messageOf(value) !== undefined
}

interface Said {
  readonly type: string | undefined
  readonly value: JsonObject
}

function classify(
  status: number,
  headers: Readonly<Record<string, string>>,
  { type, value }: Said,
): GatewayError {
  const message = messageOf(value)
  const detail = stringOf(value['originalMessage'])
  return classifyRefusal({
    status,
    headers,
    ...(type === undefined ? {} : { type }),
    ...(message === undefined ? {} : { message }),
    ...(detail === undefined ? {} : { detail }),
  })
}

/** The message stands under either spelling, or in `Output` where the address itself was wrong. */
function messageOf(value: JsonObject): string | undefined {
  return stringOf(value['message']) ?? stringOf(value['Message'])
}

function typeOf(value: JsonObject): string | undefined {
  const { Output: output } = value
  const inner = isJsonObject(output) ? output['__type'] : undefined
  return exceptionName(stringOf(value['__type']) ?? stringOf(inner))
}

/** `ThrottlingException` out of `com.amazon.coral#ThrottlingException` or `ThrottlingException:http://...`. */
function exceptionName(text: string | undefined): string | undefined {
  return text?.slice(0, 200).split(':', 1)[0]?.split('#').at(-1)?.trim() || undefined
}
