/** The service class that a target is asked for, in the word it is sent: a translation may have left the client's out. */

import { isJsonObject, type JsonObject, parseJson, stringOf } from '../std/json.ts'
import type { EncodedCall } from './encode-call.ts'
import type { Exchange } from './exchange.ts'

/** How the dialects spell the field; Bedrock's holds an object. */
const TIER_FIELDS = ['service_tier', 'serviceTier'] as const

/** `undefined` where no class is named. The body is read only where the client named one, which few requests do. */
export function sentTierOf(
  { envelope, body }: Pick<Exchange, 'envelope' | 'body'>,
  call: Pick<EncodedCall, 'body' | 'operation'>,
): string | undefined {
  if (!TIER_FIELDS.some((name) => envelope.fields.has(name))) return undefined
  const sent = call.operation === undefined ? call.body : body
  const fields = parseJson(Buffer.from(sent.buffer, sent.byteOffset, sent.byteLength).toString())
  return isJsonObject(fields) ? tierIn(fields) : undefined
}

function tierIn(fields: JsonObject): string | undefined {
  const named = TIER_FIELDS.map((name) => fields[name]).find((value) => value !== undefined && value !== null)
  if (named === undefined) return undefined
  // What is no word may stand for one (an enumeration by number): it is a class that nobody here knows.
  return stringOf(isJsonObject(named) ? named['type'] : named) ?? JSON.stringify(named)
}
