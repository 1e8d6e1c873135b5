/** A client over a raw socket for the tests of this room: it sees every byte as it came and how the connection ended. */

import { connect } from 'node:net'
import type { Socket } from 'node:net'

export interface RawAnswer {
  /** Every byte after the request, heads and framing included. */
  readonly bytes: Buffer
  readonly text: string
  /** `held`: the connection was still open when the answer was complete, or when enough had been seen. */
  readonly ending: 'fin' | 'rst' | 'held'
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** The body with its chunk framing taken off. */
  readonly body: Buffer
  /** The framing said where the body ends, and it ended there. */
  readonly isWhole: boolean
}

export interface RawRequest {
  readonly method?: string
  readonly path?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
  /** Stop looking once the bytes so far satisfy this; otherwise at the end of the answer or of the connection. */
  readonly until?: (bytes: Buffer) => boolean
}

/** Asks once on a connection of its own. */
export async function ask(port: number, request: RawRequest = {}): Promise<RawAnswer> {
  const socket = connect(port, '127.0.0.1')
  socket.setNoDelay(true)
  try {
    return await askOn(socket, request)
  } finally {
    socket.destroy()
  }
}

/** Asks on a connection that may be used again. */
export function askOn(socket: Socket, request: RawRequest = {}): Promise<RawAnswer> {
  const { promise, resolve } = Promise.withResolvers<RawAnswer>()
  const chunks: Buffer[] = []
  const settle = (ending: RawAnswer['ending']) => {
    socket.off('data', onData).off('end', onEnd).off('error', onError).off('close', onEnd)
    resolve(parseAnswer(Buffer.concat(chunks), ending))
  }
  const isEnough = request.until ?? isComplete
  const onData = (chunk: Buffer) => {
    chunks.push(chunk)
    if (isEnough(Buffer.concat(chunks))) settle('held')
  }
  const onEnd = () => settle('fin')
  const onError = () => settle('rst')
  socket.on('data', onData).on('end', onEnd).on('error', onError).on('close', onEnd)
  socket.write(requestText(request))
  return promise
}

/** A chat request for the simulator in the dialect of the path. */
export function chat(fields: Readonly<Record<string, unknown>> = {}): unknown {
  return { model: 'mock', max_tokens: 500, messages: [{ role: 'user', content: 'hello' }], ...fields }
}

export function requestText({
  method,
  path = '/v1/chat/completions',
  headers = {},
  body,
}: RawRequest): string {
  const text = body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body)
  const lines = Object.entries({
    host: 'simulator.test',
    'content-length': String(Buffer.byteLength(text)),
    ...headers,
  }).map(([name, value]) => `${name}: ${value}\r\n`)
  return `${method ?? (body === undefined ? 'GET' : 'POST')} ${path} HTTP/1.1\r\n${lines.join('')}\r\n${text}`
}

function isComplete(bytes: Buffer): boolean {
  const isChunked = bytes.subarray(0, 1000).includes('transfer-encoding: chunked')
  if (isChunked && bytes.toString('latin1', bytes.length - 5) !== '0\r\n\r\n') return false
  const answer = parseAnswer(bytes, 'held')
  return answer.isWhole && answer.headers['connection'] !== 'close'
}

function parseAnswer(bytes: Buffer, ending: RawAnswer['ending']): RawAnswer {
  const text = bytes.toString('latin1')
  const headEnd = text.indexOf('\r\n\r\n')
  const lines = (headEnd < 0 ? '' : text.slice(0, headEnd)).split('\r\n')
  const headers = Object.fromEntries(
    lines.slice(1).map((line) => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
    }),
  )
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0)
  const rest = bytes.subarray(headEnd < 0 ? bytes.length : headEnd + 4)
  return { bytes, text, ending, status, headers, ...readBody(rest, { status, headers, ending }) }
}

function readBody(
  rest: Buffer,
  { status, headers, ending }: Pick<RawAnswer, 'status' | 'headers' | 'ending'>,
): Pick<RawAnswer, 'body' | 'isWhole'> {
  if (status === 0) return { body: rest, isWhole: false }
  if (headers['transfer-encoding'] === 'chunked') return readChunks(rest)
  const length = headers['content-length']
  if (length !== undefined)
    return { body: rest.subarray(0, Number(length)), isWhole: rest.length >= Number(length) }
  const hasNoBody = status === 204 || status === 304
  return { body: rest, isWhole: hasNoBody || ending === 'fin' }
}

function readChunks(bytes: Buffer): Pick<RawAnswer, 'body' | 'isWhole'> {
  const parts: Buffer[] = []
  let position = 0
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', position)
    if (lineEnd < 0) return { body: Buffer.concat(parts), isWhole: false }
    const size = Number.parseInt(bytes.toString('latin1', position, lineEnd), 16)
    if (size === 0) return { body: Buffer.concat(parts), isWhole: true }
    parts.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size))
    position = lineEnd + 2 + size + 2
    if (position > bytes.length) return { body: Buffer.concat(parts), isWhole: false }
  }
}

/** The data of every event in a stream, in order. */
export function eventsOf(body: Buffer | string): readonly string[] {
  return body
    .toString()
    .split('\n\n')
    .flatMap((event) => event.split('\n').filter((line) => line.startsWith('data: ')))
    .map((line) => line.slice('data: '.length))
}

/** The text said in a stream of either dialect. */
export function textOfStream(body: Buffer | string): string {
  return eventsOf(body)
    .filter((data) => data.startsWith('{') && data.endsWith('}'))
    .map((data) => JSON.parse(data))
    .map((event) => event.choices?.[0]?.delta?.content ?? event.delta?.text ?? '')
    .join('')
}
