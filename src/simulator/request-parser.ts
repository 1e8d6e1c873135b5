/** Reads HTTP/1.1 requests from a connection's bytes, one event at a time: strict, bounded, and no more than a provider needs. */

import type { RequestHead } from './request.ts'

export type ParsedPart =
  | {
      readonly type: 'head'
      readonly head: RequestHead
      readonly isKeptAlive: boolean
      readonly expectsGoAhead: boolean
    }
  | { readonly type: 'body'; readonly bytes: Uint8Array }
  | { readonly type: 'end' }
  | { readonly type: 'bad'; readonly status: number; readonly message: string }

/** A request's head may be this long (bytes). */
const HEAD_BYTES_MAX = 65_536
/** Lines of chunk sizes and trailers may be this long (bytes). */
const LINE_BYTES_MAX = 8192

type State =
  | { readonly type: 'head' }
  | { readonly type: 'length'; readonly left: number }
  | { readonly type: 'chunk-size' }
  | { readonly type: 'chunk'; readonly left: number }
  | { readonly type: 'chunk-end' }
  | { readonly type: 'trailers' }
  | { readonly type: 'broken' }

const EMPTY = Buffer.alloc(0)

export class RequestParser {
  #pending: Buffer = EMPTY
  #state: State = { type: 'head' }

  /** Bytes that came and have not been asked for. */
  get pendingBytes(): number {
    return this.#pending.length
  }

  push(chunk: Uint8Array): void {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    this.#pending = this.#pending.length === 0 ? bytes : Buffer.concat([this.#pending, bytes])
  }

  /** The next part of a request; nothing where more bytes are needed. */
  next(): ParsedPart | undefined {
    for (;;) {
      const before = this.#state
      const part = this.#step()
      if (part || this.#state === before) return part
    }
  }

  #step(): ParsedPart | undefined {
    switch (this.#state.type) {
      case 'head':
        return this.#readHead()
      case 'length':
        return this.#state.left === 0 ? this.#end() : this.#readBody(this.#state.left)
      case 'chunk-size':
        return this.#readChunkSize()
      case 'chunk':
        return this.#readBody(this.#state.left)
      case 'chunk-end':
        return this.#readChunkEnd()
      case 'trailers':
        return this.#readTrailer()
      case 'broken':
        return undefined
    }
  }

  #end(): ParsedPart {
    this.#state = { type: 'head' }
    return { type: 'end' }
  }

  #bad(status: number, message: string): ParsedPart {
    this.#state = { type: 'broken' }
    this.#pending = EMPTY
    return { type: 'bad', status, message }
  }

  #readHead(): ParsedPart | undefined {
    // A blank line or two between requests are allowed (RFC 9112, 2.2).
    while (this.#pending[0] === 13 || this.#pending[0] === 10) this.#pending = this.#pending.subarray(1)
    const end = this.#pending.indexOf('\r\n\r\n')
    if (end < 0) {
      return this.#pending.length > HEAD_BYTES_MAX ? this.#bad(431, 'the head is too long') : undefined
    }
    const text = this.#pending.toString('latin1', 0, end)
    this.#pending = this.#pending.subarray(end + 4)
    return this.#parseHead(text)
  }

  #parseHead(text: string): ParsedPart {
    const lines = text.split('\r\n')
    const request = /^([A-Z]+) (\S+) HTTP\/1\.([01])$/.exec(lines[0] ?? '')
    if (!request) return this.#bad(400, 'the request line is malformed')
    const headers = parseHeaders(lines)
    if (!headers) return this.#bad(400, 'a header line is malformed')
    const [, method = '', path = '', minor] = request
    const connection = headers['connection']?.toLowerCase()
    const isKeptAlive = connection === undefined ? minor === '1' : !connection.includes('close')
    return (
      this.#enterBody(headers) ?? {
        type: 'head',
        head: { method, path, headers },
        isKeptAlive,
        expectsGoAhead: headers['expect'] !== undefined,
      }
    )
  }

  #enterBody(headers: Readonly<Record<string, string>>): ParsedPart | undefined {
    const encoding = headers['transfer-encoding']
    const length = headers['content-length'] ?? '0'
    if (encoding !== undefined) {
      const isPlain = encoding.toLowerCase() === 'chunked' && headers['content-length'] === undefined
      if (!isPlain) return this.#bad(400, 'the length of the body is told twice')
      this.#state = { type: 'chunk-size' }
      return undefined
    }
    if (!/^\d{1,15}$/.test(length)) return this.#bad(400, 'content-length is malformed')
    this.#state = { type: 'length', left: Number(length) }
    return undefined
  }

  #readBody(left: number): ParsedPart | undefined {
    if (this.#pending.length === 0) return undefined
    const bytes = this.#pending.subarray(0, left)
    this.#pending = this.#pending.subarray(bytes.length)
    const rest = left - bytes.length
    if (this.#state.type === 'chunk') {
      this.#state = rest === 0 ? { type: 'chunk-end' } : { type: 'chunk', left: rest }
    } else {
      this.#state = { type: 'length', left: rest }
    }
    return { type: 'body', bytes }
  }

  #readChunkSize(): ParsedPart | undefined {
    const line = this.#takeLine()
    if (typeof line !== 'string') return line
    const size = /^([0-9a-fA-F]{1,8})\s*(;.*)?$/.exec(line)?.[1]
    if (size === undefined) return this.#bad(400, 'a chunk size is malformed')
    const left = Number.parseInt(size, 16)
    this.#state = left === 0 ? { type: 'trailers' } : { type: 'chunk', left }
    return undefined
  }

  #readChunkEnd(): ParsedPart | undefined {
    const line = this.#takeLine()
    if (typeof line !== 'string') return line
    if (line !== '') return this.#bad(400, 'a chunk is longer than it said')
    this.#state = { type: 'chunk-size' }
    return undefined
  }

  #readTrailer(): ParsedPart | undefined {
    const line = this.#takeLine()
    if (typeof line !== 'string') return line
    if (line === '') return this.#end()
    // A fresh state, so that `next` sees that something was read.
    this.#state = { type: 'trailers' }
    return undefined
  }

  #takeLine(): string | ParsedPart | undefined {
    const end = this.#pending.indexOf('\r\n')
    if (end < 0) {
      return this.#pending.length > LINE_BYTES_MAX ? this.#bad(400, 'a line is too long') : undefined
    }
    const line = this.#pending.toString('latin1', 0, end)
    this.#pending = this.#pending.subarray(end + 2)
    return line
  }
}

function parseHeaders(lines: readonly string[]): Record<string, string> | undefined {
  // Without a prototype, so that a header may have any name.
  const headers: Record<string, string> = Object.create(null)
  for (let index = 1; index < lines.length; index += 1) {
    const line = lines[index] ?? ''
    const colon = line.indexOf(':')
    if (colon <= 0 || line.charCodeAt(colon - 1) <= 32 || line.charCodeAt(0) <= 32) return undefined
    const name = line.slice(0, colon).toLowerCase()
    const value = line.slice(colon + 1).trim()
    const earlier = headers[name]
    headers[name] = earlier === undefined ? value : `${earlier}, ${value}`
  }
  return headers
}
