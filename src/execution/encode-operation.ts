/** Says an operation that is neither chat nor count to one target, and reads what comes back. */

import { GatewayError } from '../errors/gateway-error.ts'
import type { OperationRequest } from '../operations/operation-request.ts'
import type { OperationSpec } from '../operations/operation-spec.ts'
import type { Target } from '../providers/provider.ts'
import { isJsonObject, type JsonObject, parseJson } from '../std/json.ts'
import type { BodySource } from '../std/transport.ts'
import { spliceBytes } from '../wire/json-scan.ts'
import type { TargetDialect } from '../dialects/dialect.ts'
import { type EncodedCall, forwardedHeaders } from './encode-call.ts'
import type { Exchange } from './exchange.ts'
import { type OperationCall, saysError } from './operation-call.ts'

export interface OperationToEncode {
  readonly exchange: Exchange
  readonly asked: OperationRequest
  readonly target: Target
  readonly targetDialect: TargetDialect
}

/** As a call among the others. */
export function operationCall(
  operation: OperationCall,
  exchange: Exchange,
  targetDialect: TargetDialect,
): EncodedCall {
  const forwarded = operation.isTranslated ? {} : forwardedHeaders(exchange)
  return {
    mode: 'plain',
    isTranslated: operation.isTranslated,
    path: operation.path,
    headers: { ...targetDialect.requestHeaders, ...forwarded },
    body: NO_BODY,
    losses: operation.losses,
    operation,
  }
}

const NO_BODY = new Uint8Array(0)

/** The call, or why this target cannot serve the request. */
export function encodeOperation(encoding: OperationToEncode): OperationCall | GatewayError {
  const { asked, exchange, target, targetDialect } = encoding
  const { spec } = asked
  const { provider, modelId } = target
  const own = provider.operationPaths?.[spec.operation]
  if (own === false) return lacks(spec, target)
  const path = own ?? spec.pathAt(targetDialect.id, modelId)
  if (path !== undefined) return passedThrough(encoding, path)
  if (spec.translate === undefined) return lacks(spec, target)
  const translated = spec.translate(asked, {
    dialect: targetDialect.id,
    modelId,
    publicModelId: exchange.envelope.modelId,
  })
  if (translated === undefined) return lacks(spec, target)
  if (translated instanceof GatewayError) return translated
  return {
    spec,
    request: requestOf(asked, translated.body),
    path: translated.path,
    isTranslated: true,
    losses: translated.losses,
    readAnswer(answer) {
      assertNoError(readObject(answer), answer, targetDialect)
      return { ...translated.readAnswer(answer), ids: [] }
    },
  }
}

function passedThrough(encoding: OperationToEncode, path: string): OperationCall {
  const { asked, target, targetDialect } = encoding
  const { spec } = asked
  return {
    spec,
    request: requestOf(asked, bodyFor(encoding)),
    path: withQuery(adaptedPath(withEnd(path, asked), spec, target), asked.query),
    isTranslated: false,
    losses: [],
    readAnswer(answer) {
      const fields = readObject(answer)
      assertNoError(fields, answer, targetDialect)
      const usage = spec.readUsage?.(fields)
      return {
        body: spec.finish?.(answer, asked) ?? answer,
        ids: spec.readIds?.(fields) ?? [],
        ...(usage === undefined ? {} : { usage }),
      }
    },
  }
}

function requestOf(
  asked: OperationRequest,
  body: Uint8Array | BodySource | undefined,
): OperationCall['request'] {
  const { spec, form } = asked
  return {
    method: spec.method,
    ...(body === undefined ? {} : { body }),
    ...(form === undefined ? {} : { contentType: form.contentType }),
    ...(spec.answer === 'any' ? { answers: 'any' as const } : {}),
    ...(spec.firstByteMs === undefined ? {} : { firstByteMs: spec.firstByteMs }),
  }
}

/** The client's own bytes with the target's name of the model in them, where the request names one. */
function bodyFor({ asked, exchange, target }: OperationToEncode): Uint8Array | BodySource | undefined {
  const { spec, form, body } = asked
  const { modelId } = target
  const namesModel = spec.placedBy === 'model' && exchange.envelope.modelId !== ''
  if (form !== undefined) return form.source(namesModel ? modelId : undefined)
  if (body.length === 0) return spec.method === 'POST' ? Buffer.from('{}') : undefined
  if (spec.patch !== undefined) return spec.patch(body, { providerId: target.provider.id, modelId })
  const model = exchange.envelope.fields.get('model')
  // Always a copy: the body is released when the exchange settles, and a socket may then still hold what was sent.
  return spliceBytes(body, namesModel && model ? [{ ...model, text: JSON.stringify(modelId) }] : [])
}

function withEnd(path: string, { spec, id }: OperationRequest): string {
  return path + (spec.pathEnd ?? '').replace('*', () => id ?? '')
}

function adaptedPath(path: string, { operation }: OperationSpec, target: Target): string {
  const address = { operation, modelId: target.modelId, stream: false }
  return target.provider.quirks.reduce(
    (adapted, quirk) => quirk.adaptPath?.(adapted, address) ?? adapted,
    path,
  )
}

function withQuery(path: string, query: string): string {
  return path.includes('?') ? path + query.replace('?', '&') : path + query
}

function readObject(answer: Uint8Array): JsonObject {
  const parsed = parseJson(Buffer.from(answer.buffer, answer.byteOffset, answer.length).toString())
  if (isJsonObject(parsed)) return parsed
  throw new GatewayError(
    'upstream_bad_response',
    'The provider answered with something that is no JSON object.',
  )
}

/** An error that came with a good status is one all the same. */
function assertNoError(fields: JsonObject, body: Uint8Array, dialect: TargetDialect): void {
  if (saysError(fields)) throw dialect.readError({ status: 200, headers: {}, body })
}

/**
 * What a failure means for an operation: a file or batch that is not there says nothing of any model; and whoever has
 * two providers should know whom we asked.
 */
export function judgeFailure(error: GatewayError, spec: OperationSpec): GatewayError {
  if (spec.placedBy !== 'provider' || error.facts.upstreamStatus !== 404) return error
  return new GatewayError('resource_not_found', error.message, error.facts, error.cause)
}

function lacks(spec: OperationSpec, target: Target): GatewayError {
  const name = spec.operation.replaceAll('-', ' ')
  return new GatewayError(
    'not_supported',
    `${target.id}: ${target.provider.name} has no ${name} that could be asked.`,
  )
}
