/** An answer put down so that it can be given again: as a value, as bytes, and as a reply. */

import type { Loss } from '../canonical/loss.ts'
import type { Usage } from '../canonical/usage.ts'
import { errorCodes, type ErrorCode } from '../errors/codes.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import type { Exchange } from '../execution/exchange.ts'
import type { Reply, ReplyRecall, Settlement } from '../execution/reply.ts'
import { NO_COST } from '../ledger/cost.ts'
import { frame, unframe } from '../std/framed.ts'
import { arrayOf, isJsonObject, type JsonObject, numberOf, objectOf, stringOf } from '../std/json.ts'
import { answerForm } from './answer-form.ts'

/** What is kept of an answer beside its body. */
export interface KeptHead {
  /** The request that it was made for. */
  readonly exchangeId: string
  readonly status: number
  readonly contentType: string
  readonly createdAtMs: number
  /** How it was said; what a reader of another form gets is said anew. */
  readonly form: string
  readonly targetId?: string
  readonly isSimulated?: boolean
  readonly usage?: Usage
  /** What its request lost on the way; absent where that is nothing. */
  readonly losses?: readonly Loss[]
  /** What broke the body off, where it has no place for an error of its own. */
  readonly failure?: { readonly code: ErrorCode; readonly message: string }
  /** Of an answer that others like it are compared with: what was asked last. */
  readonly question?: string
}

export interface KeptReply extends KeptHead {
  readonly body: Uint8Array
}

/** A reply to `exchange`, put down with its whole body. */
export function keptOf(
  { status, contentType, target, losses, lossesAtEnd }: Reply,
  { exchange, body, createdAtMs }: Pick<KeptReply, 'body' | 'createdAtMs'> & { readonly exchange: Exchange },
): KeptReply {
  const lost = lossesAtEnd?.() ?? losses
  return {
    exchangeId: exchange.id,
    status,
    contentType,
    createdAtMs,
    form: answerForm(exchange.envelope),
    ...(target === undefined ? {} : { targetId: target.id }),
    ...(target?.provider.isSimulated === true ? { isSimulated: true } : {}),
    ...(lost.length === 0 ? {} : { losses: lost }),
    body,
  }
}

/** The head and the body, to be kept as one. */
export function encodeKept({ body, ...head }: KeptReply): Uint8Array {
  return frame(head, body)
}

/** `undefined` where the bytes are none of ours. */
export function decodeKept(bytes: Uint8Array): KeptReply | undefined {
  const framed = unframe(bytes)
  const head = framed && readHead(framed.head)
  return framed && head && { ...head, body: framed.body }
}

function readHead(value: JsonObject): KeptHead | undefined {
  const exchangeId = stringOf(value['exchangeId'])
  const status = numberOf(value['status'])
  const contentType = stringOf(value['contentType'])
  const createdAtMs = numberOf(value['createdAtMs'])
  const form = stringOf(value['form'])
  if (exchangeId === undefined || status === undefined || contentType === undefined) return undefined
  if (createdAtMs === undefined || form === undefined) return undefined
  const targetId = stringOf(value['targetId'])
  const question = stringOf(value['question'])
  const failure = readFailure(value['failure'])
  const losses = arrayOf(value['losses']).flatMap(readLoss)
  return {
    exchangeId,
    status,
    contentType,
    createdAtMs,
    form,
    ...(targetId === undefined ? {} : { targetId }),
    ...(value['isSimulated'] === true ? { isSimulated: true } : {}),
    // Sound: the seal shows that we wrote it ourselves, from a Usage.
    ...(isJsonObject(value['usage']) ? { usage: value['usage'] } : {}),
    ...(losses.length === 0 ? {} : { losses }),
    ...(failure === undefined ? {} : { failure }),
    ...(question === undefined ? {} : { question }),
  }
}

function readLoss(value: unknown): readonly Loss[] {
  const field = stringOf(objectOf(value)?.['field'])
  const reason = stringOf(objectOf(value)?.['reason'])
  return field === undefined || reason === undefined ? [] : [{ field, reason }]
}

function readFailure(value: unknown): KeptHead['failure'] {
  if (!isJsonObject(value)) return undefined
  const code = stringOf(value['code'])
  const message = stringOf(value['message'])
  if (code === undefined || message === undefined || !isErrorCode(code)) return undefined
  return { code, message }
}

function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(errorCodes, text)
}

/** What a live answer and a kept one have in common for whoever pays nothing for it. */
export interface GivenAgain {
  readonly recall: ReplyRecall
  readonly headers: readonly string[]
}

/** The answer again, from its bytes. */
export function replyOfKept(kept: KeptReply, { recall, headers }: GivenAgain): Reply {
  const { promise, resolve } = Promise.withResolvers<Settlement>()
  const { body, failure } = kept
  const bodyBytes = body.length
  const close = (isTaken: boolean) => resolve({ state: isTaken ? 'completed' : 'client_gone', bodyBytes })
  return {
    status: kept.status,
    contentType: kept.contentType,
    body:
      failure === undefined
        ? body
        : brokenBody(body, new GatewayError(failure.code, failure.message), resolve),
    attempts: [],
    losses: kept.losses ?? [],
    recall,
    headers: [
      ...headers,
      ...(kept.targetId === undefined ? [] : ['x-holdfast-target', kept.targetId]),
      ...(kept.isSimulated === true ? ['x-holdfast-simulated', 'true'] : []),
    ],
    cost: () => NO_COST,
    settled: promise,
    close,
  }
}

/** A body that broke off once breaks off again, at the same byte. */
async function* brokenBody(
  body: Uint8Array,
  error: GatewayError,
  settle: (settlement: Settlement) => void,
): AsyncGenerator<Uint8Array> {
  try {
    if (body.length > 0) yield body
    settle({ state: 'truncated', error, bodyBytes: body.length })
    throw error
  } finally {
    settle({ state: 'client_gone', bodyBytes: 0 })
  }
}
