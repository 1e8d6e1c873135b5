/** How a target is asked to serve, in the words it is sent: a translation may have left the client's out. */

import type { SearchKind } from '../ledger/prices.ts'
import type { ServiceWords } from '../ledger/service-class.ts'
import { isJsonObject, type JsonObject, type JsonValue, objectOf, parseJson, stringOf } from '../std/json.ts'
import type { EncodedCall } from './encode-call.ts'
import type { Exchange } from './exchange.ts'

/** What has a price of its own, in the provider's words; a field is absent where nothing is asked for. */
export interface SentService extends ServiceWords {
  /** Where it is to be answered. */
  readonly inferenceGeo?: string
  /** How much a search is to bring. */
  readonly searchKind?: SearchKind
}

/** How the dialects spell the tier; Bedrock's holds an object. */
const TIER_FIELDS = ['service_tier', 'serviceTier'] as const
const SERVICE_FIELDS = [...TIER_FIELDS, 'speed', 'inference_geo', 'web_search_options'] as const

/** The body is read only where the client asked for something of the kind, which few requests do. */
export function sentServiceOf(
  { envelope, body }: Pick<Exchange, 'envelope' | 'body'>,
  call: Pick<EncodedCall, 'body' | 'operation'>,
): SentService {
  if (!SERVICE_FIELDS.some((name) => envelope.fields.has(name))) return USUAL
  const sent = call.operation === undefined ? call.body : body
  const fields = parseJson(Buffer.from(sent.buffer, sent.byteOffset, sent.byteLength).toString())
  return isJsonObject(fields) ? serviceIn(fields) : USUAL
}

const USUAL: SentService = {}

function serviceIn(fields: JsonObject): SentService {
  const serviceTier = wordOf(TIER_FIELDS.map((name) => fields[name]).find(isSaid))
  const inferenceGeo = wordOf(fields['inference_geo'])
  // The speed of a voice, which is a number, is no class of service.
  const speed = stringOf(fields['speed'])
  const searchKind = sizeOf(objectOf(fields['web_search_options'])?.['search_context_size'])
  return {
    ...(serviceTier === undefined ? {} : { serviceTier }),
    ...(speed === undefined ? {} : { speed }),
    ...(inferenceGeo === undefined ? {} : { inferenceGeo }),
    ...(searchKind === undefined ? {} : { searchKind }),
  }
}

function sizeOf(value: unknown): SearchKind | undefined {
  return value === 'low' || value === 'medium' || value === 'high' ? value : undefined
}

/** What is no word may stand for one (an enumeration by number): it is a service that nobody here knows. */
function wordOf(value: JsonValue | undefined): string | undefined {
  if (!isSaid(value)) return undefined
  return stringOf(isJsonObject(value) ? value['type'] : value) ?? JSON.stringify(value)
}

function isSaid(value: JsonValue | undefined): value is Exclude<JsonValue, null> {
  return value !== undefined && value !== null
}
