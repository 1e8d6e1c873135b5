/** Writes whole answers: the headers every answer carries, and an end that a client still sending its body can read. */

import { originHeaders } from './browser-origin.ts'
import type { CallPhase, ClientCall } from './client-call.ts'
import { DISCARD_BYTES_MAX, LINGER_BYTES_MAX } from './http-limits.ts'
import { isBodyPending } from './request-body.ts'

export interface WholeAnswer {
  readonly status: number
  readonly contentType: string
  readonly body: string | Uint8Array
  /** Name and value by turns, beyond those every answer carries. */
  readonly headers?: readonly string[]
}

/** What answers need from the server that sends them. */
export interface AnswerRules {
  readonly nowMs: () => number
  readonly writeStallMs: number
  readonly lingerMs: number
  /** The server drains: connections are not kept. */
  readonly isDraining: () => boolean
}

/** Ids, safety and, for pages of this machine, the leave to read: what stands on every answer, errors too (SEC-61). */
export function commonHeaders(call: ClientCall, rules: AnswerRules): string[] {
  const headers = [
    'x-request-id',
    call.id,
    'request-id',
    call.id,
    'cache-control',
    'no-store',
    'x-content-type-options',
    'nosniff',
  ]
  const clientId = call.request.headers['x-client-request-id']
  if (typeof clientId === 'string' && CLIENT_ID.test(clientId)) headers.push('x-client-request-id', clientId)
  if (call.origin.type === 'trusted') headers.push(...originHeaders(call.origin))
  if (rules.isDraining()) headers.push('connection', 'close')
  return headers
}

const CLIENT_ID = /^[\x21-\x7e]{1,128}$/

export function answerWhole(call: ClientCall, answer: WholeAnswer, rules: AnswerRules): void {
  const { response } = call
  if (call.stopped === 'client-gone' || response.headersSent) return
  const body = typeof answer.body === 'string' ? Buffer.from(answer.body) : answer.body
  const headers = commonHeaders(call, rules)
  if (answer.status !== 204) {
    headers.push('content-type', answer.contentType, 'content-length', String(body.length))
  }
  if (answer.headers !== undefined) headers.push(...answer.headers)
  if (!mustClose(call)) {
    response.writeHead(answer.status, headers)
    endResponse(call, rules, body)
    return
  }
  if (!rules.isDraining()) headers.push('connection', 'close')
  response.writeHead(answer.status, headers)
  response.write(body)
  call.phase = new Lingering(call, rules)
}

/** From here on it is progress that counts, not the time to the end: a long answer may take a slow line minutes. */
const LONG_BODY_BYTES = 256 * 1024

/** Ends the response and watches that the client takes the rest. */
export function endResponse(call: ClientCall, rules: AnswerRules, body?: Uint8Array): void {
  if (body !== undefined && body.length > LONG_BODY_BYTES) {
    call.phase = LONG_FLUSH
    // Node's own timer looks at what the kernel has taken; the connection is closed where that stands still.
    call.connection.socket.setTimeout(rules.writeStallMs)
  } else call.phase = new Flushing(call, rules)
  if (body === undefined) call.response.end()
  else call.response.end(body)
}

/** A body we refused and that is too long to throw away in passing costs the connection. */
function mustClose(call: ClientCall): boolean {
  if (call.isGarbled) return true
  if (!isBodyPending(call)) return false
  const { headers } = call.request
  const announced = headers['transfer-encoding'] === undefined ? Number(headers['content-length']) : Infinity
  return call.expectsContinue || announced > DISCARD_BYTES_MAX
}

const LONG_FLUSH: CallPhase = { isAnswered: true, check: () => {}, stop: () => {} }

/** The whole answer is handed over; the client has yet to take it. */
class Flushing implements CallPhase {
  readonly isAnswered = true
  readonly #call: ClientCall
  readonly #rules: AnswerRules
  #endsAtMs: number | undefined

  constructor(call: ClientCall, rules: AnswerRules) {
    this.#call = call
    this.#rules = rules
  }

  check(nowMs: number): void {
    this.#endsAtMs ??= nowMs + this.#rules.writeStallMs
    if (nowMs >= this.#endsAtMs) this.#call.connection.socket.destroy()
  }

  stop(): void {}
}

/**
 * The answer is written, and the client may still be sending. Closing now would reset the connection and lose the
 * answer on its way, so what arrives is thrown away for a moment first.
 */
class Lingering implements CallPhase {
  readonly isAnswered = true
  readonly #call: ClientCall
  readonly #endsAtMs: number
  #bytes = 0

  constructor(call: ClientCall, rules: AnswerRules) {
    this.#call = call
    this.#endsAtMs = rules.nowMs() + rules.lingerMs
    call.request.on('data', (chunk: Uint8Array) => {
      this.#bytes += chunk.length
      if (this.#bytes > LINGER_BYTES_MAX) this.#end()
    })
    call.request.on('end', () => this.#end()).resume()
  }

  check(nowMs: number): void {
    if (nowMs >= this.#endsAtMs) this.#end()
  }

  stop(): void {
    this.#end()
  }

  #end(): void {
    this.#call.response.end()
  }
}
