/** Reads what a provider of this dialect says when it refuses: as an HTTP answer, or as an event inside a stream. */

import { GatewayError } from '../../errors/gateway-error.ts'
import { isJsonObject, type JsonObject, objectOf, parseJson, stringOf } from '../../std/json.ts'
import { classifyRefusal } from '../classify-refusal.ts'
import type { ErrorResponse } from '../dialect.ts'

/** Bytes of an error body that are read. */
const ERROR_BODY_BYTES_MAX = 65_536

/** Length of a detail that is handed on: they are identifiers. */
const DETAIL_LENGTH_MAX = 100

/** Most details of one kind handed on. */
const DETAIL_COUNT_MAX = 20

export function readError(response: ErrorResponse): GatewayError {
  const { status, headers, body } = response
  const length = Math.min(body.length, ERROR_BODY_BYTES_MAX)
  const text = Buffer.from(body.buffer, body.byteOffset, length).toString('utf8')
  // Vertex wraps its errors in an array.
  const parsed = parseJson(text)
  const value: unknown = Array.isArray(parsed) ? parsed[0] : parsed
  if (!isJsonObject(value)) return classifyRefusal({ status, headers, message: text })
  return classify(status, headers, errorObject(value))
}

/** An error inside a stream or inside a 200: its own code counts as if it had been the status (fault 36). */
export function readErrorEvent(value: JsonObject): GatewayError {
  return classify(200, {}, errorObject(value))
}

/** Whether a body that came with a success status is an error nevertheless. */
export function isErrorBody(value: JsonObject): boolean {
  if (value['type'] === 'error') return true
  const { error } = value
  return (
    value['content'] === undefined && (isJsonObject(error) || (typeof error === 'string' && error !== ''))
  )
}

/** The object that names the fault, wherever the server put it. */
function errorObject(value: JsonObject): JsonObject {
  const { error } = value
  if (isJsonObject(error)) return error
  if (typeof error === 'string') return { ...value, message: value['message'] ?? error }
  return value
}

function classify(
  status: number,
  headers: Readonly<Record<string, string>>,
  error: JsonObject,
): GatewayError {
  const details = objectOf(error['details'])
  const type = stringOf(error['type']) ?? stringOf(error['status'])
  const code = stringOf(details?.['error_code']) ?? wordOf(error['code'])
  const message = stringOf(error['message']) ?? stringOf(error['detail'])
  const refusal = classifyRefusal({
    status,
    headers,
    ...(type === undefined || type === 'error' ? {} : { type }),
    ...(code === undefined ? {} : { code }),
    ...(message === undefined ? {} : { message }),
  })
  const kept = details === undefined ? undefined : detailsToKeep(details)
  if (kept === undefined) return refusal
  return new GatewayError(refusal.code, refusal.message, { ...refusal.facts, details: kept }, refusal.cause)
}

function wordOf(code: unknown): string | undefined {
  return typeof code === 'number' ? String(code) : stringOf(code)
}

/** The two details Anthropic's clients act upon; the rest may name accounts and stays here. */
function detailsToKeep(details: JsonObject): JsonObject | undefined {
  const code = boundedWord(details['error_code'])
  if (code === undefined) return undefined
  const { unsupported } = details
  if (!Array.isArray(unsupported)) return { error_code: code }
  const words = unsupported.slice(0, DETAIL_COUNT_MAX).map(boundedWord)
  return { error_code: code, unsupported: words.filter((word) => word !== undefined) }
}

function boundedWord(value: unknown): string | undefined {
  return typeof value === 'string' && value.length <= DETAIL_LENGTH_MAX ? value : undefined
}
