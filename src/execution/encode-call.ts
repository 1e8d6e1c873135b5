/**
 * Says a client's request to one target: as the client's own bytes where the target speaks its dialect, translated
 * where it does not. The choice is a value; everything after it is the same for both.
 */

import type { Envelope, Operation } from '../canonical/envelope.ts'
import type { Loss } from '../canonical/loss.ts'
import type { InferenceRequest } from '../canonical/request.ts'
import type { CallAddress, Dialect, EncodedRequest, TargetDialect } from '../dialects/dialect.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import type { Quirk, Target } from '../providers/provider.ts'
import { stateOriginOf } from '../providers/target.ts'
import { homeOriginOf } from '../provenance/home-origin.ts'
import { sanitiseRequest, type SanitisedRequest } from '../provenance/sanitise-request.ts'
import type { StateReader } from '../provenance/state-makers.ts'
import { restoreSignatures } from '../provenance/tool-call-signatures.ts'
import type { StateMemory } from '../provenance/watch-state.ts'
import type { JsonObject } from '../std/json.ts'
import type { Exchange } from './exchange.ts'
import { createHeaderFilter, type HeaderFilter } from './forwarded-headers.ts'
import type { OperationCall } from './operation-call.ts'

/**
 * How an answer travels: `stream` to a client that asked for one; `fold`, a stream folded into the plain answer the
 * client asked for, so that the timers of a stream watch it; `plain` as one piece.
 */
export type RelayMode = 'stream' | 'fold' | 'plain'

/**
 * A plain request that may produce no more than this goes upstream as it stands: it is over before a stalled answer
 * could be told from a long one. Everything longer goes as a stream and is folded (resilience.md, timers of an attempt).
 */
export const PLAIN_OUTPUT_TOKENS_MAX = 1_024

export interface EncodedCall {
  readonly mode: RelayMode
  /** The target's dialect is not the client's. */
  readonly isTranslated: boolean
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
  readonly losses: readonly Loss[]
  /** Present where it is no chat and no count; `body` is then empty. */
  readonly operation?: OperationCall
}

/** The client's request, decoded at most once however many targets need it. */
export interface DecodedRequest {
  get(): InferenceRequest
}

export function decodeOnce(exchange: Exchange): DecodedRequest {
  let request: InferenceRequest | undefined
  return {
    get() {
      const { body } = exchange.referring?.inFull() ?? exchange
      request ??= exchange.dialect.readRequest(body, exchange.named)
      return request
    },
  }
}

export interface CallToEncode {
  readonly exchange: Exchange
  readonly decoded: DecodedRequest
  readonly target: Target
  readonly targetDialect: TargetDialect
  readonly mode: RelayMode
  readonly state: StateMemory
  /** The answer is to go on from a beginning that the request says. */
  readonly isContinued?: boolean
}

/** The call, or why this target cannot serve the request; throws `invalid_request` where no target could. */
export function encodeCall(asked: CallToEncode): EncodedCall | GatewayError {
  const { exchange, target, targetDialect, mode, state } = asked
  const isNative = exchange.dialect.id === targetDialect.id
  const said = whatIsSaid(exchange, isNative ? target : undefined)
  if (said instanceof GatewayError) return said
  if (isNative) return passthroughCall(exchange, target, { mode, path: pathOf(asked), said, state })
  if (exchange.operation !== 'chat' && targetDialect.writeCountRequest === undefined)
    return notTranslatable(exchange, target)
  return (
    sayAs(asked, (request) => writeFor(exchange.operation, request, asked)) ??
    notTranslatable(exchange, target)
  )
}

/** The request decoded, freed of what the target cannot read, and written by `write`; `undefined` where that has no words for it. */
export function sayAs(
  asked: CallToEncode,
  write: (request: InferenceRequest) => EncodedRequest | undefined,
): EncodedCall | GatewayError | undefined {
  const { exchange, decoded, target, targetDialect, mode } = asked
  const request = decoded.get()
  const refusal =
    exchange.dialect.id === targetDialect.id ? undefined : exchange.dialect.refuseTranslation?.(request)
  if (refusal) return refusal
  const readable = whatIsReadable(request, asked)
  const encoded = write(readable.request)
  if (encoded === undefined) return undefined
  return {
    mode,
    isTranslated: true,
    path: pathOf(asked),
    headers: targetDialect.requestHeaders,
    body: Buffer.from(JSON.stringify(adaptFields(encoded.fields, target.provider.quirks))),
    losses: [...readable.losses, ...encoded.losses],
  }
}

function pathOf({ exchange, target, targetDialect, mode, isContinued = false }: CallToEncode): string {
  const stream = mode !== 'plain'
  const address = { operation: exchange.operation, modelId: target.modelId, stream, isContinued }
  return adaptPath(targetDialect.path(address), target, address)
}

function writeFor(
  operation: Operation,
  request: InferenceRequest,
  { target: { modelId }, targetDialect, mode }: CallToEncode,
): EncodedRequest {
  return (
    (operation === 'count-tokens' ? targetDialect.writeCountRequest?.(request, { modelId }) : undefined) ??
    targetDialect.writeRequest(request, { modelId, stream: mode !== 'plain' })
  )
}

/** The request with the state that the target made, some of which the client may have left out, and no other. */
function whatIsReadable(
  request: InferenceRequest,
  { exchange, target, state }: CallToEncode,
): SanitisedRequest {
  const reader = readerOf(exchange, target)
  const restored = restoreSignatures(request, { ...reader, calls: state.calls })
  return sanitiseRequest(restored, { ...reader, makers: state.makers })
}

function readerOf({ dialect }: Exchange, { provider }: Target): StateReader {
  return { origin: stateOriginOf(provider), homeOrigin: homeOriginOf(dialect.id) }
}

/** `isPlainOnly`: the target was found not to stream what the client wants in one piece. */
export function relayMode(envelope: Envelope, isPlainOnly: boolean): RelayMode {
  if (envelope.operation !== 'chat') return 'plain'
  if (envelope.stream) return 'stream'
  if (envelope.isPlainOnly || isPlainOnly) return 'plain'
  const ceiling = envelope.maxOutputTokens ?? Number.POSITIVE_INFINITY
  return ceiling * envelope.candidateCount <= PLAIN_OUTPUT_TOKENS_MAX ? 'plain' : 'fold'
}

function passthroughCall(
  exchange: Exchange,
  target: Target,
  how: { mode: RelayMode; path: string; said: SaidRequest; state: StateMemory },
): EncodedCall {
  const { dialect } = exchange
  const { body, envelope } = how.said
  const reader = readerOf(exchange, target)
  const losses = new Map<string, Loss>()
  const patched = dialect.patchRequest(body, envelope, {
    modelId: target.modelId,
    origin: reader.origin,
    isForeign: (signature) => how.state.makers.isForeign(signature, reader),
    onLoss: (loss) => losses.set(loss.field, loss),
    ...(how.mode === 'fold' ? { stream: true as const } : {}),
    ...(how.mode === 'plain' || target.provider.isUsageUnasked ? {} : { streamUsage: true as const }),
  })
  return {
    mode: how.mode,
    isTranslated: false,
    path: how.path,
    headers: { ...dialect.requestHeaders, ...headerFilter(dialect)(exchange.headers) },
    body: adaptBody(patched, envelope, bodyQuirks(exchange, target)),
    losses: [...losses.values()],
  }
}

type SaidRequest = Pick<Exchange, 'body' | 'envelope'>

/** The request as it stands, or in full for a target that cannot know what it refers to; why not, where it cannot be said. */
function whatIsSaid(exchange: Exchange, native: Target | undefined): SaidRequest | GatewayError {
  const { referring } = exchange
  if (referring === undefined || (native && referring.isKnownTo(native))) return exchange
  try {
    return referring.inFull()
  } catch (error) {
    if (error instanceof GatewayError) return error
    throw error
  }
}

/** What deviates in a provider's own dialect says nothing of the others it speaks. */
function bodyQuirks({ dialect }: Exchange, { provider }: Target): readonly Quirk[] {
  return provider.dialect === dialect.id ? provider.quirks : []
}

/** The client's headers that may travel on to a target. */
export function forwardedHeaders({ dialect, headers }: Exchange): Record<string, string> {
  return headerFilter(dialect)(headers)
}

const headerFilters = new WeakMap<Dialect, HeaderFilter>()

function headerFilter(dialect: Dialect): HeaderFilter {
  const known = headerFilters.get(dialect)
  if (known) return known
  const made = createHeaderFilter(dialect.forwardedHeaders)
  headerFilters.set(dialect, made)
  return made
}

function adaptPath(path: string, target: Target, address: CallAddress): string {
  return target.provider.quirks.reduce(
    (adapted, quirk) => quirk.adaptPath?.(adapted, address) ?? adapted,
    path,
  )
}

/** As the provider's deviations from its dialect want it. */
export function adaptFields(fields: JsonObject, quirks: readonly Quirk[]): JsonObject {
  return quirks.reduce((adapted, quirk) => quirk.adaptRequest?.(adapted) ?? adapted, fields)
}

/** Decodes a passthrough body only where a quirk of the provider asks for something that is there. */
function adaptBody(body: Uint8Array, envelope: Envelope, quirks: readonly Quirk[]): Uint8Array {
  if (quirks.length === 0) return body
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  const wanted = quirks.filter((quirk) => quirk.adaptRequest && concerns(quirk, envelope, bytes))
  if (wanted.length === 0) return body
  // Sound: `peek` found one JSON object in these bytes, and patching keeps it one.
  const fields = JSON.parse(bytes.toString()) as JsonObject
  return Buffer.from(JSON.stringify(adaptFields(fields, wanted)))
}

function concerns(quirk: Quirk, envelope: Envelope, body: Buffer): boolean {
  const isNamed = quirk.fields === undefined || quirk.fields.some((field) => envelope.fields.has(field))
  return isNamed && (quirk.text === undefined || body.includes(quirk.text))
}

function notTranslatable(exchange: Exchange, target: Target): GatewayError {
  return new GatewayError(
    'not_supported',
    `${target.provider.name} has no equivalent of ${exchange.operation} for ${exchange.dialect.id} clients.`,
  )
}
