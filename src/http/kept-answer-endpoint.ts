/** Answers a client comes back to by their id (the Responses API): read, read along, look at the input, cancel, delete. */

import { GatewayError, toGatewayError } from '../errors/gateway-error.ts'
import type { Caller, Gateway } from '../exchange/gateway.ts'
import type { JsonObject } from '../std/json.ts'
import { type AnswerRules, answerWhole, commonHeaders } from './answer.ts'
import type { ClientCall } from './client-call.ts'
import { ReplyStream } from './reply-stream.ts'
import type { KeptAnswerAct } from './route-table.ts'

export interface KeptAnswerRooms {
  readonly gateway: Gateway
  readonly rules: AnswerRules
  readonly heartbeatMs: number
  readonly onDefect: (call: ClientCall, error: unknown) => void
}

export interface KeptAnswerCall {
  readonly call: ClientCall
  readonly act: KeptAnswerAct
  readonly id: string
  readonly caller: Caller
}

/** Throws `response_not_found` and `invalid_request`. */
export async function serveKeptAnswer(asked: KeptAnswerCall, rooms: KeptAnswerRooms): Promise<void> {
  const { call, act, id, caller } = asked
  const { answers } = rooms.gateway
  const query = new URLSearchParams(call.request.url?.split('?', 2)[1])
  switch (act) {
    case 'read':
      if (query.get('stream') === 'true') return follow(asked, query, rooms)
      return answerJson(call, answers.get(id, caller), rooms)
    case 'list-input':
      return answerJson(call, listItems(answers.inputItems(id, caller), query), rooms)
    case 'cancel':
      return answerJson(call, answers.cancel(id, caller), rooms)
    case 'delete':
      answers.delete(id, caller)
      return answerJson(call, { id, object: 'response', deleted: true }, rooms)
  }
}

function follow(
  { call, id, caller }: KeptAnswerCall,
  query: URLSearchParams,
  rooms: KeptAnswerRooms,
): Promise<void> {
  const sequence = readNumber(query, 'starting_after', -1, { min: 0, max: Number.MAX_SAFE_INTEGER })
  const body = rooms.gateway.answers.follow(id, caller, sequence)
  const headers = commonHeaders(call, rooms.rules)
  headers.push('content-type', 'text/event-stream; charset=utf-8', 'x-accel-buffering', 'no')
  call.response.writeHead(200, headers)
  const { dialect } = call
  const stream = new ReplyStream({
    call,
    body,
    rules: rooms.rules,
    abort: () => {},
    onDefect: (error) => rooms.onDefect(call, error),
    ...(dialect === undefined
      ? {}
      : {
          heartbeat: { text: dialect.heartbeat, afterMs: rooms.heartbeatMs },
          writeStreamError: (error) =>
            dialect.writeStreamError(toGatewayError(error), { requestId: call.id, attempts: [] }),
        }),
  })
  call.phase = stream
  return stream.run()
}

const ITEMS_DEFAULT = 20
const ITEMS_MAX = 100

/** A page of items: newest first unless asked otherwise, as the API says. */
function listItems(items: readonly JsonObject[], query: URLSearchParams): JsonObject {
  const limit = readNumber(query, 'limit', ITEMS_DEFAULT, { min: 1, max: ITEMS_MAX })
  const ordered = query.get('order') === 'asc' ? items : items.toReversed()
  const after = query.get('after')
  const start = after === null ? 0 : ordered.findIndex((item) => item['id'] === after) + 1
  const data = ordered.slice(start, start + limit)
  return {
    object: 'list',
    data,
    first_id: data[0]?.['id'] ?? null,
    last_id: data.at(-1)?.['id'] ?? null,
    has_more: start + limit < ordered.length,
  }
}

function readNumber(
  query: URLSearchParams,
  name: string,
  fallback: number,
  { min, max }: { readonly min: number; readonly max: number },
): number {
  const text = query.get(name)
  if (text === null) return fallback
  const value = Number(text)
  if (/^\d+$/.test(text) && value >= min && value <= max) return value
  throw new GatewayError('invalid_request', `${name} must be a whole number from ${min} to ${max}.`, {
    param: name,
  })
}

function answerJson(call: ClientCall, value: JsonObject, rooms: KeptAnswerRooms): void {
  const body = JSON.stringify(value)
  answerWhole(call, { status: 200, contentType: 'application/json; charset=utf-8', body }, rooms.rules)
}
