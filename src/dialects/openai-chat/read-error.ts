/** What an error of this dialect says, in the many shapes its servers give it, and what it amounts to. */

import type { GatewayError } from '../../errors/gateway-error.ts'
import { parseDuration } from '../../resilience/reset-values.ts'
import { arrayOf, isJsonObject, type JsonObject, objectOf, parseJson, stringOf } from '../../std/json.ts'
import { classifyRefusal, type Refusal } from '../classify-refusal.ts'
import type { ErrorResponse } from '../dialect.ts'

/** Bytes of an error body that are looked at. */
const ERROR_BYTES_MAX = 65_536

/** Classifies a refusal by its status, headers and body. */
export function readError(response: ErrorResponse): GatewayError {
  const text = new TextDecoder().decode(response.body.subarray(0, ERROR_BYTES_MAX))
  const parsed = parseJson(text)
  const { status, headers } = response
  if (isJsonObject(parsed)) return classifyRefusal(refusalOf(parsed, status, headers))
  // Gemini wraps the errors of streams in an array.
  const [first] = arrayOf(parsed)
  if (isJsonObject(first)) return classifyRefusal(refusalOf(first, status, headers))
  // A plain sentence, in JSON or not; a page; or a body cut at the limit.
  return classifyRefusal({ status, headers, message: stringOf(parsed) ?? text })
}

/** The error inside an answer or an event with status 200, if there is one. */
export function embeddedError(answer: JsonObject): GatewayError | undefined {
  return isErrorObject(answer) ? classifyRefusal(refusalOf(answer, 200, {})) : undefined
}

/** A choice that ends with an error is one, whether or not the answer says more about it. */
export function choiceError(answer: JsonObject): GatewayError | undefined {
  const { choices } = answer
  if (!Array.isArray(choices)) return undefined
  for (const choice of choices) {
    const reason = isJsonObject(choice) ? choice['finish_reason'] : undefined
    if (typeof reason !== 'string' || !errorReasons.has(reason)) continue
    const error = isJsonObject(choice) ? objectOf(choice['error']) : undefined
    return classifyRefusal(refusalOf(error ?? { code: reason }, 200, {}))
  }
  return undefined
}

/** OpenRouter and this gateway; z.ai; DeepSeek. */
const errorReasons: ReadonlySet<string> = new Set(['error', 'network_error', 'insufficient_system_resource'])

/** An event named `error`, whatever its data. */
export function errorOfEvent(data: string): GatewayError {
  const parsed = parseJson(data)
  if (isJsonObject(parsed)) return classifyRefusal(refusalOf(parsed, 200, {}))
  const [first] = arrayOf(parsed)
  if (isJsonObject(first)) return classifyRefusal(refusalOf(first, 200, {}))
  return classifyRefusal({ status: 200, headers: {}, message: stringOf(parsed) ?? data })
}

/** Servers that fill every field have an empty `error` in good answers (`null`, `''`, `{}`). */
function isErrorObject(answer: JsonObject): boolean {
  const { error } = answer
  if (typeof error === 'string') return error !== ''
  if (isJsonObject(error)) return Object.values(error).some((value) => value !== null && value !== '')
  if (answer['choices'] !== undefined) return false
  if (answer['object'] === 'error' || answer['type'] === 'error') return true
  if (answer['detail'] !== undefined && answer['detail'] !== null) return true
  return typeof answer['message'] === 'string' && ('code' in answer || 'type' in answer)
}

/**
 * The fields of an error, from `{error: {...}}` (most), `{error: "..."}` (xAI, Venice, Ollama), `{message, type, code}`
 * (Cerebras, Mistral), `{detail}` (FastAPI), `{Message}` and `{__type, message}` (Bedrock).
 */
function refusalOf(body: JsonObject, status: number, headers: Refusal['headers']): Refusal {
  const inner = objectOf(body['error']) ?? body
  const outerText = stringOf(body['error'])
  const type = wordOf(inner['type']) ?? wordOf(inner['__type']) ?? wordOf(inner['status'])
  const code = wordOf(inner['code']) ?? wordOf(inner['status_code'])
  const message = outerText ?? messageOf(inner) ?? messageOf(body)
  const param = stringOf(inner['param'])
  const detail = detailOf(inner)
  const retryAfterMs = waitOf(inner, headers)
  return {
    status,
    headers,
    ...(type === undefined ? {} : { type: type.replace(/^.*#/, '') }),
    ...(code === undefined ? {} : { code }),
    ...(message === undefined ? {} : { message }),
    ...(param === undefined ? {} : { param }),
    ...(detail === '' ? {} : { detail }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(rawBehind(inner) === undefined ? {} : { isHandedOn: true }),
  }
}

/** Codes are strings, numbers, or numbers in strings. */
function wordOf(value: unknown): string | undefined {
  if (typeof value === 'number') return String(value)
  return typeof value === 'string' && value !== '' ? value : undefined
}

function messageOf(inner: JsonObject): string | undefined {
  const { detail } = inner
  const plain = stringOf(inner['message']) ?? stringOf(inner['Message']) ?? stringOf(detail)
  const behind = rawBehind(inner)
  if (behind !== undefined && (plain === undefined || plain === 'Provider returned error')) return behind
  if (plain !== undefined) return plain
  if (detail === undefined || detail === null) return undefined
  return JSON.stringify(detail).slice(0, 2000)
}

/** OpenRouter hands on what the provider behind it said, as text. */
function rawBehind(inner: JsonObject): string | undefined {
  const raw = stringOf(objectOf(inner['metadata'])?.['raw'])
  if (raw === undefined || raw === '') return undefined
  const parsed = parseJson(raw.slice(0, ERROR_BYTES_MAX))
  const behind = isJsonObject(parsed) ? (objectOf(parsed['error']) ?? parsed) : undefined
  return stringOf(behind?.['message']) ?? stringOf(objectOf(parsed)?.['error']) ?? raw
}

/** Words that judge and are not shown: Azure's inner error, Google's reasons and quota ids, OpenRouter's error types. */
function detailOf(inner: JsonObject): string {
  const metadata = objectOf(inner['metadata'])
  const innerError = objectOf(inner['innererror']) ?? objectOf(inner['inner_error'])
  const words = [
    innerError?.['code'],
    objectOf(inner['details'])?.['error_code'],
    metadata?.['error_type'],
    metadata?.['raw'],
    ...googleDetails(inner).flatMap((detail) => [
      detail['reason'],
      ...arrayOf(detail['violations']).map((violation) => objectOf(violation)?.['quotaId']),
    ]),
  ]
  return words
    .filter((word) => typeof word === 'string')
    .join(' ')
    .slice(0, 4000)
}

function googleDetails(inner: JsonObject): readonly JsonObject[] {
  return arrayOf(inner['details']).slice(0, 20).filter(isJsonObject)
}

/** Google's `RetryInfo`, or OpenRouter's time of reset (epoch milliseconds) against the answer's own clock. */
function waitOf(inner: JsonObject, headers: Refusal['headers']): number | undefined {
  for (const detail of googleDetails(inner)) {
    const waitMs = parseDuration(stringOf(detail['retryDelay']) ?? '')
    if (waitMs !== undefined) return waitMs
  }
  const limits = objectOf(objectOf(inner['metadata'])?.['headers'])
  const now = Date.parse(headers['date'] ?? '')
  const resetAt = Number(stringOf(limits?.['X-RateLimit-Reset']))
  if (limits?.['X-RateLimit-Remaining'] !== '0' || !(resetAt > now)) return undefined
  return resetAt - now < 86_400_000 ? resetAt - now : undefined
}
