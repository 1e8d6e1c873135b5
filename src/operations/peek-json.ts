/** Reads the envelope of an operation's JSON body by scanning it, as the dialects do for a chat. */

import type { DialectId, Envelope, Span } from '../canonical/envelope.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import { decodeJsonValue, JsonScanError, scanJsonObject } from '../wire/json-scan.ts'
import type { OperationSpec } from './operation-spec.ts'

/** Characters of a model's name. */
const MODEL_ID_CHARS_MAX = 512
const TRUE = 0x74
const NULL = 0x6e

export interface PeekOptions {
  readonly dialect: DialectId
  readonly spec: OperationSpec
  /** What the path names, where it does. */
  readonly pathModel?: string | undefined
}

/** `modelId` is empty where the request names none. Throws `invalid_json`, or `invalid_request` naming the field. */
export function peekJson(body: Uint8Array, { dialect, spec, pathModel }: PeekOptions): Envelope {
  const { fields, bodyStart } = scan(body)
  for (const name of spec.required) {
    const span = fields.get(name)
    if (span === undefined || body[span.start] === NULL)
      throw new GatewayError('invalid_request', `"${name}" is missing.`, { param: name })
  }
  const stream = fields.get('stream')
  return {
    ...emptyEnvelope(spec, dialect),
    modelId: pathModel ?? readModel(body, fields),
    stream: stream !== undefined && body[stream.start] === TRUE,
    bodyBytes: body.byteLength,
    fields,
    bodyStart,
  }
}

/** Of a request whose body is a form, or that has none. */
export function emptyEnvelope(spec: OperationSpec, dialect: DialectId): Envelope {
  return {
    dialect,
    operation: spec.operation,
    modelId: '',
    stream: false,
    wantsStreamUsage: false,
    candidateCount: 1,
    bodyBytes: 0,
    fields: new Map(),
    bodyStart: 0,
  }
}

/** A model's name as a form or a path gives it. Throws `invalid_request`. */
export function checkModelId(modelId: unknown): string {
  if (typeof modelId === 'string' && modelId.trim() !== '' && modelId.length <= MODEL_ID_CHARS_MAX)
    return modelId
  const wanted = `a string that is not empty, of at most ${MODEL_ID_CHARS_MAX} characters`
  throw new GatewayError('invalid_request', `"model" must be ${wanted}.`, { param: 'model' })
}

function readModel(body: Uint8Array, fields: ReadonlyMap<string, Span>): string {
  const span = fields.get('model')
  if (span === undefined || body[span.start] === NULL) return ''
  return checkModelId(decodeJsonValue(body, span))
}

function scan(body: Uint8Array) {
  if (body.byteLength === 0)
    throw new GatewayError('invalid_json', 'The body is empty; send one JSON object.')
  try {
    return scanJsonObject(body)
  } catch (thrown) {
    if (!(thrown instanceof JsonScanError)) throw thrown
    throw new GatewayError(
      'invalid_json',
      `The body is not a JSON object that can be used: ${thrown.message}`,
    )
  }
}
