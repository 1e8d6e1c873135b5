/** An answer's way out over a socket: heads, chunks and endings as the steps say, and the ways to break off. */

import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { Clock } from '../std/clock.ts'
import type { Outlet } from './player.ts'
import type { Cut, Framing, Step } from './step.ts'

/** After an orderly close, how long the other side may take to close too (ms). */
const LINGER_MS = 2000

export class SocketOutlet implements Outlet {
  readonly #socket: Socket
  readonly #clock: Clock
  readonly #onResume: () => void
  readonly #onBytes: (bytes: number) => void
  #framing: Framing = { type: 'none' }
  #isKeptAlive: boolean

  constructor(
    socket: Socket,
    options: {
      readonly clock: Clock
      readonly isKeptAlive: boolean
      readonly onResume: () => void
      readonly onBytes: (bytes: number) => void
    },
  ) {
    this.#socket = socket
    this.#clock = options.clock
    this.#isKeptAlive = options.isKeptAlive
    this.#onResume = options.onResume
    this.#onBytes = options.onBytes
  }

  cork(): void {
    this.#socket.cork()
  }

  uncork(): void {
    this.#socket.uncork()
  }

  head({ status, headers, framing }: Extract<Step, { type: 'head' }>): void {
    this.#framing = framing
    const isClosing = headers.some(([name, value]) => name === 'connection' && value === 'close')
    if (isClosing || framing.type === 'close') this.#isKeptAlive = false
    const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`)
    const connection = isClosing ? '' : `connection: ${this.#isKeptAlive ? 'keep-alive' : 'close'}\r\n`
    const reason = STATUS_CODES[status] ?? 'Simulated'
    const start = `HTTP/1.1 ${status} ${reason}\r\n`
    this.raw(
      Buffer.from(`${start}${lines.join('')}${framingLine(framing, status)}${connection}\r\n`, 'latin1'),
    )
  }

  write(bytes: Uint8Array): boolean {
    return this.raw(this.#framing.type === 'chunked' ? chunkOf(bytes) : bytes)
  }

  raw(bytes: Uint8Array): boolean {
    if (!this.#socket.writable) return false
    this.#onBytes(bytes.length)
    const mayGoOn = this.#socket.write(bytes)
    if (!mayGoOn) this.#socket.once('drain', this.#onResume)
    return mayGoOn
  }

  /** Waits until the kernel has everything, so that a reset behind it cannot overtake it inside this process. */
  flush(): boolean {
    this.#socket.uncork()
    if (!this.#socket.writable) return false
    this.#socket.write('', () => setImmediate(this.#onResume))
    return false
  }

  end(): void {
    if (this.#framing.type === 'chunked') this.raw(LAST_CHUNK)
    if (!this.#isKeptAlive) this.#close()
  }

  cut(by: Cut): void {
    if (by === 'rst') {
      this.#socket.resetAndDestroy()
      return
    }
    if (by === 'chunk-abort' && this.#framing.type === 'chunked') this.raw(HALF_CHUNK)
    this.#close()
  }

  /** On a socket, nothing: a failure of transport is what the other side makes of the steps before it. */
  fail(): void {}

  #close(): void {
    this.#socket.end()
    this.#clock.after(LINGER_MS, () => this.#socket.destroy())
  }
}

const LAST_CHUNK = Buffer.from('0\r\n\r\n')
/** A chunk of 64 bytes that stops after six. */
const HALF_CHUNK = Buffer.from('40\r\ndata: ')
const LINE_END = Buffer.from('\r\n')

function chunkOf(bytes: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, LINE_END])
}

function framingLine(framing: Framing, status: number): string {
  switch (framing.type) {
    case 'length':
      return `content-length: ${framing.bytes}\r\n`
    case 'chunked':
      return 'transfer-encoding: chunked\r\n'
    case 'close':
      return ''
    case 'none':
      // Of the statuses without a body, 205 alone must say so (RFC 9110, 15.3.6).
      return status === 205 ? 'content-length: 0\r\n' : ''
  }
}
