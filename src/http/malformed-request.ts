/** Requests that Node's parser gave up on, and tunnels: answered in raw HTTP, since there is no response object for them. */

import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { Dialect } from '../dialects/dialect.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import type { Clock } from '../std/clock.ts'
import { errorBody, errorHeaders } from './answer-error.ts'

/** What the parser's complaint amounts to. The parser is strict: smuggling tricks end here (SEC-31, fault 100). */
export function classifyParserError(error: Error): GatewayError {
  switch (codeOf(error)) {
    case 'HPE_HEADER_OVERFLOW':
      return new GatewayError('header_fields_too_large', 'The headers are too large.')
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return new GatewayError('body_too_large', 'The chunk extensions of the body are too large.')
    case 'HPE_INVALID_EOF_STATE':
    case 'ECONNRESET':
    case 'ECONNABORTED':
    case 'EPIPE':
    case 'ETIMEDOUT':
      return new GatewayError('client_gone', 'The client closed the connection inside its request.')
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new GatewayError('request_timeout', 'The request arrived too slowly.')
    default:
      return new GatewayError('invalid_request', 'This is not a valid HTTP/1.1 request.')
  }
}

/** The parser's own word for what was wrong; it names a rule and never quotes the bytes. */
export function codeOf(error: Error): string {
  const { code } = error as NodeJS.ErrnoException // Node's parser and socket errors carry a code.
  return code ?? error.name
}

/** Keys were not agreed on, or what came under them was not meant for us: Node and OpenSSL name these alike. */
export function isOfTls(error: Error): boolean {
  return /^ERR_(?:TLS|SSL)_/.test(codeOf(error))
}

export interface RawAnswer {
  readonly requestId: string
  readonly dialect: Dialect
  readonly error: GatewayError
}

export interface RawAnswerRules {
  readonly clock: Clock
  readonly lingerMs: number
}

/** Writes the refusal and closes; the socket is kept a moment so that the answer arrives before the reset. */
export function answerRaw(socket: Socket, answer: RawAnswer, rules: RawAnswerRules): void {
  if (!socket.writable || socket.destroyed) {
    socket.destroy()
    return
  }
  const { error, requestId } = answer
  const body = Buffer.from(errorBody(requestId, answer.dialect, error))
  const fields = [
    'content-type',
    'application/json; charset=utf-8',
    'content-length',
    String(body.length),
    'x-request-id',
    requestId,
    'request-id',
    requestId,
    'cache-control',
    'no-store',
    'x-content-type-options',
    'nosniff',
    'connection',
    'close',
    ...errorHeaders(error),
  ]
  let head = `HTTP/1.1 ${error.status} ${STATUS_CODES[error.status] ?? 'Error'}\r\n`
  for (let index = 0; index < fields.length; index += 2) head += `${fields[index]}: ${fields[index + 1]}\r\n`
  socket.end(Buffer.concat([Buffer.from(`${head}\r\n`, 'latin1'), body]))
  socket.resume()
  rules.clock.after(rules.lingerMs, () => socket.destroy())
}
