/** What was asked and what was answered, put down for whoever may look at it again: as a value, and as bytes. */

import { frame, unframe } from '../std/framed.ts'
import { isJsonObject, type JsonObject, numberOf, stringOf } from '../std/json.ts'

/** What a request was besides its body. */
export interface AskedHead {
  readonly exchangeId: string
  readonly dialect: string
  readonly operation: string
  /** As the client asked, without what may be secret of its query; absent where no client did. */
  readonly path?: string
  readonly modelId?: string
  readonly stream: boolean
  readonly candidateCount: number
  /** Those that change what the request means, and are no secrets. */
  readonly headers: Readonly<Record<string, string>>
}

/**
 * `too-large`: beyond `requests.bodyBytes`. `form`: a form of several parts. `binary`: an answer that is no text. `unsafe`:
 * a secret in it could not be taken out.
 */
export const LEFT_OUT = ['too-large', 'form', 'binary', 'unsafe'] as const
export type LeftOut = (typeof LEFT_OUT)[number]

export type KeptBody =
  | {
      readonly type: 'kept'
      readonly body: Uint8Array
      /** Of the whole of it, as it was. */
      readonly bytes: number
      /** Secrets were replaced in it. */
      readonly isRedacted: boolean
      /** The rest of it was too much. */
      readonly isCut: boolean
    }
  | { readonly type: 'left-out'; readonly reason: LeftOut; readonly bytes: number }

export interface AnsweredHead {
  readonly status: number
  readonly contentType: string
  /** `plain`, `sse`, ...: how it was said. */
  readonly form: string
}

export interface KeptBodies extends AskedHead {
  readonly request: KeptBody
  /** What was told to the client; absent where it was told an error instead. */
  readonly answer?: AnsweredHead & { readonly body: KeptBody }
}

export function encodeBodies({ request, answer, ...head }: KeptBodies): Uint8Array {
  const { body: answered, ...answerHead } = answer ?? { body: undefined }
  return frame(
    {
      ...head,
      request: headOf(request),
      ...(answered === undefined ? {} : { answer: { ...answerHead, body: headOf(answered) } }),
    },
    bytesOf(request),
    bytesOf(answered),
  )
}

function headOf(body: KeptBody): JsonObject {
  if (body.type === 'left-out') return { ...body }
  const { body: kept, ...head } = body
  return { ...head, keptBytes: kept.length }
}

const NOTHING = new Uint8Array(0)

function bytesOf(body: KeptBody | undefined): Uint8Array {
  return body?.type === 'kept' ? body.body : NOTHING
}

/** `undefined` where the bytes are none of ours. */
export function decodeBodies(bytes: Uint8Array): KeptBodies | undefined {
  const framed = unframe(bytes)
  if (framed === undefined) return undefined
  const { head, body } = framed
  const asked = readAsked(head)
  const request = readBody(head['request'], body)
  if (asked === undefined || request === undefined) return undefined
  const answer = readAnswered(head['answer'], body.subarray(bytesOf(request).length))
  return { ...asked, request, ...(answer === undefined ? {} : { answer }) }
}

function readAsked(head: JsonObject): AskedHead | undefined {
  const exchangeId = stringOf(head['exchangeId'])
  const dialect = stringOf(head['dialect'])
  const operation = stringOf(head['operation'])
  if (exchangeId === undefined || dialect === undefined || operation === undefined) return undefined
  const path = stringOf(head['path'])
  const modelId = stringOf(head['modelId'])
  return {
    exchangeId,
    dialect,
    operation,
    ...(path === undefined ? {} : { path }),
    ...(modelId === undefined ? {} : { modelId }),
    stream: head['stream'] === true,
    candidateCount: numberOf(head['candidateCount']) ?? 1,
    headers: readHeaders(head['headers']),
  }
}

function readHeaders(value: unknown): AskedHead['headers'] {
  const entries = isJsonObject(value) ? Object.entries(value) : []
  return Object.fromEntries(
    entries.flatMap(([name, text]) => (typeof text === 'string' ? [[name, text]] : [])),
  )
}

function readAnswered(value: unknown, rest: Uint8Array): KeptBodies['answer'] {
  if (!isJsonObject(value)) return undefined
  const status = numberOf(value['status'])
  const contentType = stringOf(value['contentType'])
  const form = stringOf(value['form'])
  const body = readBody(value['body'], rest)
  if (status === undefined || contentType === undefined || form === undefined || body === undefined)
    return undefined
  return { status, contentType, form, body }
}

/** The first of `rest` is its body. */
function readBody(value: unknown, rest: Uint8Array): KeptBody | undefined {
  if (!isJsonObject(value)) return undefined
  const bytes = numberOf(value['bytes'])
  if (bytes === undefined) return undefined
  if (value['type'] === 'left-out') {
    const reason = LEFT_OUT.find((one) => one === value['reason'])
    return reason && { type: 'left-out', reason, bytes }
  }
  const keptBytes = numberOf(value['keptBytes'])
  if (keptBytes === undefined || keptBytes > rest.length) return undefined
  return {
    type: 'kept',
    bytes,
    isRedacted: value['isRedacted'] === true,
    isCut: value['isCut'] === true,
    body: rest.subarray(0, keptBytes),
  }
}

/** Bodies that are moved to another exchange do not open there. */
export function bodiesContext(exchangeId: string): string {
  return `bodies:${exchangeId}`
}

/** One body as it is told to people and programs. */
function describeBody(body: KeptBody) {
  const isKept = body.type === 'kept'
  return {
    text: isKept ? Buffer.from(body.body).toString() : null,
    bytes: body.bytes,
    is_redacted: isKept && body.isRedacted,
    is_cut: isKept && body.isCut,
    left_out: isKept ? null : body.reason,
  }
}

/** As the admin API and the command line tell it. */
export function describeBodies({ request, answer, ...head }: KeptBodies) {
  return {
    id: head.exchangeId,
    dialect: head.dialect,
    operation: head.operation,
    path: head.path ?? null,
    model: head.modelId ?? null,
    stream: head.stream,
    request: describeBody(request),
    answer:
      answer === undefined
        ? null
        : { status: answer.status, content_type: answer.contentType, ...describeBody(answer.body) },
  }
}
