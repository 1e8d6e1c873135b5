/** Requests for operations beside chats: their bodies, forms and addresses become an exchange like any other. */

import type { IncomingHttpHeaders } from 'node:http'
import { TLSSocket } from 'node:tls'
import type { Envelope } from '../canonical/envelope.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import type { Admission } from '../exchange/gateway.ts'
import type { Exchange } from '../execution/exchange.ts'
import type { FormBody, OperationRequest } from '../operations/operation-request.ts'
import type { OperationSpec } from '../operations/operation-spec.ts'
import { allowedQuery, checkId } from '../operations/path-id.ts'
import { checkModelId, emptyEnvelope, peekJson } from '../operations/peek-json.ts'
import type { Dialect } from '../dialects/dialect.ts'
import type { StopSignal } from '../std/stop-signal.ts'
import { addModel } from './azure-model.ts'
import type { ClientCall } from './client-call.ts'
import { isForm, readForm } from './form-reading.ts'
import { type InferenceRooms, pathOf, type Receipt, serveExchange } from './inference-endpoint.ts'
import { readBody } from './request-body.ts'

export interface OperationCallIn {
  readonly call: ClientCall
  readonly spec: OperationSpec
  readonly dialect: Dialect
  /** What stands for the star of its path: an id, or a model's name. */
  readonly parameter: string | undefined
}

export function serveOperation(asked: OperationCallIn, rooms: InferenceRooms): Promise<void> {
  const { call, dialect } = asked
  const receive = (admission: Admission, signal: StopSignal, receipt: Receipt) =>
    receiveOperation({ asked, admission, signal, receipt }, rooms)
  return serveExchange({ call, dialect, receive }, rooms)
}

interface Receiving {
  readonly asked: OperationCallIn
  readonly admission: Admission
  readonly signal: StopSignal
  readonly receipt: Receipt
}

async function receiveOperation(receiving: Receiving, rooms: InferenceRooms): Promise<Exchange> {
  const { asked, signal, receipt } = receiving
  const { call, spec, dialect } = asked
  // Judged before a byte of the body is read.
  const address = readAddress(asked)
  const { body, form } = await readContent(receiving, rooms)
  receipt.note(form?.length ?? body.length)
  try {
    const envelope = peek(asked, body, form)
    const reference = spec.readReference?.(body)
    return {
      id: call.id,
      dialect,
      operation: spec.operation,
      path: pathOf(call),
      envelope,
      asked: {
        spec,
        dialect: dialect.id,
        body,
        ...address,
        ...(form === undefined ? {} : { form }),
        ...(reference === undefined ? {} : { reference }),
      },
      body,
      headers: call.request.headers,
      arrivedAtMs: call.arrivedAtMs,
      signal,
    }
  } catch (error) {
    await form?.close()
    throw error
  }
}

const NO_BODY = new Uint8Array(0)

interface Content {
  readonly body: Uint8Array
  readonly form?: FormBody
}

async function readContent({ asked, admission }: Receiving, rooms: InferenceRooms): Promise<Content> {
  const { call, spec, parameter } = asked
  const { limits, spoolSpace: space } = rooms
  const hold = (bytes: number) => admission.hold(bytes)
  if (spec.body === 'none') return { body: NO_BODY }
  const type = call.request.headers['content-type']
  // Pictures to be edited may be named by their addresses, in JSON.
  if (spec.body === 'form' && !(spec.placedBy === 'model' && isJson(type))) {
    const form = await readForm(call, { bytesMax: limits.formBytes, limits, space, hold })
    return { body: NO_BODY, form }
  }
  if (isForm(type))
    throw new GatewayError('unsupported_media_type', 'This operation takes application/json, not a form.')
  const body = await readBody(call, { bytesMax: limits.bodyBytes, limits, hold })
  return { body: parameter === undefined || isNamedInPath(spec) ? body : addModel(body, parameter) }
}

function isJson(contentType: string | undefined): boolean {
  return /^\s*application\/(?:[\w.-]+\+)?json\b/i.test(contentType ?? '')
}

/** Google's paths name the model, Azure's deployments may; all other parameters are ids. */
function isNamedInPath(spec: OperationSpec): boolean {
  return spec.clientPaths.some((path) => path.includes('**'))
}

function peek(asked: OperationCallIn, body: Uint8Array, form: FormBody | undefined): Envelope {
  const { spec, dialect, parameter } = asked
  if (form !== undefined) {
    const modelId = spec.placedBy === 'model' ? (form.modelId ?? parameter ?? '') : ''
    const envelope = { ...emptyEnvelope(spec, dialect.id), bodyBytes: form.length }
    return modelId === '' ? envelope : { ...envelope, modelId: checkModelId(modelId) }
  }
  if (spec.body === 'none') return emptyEnvelope(spec, dialect.id)
  const pathModel = isNamedInPath(spec) ? parameter : undefined
  const envelope = peekJson(body, { dialect: dialect.id, spec, pathModel })
  return spec.placedBy === 'model' ? envelope : { ...envelope, modelId: '' }
}

type AskedAddress = Pick<OperationRequest, 'id' | 'providerId' | 'query' | 'ownAddress'>

function readAddress({ call, spec, parameter }: OperationCallIn): AskedAddress {
  const { headers, url = '' } = call.request
  const [path = '', search = ''] = url.split('?', 2)
  const providerId = headers['x-holdfast-provider']
  const hasId = spec.placedBy === 'provider' && parameter !== undefined
  return {
    query: allowedQuery(search, spec.queries),
    ownAddress: originOf(call, headers) + collectionOf(path, spec),
    ...(hasId ? { id: checkId(parameter) } : {}),
    ...(typeof providerId === 'string' && providerId !== '' ? { providerId } : {}),
  }
}

/** The client's path up to where its ids begin, whatever stands before it. */
function collectionOf(path: string, { clientPaths }: OperationSpec): string {
  const [collection = ''] = (clientPaths[0] ?? '').split('/*', 1)
  const at = path.indexOf(collection)
  return at === -1 ? `/v1${collection}` : path.slice(0, at + collection.length)
}

const HOST = /^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?$/

/** Where the client believes us to be; what it says of that is told to nobody but itself. */
function originOf(call: ClientCall, headers: IncomingHttpHeaders): string {
  const { host, 'x-forwarded-proto': forwarded } = headers
  const { socket } = call.connection
  const ownScheme = socket instanceof TLSSocket ? 'https' : 'http'
  const scheme = forwarded === 'https' || forwarded === 'http' ? forwarded : ownScheme
  const { localAddress = '127.0.0.1', localPort = 0 } = socket
  const own = localAddress.includes(':') ? `[${localAddress}]:${localPort}` : `${localAddress}:${localPort}`
  return `${scheme}://${host !== undefined && HOST.test(host) ? host : own}`
}
